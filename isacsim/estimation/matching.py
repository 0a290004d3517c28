"""Assignment of estimated paths to true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from isacsim.spectrum.grid import WindowResolution

if TYPE_CHECKING:
    import xarray as xr


__all__ = ["Match", "match_paths"]


@dataclass(frozen=True)
class Match:
    """A true path, an estimated path, or both where they belong together; positions within their data sets."""

    truth: int | None
    estimate: int | None


def match_paths(truth: xr.Dataset, estimates: xr.Dataset, grid: WindowResolution) -> list[Match]:
    """Pair estimates with the truth: the assignment of least distance, at most one resolution cell apart.

    Acceleration and jerk alone decide: a path length may be relative to a reference, or not given.

    Parameters
    ----------
    truth, estimates : xarray.Dataset
        With ``acceleration`` and ``jerk`` over ``path``.
    grid : WindowResolution
        Of the window; distances count in its resolution cells.

    Returns
    -------
    list of Match
        One for each true path, then the estimates left over.
    """
    cell = np.array(grid.resolution())
    names = ["acceleration", "jerk"]
    t = np.array([truth[n].values for n in names]).T / cell
    e = np.array([estimates[n].values for n in names]).T / cell
    distance = np.linalg.norm(t[:, np.newaxis] - e[np.newaxis], axis=-1)
    near = distance <= 1
    # Every pair too far apart costs the same, more than any chain of near ones.
    rows, columns = linear_sum_assignment(np.where(near, distance, len(t) + len(e) + 1.0))
    found = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if near[i, j]}
    matches = [Match(i, found.get(i)) for i in range(len(t))]
    return matches + [Match(None, j) for j in range(len(e)) if j not in found.values()]
