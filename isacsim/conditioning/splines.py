"""The cubic spline of `isacsim.conditioning.resampling` for the many channels of an array, in single precision.

The spline is linear in the packets: its slopes solve a tridiagonal system that is the same for all channels. It is
factored once; each channel then costs nine multiplications a packet, where SciPy's spline costs some hundred.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from isacsim.compute.jit import JIT, fma

__all__ = ["MANY", "spline_of_many"]

Real = NDArray[np.float64]

# Channels from which on this is used: below, SciPy's spline in double precision keeps its bits.
MANY = 2048
# Channels that go through together, beside each other in memory.
_BESIDE = 16


class _Weights(NamedTuple):
    """All that a channel is multiplied with; float32."""

    right: NDArray[np.float32]
    """(packet, 3): weights of three packets in the eliminated right-hand side."""
    before: NDArray[np.float32]
    """(packet,): weight of the one before in elimination."""
    after: NDArray[np.float32]
    """(packet,): weight of the slope after in substitution."""
    interval: NDArray[np.int64]
    """(grid,): packet before each point of the grid."""
    hermite: NDArray[np.float32]
    """(grid, 4): weights of the two packets and of their slopes."""


def _weights(time: Real, grid: Real, free: tuple[bool, bool]) -> _Weights:
    """Factor the system; ``free`` ends have no curvature, others go on as the cubic of the next interval."""
    n, dx = time.size, np.diff(time)
    lower, diagonal, upper, right = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, 3))
    diagonal[1:-1] = 2 * (dx[:-1] + dx[1:])
    upper[1:-1], lower[1:-1] = dx[:-1], dx[1:]
    # 3 (dx[i] slope[i-1] + dx[i-1] slope[i]), slopes of the chords.
    left, ahead = 3 * dx[1:] / dx[:-1], 3 * dx[:-1] / dx[1:]
    right[1:-1] = np.stack([-left, left - ahead, ahead], axis=1)
    for end, (near, next_) in ((0, (dx[0], dx[1])), (n - 1, (dx[-1], dx[-2]))):
        first = end == 0
        row = np.zeros(3)
        if free[0 if first else 1]:
            diagonal[end], beyond = 2 * near, near
            row[:2] = [-3, 3]
        else:
            both = near + next_
            diagonal[end], beyond = next_, both
            a, b = (near + 2 * both) * next_ / both / near, near**2 / both / next_
            row[:] = [-a, a - b, b]
        if first:
            upper[end], right[end] = beyond, row
        else:
            # The same mirrored: chords change their sign, packets their order.
            lower[end], right[end] = beyond, -row[::-1]
    before, after = np.zeros(n), np.zeros(n)
    for i in range(n):
        pivot = diagonal[i] - (lower[i] * after[i - 1] if i else 0.0)
        before[i], after[i] = -lower[i] / pivot, upper[i] / pivot
        right[i] /= pivot
    interval = np.clip(np.searchsorted(time, grid, side="right") - 1, 0, n - 2)
    h = dx[interval]
    u = (grid - time[interval]) / h
    hermite = np.stack(
        [(1 + 2 * u) * (1 - u) ** 2, u**2 * (3 - 2 * u), h * u * (1 - u) ** 2, h * u**2 * (u - 1)], axis=1
    )
    single = (x.astype(np.float32) for x in (right, before, after, hermite))
    r, b, c, d = single
    return _Weights(r, b, c, interval, d)


@njit(parallel=True, **JIT)
def _interpolate(values, right, before, after, interval, hermite, out):  # type: ignore[no-untyped-def]
    """Fill out (channel, grid) with the splines through values (channel, packet), complex64."""
    n_channel, n = values.shape
    for block in prange((n_channel + _BESIDE - 1) // _BESIDE):
        c0 = block * _BESIDE
        width = min(_BESIDE, n_channel - c0)
        y = np.zeros((n, 2 * _BESIDE), np.float32)
        slope = np.zeros((n + 1, 2 * _BESIDE), np.float32)
        for c in range(width):
            for i in range(n):
                y[i, 2 * c] = values[c0 + c, i].real
                y[i, 2 * c + 1] = values[c0 + c, i].imag
        for i in range(n):
            j = min(max(i - 1, 0), n - 3)
            p, q, r, s = right[i, 0], right[i, 1], right[i, 2], before[i]
            past = slope[i - 1] if i else slope[n]
            for k in range(2 * _BESIDE):
                slope[i, k] = fma(s, past[k], fma(r, y[j + 2, k], fma(q, y[j + 1, k], p * y[j, k])))
        for i in range(n - 2, -1, -1):
            s = -after[i]
            for k in range(2 * _BESIDE):
                slope[i, k] = fma(s, slope[i + 1, k], slope[i, k])
        line = np.empty(2 * _BESIDE, np.float32)
        for g in range(interval.size):
            i = interval[g]
            p, q, r, s = hermite[g, 0], hermite[g, 1], hermite[g, 2], hermite[g, 3]
            for k in range(2 * _BESIDE):
                line[k] = fma(p, y[i, k], fma(q, y[i + 1, k], fma(r, slope[i, k], s * slope[i + 1, k])))
            for c in range(width):
                out[c0 + c, g] = complex(line[2 * c], line[2 * c + 1])


def spline_of_many(
    time: Real, values: NDArray[np.complex64], grid: Real, free: tuple[bool, bool]
) -> NDArray[np.complex64]:
    """Cubic splines through the packets of many channels.

    Parameters
    ----------
    time : numpy.ndarray, shape (packet,)
        s, ascending; at least four.
    values : numpy.ndarray, complex64, shape (channel, packet)
    grid : numpy.ndarray, shape (grid,)
        s, within the span of ``time``.
    free : (bool, bool)
        Ends that have no curvature; others go on as the cubic of the next interval.

    Returns
    -------
    numpy.ndarray, complex64, shape (channel, grid)
        Within some eps of single precision of the packets' size of SciPy's ``CubicSpline``.
    """
    out = np.empty((len(values), grid.size), np.complex64)
    # Weights of slopes are products with times: from the first packet on, so that a clock's start does not round them.
    _interpolate(values, *_weights(time - time[0], grid - time[0], free), out)
    return out
