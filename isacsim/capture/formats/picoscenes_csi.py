"""The CSI segment of PicoScenes frames, versions 1 to 7: its header, and the numbers that each device packs into it.

Source: CSISegment.cxx and SignalMatrix.hxx of https://github.com/wifisensing/RXS-Parsing-Core (April 2025).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.intel5300 import SUBCARRIERS
from isacsim.capture.formats.wifi import used_indices

__all__ = [
    "AX_MHZ",
    "CHIP_NAMES",
    "INTEL_AX",
    "SDR",
    "VERSIONS",
    "Header",
    "decoded",
    "header_of",
    "packed_numbers",
]

_5300, _9300, _AX200, _AX210 = 0x5300, 0x9300, 0x2000, 0x2100
SDR = (0x1234, 0x1000, 0x24D2)
"""Devices whose CSI PicoScenes estimates itself: USRP, virtual and SoapySDR."""
CHIP_NAMES = {
    _5300: "Intel 5300",
    _9300: "QCA9300",
    _AX200: "Intel AX200",
    _AX210: "Intel AX210",
    0x1234: "USRP",
    0x1000: "virtual SDR",
    0x24D2: "SoapySDR",
}
INTEL_AX = (_AX200, _AX210)
AX_MHZ = (20, 40, 80)
"""Bandwidths whose subcarriers are known of `INTEL_AX`."""
VERSIONS = tuple(range(1, 8))
# Device, [firmware], format, bandwidth, carrier, [second carrier, merged], sampling rate, spacing, tones, tx, rx, extra
# streams, [CSI in the frame], antenna selection, [shift of the subcarriers], bytes of CSI.
_FIELDS = {
    1: ("HbHQQIHBBBBI", ()),
    2: ("HbHQQIHBBBBhI", ("offset",)),
    3: ("HbHQQIHBBBHBhI", ("n_csi", "offset")),
    4: ("HBbHQQIHBBBHBhI", ("firmware", "n_csi", "offset")),
    5: ("HBbHQQ?QIHBBBHBhI", ("firmware", "merged", "n_csi", "offset")),
}
_FIELDS |= {6: _FIELDS[5], 7: _FIELDS[5]}
_9300_BYTES = {20: (56, 140), 40: (114, 285)}  # bandwidth [MHz]: tones, bytes a stream
_NON_HT, _HT, _VHT, _HE = 0, 1, 2, 3
_MATRIX_HEADER = {1: ("I", 4), 2: ("Q", 8)}  # version: type and bytes of a dimension
_MOST_TONES = 4096
_PILOTS = {20: (7, 21), 40: (11, 25, 53), 80: (11, 39, 75, 103)}
_HE_EDGES = {20: (122, 2), 40: (244, 3), 80: (500, 3)}
_HE_PILOTS = {
    20: (22, 48, 90, 116),
    40: (10, 36, 78, 104, 144, 170, 212, 238),
    80: (24, 92, 158, 226, 266, 334, 400, 468),
}


@dataclass(frozen=True)
class Header:
    """Fields before the CSI, and the place where the CSI begins."""

    device: int
    packet_format: int
    mhz: int
    carrier: int
    spacing: int
    tones: int
    tx: int
    rx: int
    extra: int
    n_csi: int
    antennas: int
    offset: int
    length: int
    version: int
    raw: bytes

    @property
    def streams(self) -> int:
        """Transmit streams with those of extra sounding, as the length of the CSI says."""
        if self.device == _5300:
            return max((self.length - 12) // 60 // max(self.rx, 1), 0)
        if self.device == _9300:
            return self.length // _9300_BYTES.get(self.mhz, (0, 1))[1] // max(self.rx, 1)
        return self.tx + (self.extra if self.device in SDR else 0)

    @property
    def layout(self) -> tuple[int, ...]:
        """Properties that must agree within a capture, except the streams."""
        return self.device, self.packet_format, self.mhz, self.carrier, self.spacing, self.tones, self.offset


def header_of(content: bytes, version: int) -> Header | None:
    """Read the header of a segment's content; None if it is shorter."""
    codes, more = _FIELDS[version]
    fields = struct.Struct("<" + codes)
    if len(content) < fields.size:
        return None
    values = list(fields.unpack_from(content))
    if "firmware" in more:
        del values[1]
    if "merged" in more:
        del values[4:6]
    device, packet_format, mhz, carrier, _, spacing, tones, tx, rx, extra = values[:10]
    rest = values[10:]
    n_csi = rest.pop(0) if "n_csi" in more else 1
    antennas = rest.pop(0)
    offset = rest.pop(0) if "offset" in more else 0
    raw = content[fields.size :]
    return Header(
        *(device, packet_format, mhz, carrier, spacing, tones, tx, rx, extra, n_csi, antennas, offset),
        *(rest[0], version, raw),
    )


def packed_numbers(raw: NDArray[np.uint8], width: int, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Signed numbers of `width` bits, least significant first, that start at the bits `starts`; raw (packet, byte)."""
    bits = np.unpackbits(raw, axis=1, bitorder="little")
    total = np.zeros((len(raw), starts.size), np.int64)
    for k in range(width):
        total += bits[:, starts + k].astype(np.int64) << k
    return np.where(total >> (width - 1) & 1, total - (1 << width), total)


def decoded(
    headers: list[Header],
) -> tuple[NDArray[np.complex64], NDArray[np.int64], NDArray[np.bool_]] | None:
    """Decode CSI segments of one layout and number of streams.

    Returns
    -------
    csi : ndarray, complex64, (packet, subcarrier, rx, tx)
    index : ndarray, int, (subcarrier,)
        Subcarrier numbers, ascending.
    valid : ndarray, bool, (subcarrier,)
    None
        If a segment is not as long as its header says, or of a kind that is not known.
    """
    first = headers[0]
    if any(h.length > len(h.raw) for h in headers) or not 1 <= first.rx <= 8 or not 1 <= first.streams <= 8:
        return None
    made = (_of_sdr if first.device in SDR else _of_chip)(headers)
    if made is None:
        return None
    csi, index, valid = made
    index = index + first.offset
    if (np.diff(index) <= 0).any():
        return None
    return csi.astype(np.complex64), index, valid


def _of_chip(
    headers: list[Header],
) -> tuple[NDArray[np.complex128], NDArray[np.int64], NDArray[np.bool_]] | None:
    first = headers[0]
    n, rx, tx, tones = len(headers), first.rx, first.streams, first.tones
    if any(h.length != first.length for h in headers):
        return None
    raw = np.frombuffer(b"".join(h.raw[: h.length] for h in headers), np.uint8).reshape(n, first.length)
    every = np.ones(tones, bool)
    if first.device == _5300:
        if tones != 30 or first.mhz not in SUBCARRIERS or first.length != 60 * rx * tx + 12:
            return None
        # Three bits before each subcarrier's numbers.
        within = 3 * np.arange(1, 31)[:, np.newaxis] + 8 * np.arange(60 * rx * tx).reshape(30, -1)
        parts = packed_numbers(raw, 8, within.ravel()).reshape(n, 30, rx, tx, 2)
        return parts[..., 0] + 1j * parts[..., 1], SUBCARRIERS[first.mhz], every
    if first.device == _9300:
        if first.mhz not in _9300_BYTES or first.length != _9300_BYTES[first.mhz][1] * rx * tx:
            return None
        if tones != _9300_BYTES[first.mhz][0] or first.packet_format not in (_HT, _VHT):
            return None
        parts = packed_numbers(raw, 10, 10 * np.arange(2 * tones * rx * tx)).reshape(n, tones, tx, rx, 2)
        return (parts[..., 1] + 1j * parts[..., 0]).swapaxes(2, 3), used_indices(first.mhz), every
    index, data = _ax_tones(first.packet_format, first.mhz)
    if first.length != 4 * tones * rx * tx or tones not in (index.size, data.size):
        return None
    numbers = raw.view("<i2").reshape(n, rx, tx, tones, 2).astype(np.float64)
    csi = (numbers[..., 1] + 1j * numbers[..., 0]).transpose(0, 3, 1, 2)
    own = index if tones == index.size else data
    # The chip reports no channel at its pilots.
    return csi, own, np.isin(own, data)


def _ax_tones(packet_format: int, mhz: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Subcarriers in use and those of data of an AX200's or AX210's frame; none where they are not known."""
    if packet_format == _NON_HT and mhz == 20:
        used, pilots = np.r_[-26:0, 1:27], _PILOTS[20]
    elif packet_format in (_HT, _VHT) and mhz in _PILOTS:
        used, pilots = used_indices(mhz), _PILOTS[mhz]
    elif packet_format == _HE and mhz in _HE_EDGES:
        outer, inner = _HE_EDGES[mhz]
        used, pilots = np.r_[-outer : -inner + 1, inner : outer + 1], _HE_PILOTS[mhz]
    else:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    used = used.astype(np.int64)
    return used, used[~np.isin(np.abs(used), pilots)]


def _of_sdr(
    headers: list[Header],
) -> tuple[NDArray[np.complex128], NDArray[np.int64], NDArray[np.bool_]] | None:
    """Numbers that PicoScenes estimated: subcarriers and a matrix, in version 7 in this order changed."""
    made, index = [], None
    for header in headers:
        tones, raw = header.tones, header.raw
        if not 1 <= tones <= _MOST_TONES or header.n_csi < 1:
            return None
        if header.version >= 7:
            matrix, numbers = raw[: header.length], raw[header.length : header.length + 2 * tones]
        else:
            numbers, matrix = raw[: 2 * tones], raw[2 * tones : header.length]
        values = _matrix(matrix)
        if values is None or values.size != tones * header.streams * header.rx * header.n_csi:
            return None
        own = np.frombuffer(numbers, "<i2")
        if own.size != tones or (index is not None and (own != index).any()):
            return None
        index = own
        # Column-major: tones run fastest, then transmit streams, then receive chains; of several estimates the first.
        shaped = values.reshape((tones, header.streams, header.rx, header.n_csi), order="F")
        made.append(shaped[..., 0].swapaxes(1, 2))
    if index is None:
        return None
    return np.array(made), index.astype(np.int64), np.ones(index.size, bool)


def _matrix(data: bytes) -> NDArray[np.complex128] | None:
    """Values of a matrix 'BBv', version, dimensions, 'C', 'D' or 'F', bits, order; None if it is not whole."""
    kind = _MATRIX_HEADER.get(data[3] - ord("0")) if len(data) >= 5 and data[:3] == b"BBv" else None
    if kind is None or not 1 <= data[4] <= 4:
        return None
    code, size = kind
    begin = 5 + data[4] * size
    if len(data) < begin + 4:
        return None
    dimensions = struct.unpack_from(f"<{data[4]}{code}", data, 5)
    numbers = {b"CD@": "<c16", b"CF ": "<c8"}.get(data[begin : begin + 3])
    count = int(np.prod(dimensions, dtype=object))
    if numbers is None or count < 1 or len(data) - begin - 4 != count * np.dtype(numbers).itemsize:
        return None
    return np.frombuffer(data, numbers, offset=begin + 4).astype(np.complex128)
