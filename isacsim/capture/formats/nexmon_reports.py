"""Reports of Nexmon CSI in `.pcap` files: one UDP packet a core and stream, those that are whole.

Source: README and src/csi_extractor.c of https://github.com/seemoo-lab/nexmon_csi; chip numbers from
patches/include/firmware_version.h of https://github.com/seemoo-lab/nexmon; chanspec from bcmwifi_channels.h; the file
from https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from isacsim.capture.formats.wifi import channel_frequency
from isacsim.capture.request import Reading, malformed
from isacsim.errors import InputError

__all__ = ["CHIPS", "Chip", "Report", "carrier_of", "is_pcap", "whole_reports"]

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
_SNAPLEN = 262144  # the largest packet that pcap files hold
_IPV4 = b"\x08\x00\x45"


@dataclass(frozen=True)
class Chip:
    """Format of a chip: bits of mantissa and exponent (None: int16 pairs); the shift to core and stream."""

    name: str
    floating: tuple[int, int] | None
    core_shift: int


CHIPS = {
    0x01: Chip("4339", None, 0),
    0x03: Chip("4358", (9, 5), 0),
    0x65: Chip("43455c0", None, 0),
    0x6A: Chip("4366c0", (12, 6), 8),
}
_BANDWIDTH_CODES = {0x1000: 20, 0x1800: 40, 0x2000: 80}  # chanspec & 0x3800, to MHz
_BANDS = {0x0000: 2, 0xC000: 5}  # chanspec & 0xc000, to GHz


class Report(NamedTuple):
    """One UDP packet: its arrival [ticks], who sent the frame, which core and stream, its values."""

    ticks: int
    source: bytes
    sequence: int
    core: int
    stream: int
    chip: str
    chanspec: int
    rssi: int | None
    frame_control: int | None
    values: bytes


def is_pcap(data: bytes) -> bool:
    """Tell whether it is a pcap (or pcapng) file."""
    return data[:4] == _PCAPNG or data[:4] in _PCAP or _nearest_magic(data) is not None


def whole_reports(data: bytes, reading: Reading) -> tuple[list[Report], float]:
    """All Nexmon packets of a pcap file that are whole, and its clock's tick [s]."""
    path = reading.path
    if data[:4] == _PCAPNG:
        raise malformed(path, "a pcapng file", "pcap: convert it with `editcap -F pcap`", offset=0)
    magic = _nearest_magic(data)
    if magic is None:
        raise malformed(
            path, f"{data[:4].hex(' ')} of {len(data)} bytes", "the 24-byte header of pcap", offset=0
        )
    if magic != data[:4]:
        reading.drop(
            f"a pcap header that begins with {data[:4].hex(' ')}", magic.hex(" "), offset=0, unit="byte"
        )
    order, tick = _PCAP[magic]
    per_second = round(1 / tick)
    (link,) = struct.unpack_from(order + "I", data, 20)
    if reading.chip is not None and reading.chip not in {c.name for c in CHIPS.values()}:
        known = ", ".join(c.name for c in CHIPS.values())
        raise InputError(f"chip={reading.chip!r} is not a known Nexmon chip; it can be {known}")
    reports: list[Report] = []
    n_other, offset, sure = 0, 24, 24
    last, behind = 24, -1  # the packet kept last, and its end
    while offset < len(data):
        found = _header_fault(data, offset, order, per_second)
        if found is not None:
            if (
                offset == behind
                and (overlapping := _next_nexmon(data, last + 17, order, per_second)) < offset
            ):
                # Bytes are lacking in the packet before: it reaches into the next one.
                reading.drop("a packet that another one begins in", "a whole one", offset=last)
                reports.pop()
                offset = sure = overlapping
                behind = -1
                continue
            reading.drop(*found, offset=offset)
            # Up to `sure` all is known to be whole; a wrong length may have led too far.
            offset = sure = _next_nexmon(data, max(sure, 24), order, per_second, past=offset)
            continue
        seconds, fraction, captured, length = struct.unpack_from(order + "IIII", data, offset)
        end = offset + 16 + captured
        frame = data[offset + 16 : end]
        if not _is_nexmon(frame):
            n_other += 1
            offset, sure = end, offset + 1
            continue
        if captured != length:
            reading.drop(f"{captured} bytes captured of {length}", "whole packets", offset=offset)
            offset = sure = _next_nexmon(data, offset + 16, order, per_second)
            continue
        report = _report(frame, seconds * per_second + fraction, offset, reading)
        if report is not None:
            reports.append(report)
            last, behind = offset, end
        offset = sure = end
    if not reports:
        if link & 0xFFFF != _ETHERNET:
            raise malformed(path, f"link type {link}", "1 (Ethernet)", offset=20)
        raise reading.error(f"{n_other} packets, none from Nexmon CSI", f"UDP to port {_PORT}, payload 11 11")
    if n_other:
        reading.notes.append(f"skipped {n_other} packets that are not from Nexmon CSI")
    return reports, tick


def _nearest_magic(data: bytes) -> bytes | None:
    """The magic number of a pcap header; with one wrong byte, if only one can be meant and the version says pcap."""
    if len(data) < 24 or data[:4] in _PCAP:
        return data[:4] if len(data) >= 24 else None
    near = [m for m in _PCAP if sum(a != b for a, b in zip(m, data[:4], strict=True)) == 1]
    version = {"<": b"\2\0\4\0", ">": b"\0\2\0\4"}
    near = [m for m in near if data[4:8] == version[_PCAP[m][0]]]
    return near[0] if len(near) == 1 else None


def _header_fault(data: bytes, offset: int, order: str, per_second: int) -> tuple[str, str] | None:
    """Describe the fault in the header of a packet in a pcap file, as (found, expected)."""
    left = len(data) - offset
    if left < 16:
        return f"the end of the file {left} bytes on", "a packet of 16"
    _, fraction, captured, length = struct.unpack_from(order + "IIII", data, offset)
    if captured > _SNAPLEN or length > _SNAPLEN or fraction >= per_second:
        return "a packet header that cannot be", f"fractions below {per_second}, lengths up to {_SNAPLEN}"
    if left < 16 + captured:
        return f"the end of the file {left} bytes on", f"a packet of {16 + captured}"
    return None


def _next_nexmon(data: bytes, start: int, order: str, per_second: int, *, past: int | None = None) -> int:
    """Byte offset of the next whole Nexmon packet from `start` on, other than at `past`; else the end."""
    at = data.find(_IPV4, start + 28)
    while at >= 0:
        offset = at - 28
        if offset != past and _header_fault(data, offset, order, per_second) is None:
            captured, length = struct.unpack_from(order + "II", data, offset + 8)
            if captured == length and _is_nexmon(data[offset + 16 : offset + 16 + captured]):
                return offset
        at = data.find(_IPV4, at + 1)
    return len(data)


def _is_nexmon(frame: bytes) -> bool:
    """IPv4 without options, UDP to port 5500, payload with the magic."""
    return (
        len(frame) >= 60
        and frame[12:15] == b"\x08\x00\x45"
        and frame[23] == 17
        and struct.unpack_from(">H", frame, 36)[0] == _PORT
        and frame[42:44] == b"\x11\x11"
    )


def _report(frame: bytes, ticks: int, offset: int, reading: Reading) -> Report | None:
    """Read one UDP packet; None, and dropped, if it cannot be read."""
    (udp_length,) = struct.unpack_from(">H", frame, 38)
    # Some firmware sends padding behind the payload: the UDP length is what counts.
    payload = frame[42 : 34 + udp_length]
    if 34 + udp_length > len(frame):
        reading.drop(f"UDP length {udp_length}", f"at most {len(frame) - 34}", offset=offset)
        return None
    values = payload[18:]
    if len(values) not in (256, 512, 1024):
        reading.drop(f"{len(values)} bytes of CSI", "256, 512 or 1024 (20, 40 or 80 MHz)", offset=offset)
        return None
    status, source, sequence, core_stream, chanspec, number = struct.unpack_from("<2x2s6sHHHH", payload)
    chip = CHIPS.get(number)
    if reading.chip is not None:
        chip = next(c for c in CHIPS.values() if c.name == reading.chip)
    if chip is None:
        known = ", ".join(f"0x{n:02x} ({c.name})" for n, c in CHIPS.items())
        reading.drop(f"chip 0x{number:02x}", f"one of {known}, or chip= that says which it is", offset=offset)
        return None
    bandwidth = _BANDWIDTH_CODES.get(chanspec & 0x3800)
    if bandwidth is None or len(values) * 20 // 256 != bandwidth or carrier_of(chanspec) is None:
        reading.drop(
            f"chanspec 0x{chanspec:04x} with {len(values)} bytes of CSI",
            "a channel whose bandwidth fits the CSI (256 bytes a 20 MHz)",
            offset=offset,
        )
        return None
    core_stream = core_stream >> chip.core_shift & 0xFF
    return Report(
        ticks=ticks,
        source=source,
        sequence=sequence,
        core=core_stream & 7,
        stream=core_stream >> 3 & 7,
        chip=chip.name,
        chanspec=chanspec,
        rssi=None if status == b"\x11\x11" else struct.unpack("b", status[:1])[0],
        frame_control=None if status == b"\x11\x11" else status[1],
        values=values,
    )


def carrier_of(chanspec: int) -> float | None:
    """Centre frequency [Hz] of a chanspec; None if there is none."""
    band = _BANDS.get(chanspec & 0xC000)
    return None if band is None else channel_frequency(chanspec & 0xFF, band=band)
