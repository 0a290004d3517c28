"""PicoScenes `.csi` files of Intel 5300, QCA9300 and single-stream USRP receivers.

A file is a chain of frames: length (4 bytes, of what follows), magic 0x20150315, version, number of segments;
then the segments (length, name, version, content), of which `RxSBasic` and `CSI` are read here; then the
received packet. Source: https://ps.zpj.io and rxs_parsing_core of
https://gitlab.com/wifisensing/rxs_parsing_core. csiread 1.4.1 knows the versions up to January 2022.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["looks_like", "read"]

_MAGIC = struct.pack("<I", 0x20150315)
_FRAME = struct.Struct("<I4sHB")  # length, magic, version, segments
_VERSIONS = {"RxSBasic": (1, 2, 3), "ExtraInfo": (1,), "CSI": (1, 2, 3)}
# deviceType, format, bandwidth, carrier, sampling rate, spacing, tones, tx, rx, extra streams; antenna
# selection and the CSI's length end the header of each version.
_CSI = struct.Struct("<HbHQQIHBBB")
_CSI_TAIL = {1: struct.Struct("<BI"), 2: struct.Struct("<BhI"), 3: struct.Struct("<HBhI")}
_5300, _9300, _USRP = 0x5300, 0x9300, 0x1234
_CHIP_NAMES = {_5300: "Intel 5300", _9300: "QCA9300", _USRP: "USRP"}
_9300_BYTES = {20: (56, 140), 40: (114, 285)}  # bandwidth [MHz]: tones, bytes a stream
_MATRIX_HEADER = {1: 4, 2: 8}  # version: bytes a dimension
# csiread looks for a PicoScenes header behind the segments; zeros are none.
_EMPTY_PACKET = bytes(64)


@dataclass(frozen=True)
class _Layout:
    device: int
    tones: int
    rx: int
    streams: int
    mhz: int
    carrier: int
    spacing: int
    packet_format: int
    antennas: int

    def __str__(self) -> str:
        return f"({self.tones}, {self.rx}, {self.streams}, {self.mhz} MHz, format {self.packet_format})"

    __repr__ = __str__


def looks_like(data: bytes) -> bool:
    """Whether the magic number stands where the first frame has it."""
    return data[4:8] == _MAGIC


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
        `rx` is the receive chain; an Intel 5300's antenna permutation is constant over the packets kept.

    Raises
    ------
    CaptureError
        If a frame is cut, malformed, of an unknown version or device.
    """
    path, warnings = reading.path, reading.notes
    layouts, frames = [], []
    for offset, segments in _checked_frames(data, path):
        layouts.append(_layout(segments["CSI"], offset, path))
        frames.append(_bare_frame(segments))
    chosen, kept = most_common_layout(
        layouts, warnings, "tones, receive chains, transmit streams, bandwidth, format"
    )
    shape = [chosen.tones, chosen.rx, chosen.streams]
    parsed = parse_guarded("picoscenes", b"".join(frames[k] for k in kept), path, shape=shape)
    csi, index = parsed["csi"], parsed["subcarrier_index"].astype(np.int64)
    if len(csi) != len(kept) or (index != index[0]).any() or (np.diff(index[0]) <= 0).any():
        raise malformed(
            path, "subcarrier numbers that change or don't ascend", "the same ascending ones in all frames"
        )
    variables = {}
    if chosen.device != _USRP:
        rssi, noise = parsed["rssi"].astype(float), parsed["noise"].astype(float)
        variables["rssi"] = PacketVariable(rssi, "dBm", "received power, all antennas")
        variables["noise"] = PacketVariable(noise, "dBm", "noise floor")
    if chosen.device == _5300 and parsed["has_agc"].all():
        variables["agc"] = PacketVariable(parsed["agc"].astype(float), "dB", "automatic gain control")
    return Packets(
        format="picoscenes",
        chip=_CHIP_NAMES[chosen.device],
        csi=csi.reshape(len(csi), chosen.tones, -1).transpose(2, 1, 0),
        rx=np.repeat(np.arange(chosen.rx), chosen.streams),
        tx=np.tile(np.arange(chosen.streams), chosen.rx),
        subcarrier_index=index[0],
        valid=np.ones(chosen.tones, dtype=bool),
        ticks=parsed["timestamp"].astype(np.uint64),
        tick=1e-9 if chosen.device == _USRP else 1e-6,
        carrier=float(chosen.carrier),
        bandwidth=chosen.mhz * 1e6,
        spacing=float(chosen.spacing),
        variables=variables,
    )


@dataclass(frozen=True)
class _Segment:
    whole: bytes
    content: bytes
    version: int


def _checked_frames(data: bytes, path: Path) -> Iterator[tuple[int, dict[str, _Segment]]]:
    """Byte offset and known segments of each frame."""
    offset = 0
    while offset < len(data):
        left = len(data) - offset
        if left < _FRAME.size:
            raise malformed(path, f"{left} bytes", f"a frame of at least {_FRAME.size}", offset=offset)
        length, magic, version, n_segments = _FRAME.unpack_from(data, offset)
        if magic != _MAGIC or version != 1:
            raise malformed(
                path, f"magic {magic.hex()} version {version}", f"{_MAGIC.hex()} version 1", offset=offset
            )
        if left < length + 4 or length + 4 < _FRAME.size:
            raise malformed(
                path, f"a frame of {length + 4} bytes with {left} left", "a whole one", offset=offset
            )
        yield offset, _segments(data[offset : offset + 4 + length], n_segments, offset, path)
        offset += length + 4


def _segments(frame: bytes, count: int, offset: int, path: Path) -> dict[str, _Segment]:
    segments = {}
    position = _FRAME.size
    for _ in range(count):
        length, name_length = (
            struct.unpack_from("<IB", frame, position) if position + 5 <= len(frame) else (0, 0)
        )
        end = position + 4 + length
        start = position + 7 + name_length
        if end > len(frame) or start > end:
            raise malformed(
                path, f"a segment of {length} bytes", "one that fits its frame", offset=offset + position
            )
        name = frame[position + 5 : start - 2].decode("latin-1")
        (version,) = struct.unpack_from("<H", frame, start - 2)
        if name in _VERSIONS:
            if version not in _VERSIONS[name]:
                raise malformed(
                    path, f"{name} version {version}", f"one of {_VERSIONS[name]}", offset=offset + position
                )
            segments[name] = _Segment(frame[position:end], frame[start:end], version)
        position = end
    if missing := {"RxSBasic", "CSI"} - set(segments):
        raise malformed(
            path, f"a frame without {', '.join(sorted(missing))}", "RxSBasic and CSI", offset=offset
        )
    return segments


def _layout(segment: _Segment, offset: int, path: Path) -> _Layout:
    """Read the header of a CSI segment and check that its content has the length it says."""
    tail = _CSI_TAIL[segment.version]
    content = segment.content
    if len(content) < _CSI.size + tail.size:
        raise malformed(path, f"a CSI segment of {len(content)} bytes", "a whole one", offset=offset)
    device, packet_format, mhz, carrier, _, spacing, tones, tx, rx, extra = _CSI.unpack_from(content)
    *_, length = ends = tail.unpack_from(content, _CSI.size)
    antennas = ends[1] if segment.version == 3 else ends[0]
    raw = content[_CSI.size + tail.size :]
    if device not in _CHIP_NAMES:
        known = ", ".join(f"0x{number:04x} ({name})" for number, name in _CHIP_NAMES.items())
        raise malformed(path, f"device 0x{device:04x}", f"one of {known}", offset=offset)
    streams = tx + extra
    fits = length == len(raw) and 1 <= rx <= 3 and tx >= 1 and spacing > 0 and 1e8 < carrier < 1e12
    if device == _5300:
        streams = max((length - 12) // 60 // max(rx, 1), 0)
        fits &= tones == 30 and mhz in (20, 40) and length == 60 * rx * streams + 12
    elif device == _9300:
        expected_tones, stream_bytes = _9300_BYTES.get(mhz, (0, 1))
        streams = length // stream_bytes // max(rx, 1)
        fits &= tones == expected_tones and length == stream_bytes * rx * streams and packet_format in (1, 2)
    else:
        fits &= _usrp_fits(raw, tones, mhz)
        if fits and (rx, streams) != (1, 1):
            # csiread 1.4.1 reads this column-major matrix row by row: right for one stream only.
            raise malformed(path, f"USRP CSI of {rx}x{streams} streams", "a single stream", offset=offset)
    if not fits or not 1 <= streams <= 3:
        raise malformed(
            path,
            f"{length} bytes of {_CHIP_NAMES[device]} CSI in {len(raw)}",
            f"what {tones} tones, {rx} receive chains, {tx} transmit streams and {mhz} MHz need",
            offset=offset,
        )
    return _Layout(device, tones, rx, streams, mhz, carrier, spacing, packet_format, antennas)


def _usrp_fits(raw: bytes, tones: int, mhz: int) -> bool:
    """Check: subcarrier numbers (int16), a matrix 'BBv' version, dimensions, 'CD' 64 bits, 16-byte values."""
    matrix = raw[2 * tones :]
    if tones < 1 or mhz not in (20, 40, 80, 160) or len(matrix) < 5 or matrix[:3] != b"BBv":
        return False
    size = _MATRIX_HEADER.get(matrix[3] - ord("0"))
    n_dimensions = matrix[4]
    if size is None or not 1 <= n_dimensions <= 3 or len(matrix) < 9 + n_dimensions * size:
        return False
    dimensions = np.frombuffer(matrix, f"<u{size}", count=n_dimensions, offset=5).tolist()
    kind = matrix[5 + n_dimensions * size :][:3]
    count = int(np.prod([int(d) for d in dimensions], dtype=object))
    expected = 9 + n_dimensions * size + 16 * count
    return dimensions[0] == tones and count == tones and kind == b"CD@" and len(matrix) == expected


def _bare_frame(segments: dict[str, _Segment]) -> bytes:
    """A frame of the checked segments only, with zeros for the received packet."""
    wholes = [segments[name].whole for name in _VERSIONS if name in segments]
    body = b"".join(wholes) + _EMPTY_PACKET
    return _FRAME.pack(_FRAME.size - 4 + len(body), _MAGIC, 1, len(wholes)) + body
