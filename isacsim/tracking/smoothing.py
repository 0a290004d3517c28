"""From a ridge to speed and acceleration with standard errors.

A window's speed is where its energy peaks between bins. White noise in C channels moves that peak by the variance

    σ² Σ w² t² / (2 P α² (Σ w t²)²) · E / (E - N),  α = 2π f/c,

with P the path's power, σ² the noise of a channel, w the window, E the peak and N the noise floor of all channels. This
is gradient noise over curvature, squared. The last factor stands for noise times noise.

A body is no point: its limbs broaden the peak, and which part of it is strongest changes from window to window. Limbs
swing about the torso, so the middle of all its energy is steadier than the peak: on real walkers 0.17 m/s of error
against 0.28 (`isacsim validate real`). A window's speed is that middle as far as the energy is wider than a point's,
and the peak where it is not. What the peak is wider than that of a point at the ridge's acceleration counts as an
error of the speed too. `_BODY` says how much of it, from simulated walkers whose torso is the truth.

Acceleration comes from the speeds of the windows as that of a target whose jerk is white (Kalman filter; Rauch, Tung
and Striebel's smoother where later windows are there).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.tracking.energy import WindowEnergy
from isacsim.tracking.settings import TrackSettings

__all__ = ["Course", "KalmanFilter", "Peak", "live_filter", "peak", "smoothed"]

Real = NDArray[np.float64]

# Standard deviation of the jerk, m/s³, and how long it lasts, s.
_JERKS = (1.0, 3.0, 10.0, 30.0)
_JERK_LASTS = 0.25
_LIVE_JERK = 30.0
_FIRST_ACCELERATION = 4.0
# Error of the speed: of any, by jerk and what is second order in the static part, m/s; of a body, as a share of what
# its peak is wider by, where the variance exceeds a point's by more than this many squared widths.
_ANY = 0.006
_BODY = 1.1
_SLACK = 0.02
# Part of it that lasts from window to window, so that smoothing does not take it out.
_LASTING = 0.7
# Variance of the energy, in squared widths beyond a point's, at which peak and middle count alike.
_HALF_BODY = 2.0
# What noise leaves above its mean, in its deviations.
_LEFT = 0.4


class Peak(NamedTuple):
    """Speed at which one window peaks, and what its error follows from."""

    velocity: float
    """m/s."""
    noise: float
    """Variance that noise gives it, m²/s²."""
    excess: float
    """Variance of the energy about the peak less that of a point at constant speed, m²/s²."""
    lever: float
    """Factor of the squared acceleration in that variance, s²."""
    image: float
    """Energy at the negative speed over that of the peak."""

    def variance(self, acceleration: float, settings: TrackSettings) -> float:
        """Variance of the speed, m²/s², of a target that accelerates by this much, m/s²."""
        return self.noise + _ANY**2 + _BODY**2 * self._body(acceleration, settings)

    def lasting(self, acceleration: float, settings: TrackSettings) -> float:
        """That part of the variance, m²/s², which neighbouring windows share."""
        return _ANY**2 + _LASTING**2 * self._body(acceleration, settings)

    def _body(self, acceleration: float, settings: TrackSettings) -> float:
        return max(self.excess - acceleration**2 * self.lever - _SLACK * settings.width**2, 0.0)


class Course(NamedTuple):
    """Speed (m/s) and acceleration (m/s²) of a ridge with their standard errors; each of shape (window,)."""

    velocity: Real
    std_velocity: Real
    acceleration: Real
    std_acceleration: Real


def peak(
    window: WindowEnergy, bin_: int, settings: TrackSettings, channels: float, least: Real | None = None
) -> Peak:
    """Find the speed of what a window holds near a bin.

    Parameters
    ----------
    window : WindowEnergy
        A known one.
    bin_ : int
        Where the ridge lies.
    settings : TrackSettings
        With the bins.
    channels : float
        Independent channels of noise.
    least : numpy.ndarray, shape (bin,), optional
        Energy at each speed that is not the target's (`isacsim.tracking.ridge.background`); default: the noise floor.
    """
    energy = window.energy
    reach = max(round(settings.width / 2 / settings.step), 1)
    low = max(bin_ - reach, 0)
    top = low + int(energy[low : bin_ + reach + 1].argmax())
    shift = 0.0
    if 0 < top < energy.size - 1:
        left, middle, right = np.log(np.maximum(energy[top - 1 : top + 2], np.finfo(np.float64).tiny))
        bend = left - 2 * middle + right
        if bend < 0:
            shift = float(np.clip((left - right) / 2 / bend, -0.5, 0.5))
    noise = window.floor
    signal = max(energy[top] - noise, 0.05 * energy[top])
    length, curve, gradient = window.weights
    turn = 2 * np.pi * settings.carrier / speed_of_light
    power = signal / length**2
    variance = noise / channels * gradient / (2 * power * (turn * curve) ** 2) * energy[top] / signal
    image = energy[energy.size - 1 - top] / energy[top] if energy[top] > 0 else np.nan
    velocity = float(settings.velocity[top] + shift * settings.step)
    reach = round(settings.static_width / settings.step)
    about = slice(max(top - reach, 0), top + reach + 1)
    share = np.maximum(energy[about] - noise, 0)
    spread = float(
        (share * (settings.velocity[about] - velocity) ** 2).sum() / max(share.sum(), energy[top] * 1e-9)
    )
    if settings.max_targets == 1:
        least = np.full_like(energy, noise) if least is None else least
        deviation = noise / np.sqrt(channels)
        above = energy - least
        # Of two speeds that are each other's negative one is an image: their middle is no speed.
        single = float(np.clip((1 - image) / 0.3, 0, 1))
        velocity += single * _to_middle(above, deviation, velocity, settings)
    return Peak(velocity, float(variance), spread - settings.point_spread, float(gradient), float(image))


def _to_middle(above: Real, deviation: float, velocity: float, settings: TrackSettings) -> float:
    """From the peak of a point to the middle of a body's energy (bin,), by how wide that is; m/s."""
    share = np.maximum(above, 0)
    if not (total := float(share.sum())) > 0:
        return 0.0
    middle = float((share * settings.velocity).sum()) / total
    away = (settings.velocity - middle) ** 2
    by_noise = _LEFT * deviation * float(away.sum()) / total
    wide = max(float((share * away).sum()) / total - settings.point_spread - by_noise, 0.0)
    # Cubed, so that what noise widens a point by hardly counts.
    body = wide**3 / (wide**3 + (_HALF_BODY * settings.width**2) ** 3)
    return body * (middle - velocity)


@dataclass
class KalmanFilter:
    """Speed and acceleration of a target whose jerk is white, from the speeds of windows."""

    jerk: float
    """Standard deviation of the jerk, m/s³."""
    hop: float
    """From window to window, s."""

    def __post_init__(self) -> None:
        q, h = self.jerk**2 * _JERK_LASTS, self.hop
        self._move = np.array([[1.0, h], [0.0, 1.0]])
        self._drive = q * np.array([[h**3 / 3, h**2 / 2], [h**2 / 2, h]])
        self.state: Real | None = None
        self.spread = np.zeros((2, 2))
        self.misfit = 0.0
        """Minus twice the logarithm of the likelihood so far."""

    def step(self, velocity: float, variance: float) -> tuple[Real, Real, Real, Real]:
        """Take in a window's speed, NaN for none.

        Returns
        -------
        state, spread, state_before, spread_before : numpy.ndarray
            Mean and covariance of (speed, acceleration), with the window and without.
        """
        if self.state is None:
            self.state = np.array([velocity, 0.0])
            self.spread = np.diag([variance, _FIRST_ACCELERATION**2])
            return self.state, self.spread, self.state, self.spread
        before = self._move @ self.state
        spread_before = self._move @ self.spread @ self._move.T + self._drive
        self.state, self.spread = before, spread_before
        if np.isfinite(velocity):
            off, size = velocity - before[0], spread_before[0, 0] + variance
            gain = spread_before[:, 0] / size
            self.state = before + gain * off
            self.spread = spread_before - np.outer(gain, spread_before[0])
            self.misfit += off**2 / size + np.log(size)
        return self.state, self.spread, before, spread_before


def live_filter(settings: TrackSettings) -> KalmanFilter:
    """Filter of a target that nothing is known of yet."""
    return KalmanFilter(_LIVE_JERK, settings.hop_s)


def smoothed(velocity: Real, variance: Real, settings: TrackSettings) -> Course:
    """Speed and acceleration of a whole ridge.

    Parameters
    ----------
    velocity, variance : numpy.ndarray, shape (window,)
        Of the windows' peaks; NaN where a window cannot tell. The first one can.
    settings : TrackSettings
        With hop and window.
    """
    # Windows that overlap share their noise: they count for fewer.
    variance = variance * max(settings.window_s / (2 * settings.hop_s), 1.0)
    jerk = min(_JERKS, key=lambda j: _filtered(velocity, variance, j, settings).misfit)
    run = KalmanFilter(jerk, settings.hop_s)
    steps = [run.step(v, r) for v, r in zip(velocity, variance, strict=True)]
    state, spread = steps[-1][0], steps[-1][1]
    states, spreads = [state], [spread]
    for n in range(len(steps) - 2, -1, -1):
        here, size, _, _ = steps[n]
        _, _, ahead, size_ahead = steps[n + 1]
        back = size @ run._move.T @ np.linalg.inv(size_ahead)
        state = here + back @ (state - ahead)
        spread = size + back @ (spread - size_ahead) @ back.T
        states.append(state)
        spreads.append(spread)
    mean = np.array(states[::-1])
    deviation = np.sqrt(np.maximum(np.diagonal(np.array(spreads[::-1]), axis1=1, axis2=2), 0))
    return Course(mean[:, 0], deviation[:, 0], mean[:, 1], deviation[:, 1])


def _filtered(velocity: Real, variance: Real, jerk: float, settings: TrackSettings) -> KalmanFilter:
    run = KalmanFilter(jerk, settings.hop_s)
    for v, r in zip(velocity, variance, strict=True):
        run.step(v, r)
    return run
