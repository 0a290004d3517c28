"""Realisation of a simulated capture, drawn again from its attributes, and its ground truth at any time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from isacsim import __version__
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import Realisation, realise
from isacsim.simulation.reception import receiver_number
from isacsim.targets.kinematics import PathKinematics, PathMotion, path_kinematics

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["not_drawn_again", "realisation_of", "truth_at"]

# Versions that draw the same numbers of a scenario and seed; a new one is added, or stands alone if its draws differ.
_SAME_DRAWS = ("0.2.0",)


def truth_at(capture: xr.Dataset, receiver: str, centre: float) -> xr.Dataset | None:
    """Truth of the targets at a receiver, moved to a window's centre (method.md section 1).

    Along the cubic, or, where the scenario's ``motion_model`` is exact, along the motion itself.

    Parameters
    ----------
    capture : xarray.Dataset
        Any capture; one that was not simulated gives None.
    receiver : str
        Name of the receiver.
    centre : float
        Time in s on the capture's clock, whose 0 the recorded truth belongs to.

    Returns
    -------
    xarray.Dataset or None
        Over ``path``, one a target (that of its body's reference point), movers left out: ``path_length``,
        ``velocity``, ``acceleration``, ``jerk``, ``amplitude``, ``model_error``, ``target``. None too where only the
        motion tells, off time 0 and with ``motion_model`` exact, and this version draws others (`not_drawn_again`).
    """
    if "target" not in capture:
        return None
    names = ["path_length", "velocity", "acceleration", "jerk", "amplitude", "model_error", "target"]
    # A target's first path is that of its reference point.
    reference_paths = np.flatnonzero(np.diff(capture["target"].values, prepend=-1) > 0)
    at = capture[names].isel(path=reference_paths).sel(receiver=receiver)
    if centre == 0:
        return at
    scenario = _scenario_of(capture.attrs["scenario"])
    exact, radio = scenario.motion_model == "exact", scenario.radio
    if exact and not_drawn_again(capture):
        return None
    motions = realisation_of(capture).motions if exact else ()
    position = radio.receivers[receiver_number(radio, receiver)].position_m
    moved = np.empty((4, reference_paths.size))
    for n, p in enumerate(reference_paths):
        cubic = PathMotion(PathKinematics(*(float(at[name][n]) for name in names[:4])))
        motion = motions[p] if exact else cubic
        moved[:, n] = path_kinematics(motion, radio.transmitter_m, position, centre)
    return at.assign({name: at[name].copy(data=row) for name, row in zip(names[:4], moved, strict=True)})


@lru_cache(maxsize=16)
def _scenario_of(text: str) -> Scenario:
    # Reading the YAML takes as long as a spectrum, and the captures of a data set share it.
    return Scenario.from_yaml(text, file="the capture's scenario")


def not_drawn_again(capture: xr.Dataset) -> str | None:
    """Say why this version cannot draw a simulated capture again; None if it can."""
    made_by = str(capture.attrs.get("isacsim", "of unknown version"))
    if made_by in _SAME_DRAWS:
        return None
    return f"the capture was simulated by isacsim {made_by}, whose random numbers isacsim {__version__} does not draw"


def realisation_of(capture: xr.Dataset) -> Realisation:
    """Draw again what a simulated capture was made of, from its attributes.

    Raises
    ------
    InputError
        If the capture was not simulated, or by a version that draws other numbers.
    """
    if "scenario" not in capture.attrs:
        raise InputError(
            "the capture has no attribute 'scenario': only simulated captures have a truth to draw again."
        )
    attrs = capture.attrs
    if why := not_drawn_again(capture):
        raise InputError(f"{why}; simulate it again.")
    scenario = _scenario_of(attrs["scenario"])
    given = attrs["n_targets"] if scenario.targets.count is not None else None
    return realise(scenario, seed=int(attrs["seed"]), index=int(attrs["index"]), n_targets=given)
