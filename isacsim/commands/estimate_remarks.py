"""Remarks on estimates: where their lengths count from, what is ambiguous, what components are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ambiguity_remark", "component_remarks", "is_relative", "length_heading", "speed_remark"]

_RELATIVE, _SHIFTED = "path length − reference [m]", "path length + timing offset [m]"


def length_heading(estimates: xr.Dataset) -> str:
    """Give the heading of path lengths that `is_relative`."""
    return _RELATIVE if int(estimates.attrs.get("reference", -1)) >= 0 else _SHIFTED


def is_relative(estimates: xr.Dataset) -> bool:
    """Say whether estimated path lengths have another origin than the truth's, which then is no measure for them.

    They count from a reference's static path, or hold the receiver's timing offset.

    Parameters
    ----------
    estimates : xarray.Dataset
        From :func:`isacsim.estimate_paths`.
    """
    return int(estimates.attrs.get("reference", -1)) >= 0 or estimates.attrs.get("timing") == "unknown"


def speed_remark(truths: Sequence[xr.Dataset | None], found: Sequence[xr.Dataset]) -> str | None:
    """Say so where a simulated target is faster than the packet times tell apart.

    Parameters
    ----------
    truths : sequence of xarray.Dataset or None
        What was simulated, window by window.
    found : sequence of xarray.Dataset
        Estimates of the same windows; those without the attribute ``unambiguous_speed`` give None.
    """
    limits = [float(estimates.attrs.get("unambiguous_speed", np.inf)) for estimates in found]
    beyond = [
        (float(np.abs(truth["velocity"]).max()), limit)
        for truth, limit in zip(truths, limits, strict=True)
        if truth is not None and (np.abs(truth["velocity"]) > limit).any()
    ]
    if not beyond:
        return None
    speed, limit = max(beyond)
    return (
        f"a target moves at {speed:.3g} m/s, beyond half the packet rate ({limit:.3g} m/s): its speed is ambiguous, "
        "and what is found of it may be false; take a higher packet rate"
    )


def ambiguity_remark(found: Sequence[xr.Dataset]) -> str | None:
    """Say so where paths come near the limits of the search or of the packet rate.

    Parameters
    ----------
    found : sequence of xarray.Dataset
        Estimates, window by window.
    """
    marked = [estimates for estimates in found if "ambiguous" in estimates and estimates["ambiguous"].any()]
    if not marked:
        return None
    count = sum(int(estimates["ambiguous"].sum()) for estimates in marked)
    fastest = max(float(np.abs(estimates["velocity"][estimates["ambiguous"]]).max()) for estimates in marked)
    return (
        f"{count} paths (marked ?, up to {fastest:.3g} m/s) lie at the edge of the search "
        f"({marked[0].attrs['limits']}) or of half the packet rate ({marked[0].attrs['unambiguous_speed']:.3g} m/s): "
        "another speed, acceleration or jerk may be meant"
    )


def component_remarks(found: Sequence[xr.Dataset]) -> list[str]:
    """Say of windows what the default estimator says of its components: what it cannot tell, images, the model.

    Parameters
    ----------
    found : sequence of xarray.Dataset
        Estimates, window by window; other methods' give nothing.
    """
    ours = [estimates for estimates in found if "cannot_tell" in estimates.attrs]
    notes = []
    unsure = [estimates.attrs["reason"] for estimates in ours if estimates.attrs["cannot_tell"]]
    if unsure:
        notes.append(
            f"{len(unsure)} of {len(found)} windows have no sure estimate: {unsure[0]}; "
            "standard errors are withheld there"
        )
    kinds = [
        str(kind)
        for estimates in ours
        if "image_kind" in estimates
        for kind in estimates["image_kind"].values
    ]
    if "image" in kinds:
        notes.append(
            f"{kinds.count('image')} mirror images by way of the reference were recognised and left out"
        )
    if "part" in kinds:
        notes.append(
            f"{kinds.count('part')} weak components beside stronger ones were taken as parts of these"
        )
    models = [estimates.attrs["model"] for estimates in ours if "model" in estimates.attrs]
    if models:
        notes.append(
            f"{models.count('exact')} of {len(models)} windows are exact cubics, with standard errors from the "
            f"Cramér-Rao bound; in {models.count('modulated')} amplitudes vary slowly, and standard errors "
            "include that"
        )
    return notes
