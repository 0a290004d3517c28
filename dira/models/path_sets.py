"""Sets of paths as data sets with names and units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["sets_of"]


def sets_of(
    paths: NDArray[np.float64], static: NDArray[np.float64], middles: Sequence[float] | None = None
) -> xr.Dataset:
    """Sets of paths as `PathPosterior.sample` gives them.

    Parameters
    ----------
    paths : numpy.ndarray, shape (window, [draw,] path, 5)
        Path length, velocity, acceleration, jerk, logarithm of the amplitude; NaN for none.
    static : numpy.ndarray, shape (window, [draw,] 2)
        Logarithms of delay spread and power.
    middles : sequence of float, optional
        The windows' middles, s.
    """
    import xarray as xr

    loudest = np.argsort(-np.nan_to_num(paths[..., 4], nan=-np.inf), axis=-1, kind="stable")
    paths = np.take_along_axis(paths, loudest[..., np.newaxis], axis=-2)
    count = np.isfinite(paths[..., 4]).sum(axis=-1)
    over = ("window", "draw", "path") if paths.ndim == 4 else ("window", "path")
    amplitude = np.exp(paths[..., 4])
    power = np.exp(static[..., 1])
    total = np.where(count > 0, np.nansum(amplitude**2, axis=-1), np.nan)
    units = {"path_length": "m", "velocity": "m/s", "acceleration": "m/s2", "jerk": "m/s3"}
    variables: dict[str, Any] = {
        name: (over, paths[..., i], {"units": unit}) for i, (name, unit) in enumerate(units.items())
    }
    variables["amplitude"] = (over, amplitude, {"units": "1"})
    variables["count"] = (over[:-1], count, {"units": "1", "long_name": "number of paths"})
    variables["delay_spread"] = (
        over[:-1],
        np.exp(static[..., 0]),
        {"units": "s", "long_name": "rms delay spread of the static channel"},
    )
    variables["static_power"] = (over[:-1], power, {"units": "1", "long_name": "power of the static channel"})
    variables["rician_k"] = (
        over[:-1],
        10 * np.log10(power / total),
        {"units": "dB", "long_name": "static power over that of all paths"},
    )
    if middles is None:
        return xr.Dataset(variables)
    time = ("window", list(middles), {"units": "s", "long_name": "middle of the window"})
    return xr.Dataset(variables, {"time": time})
