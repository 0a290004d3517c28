"""Recordings made of exact path lengths: a static channel, what moves, and a receiver's errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.constants import speed_of_light

Real = NDArray[np.float64]
RATE = 500.0


def frequencies(count: int = 16, span: float = 20e6, carrier: float = 5.5e9) -> Real:
    return carrier + np.linspace(-span / 2, span / 2, count)


def recording(
    lengths: Sequence[Callable[[Real], Real]] = (),
    *,
    seconds: float = 8.0,
    amplitude: float | Sequence[float | Callable[[Real], Real]] = 0.1,
    noise: float = 0.03,
    receivers: int = 2,
    errors: bool = True,
    own_phases: bool = False,
    phase_sign: int = -1,
    frequency: Real | None = None,
    gain_steps_db: float = 0.0,
    seed: int = 0,
) -> xr.Dataset:
    """Path lengths in m as functions of time in s; noise is its deviation a channel, the static part's rms is 1."""
    rng = np.random.default_rng(seed)
    f = frequencies() if frequency is None else frequency
    time = np.arange(round(seconds * RATE)) / RATE
    # Six static paths of up to 30 m, so that the channel differs over frequency.
    static = np.zeros((receivers, f.size, 1), complex)
    for _ in range(6):
        weight = rng.standard_normal((receivers, 1, 2)) @ [1, 1j] / np.sqrt(12)
        static[..., 0] += weight * np.exp(-2j * np.pi * f * rng.uniform(3, 30) / speed_of_light)
    csi = np.repeat(static, time.size, axis=2)
    amplitudes = amplitude if isinstance(amplitude, Sequence) else [amplitude] * len(lengths)
    for length, strength in zip(lengths, amplitudes, strict=True):
        turns = f[:, np.newaxis] * length(time) / speed_of_light
        phase = np.exp(2j * np.pi * rng.random((receivers, 1, 1)))
        size = strength(time) if callable(strength) else strength
        csi = csi + size * phase * np.exp(-2j * np.pi * turns)
    if errors:
        of = receivers if own_phases else 1
        common = 2 * np.pi * rng.random((of, 1, time.size))
        timing = 10e-9 * rng.standard_normal((of, 1, time.size))
        csi = csi * np.exp(1j * common - 2j * np.pi * (f - f.mean())[:, np.newaxis] * timing)
    csi = csi + noise * rng.standard_normal((*csi.shape, 2)) @ [1, 1j] / np.sqrt(2)
    if gain_steps_db:
        steps = np.repeat(rng.integers(-3, 4, time.size // 50 + 1), 50)[: time.size]
        csi = csi * 10 ** (gain_steps_db * steps / 20)
    return xr.Dataset(
        {
            "csi": (
                ("receiver", "subcarrier", "packet"),
                (csi.conj() if phase_sign > 0 else csi).astype(np.complex64),
            )
        },
        coords={
            "frequency": ("subcarrier", f),
            "time": ("packet", time),
            "role": ("receiver", ["surveillance"] * receivers),
        },
        attrs={"phase_sign": phase_sign, "shared_phase_error": int(errors)},
    )


def steady(velocity: float) -> Callable[[Real], Real]:
    return lambda t: 20 + velocity * t


def swaying(velocity: float, sway: float, period: float) -> Callable[[Real], Real]:
    """Speed ``velocity + sway cos(2π t / period)``."""
    turn = 2 * np.pi / period
    return lambda t: 30 + velocity * t + sway / turn * np.sin(turn * t)


def swaying_speed(t: Real, velocity: float, sway: float, period: float) -> tuple[Real, Real]:
    """Speed and acceleration of `swaying`."""
    turn = 2 * np.pi / period
    return velocity + sway * np.cos(turn * t), -sway * turn * np.sin(turn * t)
