"""Nexmon CSI `.pcap` files of Broadcom chips.

Each UDP packet to port 5500 holds the CSI of one core and stream: magic 0x1111 (then RSSI and frame control
in newer firmware, 0x1111 again in older), source address, sequence number, core and stream, chanspec, chip,
and 64, 128 or 256 four-byte values in FFT order. Source: README and src/csi_extractor.c of
https://github.com/seemoo-lab/nexmon_csi; chip numbers from patches/include/firmware_version.h of
https://github.com/seemoo-lab/nexmon; chanspec from bcmwifi_channels.h.

Read here and not by csiread, which believes a wrong chip or bandwidth, and rounds the floating-point CSI of
the 4358 and 4366c0 to about 10 bits a packet; a NumPy view of checked bytes is exact, faster, and can't
crash.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.wifi import channel_frequency, occupied
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["looks_like", "read"]

# Magic of the pcap file header: byte order of the headers, seconds per tick.
_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_ETHERNET = 1
_PORT = 5500


@dataclass(frozen=True)
class Chip:
    """How a chip writes: bits of mantissa and exponent (None: int16 pairs); the shift to core and stream."""

    name: str
    floating: tuple[int, int] | None
    core_shift: int


_CHIPS = {
    0x01: Chip("4339", None, 0),
    0x03: Chip("4358", (9, 5), 0),
    0x65: Chip("43455c0", None, 0),
    0x6A: Chip("4366c0", (12, 6), 8),
}
# First octet of the 802.11 header, version 0: type and subtype (IEEE 802.11-2020, table 9-1).
_KINDS = {
    0x40: "probe requests",
    0x50: "probe responses",
    0x80: "beacons",
    0x84: "block ack requests",
    0x94: "block acks",
    0xB4: "RTS",
    0xC4: "CTS",
    0xD4: "acks",
    0x08: "data",
    0x48: "null data",
    0x88: "QoS data",
    0xC8: "QoS null data",
}
_BANDWIDTH_CODES = {0x1000: 20, 0x1800: 40, 0x2000: 80}  # chanspec & 0x3800, to MHz
_BANDS = {0x0000: 2, 0xC000: 5}  # chanspec & 0xc000, to GHz

# Cores of one frame arrive within a millisecond; a sequence number comes again after 4096 frames.
_FRAME_SECONDS = 0.02


class _Report(NamedTuple):
    """One UDP packet: its arrival [ticks], who sent the frame, which core and stream, its values."""

    ticks: int
    source: bytes
    sequence: int
    core: int
    stream: int
    chip: int
    chanspec: int
    rssi: int | None
    frame_control: int | None
    values: bytes


def looks_like(data: bytes) -> bool:
    """Whether it is a pcap (or pcapng) file."""
    return data[:4] in _PCAP or data[:4] == _PCAPNG


def read(data: bytes, reading: Reading) -> Packets:
    """Read the content of a Nexmon CSI pcap file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
        Its name, what was asked for, and what is left out.

    Returns
    -------
    Packets
        `chip`, `carrier` and `bandwidth` from the file. A packet is a frame with all its cores and streams;
        `rx` is the core, `tx` the spatial stream. `valid` leaves out guards and what the frames don't occupy.

    Raises
    ------
    CaptureError
        If the file is cut, no pcap, of an unknown chip or bandwidth, or holds no Nexmon packet.
    """
    path, warnings = reading.path, reading.notes
    reports, tick = _reports(data, path, warnings)
    layout, kept = most_common_layout(
        [(r.source.hex(":"), r.chip, r.chanspec, len(r.values)) for r in reports],
        warnings,
        "transmitter, chip, chanspec, bytes",
    )
    reports = [reports[k] for k in kept]
    _, chip_number, chanspec, n_bytes = layout
    chip = _CHIPS[chip_number]
    bandwidth, carrier = n_bytes * 20 // 256, _carrier(chanspec)

    frames, pairs = _frames(reports, round(_FRAME_SECONDS / tick), warnings)
    values = b"".join(frame[pair].values for pair in pairs for frame in frames)
    n = n_bytes // 4
    raw = np.frombuffer(values, dtype="<u4").reshape(len(pairs), len(frames), n)
    csi = np.fft.fftshift(_decoded(raw, chip), axes=-1).transpose(0, 2, 1)
    index = np.arange(-n // 2, n // 2)
    valid = occupied(index, np.median(np.abs(csi), axis=2).max(axis=0), bandwidth)
    if not valid.any():
        raise malformed(path, "CSI that is zero on all subcarriers", "a signal")
    if np.ptp(index[valid]) < n // 2:
        warnings.append(
            f"the frames occupy subcarriers {index[valid].min()} to {index[valid].max()} of {n} only"
        )
    first = [frame[pairs[0]] for frame in frames]
    rssi = [np.nan if r.rssi is None else float(r.rssi) for r in first]
    control = [r.frame_control for r in first]
    kinds = Counter(_KINDS.get(c, f"0x{c:02x}") for c in control if c is not None)
    if len(kinds) > 1:
        warnings.append(
            f"frames of several kinds ({', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}): some may fill "
            "less of the band or be sent with other power; the variable `frame_control` tells them apart"
        )
    return Packets(
        format="nexmon",
        chip=chip.name,
        csi=csi,
        rx=np.array([core for core, _ in pairs]),
        tx=np.array([stream for _, stream in pairs]),
        subcarrier_index=index,
        valid=valid,
        ticks=np.array([r.ticks for r in first], dtype=np.int64),
        tick=tick,
        carrier=carrier,
        bandwidth=bandwidth * 1e6,
        variables={
            "rssi": PacketVariable(np.array(rssi), "dBm", "received power"),
            "frame_control": PacketVariable(
                np.array([np.nan if c is None else float(c) for c in control]),
                "1",
                "first octet of the frame's 802.11 header: version, type, subtype; 128: beacon, 148: block ack",
            ),
        },
    )


def _reports(data: bytes, path: Path, warnings: list[str]) -> tuple[list[_Report], float]:
    """All Nexmon packets of a pcap file, and its clock's tick [s]."""
    if data[:4] == _PCAPNG:
        raise malformed(path, "a pcapng file", "pcap: convert it with `editcap -F pcap`", offset=0)
    if data[:4] not in _PCAP or len(data) < 24:
        raise malformed(
            path, f"{data[:4].hex(' ')} of {len(data)} bytes", "the 24-byte header of pcap", offset=0
        )
    order, tick = _PCAP[data[:4]]
    (link,) = struct.unpack_from(order + "I", data, 20)
    if link & 0xFFFF != _ETHERNET:
        raise malformed(path, f"link type {link}", "1 (Ethernet)", offset=20)
    reports: list[_Report] = []
    n_other, offset = 0, 24
    while offset < len(data):
        left = len(data) - offset
        seconds, fraction, captured, length = (
            struct.unpack_from(order + "IIII", data, offset) if left >= 16 else (0, 0, 0, 0)
        )
        if left < 16 + captured:
            raise malformed(
                path, f"the end of the file {left} bytes on", f"a packet of {16 + captured}", offset=offset
            )
        frame = data[offset + 16 : offset + 16 + captured]
        if _is_nexmon(frame):
            if captured != length:
                raise malformed(
                    path, f"{captured} bytes captured of {length}", "whole packets", offset=offset
                )
            reports.append(_report(frame, seconds * round(1 / tick) + fraction, offset, path))
        else:
            n_other += 1
        offset += 16 + captured
    if not reports:
        raise malformed(
            path, f"{n_other} packets, none from Nexmon CSI", f"UDP to port {_PORT}, payload 11 11"
        )
    if n_other:
        warnings.append(f"skipped {n_other} packets that aren't from Nexmon CSI")
    return reports, tick


def _is_nexmon(frame: bytes) -> bool:
    """IPv4 without options, UDP to port 5500, payload with the magic."""
    return (
        len(frame) >= 60
        and frame[12:15] == b"\x08\x00\x45"
        and frame[23] == 17
        and struct.unpack_from(">H", frame, 36)[0] == _PORT
        and frame[42:44] == b"\x11\x11"
    )


def _report(frame: bytes, ticks: int, offset: int, path: Path) -> _Report:
    payload = frame[42:]
    (udp_length,) = struct.unpack_from(">H", frame, 38)
    if udp_length != len(payload) + 8:
        raise malformed(path, f"UDP length {udp_length}", f"{len(payload) + 8}", offset=offset)
    values = payload[18:]
    if len(values) not in (256, 512, 1024):
        raise malformed(
            path, f"{len(values)} bytes of CSI", "256, 512 or 1024 (20, 40 or 80 MHz)", offset=offset
        )
    status, source, sequence, core_stream, chanspec, chip = struct.unpack_from("<2x2s6sHHHH", payload)
    if chip not in _CHIPS:
        known = ", ".join(f"0x{number:02x} ({c.name})" for number, c in _CHIPS.items())
        raise malformed(path, f"chip 0x{chip:02x}", f"one of {known}", offset=offset)
    bandwidth = _BANDWIDTH_CODES.get(chanspec & 0x3800)
    if bandwidth is None or len(values) * 20 // 256 != bandwidth or _carrier(chanspec) is None:
        raise malformed(
            path,
            f"chanspec 0x{chanspec:04x} with {len(values)} bytes of CSI",
            "a channel whose bandwidth fits the CSI (256 bytes a 20 MHz)",
            offset=offset,
        )
    core_stream = core_stream >> _CHIPS[chip].core_shift & 0xFF
    return _Report(
        ticks=ticks,
        source=source,
        sequence=sequence,
        core=core_stream & 7,
        stream=core_stream >> 3 & 7,
        chip=chip,
        chanspec=chanspec,
        rssi=None if status == b"\x11\x11" else struct.unpack("b", status[:1])[0],
        frame_control=None if status == b"\x11\x11" else status[1],
        values=values,
    )


def _carrier(chanspec: int) -> float | None:
    band = _BANDS.get(chanspec & 0xC000)
    return None if band is None else channel_frequency(chanspec & 0xFF, band=band)


_Pair = tuple[int, int]


def _frames(
    reports: list[_Report], max_ticks: int, warnings: list[str]
) -> tuple[list[dict[_Pair, _Report]], list[_Pair]]:
    """Group reports into frames by sequence number; return the complete ones, and their (core, stream) pairs.

    Control frames have no sequence number (block acknowledgements all come with 0), so a pair that comes
    again begins a new frame, and so does a late one.
    """
    frames: list[dict[_Pair, _Report]] = []
    open_frames: dict[int, dict[_Pair, _Report]] = {}
    for report in reports:
        pair = (report.core, report.stream)
        frame = open_frames.get(report.sequence)
        if frame is None or pair in frame or abs(report.ticks - next(iter(frame.values())).ticks) > max_ticks:
            frame = open_frames[report.sequence] = {}
            frames.append(frame)
        frame[pair] = report
    counts = Counter(pair for frame in frames for pair in frame)
    # A pair seen in fewer frames is a stray: requiring it would drop most frames.
    pairs = sorted(pair for pair, n in counts.items() if 2 * n >= counts.most_common(1)[0][1])
    complete = [frame for frame in frames if all(pair in frame for pair in pairs)]
    if not complete:
        pairs = [counts.most_common(1)[0][0]]
        complete = [frame for frame in frames if pairs[0] in frame]
    if len(complete) < len(frames):
        warnings.append(f"dropped {len(frames) - len(complete)} frames without all of cores, streams {pairs}")
    if len(pairs) < len(counts):
        warnings.append(f"dropped cores, streams {sorted(set(counts) - set(pairs))}, missing in most frames")
    return complete, pairs


def _decoded(raw: NDArray[np.uint32], chip: Chip) -> NDArray[np.complex64]:
    """Complex CSI (..., subcarrier) from the chip's 32-bit words."""
    if chip.floating is None:
        parts = raw.view("<i2").reshape(*raw.shape, 2).astype(np.float32)
        return parts.view(np.complex64)[..., 0]
    # Sign and magnitude of the real part, the same of the imaginary, then a two's complement exponent for
    # both.
    mantissa, exponent = chip.floating
    words = raw.astype(np.int64)

    def part(shift: int) -> NDArray[np.int64]:
        magnitude = words >> shift & ((1 << (mantissa - 1)) - 1)
        return np.where(words >> (shift + mantissa - 1) & 1, -magnitude, magnitude)

    power = words & ((1 << exponent) - 1)
    power = np.where(power >= 1 << (exponent - 1), power - (1 << exponent), power)
    value = part(exponent + mantissa) + 1j * part(exponent)
    return (value * np.exp2(power)).astype(np.complex64)
