"""Slow literal references of the acceleration-jerk spectrum: method.md section 2 as loops, and the paper's keystone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

C = 299_792_458.0


def lag_product(csi: NDArray, lag: int, *, remove_static: bool, phase_sign: int) -> NDArray:
    """eq. (12), mean over subcarriers, phase sign made +1; csi (subcarrier, packet)."""
    h = csi.astype(np.complex128)
    if remove_static:
        h = h - h.mean(axis=1, keepdims=True)
    q = h.shape[1]
    out = np.empty(q - 2 * lag, complex)
    for t in range(q - 2 * lag):
        out[t] = (h[:, t + 2 * lag] * h[:, t].conj()).mean()
    return out if phase_sign == 1 else out.conj()


def double_loop(
    r: NDArray, dt: float, kappa: float, acceleration: NDArray, jerk: NDArray, first_lag: int, window: NDArray
) -> NDArray:
    """P(a, r) = Σ_m e^{-j2πκam} Σ_t R2(t, m) e^{-j2πκrtm}, over m = first_lag .. n-1, normalised by the pairs."""
    x = r * window
    n = x.size
    p = np.zeros((acceleration.size, jerk.size), complex)
    pairs = 0.0
    for m in range(first_lag, n):
        r2 = x[m:] * x[: n - m].conj()
        t = (np.arange(n - m) - (n - m - 1) / 2) * dt
        over_t = np.exp(-2j * np.pi * kappa * jerk[:, None] * t * (m * dt)) @ r2
        p += np.exp(-2j * np.pi * kappa * acceleration * (m * dt))[:, None] * over_t
        pairs += (window[m:] * window[: n - m]).sum()
    return p / pairs


def all_lags(r: NDArray, dt: float, kappa: float, acceleration: NDArray, jerk: NDArray) -> NDArray:
    """The double loop over all lags of both signs: every pair of samples (i, j), literally."""
    n = r.size
    time = (np.arange(n) - (n - 1) / 2) * dt
    p = np.zeros((acceleration.size, jerk.size), complex)
    for i in range(n):
        for j in range(n):
            m, t = time[i] - time[j], (time[i] + time[j]) / 2
            a_r = acceleration[:, None] + jerk * t
            p += r[i] * np.conj(r[j]) * np.exp(-2j * np.pi * kappa * a_r * m)
    return p / n**2


def keystone(
    r: NDArray,
    dt: float,
    kappa: float,
    acceleration: NDArray,
    jerk: NDArray,
    first_lag: int,
    *,
    weighted: bool,
) -> NDArray:
    """The paper's route (eq. 7-10): R2 interpolated onto η = s t m, then Fourier over η and over the lag.

    The interpolated sum over η has m times more samples at lag m than the sum over t; ``weighted`` divides that out,
    which is the double loop; without it, it is the paper's own weighting of the lags.
    """
    n = r.size
    tau_d = first_lag * dt
    s = 1 / tau_d
    # η up to where the longest product s·t·m lies, in steps fine enough for the steepest jerk.
    eta_step = 0.5 * s * dt * first_lag * dt
    p = np.zeros((acceleration.size, jerk.size), complex)
    total = 0.0
    for m in range(first_lag, n - 3):
        r2 = r[m:] * r[: n - m].conj()
        t = (np.arange(n - m) - (n - m - 1) / 2) * dt
        reach = s * t[-1] * (m * dt)
        count = int(reach / eta_step)
        eta = np.arange(-count, count + 1) * eta_step
        interpolated = CubicSpline(t, r2)(eta / (s * m * dt))  # eq. (7), (8)
        weight = first_lag / m if weighted else 1.0
        f_eta = kappa * jerk / s  # = 2 r f φ / (s c), the corrected eq. (20)
        over_eta = np.exp(-2j * np.pi * f_eta[:, None] * eta) @ interpolated  # eq. (9)
        f_tau = 2 * kappa * acceleration  # = 4 a f φ / c, and 2τ + τ_d = m: e^{-j2π f_τ (τ + τ_d/2)}
        p += weight * np.exp(-2j * np.pi * f_tau * (m * dt / 2))[:, None] * over_eta  # eq. (10)
        total += weight * eta.size
    return p / total
