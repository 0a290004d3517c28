"""Paths of CSI by any of the methods: the one way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from isacsim import csi as csi_array
from isacsim.checks import check_choice, check_integer, check_number
from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.spectrum.grid import BINS, WindowResolution, symmetric_axis

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["COUNT_GIVEN", "METHODS", "OWN_TIMES", "TOGETHER", "estimate_paths"]


Method = Literal["auto", "modes", "relax", "peaks", "haf", "cpf", "cpf-haf", "qml", "vncmd"]


METHODS: tuple[str, ...] = get_args(Method)
# These find as many paths as they are asked for: they must be told the number.
COUNT_GIVEN: tuple[str, ...] = ("haf", "cpf", "cpf-haf", "qml", "vncmd")

OWN_TIMES: tuple[str, ...] = ("auto", "modes", "relax")
"""Methods that take packets at their own times; the others need a uniform grid."""
TOGETHER: tuple[str, ...] = ("auto", "modes")
"""Methods that take all antenna pairs of one place together."""


def estimate_paths(
    csi: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    method: Method = "auto",
    max_paths: int = 12,
    phase_sign: int | None = None,
    acceleration: ArrayLike | None = None,
    jerk: ArrayLike | None = None,
    max_path_length: float | None = None,
    max_speed: float | None = None,
    max_acceleration: float | None = None,
    max_jerk: float | None = None,
) -> xr.Dataset:
    """Estimate the moving paths in CSI.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape ([pair,] subcarrier, packet)
        CSI with its static part. "auto" and "modes" take several antenna pairs of one place together, the others one.
        "auto", "modes" and "relax" take any packet times, the others uniform ones.
    time, frequency : array_like, optional
        Packet times in s and subcarrier frequencies in Hz; default: the xarray's coordinates.
    method : {"auto", "modes", "relax", "peaks", "haf", "cpf", "cpf-haf", "qml", "vncmd"}
        "auto" (default) runs "modes". Where exact cubics explain the capture down to its noise, it then continues
        with "relax". The attribute ``model`` names the result ("modulated" or "exact"). "modes": components whose
        complex amplitude may vary slowly in every pair and delay (:func:`isacsim.estimation.modes.algorithm.modes`),
        for motion that is no exact cubic. "relax": exact cubics, path by path, all refined together by least squares
        on the CSI, as many as the data supports (:func:`isacsim.estimation.relax.algorithm.relax`). "peaks": maxima
        of the coherent AJ spectrum, the paper's estimator, over ±8 m/s² and ±40 m/s³ or, if less, what the packet
        rate allows. "haf", "cpf", "cpf-haf", "qml", "vncmd": methods from the literature, which find exactly
        ``max_paths`` paths, whatever the true count.
    max_paths : int
        At most so many paths.
    phase_sign : {-1, 1}, optional
        Sign of the CSI's phase; default: the xarray's attribute, else -1.
    acceleration, jerk : array_like, optional
        Axes of the spectrum for "peaks", in m/s² and m/s³.
    max_path_length, max_speed, max_acceleration, max_jerk : float, optional
        Limits of the search by "auto", "modes" and "relax", in m, m/s, m/s², m/s³; defaults follow carrier, packet
        rate and window (:meth:`isacsim.estimation.limits.Limits.for_axes`). The last two also limit the axes of the
        spectrum for "peaks".

    Returns
    -------
    xarray.Dataset
        Over ``path``, strongest first: ``path_length`` m, ``velocity`` m/s, ``acceleration`` m/s², ``jerk`` m/s³,
        ``amplitude``, all at the window's centre, and ``std_*`` of each. NaN where the method does not give it:
        "peaks" gives acceleration, jerk and amplitude (the fourth root of the peak). Standard errors are those of the
        Cramér-Rao bound at the estimate for "relax". For "modes" they contain the modulation, and are NaN where the
        attribute ``cannot_tell`` is 1 (``reason`` says why). Images of a reference are no paths: they are listed over
        ``image``. These methods also give the limits of their search (attribute ``limits``) and the
        ``unambiguous_speed`` in m/s that the packet times allow. Paths near either are ``ambiguous``.

        The function :func:`isacsim.conditioning.condition` may have used a reference (attribute ``reference`` of the
        CSI is 0 or more). Then path lengths are less that of the reference's static path. The ``long_name`` of
        ``path_length`` and the attribute ``reference`` of the result say so. Where packets were aligned only to each
        other (attribute ``timing`` is "unknown"), path lengths hold the receiver's timing offset. It is the same for
        all paths; ``long_name`` and the attribute ``timing`` say so.

    Raises
    ------
    InputError
        If the CSI does not fit or an argument is out of range.

    Notes
    -----
    "relax" fits eq. (M2) of docs/method.md with the lengths of eq. (M1), "modes" fits eq. (M10). For one path the
    bound tends to eq. (M9).
    """
    check_choice("method", method, METHODS)
    check_integer("max_paths", max_paths, least=1)
    array = csi_array.read(csi, time=time, frequency=frequency, phase_sign=phase_sign)
    several = method in TOGETHER
    if array.values.ndim != 2 and not (several and array.values.ndim == 3):
        raise InputError(
            f"csi must be {'([pair,] subcarrier, packet)' if several else '(subcarrier, packet)'}, got shape "
            f"{array.values.shape}: estimate one receiver at a time."
        )
    if method != "peaks" and not (acceleration is None and jerk is None):
        raise InputError(f"acceleration and jerk are for method 'peaks' only, not {method!r}.")
    limits = {
        "max_path_length": max_path_length,
        "max_speed": max_speed,
        "max_acceleration": max_acceleration,
        "max_jerk": max_jerk,
    }
    attrs = getattr(csi, "attrs", {})
    reference, timing = int(attrs.get("reference", -1)), attrs.get("timing")
    if method in OWN_TIMES:
        out = _searched(array, method, max_paths, reference >= 0 or timing == "unknown", limits)
    elif method == "peaks":
        if not (max_path_length is None and max_speed is None):
            raise InputError(
                "max_path_length and max_speed are for methods 'auto', 'modes' and 'relax', not 'peaks'."
            )
        acceleration = _axis("acceleration", acceleration, max_acceleration)
        jerk = _axis("jerk", jerk, max_jerk)
        out = _peaks(array, max_paths, acceleration, jerk)
    elif any(value is not None for value in limits.values()):
        raise InputError(
            f"{', '.join(limits)} are for methods 'auto', 'modes', 'relax' and 'peaks', not {method!r}."
        )
    else:
        out = _peer(array, method, max_paths)
    if reference >= 0:
        out.attrs["reference"] = reference
        for name in ("path_length", "std_path_length"):
            out[name].attrs["long_name"] += " minus that of the reference's static path"
    elif timing == "unknown":
        out.attrs["timing"] = "unknown"
        out["path_length"].attrs["long_name"] += " plus the receiver's timing offset, the same for all paths"
    return out


def _searched(
    array: CsiArray, method: Method, max_paths: int, reference: bool, asked: dict[str, float | None]
) -> xr.Dataset:
    """Estimate by the methods that search as far as limits say, and mark what comes near them."""
    from isacsim.estimation.auto import modes_or_exact, split_images
    from isacsim.estimation.grid import SamplingGrid
    from isacsim.estimation.limits import Limits
    from isacsim.estimation.modes.algorithm import modes
    from isacsim.estimation.relax.algorithm import relax

    samples = (array.values, array.time, array.frequency)
    limits = Limits.for_axes(array.time, array.frequency, **asked)
    common = {"max_paths": max_paths, "phase_sign": array.phase_sign, "limits": limits}
    if method == "relax":
        return relax(*samples, **common)  # type: ignore[arg-type]
    find = modes if method == "modes" else modes_or_exact
    out = split_images(find(*samples, reference=reference, **common))  # type: ignore[arg-type]
    if "ambiguous" not in out:
        grid = SamplingGrid.from_axes(array.time, array.frequency)
        marks = limits.ambiguous(grid, *(out[name].values for name in ("velocity", "acceleration", "jerk")))
        out["ambiguous"] = ("path", marks, {"long_name": "near the edge of the search or of the unambiguous"})
        out.attrs.update(limits=str(limits), unambiguous_speed=grid.unambiguous_velocity)
    return out


def _peer(array: CsiArray, method: Method, max_paths: int) -> xr.Dataset:
    samples = (array.values, array.time, array.frequency)
    if method == "haf":
        from isacsim.estimation.peers.haf import haf

        return haf(*samples, n_paths=max_paths, phase_sign=array.phase_sign)
    if method == "qml":
        from isacsim.estimation.peers.qml import qml

        return qml(*samples, n_paths=max_paths, phase_sign=array.phase_sign)
    if method == "vncmd":
        from isacsim.estimation.peers.vncmd import vncmd

        return vncmd(*samples, n_paths=max_paths, phase_sign=array.phase_sign)
    from isacsim.estimation.peers.cpf import cpf

    lag_ratio = 0.089 if method == "cpf-haf" else None
    return cpf(*samples, n_paths=max_paths, phase_sign=array.phase_sign, lag_ratio=lag_ratio)


def _axis(name: str, given: ArrayLike | None, largest: float | None) -> ArrayLike | None:
    """Axis of the spectrum up to ± ``largest``, or as given."""
    if largest is None:
        return given
    if given is not None:
        raise InputError(f"{name} and max_{name} both say how far the axis reaches: pass one of them.")
    return symmetric_axis(check_number(f"max_{name}", largest, above=0), BINS)


def _peaks(
    array: CsiArray, max_paths: int, acceleration: ArrayLike | None, jerk: ArrayLike | None
) -> xr.Dataset:
    """Label the maxima of the coherent AJ spectrum as paths."""
    import xarray as xr

    from isacsim.estimation.bounds import PARAMETERS, UNITS
    from isacsim.estimation.peaks import find_peaks
    from isacsim.spectrum.aj import aj_spectrum

    if acceleration is None or jerk is None:
        allowed = WindowResolution(array.time.size, array.interval, float(array.frequency.mean())).allowed()
        acceleration = allowed[0] if acceleration is None else acceleration
        jerk = allowed[1] if jerk is None else jerk
    spectrum = aj_spectrum(
        array.values,
        time=array.time,
        frequency=array.frequency,
        acceleration=acceleration,
        jerk=jerk,
        phase_sign=array.phase_sign,
    )
    peaks = find_peaks(spectrum, max_peaks=max_paths)
    known = {
        "acceleration": [p.acceleration for p in peaks],
        "jerk": [p.jerk for p in peaks],
        "amplitude": [p.height**0.25 for p in peaks],
    }
    out = xr.Dataset(attrs={"method": "peaks", "phase_sign": array.phase_sign})
    for prefix, words in (("", ""), ("std_", "standard deviation of ")):
        for name in PARAMETERS:
            values = np.array(known[name]) if name in known and not prefix else np.full(len(peaks), np.nan)
            attrs = {"units": UNITS[name], "long_name": words + name.replace("_", " ")}
            out[prefix + name] = ("path", values.astype(np.float64), attrs)
    return out
