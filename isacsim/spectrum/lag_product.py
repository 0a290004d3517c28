"""CSI to the lag product R(t) = H(t+φ) H*(t-φ), the paper's eq. (12), and its mean over subcarriers."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from isacsim.compute.jit import JIT, fma

__all__ = ["lag_product", "statistics", "unit_exponent"]

# Amplitudes within 2^±this are left as they are: their fourth powers are far from the limits of float32.
_MODERATE = 10

_TILE = 256
_LANES = 32


@njit(parallel=True, **JIT)
def _statistics(csi, mean, power):  # type: ignore[no-untyped-def]
    """Mean and mean square over packets of csi (row, real and imaginary parts), in double precision."""
    n = csi.shape[1]
    for row in prange(csi.shape[0]):
        # Partial sums side by side, the real parts in the even ones: one alone would wait for itself at every addition.
        part = np.zeros(_LANES)
        square = np.zeros(_LANES)
        whole = csi[row]
        for t in range(0, n - _LANES + 1, _LANES):
            some = whole[t : t + _LANES]
            for i in range(_LANES):
                x = np.float64(some[i])
                part[i] += x
                square[i] = fma(x, x, square[i])
        for t in range(n - n % _LANES, n):
            x = np.float64(whole[t])
            part[t % 2] += x
            square[t % 2] += x * x
        mean[row] = complex(part[::2].sum() / (n // 2), part[1::2].sum() / (n // 2))
        power[row] = square.sum() / (n // 2)


def statistics(csi: NDArray[np.complex64]) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Mean (the zero-frequency bin) and mean square of csi (..., packet), both over packets, in one reading."""
    rows = csi.reshape(-1, csi.shape[-1]).view(np.float32)
    mean, power = np.empty(len(rows), np.complex128), np.empty(len(rows))
    _statistics(rows, mean, power)
    return mean.reshape(csi.shape[:-1]), power.reshape(csi.shape[:-1])


@njit(parallel=True, **JIT)
def _product(csi, mean, lag, sign, average, out):  # type: ignore[no-untyped-def]
    """R over csi (capture, subcarrier, packet) into out (capture, 1 or subcarrier, N); sign -1 conjugates."""
    n = out.shape[2]
    n_t = (n + _TILE - 1) // _TILE
    for tile in prange(csi.shape[0] * n_t):
        c = tile // n_t
        t0 = (tile % n_t) * _TILE
        width = min(_TILE, n - t0)
        re = np.zeros(_TILE, np.float32)
        im = np.zeros(_TILE, np.float32)
        weight = np.float32(1.0 / csi.shape[1]) if average else np.float32(1.0)
        for k in range(csi.shape[1]):
            early = csi[c, k, t0 : t0 + width]
            late = csi[c, k, t0 + lag : t0 + lag + width]
            mr = mean[c, k].real
            mi = mean[c, k].imag
            for i in range(width):
                a = late[i].real - mr
                b = late[i].imag - mi
                u = early[i].real - mr
                v = early[i].imag - mi
                re[i] = fma(a, u, fma(b, v, re[i]))
                im[i] = fma(b, u, fma(-a, v, im[i]))
            if not average or k == csi.shape[1] - 1:
                row = out[c, 0 if average else k, t0 : t0 + width]
                for i in range(width):
                    row[i] = complex(re[i] * weight, sign * im[i] * weight)
                re[:] = 0
                im[:] = 0


def lag_product(
    csi: NDArray[np.complex64], mean: NDArray[np.complex64], lag: int, *, phase_sign: int, average: bool
) -> NDArray[np.complex64]:
    """Lag product of captures.

    Parameters
    ----------
    csi : numpy.ndarray, complex64, shape (capture, subcarrier, packet)
        The CSI, uniform in time.
    mean : numpy.ndarray, complex64, shape (capture, subcarrier)
        What is taken off first: zero, or the mean over packets, which zeroes the zero-frequency bin over the window
        (method.md section 2, step 1).
    lag : int
        2φ in packets: R(t) pairs packets this far apart.
    phase_sign : int
        Sign σ of the CSI's phase; R is returned with sign +1, conjugated if σ = -1.
    average : bool
        Average R over subcarriers (cross-terms and noise fall, self-terms stay).

    Returns
    -------
    numpy.ndarray, complex64, shape (capture, 1 or subcarrier, packet - lag)
    """
    n_capture, n_sub, n_packet = csi.shape
    out = np.empty((n_capture, 1 if average else n_sub, n_packet - lag), np.complex64)
    _product(np.ascontiguousarray(csi), mean, lag, np.float32(phase_sign), average, out)
    return out


def unit_exponent(largest: NDArray[np.floating]) -> NDArray[np.int64]:
    """Power of two that brings captures with amplitudes up to ``largest`` to about 1, 0 where they are near enough.

    A spectrum is of fourth power: what is fine in float32 as CSI may not be as a spectrum. A power of two changes no
    digit.
    """
    exponent = np.frexp(largest)[1].astype(np.int64)
    return np.where((largest == 0) | (np.abs(exponent) <= _MODERATE), 0, exponent)
