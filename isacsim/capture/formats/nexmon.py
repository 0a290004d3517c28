"""Nexmon CSI `.pcap` files of Broadcom chips.

Each UDP packet to port 5500 holds the CSI of one core and stream. It begins with magic 0x1111, followed by RSSI and
frame control in newer firmware, and by 0x1111 again in older. Then come source address, sequence number, core and
stream, chanspec, chip, and 64, 128 or 256 four-byte values in FFT order. Source: README and src/csi_extractor.c of
https://github.com/seemoo-lab/nexmon_csi; chip numbers from patches/include/firmware_version.h of
https://github.com/seemoo-lab/nexmon; chanspec from bcmwifi_channels.h.

It is read here and not by csiread. csiread accepts a wrong chip or bandwidth, and rounds the floating-point CSI of
the 4358 and 4366c0 to about 10 bits a packet. A NumPy view of checked bytes is exact, faster, and cannot crash.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.mac import Frame, frame_kind, frame_variables
from isacsim.capture.formats.nexmon_reports import CHIPS, Chip, Report, carrier_of, is_pcap, whole_reports
from isacsim.capture.formats.wifi import occupied
from isacsim.capture.packets import Packets, PacketVariable, common_streams, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["looks_like", "read"]

# Cores of one frame arrive within a millisecond; a sequence number comes again after 4096 frames.
_FRAME_SECONDS = 0.02
# A 20 MHz block is empty below this share of the strongest: -16 dB.
_EMPTY = 0.15


def looks_like(data: bytes) -> bool:
    """Tell whether it is a pcap (or pcapng) file."""
    return is_pcap(data)


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
        `rx` is the core, `tx` the spatial stream. `valid` leaves out guards and what the frames do not occupy.

    Raises
    ------
    CaptureError
        If the file is no pcap, of an unknown chip or bandwidth, or holds no whole Nexmon packet.
    """
    reading.refuse_arguments("Nexmon", "part")
    path, warnings = reading.path, reading.notes
    reports, tick = whole_reports(data, reading)
    sent = reading.of_transmitter([r.source.hex(":") for r in reports])
    reports = [reports[k] for k in sent]
    layout, kept = most_common_layout(
        [(r.chip, r.chanspec, len(r.values)) for r in reports], warnings, "chip, chanspec, bytes"
    )
    reports = [reports[k] for k in kept]
    chip_name, chanspec, n_bytes = layout
    chip = next(c for c in CHIPS.values() if c.name == chip_name)
    bandwidth, carrier = n_bytes * 20 // 256, carrier_of(chanspec)

    frames, pairs = _frames(reports, round(_FRAME_SECONDS / tick), reading)
    first = [frame[pairs[0]] for frame in frames]
    control = [r.frame_control for r in first]
    chosen = reading.of_kind([frame_kind(c) for c in control], control)
    frames, first, control = ([items[k] for k in chosen] for items in (frames, first, control))
    values = b"".join(frame[pair].values for pair in pairs for frame in frames)
    n = n_bytes // 4
    raw = np.frombuffer(values, dtype="<u4").reshape(len(pairs), len(frames), n)
    csi = np.fft.fftshift(_decoded(raw, chip), axes=-1).transpose(0, 2, 1)
    index = np.arange(-n // 2, n // 2)
    inside, filled = _common_band(np.abs(csi).max(axis=0), index, bandwidth, reading)
    csi, first, control = csi[:, :, filled], [first[k] for k in filled], [control[k] for k in filled]
    valid = inside & occupied(index, np.median(np.abs(csi), axis=2).max(axis=0), bandwidth)
    if not valid.any():
        raise malformed(path, "CSI that is zero on all subcarriers", "a signal")
    if np.ptp(index[valid]) < n // 2:
        warnings.append(
            f"the frames occupy subcarriers {index[valid].min()} to {index[valid].max()} of {n} only"
        )
    kinds = Counter(frame_kind(c) for c in control if c is not None)
    if len(kinds) > 1:
        warnings.append(
            f"frames of several kinds ({', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}): some may fill "
            "less of the band or be sent with other power; frame_kind= chooses, the variable frame_kind tells them "
            "apart"
        )
    rssi = [np.nan if r.rssi is None else float(r.rssi) for r in first]
    headers = [
        Frame(r.source.hex(":"), frame_kind(r.frame_control), r.frame_control, r.sequence >> 4) for r in first
    ]
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
            **frame_variables(headers),
        },
    )


def _common_band(
    magnitude: NDArray[np.float32], index: NDArray[np.int64], bandwidth: int, reading: Reading
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Choose the 20 MHz blocks that most frames fill: their subcarriers, and positions of the frames that fill them.

    A chip set to 80 MHz reports 20 MHz frames too; the rest of their CSI is noise.
    """
    n_blocks = bandwidth // 20
    whole = np.ones(index.size, bool), np.arange(magnitude.shape[1])
    if n_blocks == 1:
        return whole
    centres = 64 * np.arange(n_blocks) - 32 * (n_blocks - 1)
    distance = np.abs(index - centres[:, np.newaxis])
    levels = np.stack([np.median(magnitude[(d >= 1) & (d <= 26)], axis=0) for d in distance], axis=1)
    most = levels.max(axis=1, keepdims=True)
    share = np.divide(levels, most, out=np.ones_like(levels), where=most > 0)
    typical = np.median(share, axis=0)
    # A block that fades in one frame is not an empty one: empty ones were 22 dB and more below in every file tried.
    least = np.where(typical > _EMPTY, np.minimum(_EMPTY, 0.3 * typical), _EMPTY)
    held = [frozenset((int(b), 0) for b in np.flatnonzero(row)) for row in share > least]
    if len(set(held)) == 1:
        return whole
    notes: list[str] = []
    blocks, kept = common_streams(held, notes, "blocks")
    numbers = sorted(b for b, _ in blocks)
    of_less = len(held) - kept.size
    inside = (distance[numbers] <= 32).any(axis=0) if len(numbers) < n_blocks else whole[0]
    if of_less:
        reading.notes.append(
            f"dropped {of_less} of {len(held)} frames that do not fill all of the {20 * len(numbers)} MHz that the "
            f"others fill (20 MHz blocks {', '.join(map(str, numbers))} of {n_blocks}, from the lowest frequency)"
        )
    else:
        reading.notes.append(
            f"kept the 20 MHz blocks {', '.join(map(str, numbers))} of {n_blocks}, from the lowest "
            "frequency, which all frames fill"
        )
    return inside, kept


_Pair = tuple[int, int]


def _frames(
    reports: list[Report], max_ticks: int, reading: Reading
) -> tuple[list[dict[_Pair, Report]], list[_Pair]]:
    """Group reports into frames by sequence number; return those with the pairs in common, and these pairs.

    Control frames have no sequence number (block acknowledgements all come with 0), so a pair that comes
    again begins a new frame, and so does a late one.
    """
    frames: list[dict[_Pair, Report]] = []
    open_frames: dict[int, dict[_Pair, Report]] = {}
    for report in reports:
        pair = (report.core, report.stream)
        frame = open_frames.get(report.sequence)
        if frame is None or pair in frame or abs(report.ticks - next(iter(frame.values())).ticks) > max_ticks:
            frame = open_frames[report.sequence] = {}
            frames.append(frame)
        frame[pair] = report
    pairs, kept = reading.common_streams([frozenset(frame) for frame in frames], "cores and streams")
    return [frames[k] for k in kept], pairs


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
