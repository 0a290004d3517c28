"""Labelled targets of a data set that no spectrum can show: those at rest, which go with the static part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import ValidationError

from isacsim.errors import InputError
from isacsim.scenario.bodies import RotorBody
from isacsim.scenario.model import Scenario
from isacsim.scenario.radio import Radio
from isacsim.schema import HIDDEN
from isacsim.targets.rest import LEAST_SWING, at_rest, swing_of_cubic

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["targets_at_rest", "unseen_remark"]

_STATES = ("velocity", "acceleration", "jerk")
# Samples at a time: what is computed of them is 65 times their truth.
_BLOCK = 4096


def targets_at_rest(dataset: xr.Dataset, attrs: Mapping[str, Any]) -> tuple[int, int]:
    """Count the labelled targets that are at rest at every receiver.

    Parameters
    ----------
    dataset : xarray.Dataset
        From :func:`isacsim.open_dataset`.
    attrs : mapping
        Of the store; needed where it has no ``target_hidden``. Then ``scenarios`` tells window and wavelength.
        Samples of no scenario there, or of one that this version cannot read, are left out, and those of scenarios with
        rotors, whose blades move while the target hovers.

    Returns
    -------
    (int, int)
        How many are at rest, and of how many whose truth is known.
    """
    if "target_hidden" in dataset:
        hidden = dataset["target_hidden"].values
        everywhere = tuple(range(1, hidden.ndim - 1))
        resting = np.all(hidden == HIDDEN.index("at_rest"), axis=everywhere)
        return int(np.count_nonzero(resting)), int(np.count_nonzero(np.all(hidden >= 0, axis=everywhere)))
    # A store made before samples said so themselves.
    scenarios = json.loads(attrs.get("scenarios", "{}"))
    still = known = 0
    for name, text in scenarios.items():
        try:
            scenario = Scenario.from_yaml(text, file=name)
        except (ValidationError, InputError):
            continue  # of a version with other fields
        if any(isinstance(target.body, RotorBody) for target in scenario.targets.configs(1)):
            continue
        rows = np.flatnonzero(dataset["scenario"].values == name)
        for first in range(0, rows.size, _BLOCK):
            resting, labelled = _resting(dataset.isel(sample=rows[first : first + _BLOCK]), scenario.radio)
            still, known = still + resting, known + labelled
    return still, known


def _resting(samples: xr.Dataset, radio: Radio) -> tuple[int, int]:
    """Count the targets of one radio's samples that are at rest, and all targets."""
    # (sample, target) or (sample, receiver, target)
    velocity, acceleration, jerk = (samples[f"target_{state}"].values for state in _STATES)
    window = float(np.ptp(radio.time_s))
    unmoved = at_rest(swing_of_cubic(velocity, acceleration, jerk, window), radio.wavelength_m)
    there = np.isfinite(velocity + acceleration + jerk)
    receivers = tuple(range(1, there.ndim - 1))
    unmoved, there = np.all(unmoved, axis=receivers), np.all(there, axis=receivers)
    return int(np.count_nonzero(unmoved & there)), int(np.count_nonzero(there))


def unseen_remark(dataset: xr.Dataset, attrs: Mapping[str, Any]) -> str | None:
    """Say so where labelled targets are at rest; arguments as for :func:`targets_at_rest`."""
    still, known = targets_at_rest(dataset, attrs)
    if not still:
        return None
    return (
        f"{still} of {known} labelled targets are at rest (their path changes by less than {LEAST_SWING:g} wavelengths "
        "over the window): they go with the static part, so no spectrum can show them, while n_targets counts them."
    )
