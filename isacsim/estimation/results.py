"""Input and output of estimators: CSI checked on the way in, paths labelled on the way out."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError
from isacsim.estimation.bounds import PARAMETERS, UNITS, standard_deviations
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.least_squares import Fit, LeastSquaresProblem

__all__ = ["path_dataset", "read_csi"]

Array = NDArray[np.float64]


def read_csi(csi: ArrayLike, time: ArrayLike, frequency: ArrayLike, phase_sign: int) -> LeastSquaresProblem:
    """Check CSI and bring it to mean power one, rising frequency and sigma = -1.

    Parameters
    ----------
    csi : array_like (subcarrier, packet)
        Complex channel, static part included.
    time, frequency : array_like
        Packet times, s, and subcarrier frequencies, Hz.
    phase_sign : {-1, 1}
        Sign sigma of the phase with growing path length.

    Returns
    -------
    LeastSquaresProblem

    Raises
    ------
    InputError
        Where the shape is not that of the axes, a value is not finite or all are zero, or the sign is
        neither.
    """
    if phase_sign not in (-1, 1):
        raise InputError(f"phase_sign must be -1 or 1, not {phase_sign!r}")
    grid = SamplingGrid.from_axes(time, frequency)
    h = np.asarray(csi)
    if h.shape != (grid.frequency.size, grid.time.size):
        raise InputError(
            f"csi needs the shape (subcarrier, packet) = {grid.frequency.size, grid.time.size}, not {h.shape}"
        )
    h = h[grid.order].astype(np.complex64 if h.dtype == np.complex64 else np.complex128)
    power = float(np.mean(h.real.astype(np.float64) ** 2 + h.imag.astype(np.float64) ** 2))
    if not np.isfinite(power) or power == 0:
        raise InputError("csi is not finite, or zero throughout: leave out packets that were not received")
    unit = float(np.sqrt(power))
    h = h / h.dtype.type(unit)
    return LeastSquaresProblem(h.conj() if phase_sign == 1 else h, grid, unit, phase_sign)


def path_dataset(problem: LeastSquaresProblem, fit: Fit, *, bound: bool) -> xr.Dataset:
    """Label a fit.

    Parameters
    ----------
    problem : LeastSquaresProblem
        From `read_csi`.
    fit : Fit
        Its paths.
    bound : bool
        Whether the estimate is efficient, so that the Fisher matrix at it gives its standard errors; NaN
        otherwise.

    Returns
    -------
    Dataset
        `PARAMETERS` and ``std_*`` over ``path``, strongest first; ``noise_variance``; ``static`` over
        (``part``, ``subcarrier``).
    """
    grid, unit = problem.grid, problem.unit
    n = fit.theta.shape[0]
    noise = fit.rss / max(problem.degrees - 3 * n, 1)
    order = np.argsort(-np.abs(fit.amplitude))
    values = np.empty((n, 6))
    values[:, :4] = fit.theta
    values[:, 4] = np.abs(fit.amplitude)
    values[:, 5] = np.angle(fit.amplitude)
    if grid.spacing:
        values[:, 5] += 2 * np.pi * grid.centre * fit.theta[:, 0] / SPEED_OF_LIGHT
    else:
        values[:, 0] = np.nan
    values[:, 5] = -problem.phase_sign * np.angle(np.exp(1j * values[:, 5]))
    deviations = np.full((n, 6), np.nan)
    if bound and n:
        deviations = standard_deviations(_fisher(problem, fit, noise), grid.centre)
    values[:, 4] *= unit
    deviations[:, 4] *= unit
    result = xr.Dataset(attrs={"phase_sign": problem.phase_sign})
    for prefix, words, table in (("", "", values), ("std_", "standard deviation of ", deviations)):
        for i, name in enumerate(PARAMETERS):
            attrs = {"units": UNITS[name], "long_name": words + name.replace("_", " ")}
            result[prefix + name] = ("path", table[order, i], attrs)
    result["noise_variance"] = ((), noise * unit**2, {"units": "1", "long_name": "noise variance per sample"})
    static = (problem.mean - fit.level) * unit
    static = static if problem.phase_sign == -1 else static.conj()
    back = np.argsort(grid.order)
    result["static"] = (
        ("part", "subcarrier"),
        np.stack([static.real, static.imag])[:, back],
        {"units": "1", "long_name": "static part"},
    )
    frequency = grid.frequency[back]
    return result.assign_coords(part=["real", "imag"], frequency=("subcarrier", frequency, {"units": "Hz"}))


def _fisher(problem: LeastSquaresProblem, fit: Fit, noise: float) -> Array:
    """Return the Fisher matrix in physical parameters, with the phase at the mean subcarrier."""
    n = fit.theta.shape[0]
    to_scaled = np.zeros((n, 6, n, 6))
    for i in range(n):
        a = fit.amplitude[i]
        to_scaled[i, range(4), i, range(4)] = problem.scale
        to_scaled[i, 4, i, 4:] = np.cos(np.angle(a)), -a.imag
        to_scaled[i, 5, i, 4:] = np.sin(np.angle(a)), a.real
    m = to_scaled.reshape(6 * n, 6 * n)
    return 2 / noise * m.T @ fit.normal @ m
