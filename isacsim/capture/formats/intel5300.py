"""Intel 5300 `.dat` files of the Linux 802.11n CSI Tool.

A file is a chain of records: length (2 bytes, big-endian, of what follows), code, body. Code 0xbb is a
beamforming measurement: a header of 20 bytes, then 30 subcarriers x (3 bits + rx·tx 8-bit complex numbers).
Code 0xc1 is the received packet itself. Source: read_bfee.c and read_bf_file.m in
https://github.com/dhalperi/linux-80211n-csitool-supplementary, and its FAQ,
https://dhalperi.github.io/linux-80211n-csitool/faq.html.

The CSI is left as reported. csiread's `get_scaled_csi` would scale each packet to its RSSI, which the chip
rounds to 1 dB. On a static 1 kHz capture this raised the standard deviation of the power from 0.37 to 0.96 dB.
RSSI and AGC are variables of the data set instead.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["SUBCARRIERS", "looks_like", "read"]

# Subcarriers that the chip reports (IEEE 802.11n-2009, 7.3.1.28, grouping 2 and 4), by bandwidth [MHz].
SUBCARRIERS = {
    20: np.r_[-28:-1:2, -1, 1:28:2, 28].astype(np.int64),
    40: np.r_[-58:-1:4, 2:59:4].astype(np.int64),
}

_MEASUREMENT, _PACKET = 0xBB, 0xC1
_HEADER = struct.Struct("<IHHBBBBBbBBHH")
_40_MHZ = 0x800  # in rate_n_flags
_RSSI_OFFSET = -44.0  # dB to dBm, get_total_rss.m
_NO_NOISE = -127
# Longest received packet that a record can hold, and how far into the file its kind is looked for.
_MOST_PACKET = 4096
_HEAD = 16384


def looks_like(data: bytes) -> bool:
    """Tell whether a measurement comes first, or behind a packet or something damaged near the front."""
    if _complaint(data, 0) is None:
        return True
    following = data[int.from_bytes(data[:2], "big") + 4 :][:1]
    if data[2:3] == bytes([_PACKET]) and following in (b"\xbb", b"\xc1"):
        return True
    head = data[:_HEAD]
    return _next_measurement(head, 0) < len(head)


def read(data: bytes, reading: Reading) -> Packets:
    """Read the content of an Intel 5300 file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
        Its name, what was asked for, and what is left out.

    Returns
    -------
    Packets
        Without carrier: the file does not say its channel. `bandwidth` from the rate flags. `rx` is the
        antenna port (0 = A). `rssi` [dBm] is the sum over antennas.

    Raises
    ------
    CaptureError
        If there is no whole record with CSI.
    """
    reading.refuse_arguments("Intel 5300", "transmitter", "frame_kind", "part", "chip")
    offsets = _whole_offsets(data, reading)
    headers = np.array([_HEADER.unpack_from(data, o + 3) for o in offsets], dtype=np.int64)
    usable = []
    for k, (antenna_sel, nrx) in enumerate(headers[:, [10, 3]].tolist()):
        chains = _antennas(antenna_sel, nrx)
        if len(set(chains)) == len(chains) and max(chains) < 3:
            usable.append(k)
        else:
            reading.drop(
                f"an invalid antenna permutation {chains}", "each antenna at most once", offset=offsets[k]
            )
    if not usable:
        raise malformed(
            reading.path, "invalid antenna permutations in all packets", "each antenna at most once"
        )
    wide = headers[usable, 12] & _40_MHZ
    bandwidth, kept = most_common_layout([40 if flag else 20 for flag in wide.tolist()], reading.notes, "MHz")
    positions = np.array(usable)[kept]
    streams, kept = reading.common_streams(
        [
            frozenset((a, t) for a in _antennas(sel, nrx) for t in range(ntx))
            for nrx, ntx, sel in headers[positions][:, [3, 4, 10]].tolist()
        ]
    )
    positions = positions[kept]
    headers = headers[positions]
    records = b"".join(_record(data, offsets[p]) for p in positions)
    csi = parse_guarded("intel5300", records, reading.path, count=len(positions))["csi"]
    rx, tx = np.array(streams).T
    return Packets(
        format="intel5300",
        chip="Intel 5300",
        csi=csi[:, :, rx, tx].transpose(2, 1, 0),
        rx=rx,
        tx=tx,
        subcarrier_index=SUBCARRIERS[bandwidth],
        valid=np.ones(csi.shape[1], dtype=bool),
        ticks=headers[:, 0],
        tick=1e-6,
        wrap=2**32,
        bandwidth=bandwidth * 1e6,
        variables=_variables(headers),
    )


def _whole_offsets(data: bytes, reading: Reading) -> list[int]:
    """Byte offsets of the measurement records that are whole; what lies between them is dropped."""
    offsets: list[int] = []
    offset, behind = 0, -1  # `behind`: end of the record kept last
    while offset < len(data):
        length, code = struct.unpack_from(">HB", data, offset) if offset + 3 <= len(data) else (0, -1)
        end = offset + 2 + length
        complaint = _complaint(data, offset)
        if code == _MEASUREMENT and complaint is None:
            offsets.append(offset)
            behind = end
        elif code == _PACKET and length >= 1 and _begins_record(data, end):
            pass
        else:
            if code == _PACKET and end <= len(data):
                complaint = (f"a packet record of length {length} that no record follows", "a whole one")
            elif code not in (_MEASUREMENT, _PACKET) and length > 0 and end <= len(data):
                complaint = (f"a record of code 0x{code:02x}, length {length}", "0xbb or 0xc1")
            found, expected = complaint or ("no record", "0xbb or 0xc1")
            overlapping = _next_measurement(data, offsets[-1] + 3) if offset == behind else offset
            if overlapping < offset:
                # Bytes are lacking in the record before: it reaches into the next one.
                reading.drop("a record that another one begins in", "a whole one", offset=offsets.pop())
                offset, behind = overlapping, -1
                continue
            reading.drop(found, expected, offset=offset)
            # A length that leads to the next record is believed, else the next record is looked for.
            if not (length >= 1 and _begins_record(data, end)):
                end = _next_measurement(data, offset + 1)
        offset = end
    if not offsets:
        raise reading.error("no CSI record", "records of code 0xbb")
    return offsets


def _begins_record(data: bytes, offset: int) -> bool:
    """Tell whether the file ends here, or a whole measurement or a packet record begins."""
    if offset >= len(data):
        return offset == len(data)
    if data[offset + 2 : offset + 3] == bytes([_PACKET]):
        (length,) = struct.unpack_from(">H", data, offset)
        return 1 <= length <= _MOST_PACKET
    return _complaint(data, offset) is None


def _next_measurement(data: bytes, start: int) -> int:
    """Byte offset of the next whole measurement from `start` on, else the end."""
    at = data.find(bytes([_MEASUREMENT]), start + 2)
    while at >= 0:
        if _complaint(data, at - 2) is None:
            return at - 2
        at = data.find(bytes([_MEASUREMENT]), at + 1)
    return len(data)


def _complaint(data: bytes, offset: int) -> tuple[str, str] | None:
    """Describe the fault of a measurement record, as (found, expected)."""
    left = len(data) - offset
    if left < 3:
        return f"{left} bytes", "a record of at least 3"
    length, code = struct.unpack_from(">HB", data, offset)
    if left < length + 2:
        return f"the end of the file {left} bytes on", f"a record of {length + 2}"
    if code != _MEASUREMENT:
        return f"a record of code 0x{code:02x}, length {length}", "0xbb or 0xc1"
    if length < 21:
        return f"a CSI record of length {length}", "at least 21"
    header = _HEADER.unpack_from(data, offset + 3)
    nrx, ntx, n_bytes = header[3], header[4], header[11]
    if not (1 <= nrx <= 3 and 1 <= ntx <= 3):
        return f"{nrx} receive and {ntx} transmit antennas", "1 to 3 of each"
    expected = 60 * nrx * ntx + 12
    if n_bytes != expected or length != 21 + expected:
        return (
            f"a CSI record of length {length} with {n_bytes} bytes of CSI",
            f"{21 + expected} and {expected} for {nrx}x{ntx} antennas",
        )
    return None


def _record(data: bytes, offset: int) -> bytes:
    (length,) = struct.unpack_from(">H", data, offset)
    return data[offset : offset + 2 + length]


def _antennas(antenna_sel: int, nrx: int) -> list[int]:
    return [int(antenna_sel) >> (2 * chain) & 3 for chain in range(nrx)]


def _variables(headers: NDArray[np.int64]) -> dict[str, PacketVariable]:
    rssi, noise, agc = headers[:, 5:8].astype(float), headers[:, 8].astype(float), headers[:, 9].astype(float)
    # 0 marks an antenna that is not in use.
    power = np.where(rssi > 0, 10 ** (rssi / 10), 0).sum(axis=1)
    total = 10 * np.log10(power, out=np.full(power.shape, np.nan), where=power > 0) + _RSSI_OFFSET - agc
    return {
        "rssi": PacketVariable(total, "dBm", "received power, all antennas"),
        "agc": PacketVariable(agc, "dB", "automatic gain control"),
        "noise": PacketVariable(np.where(noise == _NO_NOISE, np.nan, noise), "dBm", "noise floor"),
        "sequence_number": PacketVariable(
            headers[:, 2].astype(float), "1", "packets the chip counted, modulo 65536; 0 where it does not"
        ),
    }
