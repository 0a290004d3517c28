"""Paths kept in their delay cells while they walk: the keystone transform over subcarriers.

A path's phase is ``f d(t)/c``: with time stretched by f₀/f at each subcarrier, ``f v t f₀/f`` no longer depends on f,
so that no speed moves a path from cell to cell (R. P. Perry, R. C. DiPietro and R. L. Fante, IEEE Trans. AES 35(1),
1999). What is left is the quadratic term's walk, ``a t² / 2``.

It is done on the few delay cells that hold energy: their DFT gives as many wide subcarriers of what lies in them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numba import njit, prange
from numpy.typing import NDArray

from isacsim.compute.jit import JIT, fma

__all__ = ["keep_in_cells", "stretch"]

# Samples that a Lagrange polynomial goes through: at a tenth of the packet rate it errs by 1e-4.
_TAPS = 8
# Wide subcarriers for each delay cell: at the band's ends one holds some of the other end.
_WIDE = 2


def stretch(bandwidth: float, carrier: float) -> float:
    """Factor on the packet interval of what :func:`keep_in_cells` returns: no packet is read beyond the window."""
    return 1 - bandwidth / (2 * carrier)


def keep_in_cells(
    cells: NDArray[np.complex64], bandwidth: float, carrier: float, sign: int
) -> NDArray[np.complex64]:
    """Delay cells as they would be if no path changed its cell at constant speed.

    Parameters
    ----------
    cells : numpy.ndarray, complex64, shape (delay, packet, stream)
        Neighbouring delay cells, 1 / bandwidth apart.
    bandwidth : float
        Hz.
    carrier : float
        Frequency in the band's middle, Hz.
    sign : int
        Sign of the CSI's phase.

    Returns
    -------
    numpy.ndarray, complex64, shape (delay, packet, stream)
        Packets ``stretch(bandwidth, carrier)`` times as far apart, about the same middle.
    """
    n_delay, n, _ = cells.shape
    size = scipy.fft.next_fast_len(_WIDE * n_delay)
    there, back = (scipy.fft.fft, scipy.fft.ifft) if sign < 0 else (scipy.fft.ifft, scipy.fft.fft)
    wide = there(cells, size, axis=0)
    out = np.empty_like(wide)
    _interpolate(wide, *_taps(n, size, bandwidth / carrier), out)
    return np.ascontiguousarray(back(out, axis=0)[:n_delay])


@lru_cache(maxsize=16)
def _taps(n: int, size: int, relative: float) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """First sample (subcarrier, packet) and weights (subcarrier, packet, tap) of each stretched packet."""
    scale = (1 - relative / 2) / (1 + relative * scipy.fft.fftfreq(size))
    at = (n - 1) / 2 + np.outer(scale, np.arange(n) - (n - 1) / 2)
    first = np.clip(np.floor(at).astype(np.intp) - _TAPS // 2 + 1, 0, n - _TAPS)
    off = (at - first)[..., np.newaxis]
    nodes = np.arange(_TAPS, dtype=np.float64)
    weights = np.ones((*at.shape, _TAPS))
    for i in range(_TAPS):
        for j in range(_TAPS):
            if i != j:
                weights[..., i] *= (off[..., 0] - nodes[j]) / (nodes[i] - nodes[j])
    return first, weights.astype(np.float32)


@njit(parallel=True, **JIT)
def _interpolate(wide, first, weights, out):  # type: ignore[no-untyped-def]
    """Fill out (subcarrier, packet, stream) with weighted sums of neighbouring packets of wide."""
    n_stream = wide.shape[2]
    for j in prange(wide.shape[0]):
        re = np.empty(n_stream, np.float32)
        im = np.empty(n_stream, np.float32)
        for i in range(wide.shape[1]):
            re[:] = 0
            im[:] = 0
            for tap in range(weights.shape[2]):
                w = weights[j, i, tap]
                some = wide[j, first[j, i] + tap]
                for s in range(n_stream):
                    re[s] = fma(w, some[s].real, re[s])
                    im[s] = fma(w, some[s].imag, im[s])
            for s in range(n_stream):
                out[j, i, s] = complex(re[s], im[s])
