"""Captures for the studies: random paths, a static environment and noise, each from its own seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT

STATES = ("path_length", "velocity", "acceleration", "jerk")


def axes(
    subcarriers: int, packets: int = 1024, rate: float = 1e3, span: float = 80e6
) -> tuple[NDArray, NDArray]:
    """Packet times (s) and subcarrier frequencies (Hz) around 5.805 GHz, the paper's carrier."""
    return np.arange(packets) / rate, 5.805e9 + (
        np.linspace(-span / 2, span / 2, subcarriers) if subcarriers > 1 else np.zeros(1)
    )


def draw_paths(rng: np.random.Generator, n: int, spread: float = 0.3) -> dict[str, NDArray]:
    """Paths of the project's ranges: 3-15 m, +-3 m/s, +-6 m/s^2, +-30 m/s^3, ln A ~ N(0, spread^2)."""
    return {
        "path_length": rng.uniform(3, 15, n),
        "velocity": rng.uniform(-3, 3, n),
        "acceleration": rng.uniform(-6, 6, n),
        "jerk": rng.uniform(-30, 30, n),
        "amplitude": np.exp(spread * rng.normal(size=n)),
        "phase": rng.uniform(-np.pi, np.pi, n),
    }


def channel(time: NDArray, frequency: NDArray, paths: dict[str, NDArray] | None, sign: int = -1) -> NDArray:
    """Sum of the paths, (subcarrier, packet), without noise; states about the window's centre."""
    t = time - (time[0] + time[-1]) / 2
    h = np.zeros((frequency.size, t.size), complex)
    if paths is None:
        return h
    for i in range(paths["amplitude"].size):
        d0, v, a, r = (paths[name][i] for name in STATES)
        d = d0 + v * t + a * t**2 / 2 + r * t**3 / 6
        turns = np.outer(frequency / SPEED_OF_LIGHT, d)
        h += paths["amplitude"][i] * np.exp(
            1j * (paths["phase"][i] + sign * 2 * np.pi * (turns - np.round(turns)))
        )
    return h


def static_part(rng: np.random.Generator, frequency: NDArray, power_db: float, taps: int = 12) -> NDArray:
    """A Rayleigh environment, (subcarrier, 1), of a mean power, with an exponential profile of 60 ns."""
    delay = rng.exponential(60e-9, taps)
    gain = (rng.normal(size=taps) + 1j * rng.normal(size=taps)) * np.sqrt(10 ** (power_db / 10) / (2 * taps))
    return (np.exp(-2j * np.pi * np.outer(frequency, delay)) @ gain)[:, None]


def noise(rng: np.random.Generator, shape: tuple[int, ...], snr_db: float) -> NDArray:
    """Circular white noise of variance 10^(-snr_db / 10)."""
    return 10 ** (-snr_db / 20) * np.sqrt(0.5) * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
