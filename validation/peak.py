"""The highest point of an acceleration-jerk spectrum, off the grid: the paper's estimator at its best."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT

from isacsim.estimation.bounds import PARAMETERS
from isacsim.estimation.peaks import interpolate_peak
from isacsim.spectrum.aj import aj_spectrum
from isacsim.spectrum.grid import WindowResolution

__all__ = ["aj_peak", "highest_point", "point_near"]

# Second look: this share of a bin of the first, four to each side. The parabola is then good to 1e-5 m/s².
_FINER, _SIDE = 0.25, 4


def highest_point(csi: NDArray, time: NDArray, frequency: NDArray, **settings: Any) -> tuple[float, float]:
    """Acceleration (m/s²) and jerk (m/s³) at the maximum of the AJ spectrum.

    Parameters
    ----------
    csi : ndarray, complex, shape (subcarrier, packet)
        Phase falls as the path grows (physics' sign).
    time, frequency : ndarray
        s, uniform; Hz.
    **settings
        Of :func:`isacsim.aj_spectrum`, without axes.
    """
    interval = float(time[-1] - time[0]) / (time.size - 1)
    carrier = float(frequency.mean())
    grid = WindowResolution(time.size, interval, carrier, settings.get("lag_ratio", 0.089))
    a, r = grid.allowed(min_cells=0.0)
    options: dict[str, Any] = {"time": time, "frequency": frequency, **settings}
    coarse = _maximum(aj_spectrum(csi, acceleration=a, jerk=r, **options))
    if settings.get("remove_static", True):
        csi = csi - csi.mean(axis=-1, keepdims=True)
    fine = np.arange(-_SIDE, _SIDE + 1) * _FINER
    options["remove_static"] = False
    return _about(csi, time, coarse, fine * (a[1] - a[0]), fine * (r[1] - r[0]), options)


def point_near(
    csi: NDArray, time: NDArray, frequency: NDArray, acceleration: float, jerk: float, *, cells: float = 6.0
) -> tuple[float, float]:
    """Acceleration (m/s²) and jerk (m/s³) at the maximum within some resolution cells of a given place.

    Parameters
    ----------
    csi, time, frequency
        As for `highest_point`, without a static part.
    acceleration, jerk : float
        The place, m/s² and m/s³.
    cells : float
        How far to look, resolution cells.
    """
    interval = float(time[-1] - time[0]) / (time.size - 1)
    cell = WindowResolution(time.size, interval, float(frequency.mean()), 0.089).resolution()
    options: dict[str, Any] = {"time": time, "frequency": frequency, "remove_static": False}
    at = (acceleration, jerk)
    for axis in (np.linspace(-cells, cells, 49), np.arange(-_SIDE, _SIDE + 1) * cells / 24 * _FINER):
        at = _about(csi, time, at, axis * cell[0], axis * cell[1], options)
    return at


def _about(
    csi: NDArray, time: NDArray, at: tuple[float, float], a: NDArray, r: NDArray, options: dict[str, Any]
) -> tuple[float, float]:
    """Maximum on axes about a place.

    The spectrum is looked at about zero: an acceleration and a jerk, taken out of the phase, move it as a whole, and
    axes that stay the same are planned once.
    """
    t = time - (time[0] + time[-1]) / 2
    moved = at[0] * t**2 / 2 + at[1] * t**3 / 6
    at_rest = csi * np.exp(2j * np.pi * float(options["frequency"].mean()) / SPEED_OF_LIGHT * moved)
    rest = _maximum(aj_spectrum(at_rest.astype(np.complex64), acceleration=a, jerk=r, **options))
    return at[0] + rest[0], at[1] + rest[1]


def _maximum(spectrum: xr.DataArray) -> tuple[float, float]:
    i, j = np.unravel_index(int(spectrum.values.argmax()), spectrum.shape)
    a, r = spectrum.coords["acceleration"].values, spectrum.coords["jerk"].values
    peak = interpolate_peak(spectrum.values.astype(np.float64), a, r, int(i), int(j))
    return peak.acceleration, peak.jerk


def aj_peak(csi: NDArray, time: NDArray, frequency: NDArray, *, n_paths: int = 1) -> xr.Dataset:
    """The highest point in the form of the other estimators of one path; what it does not tell is NaN."""
    if n_paths != 1:
        raise ValueError("aj_peak finds one path")
    a, r = highest_point(csi, time, frequency)
    known = {"acceleration": a, "jerk": r}
    return xr.Dataset({name: ("path", [known.get(name, np.nan)]) for name in PARAMETERS})
