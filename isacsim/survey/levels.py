"""Levels of a window: static, moving and noise power, how fast what moves turns, and how the amplitude varies."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["delay_basis", "doppler_half", "levels_db", "split_power"]

Real = NDArray[np.float64]

# Indoor paths differ by less than this in delay, s: what lies beyond it in a packet's response is noise.
_LONGEST = 200e-9
# Least share of noise in what moves, and of what moves in it: the difference of two estimates may fall below zero.
_LEAST = 0.03
_FREQUENCIES = 128


@lru_cache(maxsize=4)
def delay_basis(frequency: tuple[float, ...]) -> NDArray[np.complex128]:
    """Orthonormal basis of what delays within ±200 ns make of the subcarriers, all but 1e-3 of it."""
    f = np.array(frequency)
    delay = np.linspace(-_LONGEST, _LONGEST, 161)
    steering = np.exp(-2j * np.pi * (f - f.mean())[:, np.newaxis] * delay)
    basis, size, _ = np.linalg.svd(steering, full_matrices=False)
    return np.asarray(basis[:, size > 1e-3 * size[0]])


def split_power(values: NDArray[np.complexfloating], frequency: Real) -> tuple[float, float, float]:
    """Static power, power of all that changes, and noise power in it, per subcarrier and packet.

    Parameters
    ----------
    values : array, complex, shape (subcarrier, packet)
        One receiver, packets in line.
    frequency : array, shape (subcarrier,)
        Hz.

    Notes
    -----
    Noise is what of the moving part no delays within ±200 ns explain, times the share of the subcarriers' space that
    these leave.
    """
    mean = values.mean(axis=-1, keepdims=True)
    moving = values - mean
    basis = delay_basis(tuple(frequency))
    total = float((np.abs(moving) ** 2).mean())
    rest = moving - basis @ (basis.conj().T @ moving)
    free = max(len(basis) - basis.shape[1], 1)
    noise = float((np.abs(rest) ** 2).sum()) / (free * values.shape[1])
    return float((np.abs(mean) ** 2).mean()), total, noise


def levels_db(csi: xr.DataArray) -> tuple[float, float]:
    """Static over moving power and moving power over noise of a window, dB; the latter within ±15 dB.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims (subcarrier, packet)
    """
    values = csi.transpose("subcarrier", "packet").values.astype(np.complex128)
    static, total, noise = split_power(values, csi.coords["frequency"].values)
    noise = float(np.clip(noise, _LEAST * total, (1 - _LEAST) * total))
    return 10 * np.log10(static / (total - noise)), 10 * np.log10((total - noise) / noise)


def doppler_half(values: NDArray[np.complexfloating], frequency: Real, time: Real, interval: float) -> float:
    """Frequency in Hz, of either sign, below which half of the moving energy lies.

    Parameters
    ----------
    values : array, complex, shape (subcarrier, packet)
        One receiver, packets in line, at any times.
    frequency : array, shape (subcarrier,)
        Hz.
    time : array, shape (packet,)
        s.
    interval : float
        Typical packet interval, s: half its inverse is the highest frequency looked at.

    Notes
    -----
    Energy of what delays within ±200 ns explain, by direct sums at the packets' own times; the median over frequencies
    is taken for noise.
    """
    basis = delay_basis(tuple(frequency))
    moving = basis.conj().T @ (values - values.mean(axis=-1, keepdims=True))
    hz = np.linspace(0, 0.5 / interval, _FREQUENCIES)
    turn = (
        np.exp(-2j * np.pi * np.outer(time - time.mean(), hz)) * np.hanning(time.size + 2)[1:-1, np.newaxis]
    )
    power = (np.abs(moving @ turn) ** 2 + np.abs(moving @ turn.conj()) ** 2).sum(axis=0)
    power = np.maximum(power - np.median(power), 0)
    total = np.cumsum(power)
    return float(np.interp(total[-1] / 2, total, hz)) if total[-1] > 0 else 0.0
