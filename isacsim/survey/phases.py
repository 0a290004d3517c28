"""Changes of phase and delay from packet to packet: carrier offset, phase noise, timing jitter, sampling clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

__all__ = ["PacketErrors", "packet_errors"]

Real = NDArray[np.float64]

_MOST_STEPS = 6
# Below this resultant of the phase's turns from packet to packet, nothing of the oscillator is left in them.
_RANDOM = 0.1
# Resultants below this say little of a variance.
_TELLING = 0.3
# A line in the spectrum of delays stands out from this many times √n on: by chance once in e^25.
_LINE = 5.0
# Whole samples are jumped if the delays' variance is so many times what the line leaves for jitter within a sample.
_WIDER = 2.0


@dataclass(frozen=True)
class PacketErrors:
    """Errors of phase and timing that packets do not share."""

    cfo_hz: float
    """Residual carrier offset, in ± half the packet rate; 0 where the phase is random."""
    phase_noise: float
    """Random walk of the phase, rad/√s; where it is random, what makes it so."""
    random_phase: bool
    """True if each packet's phase is its own."""
    timing_jitter: float
    """Standard deviation of the delay from packet to packet, s."""
    sfo_ppm: float
    """Offset of the sampling clock, known up to packet rate / bandwidth; 0 where jitter hides it or there is none."""


def packet_errors(
    phase: Real,
    delay: Real,
    time: Real,
    *,
    slot: NDArray[np.int64],
    interval: float,
    bandwidth: float,
    delay_noise: float = 0.0,
) -> PacketErrors:
    """Measure them.

    Parameters
    ----------
    phase, delay : array, shape (packet,)
        Of each packet: rad at the carrier, and s.
    time : array, shape (packet,)
        s.
    slot : array, int, shape (packet,)
        Place of each packet on the sender's grid.
    interval : float
        Of that grid, s.
    bandwidth : float
        Hz; packets are synchronised to whole samples of its inverse.
    delay_noise : float
        Standard deviation that noise alone gives the delays, s.

    Notes
    -----
    The phase's variance over m places is ``w² mT + 2σ² + (g mT)²``: a random walk, what is new in each packet, and slow
    motion, fitted by non-negative least squares to m = 1 to 6. Resultants stand for variances, ``-2 ln R``.

    Delays that drift by a clock's offset and are put right by whole samples turn ``exp(j2πB delay)`` evenly; its
    strongest line gives the offset, the line's height the jitter.
    """
    cfo, noise, random = _oscillator(phase, time, slot, interval)
    spread = float(np.std(delay))
    line, height = _line(np.exp(2j * np.pi * bandwidth * delay), time, interval)
    sfo = 0.0
    if height * np.sqrt(time.size) > _LINE and abs(line) > 2 / max(time[-1] - time[0], interval):
        sfo = line / bandwidth * 1e6
        within = float(np.sqrt(max(-2 * np.log(min(height, 1.0)), 0.0))) / (2 * np.pi * bandwidth)
        # A saw-tooth of one sample is the clock's; what is wider jumps by whole samples, which the line cannot see.
        tooth = 1 / bandwidth**2 / 12 if abs(line) * (time[-1] - time[0]) > 1 else 0.0
        wider = max(spread**2 - tooth, 0.0)
        spread = float(np.sqrt(wider)) if wider > _WIDER * within**2 else within
    return PacketErrors(cfo, noise, random, float(np.sqrt(max(spread**2 - delay_noise**2, 0.0))), sfo)


def _oscillator(
    phase: Real, time: Real, slot: NDArray[np.int64], interval: float
) -> tuple[float, float, bool]:
    """Offset in Hz, random walk in rad/√s, and whether the phase is random."""
    turn = _turns(phase, slot)
    if 1 not in turn or abs(turn[1]) < _RANDOM:
        return 0.0, float(np.sqrt(-2 * np.log(_RANDOM) / interval)), True
    cfo = float(np.angle(turn[1])) / (2 * np.pi * interval)
    # Packets do not come in time: what is left is free of the offset's turn by each one's own time.
    turn = _turns(phase - 2 * np.pi * cfo * time, slot)
    cfo += float(np.angle(turn[1])) / (2 * np.pi * interval)
    told = [m for m, value in turn.items() if abs(value) > _TELLING] or [1]
    span = np.array(told) * interval
    variance = np.array([-2 * np.log(min(abs(turn[m]), 1.0)) for m in told])
    # Short spans are measured best: weights by the variance that is expected.
    terms = np.column_stack([span, np.ones(span.size), span**2]) / (variance[:, np.newaxis] + 1e-12)
    scale = np.linalg.norm(terms, axis=0)
    solution, _ = nnls(terms / scale, variance / (variance + 1e-12))
    return cfo, float(np.sqrt(solution[0] / scale[0])), False


def _turns(phase: Real, slot: NDArray[np.int64]) -> dict[int, complex]:
    """Mean phasor of the phase's change over 1 to 6 places; too few pairs are left out."""
    found = {}
    for m in range(1, _MOST_STEPS + 1):
        at = np.searchsorted(slot, slot + m)
        inside = np.flatnonzero(at < slot.size)
        inside = inside[slot[at[inside]] == slot[inside] + m]
        if inside.size >= 16:
            found[m] = complex(np.exp(1j * (phase[at[inside]] - phase[inside])).mean())
    return found


def _line(phasor: NDArray[np.complex128], time: Real, interval: float) -> tuple[float, float]:
    """Strongest frequency in Hz within ± half the packet rate, and its share of the phasor's amplitude."""
    n = int(np.ceil((time[-1] - time[0]) / interval)) + 1
    place = np.clip(np.rint((time - time[0]) / interval).astype(int), 0, n - 1)
    grid = np.zeros(n, np.complex128)
    np.add.at(grid, place, phasor)
    size = 1 << int(np.ceil(np.log2(4 * n)))
    spectrum = np.abs(np.fft.fft(grid, size))
    frequency = np.fft.fftfreq(size, interval)
    best = int(spectrum.argmax())
    step = 1 / (size * interval)
    # The grid's rounding of times costs height: once more at the packets' own times.
    tried = frequency[best] + np.linspace(-1, 1, 41) * step
    exact = np.abs(np.exp(-2j * np.pi * np.outer(tried, time)) @ phasor) / time.size
    return float(tried[int(exact.argmax())]), float(exact.max())
