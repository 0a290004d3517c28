"""The highest point of an acceleration-jerk spectrum, off the grid: the paper's estimator at its best."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT

from isacsim.axes import WindowGrid
from isacsim.estimation.bounds import PARAMETERS
from isacsim.estimation.peaks import interpolate_peak
from isacsim.spectrum import aj_spectrum

__all__ = ["aj_peak", "highest_point"]

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
    grid = WindowGrid(time.size, interval, carrier, settings.get("lag_ratio", 0.089))
    a, r = grid.allowed(min_cells=0.0)
    given: dict[str, Any] = {"time": time, "frequency": frequency, **settings}
    coarse = _maximum(aj_spectrum(csi, acceleration=a, jerk=r, **given))
    # The second look is about zero, whatever the first one found: a path's acceleration and jerk, taken out of the
    # phase, move the spectrum as a whole, and axes that stay the same are planned once.
    if settings.get("remove_static", True):
        csi = csi - csi.mean(axis=-1, keepdims=True)
    t = time - (time[0] + time[-1]) / 2
    moved = coarse[0] * t**2 / 2 + coarse[1] * t**3 / 6
    at_rest = csi * np.exp(2j * np.pi * carrier / SPEED_OF_LIGHT * moved)
    fine = np.arange(-_SIDE, _SIDE + 1) * _FINER
    given |= {"acceleration": fine * (a[1] - a[0]), "jerk": fine * (r[1] - r[0]), "remove_static": False}
    rest = _maximum(aj_spectrum(at_rest.astype(np.complex64), **given))
    return coarse[0] + rest[0], coarse[1] + rest[1]


def _maximum(spectrum: xr.DataArray) -> tuple[float, float]:
    i, j = np.unravel_index(int(spectrum.values.argmax()), spectrum.shape)
    a, r = spectrum.coords["acceleration"].values, spectrum.coords["jerk"].values
    peak = interpolate_peak(spectrum.values.astype(np.float64), a, r, int(i), int(j))
    return peak.acceleration, peak.jerk


def aj_peak(csi: NDArray, time: NDArray, frequency: NDArray, *, n_paths: int = 1) -> xr.Dataset:
    """The highest point in the form of the other estimators of one path; what it doesn't tell is NaN."""
    if n_paths != 1:
        raise ValueError("aj_peak finds one path")
    a, r = highest_point(csi, time, frequency)
    known = {"acceleration": a, "jerk": r}
    return xr.Dataset({name: ("path", [known.get(name, np.nan)]) for name in PARAMETERS})
