"""Lag products of single paths, averaged over subcarriers, without their CSI ever being written.

For the clean spectrum each path's own signal is needed at every subcarrier and packet, several times the size of the
capture. Here a path passes through one row of packets, which stays in the cache.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.channel.paths import TILE_SUBCARRIERS, phasors
from isacsim.jit import JIT

__all__ = ["self_products"]

_LANES = 32


@njit(**JIT)
def _sum(x, partial):  # type: ignore[no-untyped-def]
    """Sum over partial sums side by side: one alone would wait for itself at every addition."""
    partial[:] = 0
    for t in range(0, x.size - _LANES + 1, _LANES):
        some = x[t : t + _LANES]
        for i in range(_LANES):
            partial[i] += some[i]
    total = 0.0
    for i in range(_LANES):
        total += partial[i]
    for i in range(x.size - x.size % _LANES, x.size):
        total += x[i]
    return total


@njit(**JIT)
def _self_products(delay, amplitude, frequency, spacing, weight, lag, remove_static, out):  # type: ignore[no-untyped-def]
    """Fill out (path, N): mean over subcarriers of weight · x(t+lag) conj(x(t)), x a path less its own mean."""
    n_path, n_packet = delay.shape
    n = n_packet - lag
    real = np.empty(n_packet, np.float32)
    imag = np.empty(n_packet, np.float32)
    turn_real = np.empty(n_packet, np.float32)
    turn_imag = np.empty(n_packet, np.float32)
    x = np.empty(n_packet, np.float32)
    y = np.empty(n_packet, np.float32)
    re = np.empty(n, np.float32)
    im = np.empty(n, np.float32)
    partial = np.empty(_LANES, np.float32)
    for p in range(n_path):
        phasors(delay[p], 1.0, 0.0, spacing, turn_real, turn_imag)
        re[:] = 0
        im[:] = 0
        for k in range(frequency.size):
            if k % TILE_SUBCARRIERS == 0:
                phasors(delay[p], amplitude[p], 0.0, frequency[k], real, imag)
            mean_real = np.float32(0)
            mean_imag = np.float32(0)
            if remove_static:
                mean_real = np.float32(_sum(real, partial) / n_packet)
                mean_imag = np.float32(_sum(imag, partial) / n_packet)
            root = np.float32(np.sqrt(weight[k] / frequency.size))
            for i in range(n_packet):
                x[i] = root * (real[i] - mean_real)
                y[i] = root * (imag[i] - mean_imag)
            late_x, late_y = x[lag:], y[lag:]
            for i in range(n):
                re[i] += late_x[i] * x[i] + late_y[i] * y[i]
                im[i] += late_y[i] * x[i] - late_x[i] * y[i]
            for i in range(n_packet):
                a = real[i]
                b = imag[i]
                real[i] = a * turn_real[i] - b * turn_imag[i]
                imag[i] = a * turn_imag[i] + b * turn_real[i]
        for i in range(n):
            out[p, i] = complex(re[i], im[i])


def self_products(
    path_length: NDArray[np.float64],
    amplitude: NDArray[np.float64],
    frequency: NDArray[np.float64],
    lag: int,
    *,
    spacing: float,
    weight: NDArray[np.float64],
    remove_static: bool,
    phase_sign: int,
) -> NDArray[np.complex64]:
    """Lag product of each path by itself: its CSI, then :func:`isacsim.lag_product.lag_product` with ``average``.

    Parameters
    ----------
    path_length : numpy.ndarray, shape (path, packet)
        Length of each path at each packet, m.
    amplitude : numpy.ndarray, shape (path,)
        Real amplitudes.
    frequency : numpy.ndarray, shape (subcarrier,)
        Subcarrier frequencies, Hz.
    lag : int
        2φ in packets.
    spacing : float
        Their uniform spacing, Hz.
    weight : numpy.ndarray, shape (subcarrier,)
        Power by which a reference channel weights each subcarrier.
    remove_static : bool
        Zero the zero-frequency bin over the window first.
    phase_sign : int
        Sign σ that the CSI is taken to have; simulated paths have -1.

    Returns
    -------
    numpy.ndarray, complex64, shape (path, packet - lag)
    """
    out = np.empty((path_length.shape[0], path_length.shape[1] - lag), np.complex64)
    delay = np.ascontiguousarray(path_length / speed_of_light)
    _self_products(delay, amplitude, frequency, spacing, weight, lag, remove_static, out)
    return out if phase_sign > 0 else out.conj()
