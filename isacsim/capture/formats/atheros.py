"""Atheros `.dat` files of the Atheros CSI Tool (ath9k), in either byte order.

A file is a chain of records: length (2 bytes, of what follows), a header of 25 bytes, the CSI as 10-bit
integers, the received packet. The byte order is that of the machine that wrote the file and is found from the
first record. Source: https://github.com/xieyaxiongfly/Atheros-CSI-Tool-UserSpace-APP (matlab/read_log_file.m)
and its user guide, https://wands.sg/research/wifi/AtherosCSI/document/Atheros-CSI-Tool-User-Guide.pdf.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.formats.wifi import used_indices
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["looks_like", "read"]

_HEADER = "QHHBBBBBBBbbbbH"
_HEADER_BYTES = 25
_TONES = {56: 20, 114: 40}  # tones to MHz
_ORDERS = {"<": "little", ">": "big"}
_NO_RSSI = -128

_Header = tuple[int, ...]


def looks_like(data: bytes) -> bool:
    """Whether the first record fits in either byte order."""
    return _byte_order(data) is not None


def read(data: bytes, reading: Reading) -> Packets:
    """Read the content of an Atheros CSI Tool file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
        Its name, what was asked for, and what is left out.

    Returns
    -------
    Packets
        `carrier` is the file's tx_channel; records without CSI are dropped. `rssi` [dB] is above the noise
        floor.

    Raises
    ------
    CaptureError
        If a record is cut or of a wrong length, or there is none with CSI.
    """
    path, warnings = reading.path, reading.notes
    order = _byte_order(data)
    if order is None:
        raise malformed(path, "no Atheros record in either byte order", "one whose lengths add up", offset=0)
    headers, offsets = _checked(data, order, path)
    with_csi = [n for n, header in enumerate(headers) if header[1]]
    if not with_csi:
        raise malformed(path, f"no CSI in any of {len(headers)} records", "CSI")
    if len(with_csi) < len(headers):
        warnings.append(f"dropped {len(headers) - len(with_csi)} records without CSI")
    layout, kept = most_common_layout(
        [(headers[n][7], headers[n][8], headers[n][9], headers[n][2]) for n in with_csi],
        warnings,
        "tones, receive antennas, transmit streams, MHz",
    )
    tones, nrx, ntx, channel = layout
    positions = [with_csi[k] for k in kept]
    # Without the received packet's bytes, which csiread copies to a buffer of fixed size.
    records = b"".join(_bare_record(data, offsets[n], headers[n][1], order) for n in positions)
    csi = parse_guarded("atheros", records, path, count=len(positions), tones=tones, endian=_ORDERS[order])[
        "csi"
    ]

    bandwidth = _TONES[tones]
    if bandwidth == 40:
        warnings.append(
            f"took {channel} MHz as the centre of the 40 MHz channel; the format does not say which it is"
        )
    rssi = np.array([headers[n][10] for n in positions], dtype=float)
    return Packets(
        format="atheros",
        chip="Atheros ath9k",
        csi=csi[:, :, :nrx, :ntx].reshape(len(positions), tones, -1).transpose(2, 1, 0),
        rx=np.repeat(np.arange(nrx), ntx),
        tx=np.tile(np.arange(ntx), nrx),
        subcarrier_index=used_indices(bandwidth),
        valid=np.ones(tones, dtype=bool),
        ticks=np.array([headers[n][0] for n in positions], dtype=np.uint64),
        tick=1e-6,
        carrier=channel * 1e6,
        bandwidth=bandwidth * 1e6,
        variables={
            "rssi": PacketVariable(
                np.where(rssi == _NO_RSSI, np.nan, rssi),
                "dB",
                "received power above the noise floor, all antennas",
            )
        },
    )


def _byte_order(data: bytes) -> str | None:
    if len(data) < 2 + _HEADER_BYTES:
        return None
    for order in _ORDERS:
        (length,) = struct.unpack_from(order + "H", data)
        header = struct.unpack_from(order + _HEADER, data, 2)
        if _complaint(length, header) is None:
            return order
    return None


def _complaint(length: int, header: _Header) -> tuple[str, str] | None:
    """What is wrong with a record, as (found, expected)."""
    csi_bytes, channel, bandwidth = header[1], header[2], header[6]
    tones, nrx, ntx, packet_bytes = header[7], header[8], header[9], header[14]
    if length != _HEADER_BYTES + csi_bytes + packet_bytes:
        return f"length {length}", f"25 + {csi_bytes} bytes of CSI + {packet_bytes} of packet"
    if tones not in _TONES:
        return f"{tones} tones", "56 or 114"
    if csi_bytes == 0:
        return None
    if not (1 <= nrx <= 3 and 1 <= ntx <= 3):
        return f"{nrx} receive and {ntx} transmit antennas", "1 to 3 of each"
    if csi_bytes != -(-tones * nrx * ntx * 20 // 8):
        return f"{csi_bytes} bytes of CSI", f"20 bits for each of {tones}x{nrx}x{ntx}"
    if (bandwidth, tones) not in ((0, 56), (1, 114)):
        return f"bandwidth code {bandwidth} with {tones} tones", "0 (20 MHz) with 56 or 1 (40 MHz) with 114"
    if not 2400 <= channel <= 6000:
        return f"channel {channel} MHz", "2400 to 6000"
    return None


def _checked(data: bytes, order: str, path: Path) -> tuple[list[_Header], list[int]]:
    """All headers and the byte offsets of their records."""
    headers, offsets = [], []
    offset = 0
    while offset < len(data):
        left = len(data) - offset
        length = struct.unpack_from(order + "H", data, offset)[0] if left >= 2 else 0
        if left < 2 + max(length, _HEADER_BYTES):
            raise malformed(
                path,
                f"the end of the file {left} bytes on",
                f"a record of {2 + max(length, _HEADER_BYTES)}",
                offset=offset,
            )
        header = struct.unpack_from(order + _HEADER, data, offset + 2)
        complaint = _complaint(length, header)
        if complaint:
            raise malformed(path, complaint[0], complaint[1], offset=offset)
        headers.append(header)
        offsets.append(offset)
        offset += 2 + length
    return headers, offsets


def _bare_record(data: bytes, offset: int, csi_bytes: int, order: str) -> bytes:
    header = data[offset + 2 : offset + _HEADER_BYTES]
    csi_start = offset + 2 + _HEADER_BYTES
    return (
        struct.pack(order + "H", _HEADER_BYTES + csi_bytes)
        + header
        + bytes(2)
        + data[csi_start : csi_start + csi_bytes]
    )
