"""Delay spread and K-factor of a static channel, from its amplitudes over frequency, with how far they can be told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.static import exponential_profile

__all__ = ["N_TAPS", "StaticChannel", "static_channel"]

Real = NDArray[np.float64]

N_TAPS = 24
"""Taps of the channels that are compared with: close enough that no band of Wi-Fi tells them apart."""
_SPREADS_NS = np.geomspace(4.0, 200.0, 24)
_K_DB = np.arange(-9.0, 21.0, 2.0)
_DRAWS = 80
_SEED = 1905
_MOST_SUBCARRIERS = 64
# What hardware adds to each subcarrier, as a share of the power.
_RIPPLE = 1e-3
# Statistics closer than this are alike, in natural logarithms: what filters of receivers do.
_ALIKE = 0.1


@dataclass(frozen=True)
class StaticChannel:
    """Median and 68 % interval of each, under a flat prior in ns (logarithm) and dB."""

    delay_spread_ns: tuple[float, float, float]
    """Low, median, high."""
    k_factor_db: tuple[float, float, float]
    """Low, median, high."""
    likely: tuple[float, float]
    """Both together, ns and dB: their joint mean (of the logarithm), since one makes up for the other."""


def static_channel(response: NDArray[np.complexfloating], frequency: Real) -> StaticChannel:
    """Find the exponential taps and line of sight whose channels have amplitudes like these.

    Parameters
    ----------
    response : array, complex, shape (receiver, subcarrier)
        Static channels of one place. Receivers' powers are free.
    frequency : array, shape (subcarrier,)
        Hz, ascending.

    Notes
    -----
    Receivers' filters turn the phase over frequency by a radian and more, alike on all antennas, which phases of paths
    cannot be told from; so amplitudes alone count. Three statistics of them (`_statistics`) are compared with those of
    80 channels of environment ``rayleigh`` for each delay spread and K-factor: Gaussian, with their mean and covariance
    (synthetic likelihood; S. N. Wood, Nature 466, 2010). One receiver of 20 MHz hardly tells either number; the
    intervals say so.
    """
    keep = np.unique(np.linspace(0, frequency.size - 1, min(frequency.size, _MOST_SUBCARRIERS)).astype(int))
    # Where the carrier lies does not matter for amplitudes: to whole kHz, so that the table is made once a grid.
    offset = tuple(np.rint((frequency[keep] - frequency[0]) / 1e3).tolist())
    mean, precision, determinant = _table(offset)
    found = _statistics(np.abs(response[:, keep]), np.array(offset))
    off = found[:, np.newaxis, np.newaxis] - mean
    score = -0.5 * (np.einsum("rski,skij,rskj->sk", off, precision, off) + len(found) * determinant)
    weight = np.exp(score - score.max())
    low, middle, high = _interval(np.log(_SPREADS_NS), weight.sum(axis=1))
    return StaticChannel(
        (float(np.exp(low)), float(np.exp(middle)), float(np.exp(high))),
        _interval(_K_DB, weight.sum(axis=0)),
        (
            float(np.exp(weight.sum(axis=1) @ np.log(_SPREADS_NS) / weight.sum())),
            float(weight.sum(axis=0) @ _K_DB / weight.sum()),
        ),
    )


@lru_cache(maxsize=8)
def _table(offset_khz: tuple[float, ...]) -> tuple[Real, Real, Real]:
    """Mean (spread, K, statistic), inverse covariance and its log determinant of simulated channels' statistics."""
    rng = np.random.default_rng(_SEED)
    khz = np.array(offset_khz)
    shape = _SPREADS_NS.size, _K_DB.size
    mean, precision, determinant = np.zeros((*shape, 3)), np.zeros((*shape, 3, 3)), np.zeros(shape)
    # The same draws everywhere, so that the likelihood is smooth.
    tap = rng.standard_normal((_DRAWS, N_TAPS, 2)) @ [1, 1j] / np.sqrt(2)
    ripple = rng.standard_normal((_DRAWS, khz.size, 2)) @ [1, 1j] * np.sqrt(_RIPPLE / 2)
    for i, spread in enumerate(_SPREADS_NS):
        delay, power = exponential_profile(spread * 1e-9, N_TAPS)
        taps = (tap * np.sqrt(power)) @ np.exp(-2j * np.pi * 1e3 * khz * delay[:, np.newaxis])
        for j, k in enumerate(10 ** (_K_DB / 10)):
            channel = (np.sqrt(k) + taps) / np.sqrt(1 + k) + ripple
            rows = _statistics(np.abs(channel), khz)
            covariance = np.cov(rows.T) + _ALIKE**2 * np.eye(3)
            mean[i, j] = rows.mean(axis=0)
            precision[i, j] = np.linalg.inv(covariance)
            determinant[i, j] = np.linalg.slogdet(covariance)[1]
    return mean, precision, determinant


def _statistics(amplitude: Real, khz: Real) -> Real:
    """Logarithms of how amplitudes in dB spread over frequency, how steep they are, how deep they fall; (row, 3)."""
    level = 20 * np.log10(np.maximum(amplitude, 1e-9 * amplitude.max()))
    # Over a 32nd of the band: closer subcarriers tell ripple rather than paths.
    lag = max(1, khz.size // 32)
    steep = (level[:, lag:] - level[:, :-lag]) / np.maximum(khz[lag:] - khz[:-lag], 1.0) * 1e3
    spread = level.std(axis=1)
    depth = level.mean(axis=1) - level.min(axis=1)
    rows = np.column_stack([spread, np.sqrt((steep**2).mean(axis=1)) if steep.size else spread, depth])
    return np.asarray(np.log(rows + 1e-3))


def _interval(axis: Real, weight: Any) -> tuple[float, float, float]:
    """16, 50 and 84 % of a distribution over a uniform axis, each bin as wide as a step."""
    total = np.concatenate([[0.0], np.cumsum(weight)]) / weight.sum()
    edges = np.append(axis, axis[-1] + (axis[1] - axis[0])) - (axis[1] - axis[0]) / 2
    low, middle, high = np.interp((0.16, 0.5, 0.84), total, edges)
    return float(low), float(middle), float(high)
