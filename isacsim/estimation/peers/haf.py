"""The high-order ambiguity function: multiply a series by its own delayed conjugate until a tone is left."""

from __future__ import annotations

import xarray as xr
from numpy.typing import ArrayLike

from isacsim.estimation.peers.series import Series, dechirp, peak_frequency, successive

__all__ = ["haf"]


def _lag_product(series: Series, half: int) -> Series:
    """z(t + half) conj(z(t - half)), at its own centre."""
    z = series.values
    return Series(
        z[2 * half :] * z[: z.size - 2 * half].conj(), series.time[half : z.size - half], series.wavelength
    )


def _estimate(series: Series) -> tuple[float, float, float]:
    """Jerk, acceleration, velocity, each from the tone that is left when the higher ones are gone."""
    n, step = series.values.size, series.interval
    # Two products with total lag N / 3 each leave the tone -(4 tau^2 / wavelength) r, tau half the lag (Peleg
    # and Porat).
    half = max(round(n / 6), 1)
    tau = half * step
    tone = peak_frequency(_lag_product(_lag_product(series, half), half).values, step)
    jerk = -tone * series.wavelength / (4 * tau**2)
    # One product with total lag N / 2 leaves -(2 tau / wavelength) a.
    half = max(round(n / 4), 1)
    tau = half * step
    rest = Series(dechirp(series, 0.0, 0.0, jerk), series.time, series.wavelength)
    acceleration = -peak_frequency(_lag_product(rest, half).values, step) * series.wavelength / (2 * tau)
    velocity = -peak_frequency(dechirp(series, 0.0, acceleration, jerk), step) * series.wavelength
    return velocity, acceleration, jerk


def haf(
    csi: ArrayLike, time: ArrayLike, frequency: ArrayLike, *, n_paths: int = 1, phase_sign: int = -1
) -> xr.Dataset:
    """Estimate paths by the high-order ambiguity function.

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

    Returns
    -------
    Dataset
        As `relax`'s, without ``criterion`` and with ``std_*`` NaN.

    Raises
    ------
    InputError
        Where the packets are not equally spaced, or CSI and axes do not fit.

    References
    ----------
    Peleg and Porat, "Estimation and classification of polynomial-phase signals", IEEE Trans. Information
    Theory 37(2), 1991. Porat and Friedlander, "Asymptotic statistical analysis of the high-order ambiguity
    function for parameter estimation of polynomial-phase signals", IEEE Trans. Information Theory 42(3),
    1996.
    """
    return successive(_estimate, csi, time, frequency, n_paths=n_paths, phase_sign=phase_sign, method="haf")
