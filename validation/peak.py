"""The highest point of an acceleration-jerk spectrum, off the grid: the paper's estimator at its best."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

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
    time, frequency : ndarray
        s, uniform; Hz.
    **settings
        Of :func:`isacsim.aj_spectrum`, without axes.
    """
    interval = float(time[-1] - time[0]) / (time.size - 1)
    grid = WindowGrid(time.size, interval, float(frequency.mean()), settings.get("lag_ratio", 0.089))
    a, r = grid.allowed(min_cells=0.0)
    given: dict[str, Any] = {"time": time, "frequency": frequency, **settings}
    fine = np.arange(-_SIDE, _SIDE + 1) * _FINER
    steps = float(a[1] - a[0]), float(r[1] - r[0])
    point = _maximum(aj_spectrum(csi, acceleration=a, jerk=r, **given))
    # The second look may lean over the edge of the unambiguous range by a bin.
    most = a[-1] - _SIDE * _FINER * steps[0], r[-1] - _SIDE * _FINER * steps[1]
    centre = [float(np.clip(x, -m, m)) for x, m in zip(point, most, strict=True)]
    return _maximum(
        aj_spectrum(csi, acceleration=centre[0] + fine * steps[0], jerk=centre[1] + fine * steps[1], **given)
    )


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
