"""The default: slow modulations first, then the exact cubic fit where no path needs more."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.algorithm import modes
from isacsim.estimation.relax.algorithm import relax

__all__ = ["modes_or_exact", "split_images"]

# What exact cubics may leave over the noise that the capture shows away from its paths: its own scatter.
WHITE = 1.15
# Exact cubics are sought from nothing with at most so many paths more than there are components.
FURTHER = 2


def modes_or_exact(
    csi: NDArray[np.complexfloating],
    time: NDArray[np.float64],
    frequency: NDArray[np.float64],
    *,
    max_paths: int,
    phase_sign: int,
    reference: bool,
    limits: Limits,
) -> xr.Dataset:
    """Estimate paths as components; where exact cubics explain the capture down to its noise, give those.

    Parameters
    ----------
    csi : ndarray, complex, shape ([pair,] subcarrier, packet)
        Static part included.
    time, frequency : ndarray
        Packet times in s, subcarrier frequencies in Hz.
    max_paths : int
        At most so many paths.
    phase_sign : {-1, 1}
        Sign of the phase with growing path length.
    reference : bool
        Whether a reference's conjugate took part: its images are no paths, so that exact cubics do not hold.
    limits : Limits
        How far to search.

    Returns
    -------
    xarray.Dataset
        Attribute ``model``: "exact" (standard errors from the Cramér-Rao bound) or "modulated".
    """
    arguments: Any = {"max_paths": max_paths, "phase_sign": phase_sign, "limits": limits}
    found = modes(csi, time, frequency, reference=reference, **arguments)
    single = csi.ndim == 2 or csi.shape[0] == 1
    if not reference and single and frequency.size > 1 and not found.attrs["cannot_tell"]:
        targets = found.isel(path=np.flatnonzero(found["kind"].values == "target"))
        plain = csi if csi.ndim == 2 else csi[0]
        # First as many as the components: a capture of modulated paths is told by what they leave.
        count = targets.sizes["path"]
        near = relax(plain, time, frequency, n_paths=count or None, start=_states(targets), **arguments)
        white = WHITE * float(found["noise_variance"])
        if float(near["noise_variance"]) < white:
            return _exact(relax(plain, time, frequency, start=_states(near), **arguments))
        # From nothing, with room for a few more: components may have met a wrong set, and beyond half the packet rate
        # an alias walks the wrong way through the delays, which only relax tells.
        few = arguments | {"max_paths": min(max_paths, count + FURTHER)}
        exact = relax(plain, time, frequency, **few)
        if float(exact["noise_variance"]) < white:
            return _exact(exact)
    found.attrs.update(method="auto", model="modulated")
    return found


def _exact(paths: xr.Dataset) -> xr.Dataset:
    return paths.assign_attrs(method="auto", model="exact", cannot_tell=0, reason="")


def _states(paths: xr.Dataset) -> NDArray[np.float64] | None:
    """States over (path, 4) to start from; None for none."""
    names = ("path_length", "velocity", "acceleration", "jerk")
    return np.stack([paths[name].values for name in names], axis=1) if paths.sizes["path"] else None


def split_images(found: xr.Dataset) -> xr.Dataset:
    """Keep targets over ``path``; images of the reference and parts of targets go over ``image``.

    Parameters
    ----------
    found : xarray.Dataset
        From `modes` or `modes_or_exact`.

    Returns
    -------
    xarray.Dataset
        ``image_velocity``, ``image_acceleration``, ``image_jerk``, ``image_amplitude`` and ``image_kind`` over
        ``image`` say what was recognised as no target of its own.
    """
    if "kind" not in found:
        return found
    target = found["kind"].values == "target"
    others = found.isel(path=np.flatnonzero(~target))
    out = found.isel(path=np.flatnonzero(target)).drop_vars("kind")
    for name in ("velocity", "acceleration", "jerk", "amplitude", "kind"):
        out[f"image_{name}"] = ("image", others[name].values, others[name].attrs)
    return out
