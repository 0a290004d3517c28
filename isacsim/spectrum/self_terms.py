"""Lag products of single paths, averaged over subcarriers, without their CSI ever being written.

For the clean spectrum each path's own signal is needed at every subcarrier and packet, several times the size of the
capture. But over a window a path moves a few metres, over which the band's frequencies turn a few times. So as a
function of the delay, a sum over subcarriers is a polynomial of some twenty terms (Jacobi-Anger: exp(-jzx) has the
Chebyshev coefficients (-j)^m J_m(z), which vanish beyond m = z). So subcarriers and packets never meet.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.compute.jit import JIT
from isacsim.compute.phasor import cis

__all__ = ["self_products"]

_LANES = 16
# What is cut off each polynomial, relative to the sum over subcarriers.
_CUT = 1e-13


@njit(**JIT)
def _terms(z):  # type: ignore[no-untyped-def]
    """Number of Chebyshev terms that exp(-jzx) needs: |J_m(z)| <= (z/2)^m / m! (DLMF 10.14.4) is below _CUT there."""
    bound = 1.0
    m = 0
    while bound > _CUT or m < z:
        m += 1
        bound *= z / (2 * m)
    return m + 1


@njit(**JIT)
def _at_nodes(scale, spacing, weight):  # type: ignore[no-untyped-def]
    """Chebyshev nodes' cosines (node, term) and exp(-j2πΔ_k · scale · node), (node, subcarrier).

    Δ_k are the subcarriers' distances from the middle one.
    """
    n_sub = weight.size
    n = _terms(np.pi * spacing * n_sub * scale)
    terms = np.empty((n, n))
    wave = np.empty((n, n_sub), np.complex128)
    for m in range(n):
        angle = np.pi * (m + 0.5) / n
        for j in range(n):
            terms[m, j] = np.cos(j * angle)
        turns = -spacing * scale * np.cos(angle)
        a = 2 * np.pi * turns
        turn = complex(np.cos(a), np.sin(a))
        middle = n_sub // 2
        wave[m, middle] = 1.0
        for k in range(middle + 1, n_sub):
            wave[m, k] = wave[m, k - 1] * turn
        for k in range(middle - 1, -1, -1):
            wave[m, k] = wave[m, k + 1] * turn.conjugate()
    return terms, wave


@njit(**JIT)
def _series(values, terms):  # type: ignore[no-untyped-def]
    """Chebyshev coefficients of the polynomial with these values at the nodes."""
    n = values.size
    out = np.zeros(n, np.complex128)
    for j in range(n):
        for m in range(n):
            out[j] += values[m] * terms[m, j]
        out[j] *= (1.0 if j == 0 else 2.0) / n
    return out


@njit(**JIT)
def _evaluate(series, x, real, imag):  # type: ignore[no-untyped-def]
    """Fill the real and imaginary part of the Chebyshev series at x (Clenshaw's recurrence, all x at once)."""
    n = x.size
    before_r, before_i = np.zeros(n), np.zeros(n)
    real[:] = 0
    imag[:] = 0
    for j in range(series.size - 1, 0, -1):
        c = series[j].real
        d = series[j].imag
        for i in range(n):
            a = c + 2 * x[i] * real[i] - before_r[i]
            b = d + 2 * x[i] * imag[i] - before_i[i]
            before_r[i] = real[i]
            before_i[i] = imag[i]
            real[i] = a
            imag[i] = b
    c = series[0].real
    d = series[0].imag
    for i in range(n):
        real[i] = c + x[i] * real[i] - before_r[i]
        imag[i] = d + x[i] * imag[i] - before_i[i]


@njit(**JIT)
def _moments(x, real, imag, n_term):  # type: ignore[no-untyped-def]
    """Mean over packets of (real + j imag) T_m(x) for the Chebyshev polynomials m < n_term."""
    n = x.size
    # Partial sums side by side: one alone would wait for itself at every addition.
    out = np.empty(n_term, np.complex128)
    this, last = np.ones(n), x.copy()  # T_0 and T_-1 = T_1
    padded = (n + _LANES - 1) // _LANES * _LANES
    product_r, product_i = np.zeros(padded), np.zeros(padded)
    part_r, part_i = np.empty(_LANES), np.empty(_LANES)
    for m in range(n_term):
        for i in range(n):
            product_r[i] = real[i] * this[i]
            product_i[i] = imag[i] * this[i]
        part_r[:] = 0
        part_i[:] = 0
        for t in range(0, padded, _LANES):
            some_r = product_r[t : t + _LANES]
            some_i = product_i[t : t + _LANES]
            for i in range(_LANES):
                part_r[i] += some_r[i]
                part_i[i] += some_i[i]
        out[m] = complex(part_r.sum() / n, part_i.sum() / n)
        for i in range(n):
            following = 2 * x[i] * this[i] - last[i]
            last[i] = this[i]
            this[i] = following
    return out


@njit(**JIT)
def _scaled(delay):  # type: ignore[no-untyped-def]
    """Delays as middle + scale · x with x from -1 to 1."""
    low = delay.min()
    high = delay.max()
    middle = (low + high) / 2
    scale = max((high - low) / 2, 1e-18)  # a path at rest: any scale will do
    return (delay - middle) / scale, middle, scale


@njit(**JIT)
def _self_products(delay, power, middle, spacing, weight, lag, remove_static, out):  # type: ignore[no-untyped-def]
    """Fill out (path, N): mean over subcarriers of weight · x(t+lag) conj(x(t)), x a path less its own mean.

    With x_k = c exp(-j2πΔ_k τ), c the middle subcarrier's, and its mean μ_k this is
    Σ_k w_k [x_k(t+lag) x_k*(t) - x_k(t+lag) μ_k* - μ_k x_k*(t) + |μ_k|²] / K.
    """
    n_path, n_packet = delay.shape
    n = n_packet - lag
    n_sub = weight.size
    real, imag = np.empty(n_packet), np.empty(n_packet)
    sum_r, sum_i = np.empty(n_packet), np.empty(n_packet)
    for p in range(n_path):
        tau = delay[p]
        for i in range(n_packet):
            real[i], imag[i] = cis(-middle * tau[i])
        # Σ_k w_k exp(-j2πΔ_k (τ(t+lag) - τ(t)))
        x, centre, scale = _scaled(tau[lag:] - tau[:n])
        terms, wave = _at_nodes(scale, spacing, weight)
        shift = _shift(centre, spacing, n_sub) * weight
        values = np.zeros(len(terms), np.complex128)
        for m in range(len(terms)):
            for k in range(n_sub):
                values[m] += wave[m, k] * shift[k]
        _evaluate(_series(values, terms), x, sum_r[:n], sum_i[:n])
        for i in range(n):
            c = real[i + lag] * real[i] + imag[i + lag] * imag[i]
            d = imag[i + lag] * real[i] - real[i + lag] * imag[i]
            out[p, i] = power[p] / n_sub * complex(c * sum_r[i] - d * sum_i[i], c * sum_i[i] + d * sum_r[i])
        if not remove_static:
            continue
        x, centre, scale = _scaled(tau)
        terms, wave = _at_nodes(scale, spacing, weight)
        # The delay's middle turns x_k and μ_k alike: it cancels. μ_k = Σ_m E_mk u_m with u from the moments of c.
        n_term = len(terms)
        moments = _moments(x, real, imag, n_term)
        mean = np.zeros(n_sub, np.complex128)
        for m in range(n_term):
            u = moments[0] / n_term
            for j in range(1, n_term):
                u += 2 / n_term * moments[j] * terms[m, j]
            for k in range(n_sub):
                mean[k] += wave[m, k] * u
        square = 0.0
        for k in range(n_sub):
            square += weight[k] * (mean[k].real ** 2 + mean[k].imag ** 2)
            mean[k] = weight[k] * mean[k].conjugate()
        values = np.zeros(n_term, np.complex128)
        for m in range(n_term):
            for k in range(n_sub):
                values[m] += wave[m, k] * mean[k]
        _evaluate(_series(values, terms), x, sum_r, sum_i)
        for i in range(n_packet):  # Σ_k w_k x_k(t) μ_k*
            c = real[i] * sum_r[i] - imag[i] * sum_i[i]
            sum_i[i] = real[i] * sum_i[i] + imag[i] * sum_r[i]
            sum_r[i] = c
        for i in range(n):
            out[p, i] += (
                power[p] / n_sub * complex(square - sum_r[i + lag] - sum_r[i], sum_i[i] - sum_i[i + lag])
            )


@njit(**JIT)
def _shift(delay, spacing, n_sub):  # type: ignore[no-untyped-def]
    """exp(-j2πΔ_k · delay), shape (subcarrier,)."""
    out = np.empty(n_sub, np.complex128)
    for k in range(n_sub):
        angle = -2 * np.pi * (k - n_sub // 2) * spacing * delay
        out[k] = complex(np.cos(angle), np.sin(angle))
    return out


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
    """Lag product of each path by itself: its CSI, then `isacsim.spectrum.lag_product.lag_product` with ``average``.

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
    out = np.empty((path_length.shape[0], path_length.shape[1] - lag), np.complex128)
    delay = np.ascontiguousarray(path_length / speed_of_light)
    middle = float(frequency[frequency.size // 2])
    _self_products(delay, amplitude**2, middle, spacing, weight, lag, remove_static, out)
    return (out if phase_sign > 0 else out.conj()).astype(np.complex64)
