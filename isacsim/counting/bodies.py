"""People: what one window tells about whether bodies move, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.resampling import resample
from isacsim.counting.features import describe
from isacsim.counting.rule import MOST_PEOPLE, Conditions, rule_for
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Bodies", "look_for_bodies"]


@dataclass(frozen=True, eq=False)
class Bodies:
    """Result of the rule for one window."""

    reason: str
    """Why it says nothing; empty if it does."""
    share: float = float("nan")
    """Probability that bodies move, not points."""
    people: NDArray[np.float64] | None = None
    """Probability of 0 to `MOST_PEOPLE` of them, the last one for so many or more, if bodies move."""


def look_for_bodies(csi: xr.DataArray) -> Bodies:
    """Apply the learned rule to one window.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)
        Conditioned; packets at their own times are interpolated. Of several antenna pairs the first: the rule was
        learned from one.
    """
    if "receiver" in csi.dims:
        csi = csi.isel(receiver=0)
    frequency = np.sort(csi.coords["frequency"].values.astype(np.float64))
    width = float(np.ptp(frequency)) * (1 + 1 / max(frequency.size - 1, 1))
    rule = rule_for(width)
    if rule is None:
        return Bodies(f"no rule for bodies was learned at a bandwidth of {width / 1e6:.3g} MHz")
    try:
        even = resample(csi)
    except InputError as error:
        return Bodies(f"bodies need packets at even times: {error}".rstrip("."))
    time = even.coords["time"].values
    rate = (time.size - 1) / float(time[-1] - time[0])
    if wrong := Conditions().refuse(float(frequency.mean()), time.size / rate, rate):
        return Bodies(wrong)
    order = np.argsort(even.coords["frequency"].values)
    features = describe(even.values[order], rate, frequency)
    if features is None:
        return Bodies("", 0.0, np.eye(MOST_PEOPLE + 1)[0])
    return Bodies("", rule.of_bodies(features), rule.people(features))
