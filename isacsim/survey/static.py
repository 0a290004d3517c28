"""Delay spread and K-factor of a static channel, by likelihood, with how far they can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, logsumexp

__all__ = ["StaticChannel", "static_channel"]

Real = NDArray[np.float64]

_SPREADS_NS = np.geomspace(4.0, 250.0, 36)
_K_DB = np.arange(-10.0, 21.0, 1.5)
# What hardware adds, independent from subcarrier to subcarrier, as a share of the power: at least, and at most.
_RIPPLE = 1e-3, 0.1
_MOST_SUBCARRIERS = 64
# The line of sight comes so long before the strongest delay at most, s.
_BEFORE = 200e-9
# Steps of that delay a sample: half a one turns the line by less than the ripple.
_FINE = 32


@dataclass(frozen=True)
class StaticChannel:
    """Median and 68 % interval of each, under a flat prior in ns (logarithm) and dB."""

    delay_spread_ns: tuple[float, float, float]
    """Low, median, high."""
    k_factor_db: tuple[float, float, float]
    """Low, median, high."""


def static_channel(response: NDArray[np.complexfloating], frequency: Real) -> StaticChannel:
    """Fit a line of sight and exponential taps.

    Parameters
    ----------
    response : array, complex, shape (receiver, subcarrier)
        Static channels of one place, taps independent from receiver to receiver. Powers, phases and delays are free.
    frequency : array, shape (subcarrier,)
        Hz, ascending.

    Notes
    -----
    The model of environment ``rayleigh``: taps that decay exponentially from the line of sight's delay on, so that the
    correlation over frequency is ``1 / (1 + j2πΔf τ)``, and a line of power K over theirs. The likelihood is Gaussian;
    each receiver's power is the one that fits best, over phases and first delays it is averaged. One receiver of 20 MHz
    hardly tells either number: the interval says so.
    """
    keep = np.unique(np.linspace(0, frequency.size - 1, min(frequency.size, _MOST_SUBCARRIERS)).astype(int))
    f = frequency[keep] - frequency[keep].mean()
    responses = [np.asarray(one[keep], np.complex128) for one in response]
    ripples = [_ripple(one, f) for one in responses]
    score = np.zeros((_SPREADS_NS.size, _K_DB.size))
    kappa = np.sqrt(10 ** (_K_DB / 10))
    turned = [
        np.exp(2j * np.pi * f[:, np.newaxis] * _delays(one, f)) * one[:, np.newaxis] for one in responses
    ]
    for i, spread in enumerate(_SPREADS_NS):
        covariance = 1 / (1 + 2j * np.pi * (f[:, np.newaxis] - f) * spread * 1e-9)
        size, basis = np.linalg.eigh(covariance)
        line = basis.conj().T @ np.ones(f.size)
        for y, (ripple, added) in zip(turned, ripples, strict=True):
            # Taps of unit power and a line of power K carry ripple in proportion to both.
            variance = np.maximum(size, 0) + ripple * (1 + kappa[:, np.newaxis] ** 2)
            weight = 1 / variance
            determinant = np.log(variance).sum(axis=1)
            a = weight @ np.abs(line) ** 2
            seen = basis.conj().T @ y
            b = np.abs((weight * line.conj()) @ seen)
            # As if the response had that ripple: with less, its lack would decide all else.
            q = weight @ (np.abs(seen) ** 2 + added)
            k = kappa[:, np.newaxis]
            # Of exp(-(q - 2 b k s + a k² s²) / s²) / s^2n the largest over 1/s, in closed form.
            inverse = (b * k + np.sqrt((b * k) ** 2 + 4 * f.size * q)) / (2 * q)
            turn = 2 * b * k * inverse
            like = 2 * f.size * np.log(inverse) - q * inverse**2 + turn - a[:, np.newaxis] * k**2
            # Any phase and any delay of the line is as likely as any other: means, not maxima, which favour large K.
            score[i] += logsumexp(like + np.log(i0e(turn)), axis=1) - determinant
    weight = np.exp(score - score.max())
    return StaticChannel(
        _interval(np.log(_SPREADS_NS), weight.sum(axis=1), np.exp),
        _interval(_K_DB, weight.sum(axis=0), np.asarray),
    )


def _ripple(response: NDArray[np.complex128], f: Real) -> tuple[float, float]:
    """Share of ripple to reckon with, and how much of it, as power, is not in the response."""
    power = float((np.abs(response) ** 2).mean())
    there = 0.0
    step = np.diff(f)
    if f.size > 8 and np.ptp(step) < 0.01 * step[0]:
        # The delays farthest from the strongest one, round the circle of 1 / spacing: no room answers so late.
        window = np.hanning(f.size + 2)[1:-1]
        size = 4 * f.size
        over_delay = np.abs(np.fft.ifft(response * window, size) * size) ** 2 / (window**2).sum()
        late = (np.arange(size) - int(over_delay.argmax())) % size
        there = float(over_delay[np.abs(late - size / 2) < size / 8].mean())
    ripple = float(np.clip(there / power, *_RIPPLE))
    return ripple, max(ripple * power - there, 0.0)


def _strongest(response: NDArray[np.complex128], f: Real) -> float:
    """Delay at which the response is strongest, s."""
    wide = np.linspace(-0.5, 0.5, 8 * f.size) * (f.size - 1) / max(float(np.ptp(f)), 1.0)
    return float(wide[int(np.abs(np.exp(2j * np.pi * wide[:, np.newaxis] * f) @ response).argmax())])


def _delays(response: NDArray[np.complex128], f: Real) -> Real:
    """Delays that the line of sight may have: from 200 ns before the strongest one to half a sample behind."""
    span = max(float(np.ptp(f)), 1.0)
    tried = np.arange(-_BEFORE, _BEFORE, 1 / (_FINE * span)) if f.size > 1 else np.zeros(1)
    return np.asarray(_strongest(response, f) + tried[tried <= 0.5 / span])


def _interval(axis: Real, weight: Real, back: object) -> tuple[float, float, float]:
    """16, 50 and 84 % of a distribution over a uniform axis, each bin as wide as a step."""
    total = np.concatenate([[0.0], np.cumsum(weight)]) / weight.sum()
    edges = np.append(axis, axis[-1] + (axis[1] - axis[0])) - (axis[1] - axis[0]) / 2
    low, middle, high = np.interp((0.16, 0.5, 0.84), total, edges)
    change = back if callable(back) else np.asarray
    return float(change(low)), float(change(middle)), float(change(high))
