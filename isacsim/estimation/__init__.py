"""From CSI to the paths in it: one interface, several methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from isacsim import csi_array
from isacsim.axes import WindowGrid
from isacsim.errors import InputError
from isacsim.estimation.peaks import find_peaks
from isacsim.spectrum import aj_spectrum

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["estimate_paths"]

Method = Literal["peaks"]

_UNITS = {"path_length": "m", "velocity": "m/s", "acceleration": "m/s2", "jerk": "m/s3", "amplitude": "1"}


def estimate_paths(
    csi: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    method: Method = "peaks",
    max_paths: int = 10,
    phase_sign: int | None = None,
) -> xr.Dataset:
    """Estimate the moving paths in CSI.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape (subcarrier, packet)
        CSI with its static part, uniform in time.
    time, frequency : array_like, optional
        Packet times in s and subcarrier frequencies in Hz; default: the xarray's coordinates.
    method : {"peaks"}
        "peaks": maxima of the coherent AJ spectrum (the paper's estimator), over ±8 m/s² and ±40 m/s³ or
        what the packet rate allows.
    max_paths : int
        At most so many paths.
    phase_sign : {-1, 1}, optional
        Sign of the CSI's phase; default: the xarray's attribute, else -1.

    Returns
    -------
    xarray.Dataset
        Over ``path``, strongest first: ``path_length`` m, ``velocity`` m/s, ``acceleration`` m/s², ``jerk``
        m/s³, ``amplitude``, all at the window's centre, and ``std_*`` of each. NaN where the method doesn't
        give it: "peaks" gives acceleration, jerk and amplitude (the fourth root of the peak), and no
        standard deviations.

    Raises
    ------
    InputError
        If the CSI doesn't fit or an argument is out of range.
    """
    import xarray as xr

    if method not in get_args(Method):
        raise InputError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}.")
    if max_paths < 1:
        raise InputError(f"max_paths must be at least 1, got {max_paths}.")
    array = csi_array.read(csi, time=time, frequency=frequency, phase_sign=phase_sign)
    if array.values.ndim != 2:
        raise InputError(
            f"csi must be (subcarrier, packet), got shape {array.values.shape}: estimate one receiver at a time."
        )
    grid = WindowGrid(array.time.size, array.interval, float(array.frequency.mean()))
    acceleration, jerk = grid.allowed()
    spectrum = aj_spectrum(
        array.values,
        time=array.time,
        frequency=array.frequency,
        acceleration=acceleration,
        jerk=jerk,
        phase_sign=array.phase_sign,
    )
    peaks = find_peaks(spectrum, max_peaks=max_paths)
    unknown = np.full(len(peaks), np.nan)
    values = {
        "path_length": unknown,
        "velocity": unknown,
        "acceleration": np.array([p.acceleration for p in peaks]),
        "jerk": np.array([p.jerk for p in peaks]),
        "amplitude": np.array([p.height**0.25 for p in peaks]),
    }
    out = xr.Dataset(attrs={"method": method})
    for name, value in values.items():
        long_name = name.replace("_", " ")
        out[name] = ("path", value.astype(np.float64), {"units": _UNITS[name], "long_name": long_name})
    for name in values:
        long_name = f"standard deviation of {name.replace('_', ' ')}"
        out[f"std_{name}"] = ("path", unknown.copy(), {"units": _UNITS[name], "long_name": long_name})
    return out
