"""Spectra of known paths: what a capture would show had it no noise and no cross-terms (docs/method.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light

from isacsim.errors import InputError
from isacsim.spectrum.settings import EQUALISE
from isacsim.spectrum.transform import AJTransform, plan

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["render_spectrum"]

_NEEDED = ("acceleration", "jerk", "amplitude")
# What a spectrum says of itself that its response to a path follows from.
_TOLD = ("carrier", "lag_packets", "packets", "packet_interval", "lags", "min_lag", "window", "combine")
# Paths that go through the transform together; bounds memory.
_TOGETHER = 1024


def render_spectrum(paths: xr.Dataset | Mapping[str, ArrayLike], like: xr.DataArray) -> xr.DataArray:
    """Self-terms of true or estimated paths, on a spectrum's axes and with its settings.

    Parameters
    ----------
    paths : xarray.Dataset or mapping of str to array_like
        ``acceleration`` in m/s², ``jerk`` in m/s³ and ``amplitude``, over (..., path): what
        :func:`isacsim.estimate_paths` gives, the truth of a capture, or arrays. NaN stands for no path.
    like : xarray.DataArray
        A spectrum of :func:`isacsim.aj_spectrum` or of a data set; its values do not matter.

    Returns
    -------
    xarray.DataArray, float32, dims (..., acceleration, jerk)
        For "resolved" ``Σ_l A_l^(4(1-β)) |U(a - a_l, r - r_l)|``, U the response to a path of amplitude 1 and β
        ``equalise``: eq. (M8) of docs/method.md. For others ``|Σ_l A_l⁴ U(a - a_l, r - r_l)|``. Zeros where there is
        no path.

    Raises
    ------
    InputError
        If ``like`` has delays or does not say how it was made, or ``paths`` lack one of the three.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("default"), seed=1)
    >>> noisy = isacsim.aj_spectrum(capture.csi[0], combine="resolved")
    >>> isacsim.render_spectrum(capture.isel(receiver=0), noisy).dims
    ('acceleration', 'jerk')
    """
    import xarray as xr

    dims, states = _states(paths)
    transform, interval, kappa = _transform(like)
    lead = states[0].shape[:-1]
    a, r, amplitude = (x.reshape(math.prod(lead), x.shape[-1]) for x in states)
    present = np.isfinite(a) & np.isfinite(r) & np.isfinite(amplitude) & (amplitude > 0)
    resolved = like.attrs["combine"] == "resolved"
    time = (np.arange(transform.n) - (transform.n - 1) / 2) * interval
    out = np.zeros((len(a), *transform.shape), np.float32)
    for row in range(len(a)):
        which = np.flatnonzero(present[row])
        if not which.size:
            continue
        turns = kappa * (np.outer(a[row, which], time) + np.outer(r[row, which], time**2 / 2))
        chirps = np.exp(2j * np.pi * turns)
        if resolved:
            weight = amplitude[row, which] ** (4 - 4 * float(like.attrs.get("equalise", EQUALISE)))
            for first in range(0, which.size, _TOGETHER):
                some = slice(first, first + _TOGETHER)
                made = transform(chirps[some, np.newaxis].astype(np.complex64))
                out[row] += np.tensordot(weight[some].astype(np.float32), made, 1)
        else:
            own = chirps * amplitude[row, which, np.newaxis] ** 2
            out[row] = transform(own[np.newaxis].astype(np.complex64))[0]
    axes = {name: like.coords[name] for name in ("acceleration", "jerk")}
    return xr.DataArray(
        out.reshape(*lead, *transform.shape),
        axes,
        (*dims, "acceleration", "jerk"),
        name="rendered_spectrum",
        attrs={**like.attrs, "long_name": "acceleration-jerk spectrum of the paths' self-terms"},
    )


def _states(paths: xr.Dataset | Mapping[str, ArrayLike]) -> tuple[tuple[str, ...], list[NDArray[np.float64]]]:
    """Dimensions before ``path``, and the three states, (..., path)."""
    import xarray as xr

    missing = [name for name in _NEEDED if name not in paths]
    if missing:
        raise InputError(f"paths must have {', '.join(_NEEDED)}; {' and '.join(missing)} is missing.")
    if isinstance(paths, xr.Dataset):
        three = xr.broadcast(*(paths[name] for name in _NEEDED))
        if "path" not in three[0].dims:
            raise InputError(f"paths must be over the dimension path, got {tuple(map(str, three[0].dims))}.")
        three = tuple(x.transpose(..., "path") for x in three)
        return tuple(map(str, three[0].dims[:-1])), [np.asarray(x.values, np.float64) for x in three]
    given = [np.atleast_1d(np.asarray(paths[name], np.float64)) for name in _NEEDED]
    try:
        states = [np.array(x) for x in np.broadcast_arrays(*given)]
    except ValueError as error:
        shapes = ", ".join(str(x.shape) for x in given)
        raise InputError(f"{', '.join(_NEEDED)} must have one shape, got {shapes}.") from error
    return tuple(f"dim_{i}" for i in range(states[0].ndim - 1)), states


def _transform(like: xr.DataArray) -> tuple[AJTransform, float, float]:
    """The transform that made a spectrum, the interval of its lag products in s, and κ."""
    if not {"acceleration", "jerk"} <= set(like.dims) or {"delay", "beam"} & set(like.dims):
        raise InputError(
            f"like must be a spectrum over acceleration and jerk without delays, got {tuple(map(str, like.dims))}."
        )
    missing = [name for name in _TOLD if name not in like.attrs]
    if missing:
        raise InputError(f"like does not say how it was made: its attributes lack {', '.join(missing)}.")
    told = cast(dict[str, Any], like.attrs)
    lag, interval = int(told["lag_packets"]), float(told["packet_interval"])
    kappa = 2 * lag * interval * float(told["carrier"]) / speed_of_light
    windows = [
        None if told.get(name, "none") == "none" else str(told[name]) for name in ("window", "lag_window")
    ]
    transform = plan(
        int(told["packets"]) - 2 * lag,
        interval,
        kappa,
        np.asarray(like.coords["acceleration"].values, np.float64),
        np.asarray(like.coords["jerk"].values, np.float64),
        lags=str(told["lags"]),
        min_lag=float(told["min_lag"]),
        window=windows[0],
        decimation=None,
        stretched=told["combine"] == "resolved" and told["lags"] == "positive",
        lag_window=windows[1],
    )
    return transform, interval, kappa
