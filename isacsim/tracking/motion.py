"""Motion or none: a motion index for each window, and the threshold that noise alone seldom passes.

The index is the Doppler energy outside the static bin over all energy. White noise gives ``share × bins × floor /
total`` of it, floor being its level at speeds where nothing moves. Both are means of squares, so their ratio follows
an F distribution: with C channels and B independent bins 2CB degrees of freedom. Channels whose noise is alike count
for fewer; how many is taken from how much the floor's bins differ (`NoiseSpread`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from isacsim.errors import InputError
from isacsim.tracking.energy import WindowEnergy
from isacsim.tracking.settings import TrackSettings

__all__ = ["FEWEST_QUIET", "Motion", "NoiseSpread", "detection_ratio", "motion_index", "quiet_threshold"]

FEWEST_QUIET = 8
"""Windows that a quiet stretch must hold."""


class Motion(NamedTuple):
    """Motion in a window."""

    share: float
    """Motion index, the share of the energy that moves; NaN where it cannot be told."""
    threshold: float
    """Threshold that noise passes with the requested false-alarm rate; NaN where motion aliases onto noise's speeds."""


class NoiseSpread:
    """Number of independent channels of the noise, from how its bins scatter about their mean."""

    def __init__(self, channels: int) -> None:
        self._most = float(channels)
        self._sum = 0.0
        self._count = 0

    def add(self, window: WindowEnergy) -> None:
        """Let a window's noise count."""
        if window.known and window.floor > 0:
            self._sum += float(((window.noise / window.floor - 1) ** 2).sum())
            self._count += window.noise.size - 1

    @property
    def channels(self) -> float:
        """Independent complex channels of noise: all of them before any window was added."""
        if not self._count or self._sum <= 0:
            return self._most
        return float(np.clip(self._count / self._sum, 1.0, self._most))


def _independent(settings: TrackSettings, bins: int) -> float:
    """Independent ones among bins, which lie closer than a window resolves."""
    return max(bins * settings.step / settings.width, 1.0)


def motion_index(window: WindowEnergy, settings: TrackSettings, channels: float) -> Motion:
    """Motion index of a window, and its threshold from the window's own noise.

    Parameters
    ----------
    window : WindowEnergy
        One that is not known gives NaN.
    settings : TrackSettings
        With the false-alarm rate of a window.
    channels : float
        From `NoiseSpread`.
    """
    if not window.known or window.total <= 0:
        return Motion(np.nan, np.nan)
    moving = settings.moving
    count = int(moving.sum())
    index = settings.share * float(window.energy[moving].sum()) / window.total
    if not settings.noise_free:
        return Motion(index, np.nan)
    expected = settings.share * count * window.floor / window.total
    above = stats.f.isf(
        settings.false_alarm,
        2 * channels * _independent(settings, count),
        2 * channels * window.noise.size,
    )
    return Motion(index, expected * float(above))


def detection_ratio(settings: TrackSettings, channels: float) -> float:
    """Energy over noise floor that noise passes at any speed of a window with the false-alarm rate asked for."""
    among = _independent(settings, settings.velocity.size)
    many = 2 * channels * settings.noise_velocity.size
    return float(stats.f.isf(settings.false_alarm / among, 2 * channels, many))


def quiet_threshold(indices: Sequence[float], settings: TrackSettings) -> float:
    """Threshold from the motion indices of a stretch in which nothing moved.

    Parameters
    ----------
    indices : sequence of float
        Those of its windows; NaN where one cannot be told.
    settings : TrackSettings
        With the false-alarm rate of a window.

    Returns
    -------
    float
        Quantile of the gamma distribution of their mean and variance, and no less than the largest of them.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST_QUIET`.
    """
    known = np.array([i for i in indices if np.isfinite(i)])
    if known.size < FEWEST_QUIET:
        raise InputError(
            f"quiet must hold at least {FEWEST_QUIET} whole windows of {settings.window_s:g} s every "
            f"{settings.hop_s:g} s, got {known.size}."
        )
    mean, variance = float(known.mean()), float(known.var(ddof=1))
    if variance <= 0 or mean <= 0:
        return mean
    quantile = stats.gamma.isf(settings.false_alarm, mean**2 / variance, scale=variance / mean)
    return max(float(quantile), float(known.max()))
