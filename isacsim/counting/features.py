"""Features that show the number of people: how the moving part of CSI fills delay and Doppler over time.

One person's parts share a delay cell and swing about the torso's speed: few directions over the delay cells, one band
of Doppler. Every further person adds a direction and a ridge of their own.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.constants import speed_of_light
from scipy.signal.windows import hann

__all__ = ["NAMES", "describe"]

Array = NDArray[np.float64]

# Path lengths of the delay cells, m; conditioned CSI may hold the reference's less. Half of a Hann window's width in
# frequency is lost, so cells are a resolution apart.
_SHORTEST, _LONGEST = -5.0, 35.0
# The Doppler map's windows, s: a limb's swing, a torso's step, and between.
_SHORT, _MIDDLE, _LONG = 0.128, 0.256, 0.512
# Values of the map below so many times the noise are noise. Of an exponential variable that is one in twenty.
_OVER_NOISE = 3.0
# The noise's level is read at this quantile of the map: what moves fills less than the rest.
_QUIET = 0.3
# Noise of one cell is at most so many times the median cell's: a cell full of motion has no quiet part.
_MOST_NOISE = 1.5
_RIDGES = 4
# A ridge moves at most so many bins from frame to frame, and pays so much log power for each.
_JUMP, _COST = 4, 0.15
# Bins to either side that belong to a ridge's power, and that are cleared for the next one.
_OWN, _CLEARED = 2, 3
_QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_FLOOR = 1e-4

NAMES = (
    *(f"direction {n} over 1, log" for n in range(2, 7)),
    "entropy over delay",
    "entropy over delay and Doppler, mean over frames",
    "entropy over delay and Doppler, least of a frame",
    "entropy over Doppler, long frames",
    "entropy over Doppler, middle frames",
    "entropy over Doppler, short frames",
    "entropy over Doppler of all frames",
    *(f"speed at {q:.0%} of the power" for q in _QUANTILES),
    "share of the lesser sign of Doppler",
    "spread over delay of the mean speed",
    "variation of the power",
    *(f"share of ridge {n}, log" for n in range(1, _RIDGES + 1)),
    *(f"speed of ridge {n} less that of ridge 1" for n in range(2, _RIDGES + 1)),
    *(f"delay of ridge {n} less that of ridge 1" for n in range(2, _RIDGES + 1)),
    "speed of ridge 1",
    "spread of the speed of ridge 1",
    "spread of the speed of ridge 2",
)
"""Names of what `describe` gives, in order; speeds in m/s of the path length, delays in cells, entropies in nats."""


def describe(csi: NDArray[np.complexfloating], rate: float, frequency: Array) -> Array | None:
    """Describe the moving part of one window.

    Parameters
    ----------
    csi : complex ndarray (subcarrier, packet)
        Static part included, packets uniform in time.
    rate : float
        Packets per second.
    frequency : ndarray (subcarrier,)
        Hz.

    Returns
    -------
    ndarray (feature,) or None
        In the order of `NAMES`; None if nothing stands above the noise. Neither gain nor a turn of the phase's sign
        changes it.
    """
    cells, rate = _delay_cells(csi, rate, frequency)
    wavelength = speed_of_light / float(frequency.mean())
    raw = _doppler_power(cells, rate, _MIDDLE)
    noise = np.quantile(raw, _QUIET, axis=(1, 2), keepdims=True) / -np.log(1 - _QUIET)
    noise = np.maximum(np.minimum(noise, _MOST_NOISE * np.median(noise)), np.finfo(np.float64).tiny)
    middle, long, short = (
        _above(power, noise)
        for power in (raw, _doppler_power(cells, rate, _LONG), _doppler_power(cells, rate, _SHORT))
    )
    if not middle.any():
        return None
    speed = np.fft.fftshift(np.fft.fftfreq(middle.shape[1], 1 / rate)) * wavelength
    by_frame = [_entropy(frame) for frame in np.moveaxis(middle, 2, 0)]
    doppler = middle.sum(axis=(0, 2))
    quantiles = speed[np.searchsorted(np.cumsum(doppler) / doppler.sum(), _QUANTILES).clip(0, speed.size - 1)]
    # Walking away is walking towards: the sign of most power is +.
    if quantiles[3] < 0:
        quantiles = -quantiles[::-1]
    ahead = float(doppler[speed > 0].sum() / doppler.sum())
    by_delay = middle.sum(axis=(1, 2))
    weight = by_delay / by_delay.sum()
    centroid = np.einsum("dft,f->d", middle, speed) / np.maximum(by_delay, _FLOOR)
    power = middle.sum(axis=(0, 1))
    return np.array(
        [
            *_directions(cells, float(np.median(noise))),
            _entropy(by_delay),
            np.mean(by_frame),
            np.min(by_frame),
            *(np.mean([_entropy(f) for f in shown.sum(axis=0).T]) for shown in (long, middle, short)),
            _entropy(doppler),
            *quantiles,
            min(ahead, 1 - ahead),
            np.sqrt(weight @ (centroid - weight @ centroid) ** 2),
            power.std() / power.mean(),
            *_ridges(middle, speed),
        ]
    )


def _delay_cells(
    csi: NDArray[np.complexfloating], rate: float, frequency: Array
) -> tuple[NDArray[np.complex128], float]:
    """Moving part over (cell, packet), about 500 packets/s, and how many they are a second."""
    moving = csi - csi.mean(axis=1, keepdims=True, dtype=np.complex128)
    width = float(np.ptp(frequency)) * (1 + 1 / max(frequency.size - 1, 1))
    cells = int(np.ceil((_LONGEST - _SHORTEST) * width / speed_of_light)) + 1
    length = _SHORTEST + (np.arange(cells) + 0.5) * (_LONGEST - _SHORTEST) / cells
    offset = frequency - frequency.mean()
    # The window by frequency, not by place: subcarriers may be missing.
    taper = np.cos(np.pi * offset / (width * (1 + 1 / frequency.size))) ** 2
    matched = taper * np.exp(2j * np.pi / speed_of_light * np.outer(length, offset))
    series = (matched / np.linalg.norm(taper)) @ moving
    several = max(int(rate // 450), 1)
    kept = series[:, : series.shape[1] // several * several]
    return kept.reshape(cells, -1, several).mean(axis=2), rate / several


def _doppler_power(cells: NDArray[np.complex128], rate: float, length_s: float) -> Array:
    """Power over (cell, Doppler, frame), a quarter of a window from frame to frame."""
    size = min(round(length_s * rate), cells.shape[1])
    window = hann(size + 2)[1:-1]
    window /= np.linalg.norm(window)
    frames = np.lib.stride_tricks.sliding_window_view(cells, size, axis=1)[:, :: max(size // 4, 1)]
    return np.moveaxis(
        np.abs(np.fft.fftshift(scipy.fft.fft(frames * window, 2 * size, axis=2), axes=2)) ** 2, 2, 1
    )


def _above(power: Array, noise: Array) -> Array:
    ratio = power / noise
    return np.where(ratio < _OVER_NOISE, 0.0, ratio - 1)


def _entropy(power: Array) -> float:
    total = float(power.sum())
    if total <= 0:
        return 0.0
    share = power[power > 0] / total
    return -float(share @ np.log(share))


def _directions(cells: NDArray[np.complex128], noise: float) -> Array:
    """Powers of the second to sixth direction over the delay cells, relative to the first, as logarithms."""
    powers = np.zeros(6)
    found = np.linalg.eigvalsh(cells @ cells.conj().T)[::-1][:6]
    powers[: found.size] = found
    # Noise of the map is that of a sample: its windows have norm 1.
    floor = noise * cells.shape[1]
    powers = np.maximum(powers - floor, 0.05 * floor)
    return np.log(powers[1:] / powers[0])


def _ridges(shown: Array, speed: Array) -> list[float]:
    """Shares, speeds and delays of the strongest ridges, each found in what those before it leave."""
    left, total = shown.copy(), float(shown.sum())
    share, velocity, spread, delay = [], [], [], []
    for _ in range(_RIDGES):
        course = _ridge(np.log(np.maximum(left.sum(axis=0), 0.5)))
        profile = np.zeros(left.shape[0])
        for frame, at in enumerate(course):
            profile += left[:, max(at - _OWN, 0) : at + _OWN + 1, frame].sum(axis=1)
            left[:, max(at - _CLEARED, 0) : at + _CLEARED + 1, frame] = 0
        share.append(np.log(profile.sum() / total + _FLOOR))
        velocity.append(speed[course].mean())
        spread.append(speed[course].std())
        delay.append(profile @ np.arange(profile.size) / max(profile.sum(), _FLOOR))
    return [
        *share,
        *(abs(v - velocity[0]) for v in velocity[1:]),
        *(abs(d - delay[0]) for d in delay[1:]),
        abs(velocity[0]),
        *spread[:2],
    ]


def _ridge(level: Array) -> NDArray[np.intp]:
    """Best course of Doppler bins over frames (Viterbi)."""
    bins, frames = level.shape
    score = level[:, 0]
    came = np.zeros((frames, bins), np.intp)
    moves = np.arange(-_JUMP, _JUMP + 1)
    for frame in range(1, frames):
        padded = np.pad(score, _JUMP, constant_values=-np.inf)
        ways = np.lib.stride_tricks.sliding_window_view(padded, moves.size) - _COST * np.abs(moves)
        best = ways.argmax(axis=1)
        came[frame] = np.arange(bins) + moves[best]
        score = ways[np.arange(bins), best] + level[:, frame]
    course = np.empty(frames, np.intp)
    course[-1] = score.argmax()
    for frame in range(frames - 1, 0, -1):
        course[frame - 1] = came[frame, course[frame]]
    return course
