"""Windows linked to ridges by Viterbi's algorithm: at each window a target goes at one of the speeds, or there is none.

A speed earns the logarithm of its energy over the threshold of detection. A change of speed costs its square over
that of a target's usual change in a hop. Begin and end of a track cost something too. Targets are found one after the
other: around the ridge of one, the next finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isacsim.tracking.energy import WindowEnergy
from isacsim.tracking.settings import TrackSettings

__all__ = ["ABSENT", "RidgeFilter", "Unrest", "background", "earnings", "masked", "viterbi"]

ABSENT = -1
"""In place of a bin where there is no target."""

# Standard deviation of acceleration, m/s²: a walker's torso sways at up to 10 m/s², whatever lasts longer is slower.
_ACCELERATION = 4.0
# In standard deviations; beyond, nothing is linked.
_FARTHEST = 4.0
# What coming and going cost, as a logarithm of energy. One window that stands out by less than the first is no target;
# the second keeps a ridge from going over to another target that is 6 dB stronger for 1.5 s.
_BIRTH, _DEATH = 3.0, 40.0
# Share of a target's energy that alignment may leave at the negative speed.
_IMAGE = 0.1
# The static bin's usual energy is this quantile over windows, times this.
_USUAL, _OFTEN = 0.75, 1.5
MEMORY_S = 60.0
"""Memory of the static bin's usual energy for packets as they come, s."""

Real = NDArray[np.float64]


class Unrest:
    """Usual strength of the static bin, which no target explains that lasts: the static channel's own unrest.

    A receiver's gain and phase are never taken out whole, and a standing body sways. Energy at speeds in the static
    bin tells of a target only beyond what most windows have there.
    """

    def __init__(self, settings: TrackSettings, windows: Sequence[WindowEnergy] = ()) -> None:
        self._inside = ~settings.moving
        known = [w.energy[self._inside] for w in windows if w.known]
        self._level = _OFTEN * np.quantile(known, _USUAL, axis=0) if known else np.zeros(self._inside.sum())
        self._gain = 4.0 * settings.hop_s / MEMORY_S

    def add(self, window: WindowEnergy) -> None:
        """Follow the level window by window, for packets as they come."""
        if window.known:
            now = _OFTEN * window.energy[self._inside]
            # Steps of a quantile's sign, of a share of the level: up by the quantile, down by what is left.
            step = np.where(now > self._level, _USUAL, _USUAL - 1) * self._gain * self._level
            self._level = np.where(self._level > 0, self._level + step, now)

    def level(self, size: int) -> Real:
        """Energy at each speed (bin,) that is the static channel's."""
        out = np.zeros(size)
        out[self._inside] = self._level
        return out


def background(window: WindowEnergy, *, image: bool, unrest: Unrest | None = None) -> Real:
    """Energy at each speed of a window that is no target: noise, image, the static channel's unrest; shape (bin,).

    Parameters
    ----------
    window : WindowEnergy
        A known one.
    image : bool
        Whether strong targets may leave images at their negative speed, which then count as noise.
    unrest : Unrest, optional
        Of the recording.
    """
    size = window.energy.size
    noise = np.full(size, window.floor) if unrest is None else np.maximum(window.floor, unrest.level(size))
    return noise + _IMAGE * window.energy[::-1] if image else noise


def earnings(window: WindowEnergy, least: float, *, image: bool, unrest: Unrest | None = None) -> Real:
    """Score of each speed of a window; shape (bin,), 0 throughout where the window cannot tell.

    Parameters
    ----------
    window : WindowEnergy
        One window.
    least : float
        Energy over the noise floor that detects a target.
    image, unrest
        As for `background`.
    """
    if not window.known:
        return np.zeros(window.energy.size)
    noise = np.maximum(background(window, image=image, unrest=unrest), np.finfo(np.float64).tiny)
    return np.asarray(np.log(np.maximum(window.energy / noise, 1e-6) / least))


def masked(earned: Real, bin_: int, settings: TrackSettings) -> Real:
    """Earnings without those around the ridge of another target, as far as its window reaches."""
    if bin_ == ABSENT:
        return earned
    away = np.abs(np.arange(earned.size) - bin_) * settings.step > settings.static_width
    return np.where(away, earned, -np.inf)


class RidgeFilter:
    """Viterbi's forward pass for one target, a window at a time."""

    def __init__(self, settings: TrackSettings) -> None:
        deviation = _ACCELERATION * settings.hop_s / settings.step
        reach = min(int(np.ceil(_FARTHEST * deviation)), settings.velocity.size - 1)
        self._cost = (np.arange(-reach, reach + 1) / deviation) ** 2 / 2
        self._reach = reach
        self._score = np.full(settings.velocity.size, -np.inf)
        self._absent = 0.0

    def step(self, earned: Real) -> NDArray[np.int32]:
        """Take in what each speed earns in the next window.

        Returns
        -------
        numpy.ndarray, shape (bin + 1,)
            The bin that the best way to each speed comes from, `ABSENT` for none; the last entry is that of absence.
        """
        padded = np.pad(self._score, self._reach, constant_values=-np.inf)
        ways = np.lib.stride_tricks.sliding_window_view(padded, self._cost.size) - self._cost
        best = ways.argmax(axis=1)
        score = ways[np.arange(best.size), best]
        origin = np.arange(best.size) + best - self._reach
        born = self._absent - _BIRTH > score
        score = np.where(born, self._absent - _BIRTH, score)
        origin[born] = ABSENT
        last = int(self._score.argmax())
        gone = self._score[last] - _DEATH > self._absent
        absent = self._score[last] - _DEATH if gone else self._absent
        score = score + earned
        # Only differences count; sums of hours would lose their digits.
        top = max(float(score.max()), absent)
        self._score, self._absent = score - top, absent - top
        return np.append(origin, last if gone else ABSENT).astype(np.int32)

    @property
    def best(self) -> int:
        """Where the best way so far ends."""
        top = int(self._score.argmax())
        return top if self._score[top] > self._absent else ABSENT


def viterbi(earned: Sequence[Real] | Real, settings: TrackSettings) -> NDArray[np.int32]:
    """Best ridge through all windows.

    Parameters
    ----------
    earned : array_like, shape (window, bin)
        From `earnings`.
    settings : TrackSettings
        With bins and hop.

    Returns
    -------
    numpy.ndarray, shape (window,)
        Bins, `ABSENT` where there is no target.
    """
    forward = RidgeFilter(settings)
    origins = np.array([forward.step(row) for row in earned])
    path = np.full(len(origins), ABSENT, np.int32)
    here = forward.best
    for n in range(len(origins) - 1, -1, -1):
        path[n] = here
        here = int(origins[n, here])  # absence is the last entry
    return path
