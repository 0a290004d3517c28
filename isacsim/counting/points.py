"""Point targets: as many as the component estimator finds that are no image and no part of another."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isacsim import csi as csi_array
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.algorithm import modes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Points", "count_points"]

# A limit of components costs with its square and more: it is doubled only where that paid.
_FIRST_LIMIT = 15
_DEARER = 8.0
# Each component has seven complex amplitudes a channel: fewer packets cannot hold four of them.
_FEWEST = 32
# This near to the fastest speed searched, a path may as well be an alias of one beyond.
_EDGE = 0.97


@dataclass(frozen=True)
class Points:
    """Paths counted."""

    count: int
    reason: str
    """Why the count is not to be trusted; empty if it is."""
    limit_reached: bool


def count_points(csi: xr.DataArray, *, max_components: int, max_seconds: float) -> Points:
    """Count the paths of one window.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)
        Conditioned, at any packet times.
    max_components : int
        At most so many components; where they are found there may be more.
    max_seconds : float
        Where a limit was reached and a higher one would take longer, about, it stays.

    Raises
    ------
    InputError
        If the CSI does not fit.
    """
    array = csi_array.read(csi)
    if array.time.size < _FEWEST:
        return Points(
            0, f"{array.time.size} packets are too few to count by, at least {_FEWEST} are needed", False
        )
    limits = Limits.for_axes(array.time, array.frequency)
    limit, before = min(_FIRST_LIMIT, max_components), clock.monotonic()
    while True:
        found = modes(
            array.values,
            array.time,
            array.frequency,
            max_paths=limit,
            phase_sign=array.phase_sign,
            reference=int(csi.attrs.get("reference", -1)) >= 0 or csi.attrs.get("timing") == "unknown",
            limits=limits,
        )
        reached = found.sizes["path"] >= limit
        if not reached or limit >= max_components or _DEARER * (clock.monotonic() - before) > max_seconds:
            break
        limit = min(2 * limit, max_components)
    targets = found["kind"].values == "target"
    reason = str(found.attrs["reason"]) if found.attrs["cannot_tell"] else ""
    fastest = np.abs(found["velocity"].values[targets]).max(initial=0.0)
    if not reason and fastest > _EDGE * limits.velocity:
        reason = f"a path moves as fast as was searched, {limits.velocity:.3g} m/s: it may be an alias"
    return Points(int(targets.sum()), reason, reached)
