"""PicoScenes `.csi` files of Intel 5300, AX200 and AX210, QCA9300 and software-defined radios.

A file is a chain of frames. A frame begins with length (4 bytes, of the rest), magic 0x20150315, version 1 or 2, and
number of segments (and of received packets). Then come the segments (length, name, version, content), and then the
received packets. The segments `RxSBasic` (versions 1 to 6), `ExtraInfo` and `CSI` (1 to 7, ``picoscenes_csi``) are
read here. Source: https://ps.zpj.io and https://github.com/wifisensing/RXS-Parsing-Core (April 2025). Read here and
not by csiread, which knows the versions up to January 2022.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.mac import Frame, frame_variables, mac_header
from isacsim.capture.formats.picoscenes_csi import (
    AX_MHZ,
    CHIP_NAMES,
    INTEL_AX,
    SDR,
    VERSIONS,
    Header,
    decoded,
    header_of,
)
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading

__all__ = ["looks_like", "read"]

_MAGIC = struct.pack("<I", 0x20150315)
_FRAME = struct.Struct("<I4sHB")  # length, magic, version, segments
_FRAME_VERSIONS = (1, 2)
_MOST_FRAME = 2**26
_HEAD = 65536
# Version: where noise floor and RSSI stand behind device and clock, and as what; whether RSSI is above the noise floor.
_BASIC = {1: (21, "bb", True), 2: (23, "bb", True), 3: (27, "bb", False), 4: (35, "bb", False)}
_BASIC |= {5: (37, "bb", False), 6: (37, "ff", False)}
# Some writers give version 4 to a content as short as that of version 2.
_SHORT_BASIC = (29, (23, "bb", False))
# Bytes of what may stand before the gain in ExtraInfo, by the bits that say what is there; two grow in its version 2.
_EXTRA_BYTES = (2, 8, 6, 6, 4, 1, 20, 1, 1, 1, 8, 4, 4, 2, 1, 1, 2, 1, 1)
_EXTRA_VERSION, _EXTRA_TSF, _EXTRA_AGC = 1, (11, 12), 19
_FORMATS = {0: "non-HT", 1: "HT", 2: "VHT", 3: "HE-SU", 4: "HE-MU", 5: "EHT-SU", 6: "EHT-MU"}
_5300 = 0x5300


@dataclass(frozen=True)
class _Packet:
    """One frame of the file: its clock, powers [dBm], CSI, and the received packet's own header."""

    ticks: int
    noise: float
    rssi: float
    agc: float
    csi: Header
    mac: Frame
    offset: int


def looks_like(data: bytes) -> bool:
    """Tell whether the magic number is where the first frame has it, or near the front if that is damaged."""
    return data[4:8] == _MAGIC or _MAGIC in data[:_HEAD]


def read(data: bytes, reading: Reading) -> Packets:
    """Read the content of a PicoScenes file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
        Its name, what was asked for, and what is left out.

    Returns
    -------
    Packets
        `rx` is the receive chain, of an Intel 5300 the antenna port (0 = A).

    Raises
    ------
    CaptureError
        If there is no whole frame with CSI of a known version and device.
    """
    reading.refuse_arguments("PicoScenes", "part", "chip")
    packets = _packets(data, reading)
    sent = reading.of_transmitter([p.mac.transmitter for p in packets])
    kinds = [_FORMATS.get(packets[k].csi.packet_format, "unknown") for k in sent]
    if isinstance(reading.frame_kind, str) and reading.frame_kind.upper() not in {k.upper() for k in kinds}:
        kinds = [packets[k].mac.kind for k in sent]
    sent = sent[reading.of_kind(kinds, [packets[k].mac.control for k in sent])]
    packets = [packets[k] for k in sent]
    _, kept = most_common_layout(
        [p.csi.layout for p in packets], reading.notes, "device, format, MHz, carrier, spacing, tones, shift"
    )
    packets = [packets[k] for k in kept]
    streams, kept = reading.common_streams(
        [frozenset((a, t) for a in _antennas(p.csi) for t in range(p.csi.streams)) for p in packets]
    )
    packets = [packets[k] for k in kept]
    packets, csi, index, valid = _decoded(packets, streams, reading)
    first = packets[0].csi
    sdr = first.device in SDR
    variables = {} if sdr else _powers(packets)
    variables |= frame_variables([p.mac for p in packets])
    formats = np.array([_FORMATS.get(p.csi.packet_format, "unknown") for p in packets])
    variables["packet_format"] = PacketVariable(formats, "1", "format of the frame")
    rx, tx = np.array(streams).T
    return Packets(
        format="picoscenes",
        chip=CHIP_NAMES[first.device],
        csi=csi,
        rx=rx,
        tx=tx,
        subcarrier_index=index,
        valid=valid,
        ticks=np.array([p.ticks for p in packets], dtype=np.uint64),
        tick=1e-9 if sdr else 1e-6,
        carrier=float(first.carrier),
        bandwidth=first.mhz * 1e6,
        spacing=float(first.spacing),
        variables=variables,
    )


def _antennas(csi: Header) -> list[int]:
    """Antenna of each receive chain: an Intel 5300 says which it used, if each at most once."""
    if csi.device == _5300:
        ports = [csi.antennas >> (2 * chain) & 3 for chain in range(csi.rx)]
        if len(set(ports)) == csi.rx and max(ports) < 3:
            return ports
    return list(range(csi.rx))


def _decoded(
    packets: list[_Packet], streams: list[tuple[int, int]], reading: Reading
) -> tuple[list[_Packet], NDArray[np.complex64], NDArray[np.int64], NDArray[np.bool_]]:
    """Packets that can be decoded, and their CSI (stream, subcarrier, packet) with the antenna order undone."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for k, packet in enumerate(packets):
        h = packet.csi
        groups.setdefault((h.version, h.rx, h.streams, h.length), []).append(k)
    made: dict[int, NDArray[np.complex64]] = {}
    index = valid = None
    for group in sorted(groups.values(), key=len, reverse=True):
        whole = decoded([packets[k].csi for k in group])
        # One wrong frame must not cost the others of its kind.
        parts = [(group, whole)] if whole else [([k], decoded([packets[k].csi])) for k in group]
        for members, part in parts:
            if part is None or (index is not None and not np.array_equal(index, part[1])):
                for k in members:
                    h = packets[k].csi
                    reading.drop(
                        f"{h.length} bytes of {CHIP_NAMES[h.device]} CSI in {len(h.raw)}",
                        f"what {h.tones} tones, {h.rx} receive chains, {h.tx} transmit streams, {h.mhz} MHz need",
                        offset=packets[k].offset,
                    )
                continue
            csi, index, valid = part
            for row, k in zip(csi, members, strict=True):
                ports = _antennas(packets[k].csi)
                made[k] = np.stack([row[:, ports.index(a), t] for a, t in streams])
    if not made or index is None or valid is None:
        raise reading.error("no CSI", "CSI whose length its header says")
    kept = sorted(made)
    return [packets[k] for k in kept], np.stack([made[k] for k in kept], axis=-1), index, valid


def _powers(packets: list[_Packet]) -> dict[str, PacketVariable]:
    """RSSI, noise floor and gain."""
    return {
        name: PacketVariable(np.array([getattr(p, name) for p in packets]), units, text)
        for name, units, text in (
            ("rssi", "dBm", "received power, all antennas"),
            ("noise", "dBm", "noise floor"),
            ("agc", "dB", "automatic gain control"),
        )
    }


def _packets(data: bytes, reading: Reading) -> list[_Packet]:
    """All frames with CSI that are whole."""
    packets: list[_Packet] = []
    offset, behind = 0, -1  # `behind`: end of the frame kept last
    while offset < len(data):
        left = len(data) - offset
        fault: tuple[str, str] | None = None
        end = len(data)
        if left < _FRAME.size:
            fault = f"{left} bytes", f"a frame of at least {_FRAME.size}"
        else:
            length, magic, version, n_segments = _FRAME.unpack_from(data, offset)
            end = offset + 4 + length
            if magic != _MAGIC or version not in _FRAME_VERSIONS:
                fault = f"magic {magic.hex()} version {version}", f"{_MAGIC.hex()} version 1 or 2"
            elif left < length + 4 or length + 4 < _FRAME.size or length > _MOST_FRAME:
                fault = f"a frame of {length + 4} bytes with {left} left", "a whole one"
        if fault is None:
            packet = _packet(data[offset:end], version, n_segments, offset)
            if isinstance(packet, _Packet):
                packets.append(packet)
                behind = end
            else:
                fault = packet
        if fault is not None:
            overlapping = data.find(_MAGIC, packets[-1].offset + 8) - 4 if offset == behind else offset
            if 0 <= overlapping < offset:
                # Bytes are lacking in the frame before: it reaches into the next one.
                reading.drop("a frame that another one begins in", "a whole one", offset=packets.pop().offset)
                offset, behind = overlapping, -1
                continue
            reading.drop(*fault, offset=offset)
            if not (end == len(data) and left >= _FRAME.size) and data[end + 4 : end + 8] != _MAGIC:
                following = data.find(_MAGIC, offset + 8)
                end = following - 4 if following >= 0 else len(data)
        offset = end
    if not packets:
        raise reading.error("no frame", "frames with RxSBasic and CSI")
    return packets


def _packet(frame: bytes, version: int, n_segments: int, offset: int) -> _Packet | tuple[str, str]:
    """Read one frame; or what is wrong with it, as (found, expected)."""
    position = _FRAME.size + (version == 2)
    segments: dict[str, tuple[int, bytes]] = {}
    for _ in range(n_segments):
        if position + 5 > len(frame):
            return "a frame shorter than its segments", "a whole one"
        length, name_length = struct.unpack_from("<IB", frame, position)
        end, start = position + 4 + length, position + 7 + name_length
        if end > len(frame) or start > end:
            return f"a segment of {length} bytes", "one that fits its frame"
        name = frame[position + 5 : start - 2].decode("latin-1")
        (number,) = struct.unpack_from("<H", frame, start - 2)
        segments.setdefault(name, (number, frame[start:end]))
        position = end
    if missing := {"RxSBasic", "CSI"} - set(segments):
        return f"a frame without {', '.join(sorted(missing))}", "RxSBasic and CSI"
    (basic_version, basic), (csi_version, content) = segments["RxSBasic"], segments["CSI"]
    if basic_version not in _BASIC:
        return (
            f"RxSBasic version {basic_version}",
            f"one of {', '.join(map(str, _BASIC))} (convert with PicoScenes)",
        )
    if csi_version not in VERSIONS:
        return (
            f"CSI version {csi_version}",
            f"one of {', '.join(map(str, VERSIONS))} (convert with PicoScenes)",
        )
    csi = header_of(content, csi_version)
    if csi is None:
        return f"a CSI segment of {len(content)} bytes", "a whole one"
    if csi.device not in CHIP_NAMES:
        known = ", ".join(f"0x{number:04x} ({chip})" for number, chip in CHIP_NAMES.items())
        return f"device 0x{csi.device:04x}", f"one of {known}"
    if not (csi.spacing > 0 and 1e8 < csi.carrier < 1e12 and csi.tx >= 1 and 1 <= csi.rx <= 8 and csi.mhz):
        return f"CSI of {csi.rx} receive chains at {csi.carrier} Hz", "1 to 8 at a radio frequency"
    if csi.device in INTEL_AX and csi.mhz not in AX_MHZ:
        return f"{CHIP_NAMES[csi.device]} CSI of {csi.mhz} MHz", (
            f"one of {', '.join(map(str, AX_MHZ))} MHz: which subcarriers wider ones report is not published"
        )
    if not 1 <= csi.streams <= 8 or csi.length > len(csi.raw):
        return (
            f"{csi.length} bytes of {CHIP_NAMES[csi.device]} CSI in {len(csi.raw)}",
            f"what {csi.tones} tones, {csi.rx} receive chains, {csi.tx} transmit streams, {csi.mhz} MHz need",
        )
    powers = _basic(basic_version, basic)
    if powers is None:
        return f"an RxSBasic segment of {len(basic)} bytes", "a whole one"
    packet_at = position + (4 if version == 2 else 0)
    return _Packet(*powers, _gain(segments.get("ExtraInfo")), csi, mac_header(frame[packet_at:]), offset)


def _basic(version: int, content: bytes) -> tuple[int, float, float] | None:
    """Clock, noise floor and RSSI [dBm] of a frame."""
    at, codes, above_noise = _BASIC[version]
    if version == 4 and len(content) == _SHORT_BASIC[0]:
        at, codes, above_noise = _SHORT_BASIC[1]
    if len(content) < at + struct.calcsize("<" + codes):
        return None
    (ticks,) = struct.unpack_from("<Q", content, 2)
    noise, rssi = struct.unpack_from("<" + codes, content, at)
    return ticks, float(noise), float(rssi + noise if above_noise else rssi)


def _gain(segment: tuple[int, bytes] | None) -> float:
    """Gain [dB] that a frame's ExtraInfo reports, NaN if it does not."""
    if segment is None or len(segment[1]) < 4:
        return np.nan
    content = segment[1]
    (features,) = struct.unpack_from("<I", content)
    if not features >> _EXTRA_AGC & 1:
        return np.nan
    at, version = 4, 1
    for bit, size in enumerate(_EXTRA_BYTES):
        if features >> bit & 1:
            if bit == _EXTRA_VERSION:
                version = int.from_bytes(content[at : at + size], "little")
            at += 8 if bit in _EXTRA_TSF and version == 2 else size
    return float(content[at]) if at < len(content) else np.nan
