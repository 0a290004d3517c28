"""The cubic phase function, and its hybrid with one lag product."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from isacsim.errors import InputError
from isacsim.estimation.peers.series import Complex, Series, climb, dechirp, peak_frequency, successive

__all__ = ["cpf"]

# O'Shea's second instant, in packets of the window: where the asymptotic variance of the jerk is smallest.
SECOND_INSTANT = 0.11
# Curvature steps per resolution cell of the cubic phase function.
FINENESS = 4


def _curvature(z: Complex, centre: int, step: float, limit: float) -> float:
    """Second derivative of the phase at a sample, rad/s^2: the peak of sum_m z(n+m) z(n-m) exp(-j W m^2)."""
    reach = min(centre, z.size - 1 - centre)
    product = z[centre : centre + reach + 1] * z[centre - reach : centre + 1][::-1]
    square = (np.arange(reach + 1) * step) ** 2
    n = 2 * int(np.ceil(limit * square[-1] * FINENESS / (2 * np.pi))) + 1
    trial = np.linspace(-limit, limit, max(n, 3))
    power = np.abs(np.exp(-1j * np.outer(trial, square)) @ product)
    return climb(product, square, float(trial[int(power.argmax())]))


def _estimate(
    series: Series, lag_ratio: float | None, max_acceleration: float, max_jerk: float
) -> tuple[float, float, float]:
    z, t, step = series.values, series.time, series.interval
    n = z.size
    per_metre = 2 * np.pi / series.wavelength
    if lag_ratio is None:
        # Curvature is -(2 pi / wavelength) (a + r t): two instants give both.
        first, second = n // 2, n // 2 + round(SECOND_INSTANT * n)
        limit = per_metre * (max_acceleration + max_jerk * abs(t[second]))
        at_first, at_second = (-_curvature(z, i, step, limit) / per_metre for i in (first, second))
        jerk = (at_second - at_first) / (t[second] - t[first])
        acceleration = at_first - jerk * t[first]
    else:
        half = max(round(lag_ratio * n), 1)
        product = z[2 * half :] * z[: n - 2 * half].conj()
        inner = t[half : n - half]
        # R's phase is -(2 pi / wavelength) 2 tau (v + a t + r t^2 / 2) and a constant: its curvature is r
        # alone.
        slope = per_metre * 2 * half * step
        jerk = -_curvature(product, product.size // 2, step, slope * max_jerk) / slope
        tone = peak_frequency(product * np.exp(1j * slope * jerk * inner**2 / 2), step)
        acceleration = -2 * np.pi * tone / slope
    velocity = -peak_frequency(dechirp(series, 0.0, acceleration, jerk), step) * series.wavelength
    return velocity, acceleration, jerk


def cpf(
    csi: ArrayLike,
    time: ArrayLike,
    frequency: ArrayLike,
    *,
    n_paths: int = 1,
    phase_sign: int = -1,
    lag_ratio: float | None = None,
    max_acceleration: float = 8.0,
    max_jerk: float = 40.0,
) -> xr.Dataset:
    """Estimate paths by the cubic phase function, or by its hybrid with the ambiguity function.

    Parameters
    ----------
    csi : array_like (subcarrier, packet)
        Complex channel, static part included.
    time, frequency : array_like
        Equally spaced packet times, s, and subcarrier frequencies, Hz.
    n_paths : int
        How many paths to take out, strongest first.
    phase_sign : {-1, 1}
        Sign sigma of the phase with growing path length.
    lag_ratio : float, optional
        Half the lag of one product taken first (CPF-HAF), over the window, between 0 and 1/4; the paper's
        reference has 0.089. Default: no product, the cubic phase function at two instants.
    max_acceleration, max_jerk : float
        Range of the search, m/s^2 and m/s^3.

    Returns
    -------
    Dataset
        As `relax`'s, without ``criterion`` and with ``std_*`` NaN.

    Raises
    ------
    InputError
        Where the packets are not equally spaced, CSI and axes do not fit, or an argument is outside its range.

    References
    ----------
    O'Shea, "A new technique for instantaneous frequency rate estimation", IEEE Signal Processing Letters
    9(8), 2002, and "A fast algorithm for estimating the parameters of a quadratic FM signal", IEEE Trans.
    Signal Processing 52(2), 2004 (cubic phase function). Djurović, Simeunović, Djukanović and Wang, "A hybrid
    CPF-HAF estimation of polynomial-phase signals: detailed statistical analysis", IEEE Trans. Signal
    Processing 60(10), 2012.
    """
    if lag_ratio is not None and not 0 < lag_ratio < 0.25:
        raise InputError(f"lag_ratio must lie between 0 and 0.25, not {lag_ratio!r}")
    if not (max_acceleration > 0 and max_jerk > 0):
        raise InputError(
            f"max_acceleration and max_jerk must be above zero, not {max_acceleration!r} and {max_jerk!r}"
        )
    one = partial(_estimate, lag_ratio=lag_ratio, max_acceleration=max_acceleration, max_jerk=max_jerk)
    method = "cpf" if lag_ratio is None else "cpf-haf"
    return successive(one, csi, time, frequency, n_paths=n_paths, phase_sign=phase_sign, method=method)
