"""Atheros `.dat` files of the Atheros CSI Tool (ath9k), in either byte order.

A file is a chain of records: length (2 bytes, of what follows), a header of 25 bytes, the CSI as 10-bit
integers, the received packet. The byte order is that of the machine that wrote the file and is found from the
first record. Source: https://github.com/xieyaxiongfly/Atheros-CSI-Tool-UserSpace-APP (matlab/read_log_file.m)
and its user guide, https://wands.sg/research/wifi/AtherosCSI/document/Atheros-CSI-Tool-User-Guide.pdf.
"""

from __future__ import annotations

import re
import struct

import numpy as np

from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.formats.mac import frame_variables, mac_header
from isacsim.capture.formats.wifi import used_indices
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["looks_like", "read"]

_HEADER = "QHHBBBBBBBbbbbH"
_HEADER_BYTES = 25
_TONES = {56: 20, 114: 40}  # tones to MHz
_ORDERS = {"<": "little", ">": "big"}
_NO_RSSI = -128
# Bandwidth code, tones and antennas of a header, whose place in a record is this; how far their kind is looked for.
_ANCHOR = re.compile(rb"(?=[\0\1][8r][\1-\3][\1-\3])", re.DOTALL)
_ANCHOR_AT = 17
_HEAD = 16384

_Header = tuple[int, ...]


def looks_like(data: bytes) -> bool:
    """Tell whether the first record fits in either byte order."""
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
        If there is no whole record with CSI.
    """
    reading.refuse_arguments("Atheros", "part", "chip")
    path, warnings = reading.path, reading.notes
    order = _byte_order(data)
    if order is None:
        raise malformed(path, "no Atheros record in either byte order", "one whose lengths add up", offset=0)
    headers, offsets = _whole(data, order, reading)
    with_csi = [n for n, header in enumerate(headers) if header[1]]
    if not with_csi:
        raise reading.error(f"no CSI in any of {len(headers)} records", "CSI")
    if len(with_csi) < len(headers):
        warnings.append(f"dropped {len(headers) - len(with_csi)} records without CSI")
    frames = [mac_header(_packet(data, offsets[n], headers[n])) for n in with_csi]
    sent = reading.of_transmitter([f.transmitter for f in frames])
    sent = sent[reading.of_kind([frames[k].kind for k in sent], [frames[k].control for k in sent])]
    layout, kept = most_common_layout(
        [(headers[with_csi[k]][7], headers[with_csi[k]][2]) for k in sent], warnings, "tones, MHz"
    )
    tones, channel = layout
    sent = sent[kept]
    streams, kept = reading.common_streams(
        [
            frozenset(
                (rx, tx) for rx in range(headers[with_csi[k]][8]) for tx in range(headers[with_csi[k]][9])
            )
            for k in sent
        ]
    )
    sent = sent[kept]
    positions = [with_csi[k] for k in sent]
    # Without the received packet's bytes, which csiread copies to a buffer of fixed size.
    records = b"".join(_bare_record(data, offsets[n], headers[n][1], order) for n in positions)
    csi = parse_guarded("atheros", records, path, count=len(positions), tones=tones, endian=_ORDERS[order])[
        "csi"
    ]
    rx, tx = np.array(streams).T

    bandwidth = _TONES[tones]
    if bandwidth == 40:
        warnings.append(
            f"took {channel} MHz as the centre of the 40 MHz channel; the format does not say which it is"
        )
    rssi = np.array([headers[n][10] for n in positions], dtype=float)
    return Packets(
        format="atheros",
        chip="Atheros ath9k",
        csi=csi[:, :, rx, tx].transpose(2, 1, 0),
        rx=rx,
        tx=tx,
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
            ),
            **frame_variables([frames[k] for k in sent]),
        },
    )


def _byte_order(data: bytes) -> str | None:
    """Byte order of the first whole record, near the front if something damaged stands before it."""
    head = data[:_HEAD]
    found = {order: 0 if _whole_at(data, 0, order) else _next_whole(head, 1, order) for order in _ORDERS}
    best = min(found, key=lambda order: found[order])
    return best if found[best] < len(head) else None


def _whole_at(data: bytes, offset: int, order: str) -> bool:
    if offset + 2 + _HEADER_BYTES > len(data):
        return False
    (length,) = struct.unpack_from(order + "H", data, offset)
    return _complaint(length, struct.unpack_from(order + _HEADER, data, offset + 2)) is None


def _next_whole(data: bytes, start: int, order: str) -> int:
    """Byte offset of the next record with CSI from `start` on that is consistent and not cut, else the end."""
    for match in _ANCHOR.finditer(data, start + _ANCHOR_AT):
        offset = match.start() - _ANCHOR_AT
        if _whole_at(data, offset, order) and data[match.start() + 1] in _TONES:
            (length, _, csi_bytes) = struct.unpack_from(order + "HQH", data, offset)
            if csi_bytes and offset + 2 + length <= len(data):
                return offset
    return len(data)


def _complaint(length: int, header: _Header) -> tuple[str, str] | None:
    """Describe the fault of a record, as (found, expected)."""
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


def _whole(data: bytes, order: str, reading: Reading) -> tuple[list[_Header], list[int]]:
    """Headers of the records that are whole, and their byte offsets; the others are dropped."""
    headers: list[_Header] = []
    offsets: list[int] = []
    offset, behind = 0, -1  # `behind`: end of the record kept last
    while offset < len(data):
        left = len(data) - offset
        length = struct.unpack_from(order + "H", data, offset)[0] if left >= 2 else 0
        end = offset + 2 + length
        if left < 2 + max(length, _HEADER_BYTES):
            complaint: tuple[str, str] | None = (
                f"the end of the file {left} bytes on",
                f"a record of {2 + max(length, _HEADER_BYTES)}",
            )
        else:
            header = struct.unpack_from(order + _HEADER, data, offset + 2)
            complaint = _complaint(length, header)
        if complaint is None:
            headers.append(header)
            offsets.append(offset)
            behind = end
        elif offset == behind and (overlapping := _next_whole(data, offsets[-1] + 1, order)) < offset:
            # Bytes are lacking in the record before: it reaches into the next one.
            reading.drop("a record that another one begins in", "a whole one", offset=offsets.pop())
            headers.pop()
            end, behind = overlapping, -1
        else:
            reading.drop(*complaint, offset=offset)
            # A length that leads to the next record is believed, else the next record is looked for.
            if length < _HEADER_BYTES or not (end == len(data) or _whole_at(data, end, order)):
                end = _next_whole(data, offset + 1, order)
        offset = end
    if not headers:
        raise reading.error("no record", "one whose lengths add up")
    return headers, offsets


def _packet(data: bytes, offset: int, header: _Header) -> bytes:
    """The received packet behind a record's CSI."""
    start = offset + 2 + _HEADER_BYTES + header[1]
    return data[start : start + header[14]]


def _bare_record(data: bytes, offset: int, csi_bytes: int, order: str) -> bytes:
    header = data[offset + 2 : offset + _HEADER_BYTES]
    csi_start = offset + 2 + _HEADER_BYTES
    return (
        struct.pack(order + "H", _HEADER_BYTES + csi_bytes)
        + header
        + bytes(2)
        + data[csi_start : csi_start + csi_bytes]
    )
