"""Values of the explorer's controls, and the scenario that they make of another one."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from isacsim.errors import InputError
from isacsim.scenario.arrays import LinearArray
from isacsim.scenario.bodies import PointBody
from isacsim.scenario.changing import changed
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import plain
from isacsim.simulation.drawing import draw_scenario
from isacsim.simulation.realisation import Realisation, realise
from isacsim.spectrum.settings import Combine

__all__ = ["MOST_POINTS", "WINDOWS", "Controls", "Point", "antennas_fixed", "explored", "initial", "ranges"]

MOST_POINTS = 8
"""So many targets have sliders."""
WINDOWS = ("auto", "none", "hann", "hamming", "blackman")
"""Windows to choose from, over time and over the lags."""

# Values of CSI that one picture is made of: four times those of `lab`.
_MOST_VALUES = 2**24
# A scenario with fixed targets has none to add: path length, velocity, acceleration, jerk, amplitude.
_FURTHER = (
    (4.0, 1.0, 2.0, 10.0, 1.0),
    (6.0, -1.5, -3.0, 5.0, 1.0),
    (8.0, 0.5, 4.0, -15.0, 1.0),
    (10.0, -0.5, -1.0, -20.0, 1.0),
    (5.0, 2.0, -5.0, 20.0, 1.0),
    (7.0, -2.0, 1.0, 25.0, 1.0),
    (9.0, 1.5, 5.0, -5.0, 1.0),
    (12.0, -1.0, -4.0, -25.0, 1.0),
)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Point(_Section):
    """One target: its path at the window's centre."""

    path_length_m: float
    velocity_m_s: float
    acceleration_m_s2: float
    jerk_m_s3: float
    amplitude: float


class Controls(_Section):
    """Values of the controls; the scenario checks the numbers."""

    seed: int
    """Decides the static part, the noise and the impairments."""
    points: list[Point] | None = Field(max_length=MOST_POINTS)
    """None: the targets that the scenario draws."""
    snr_db: float
    packets: int
    antennas: list[int] | None = None
    """Receiving and transmitting elements; None: the scenario's."""
    combine: Combine
    window: Literal["auto", "none", "hann", "hamming", "blackman"] = "auto"
    lag_window: Literal["auto", "none", "hann", "hamming", "blackman"] = "auto"

    @model_validator(mode="after")
    def _a_pair(self) -> Controls:
        if self.antennas is not None and (
            len(self.antennas) != 2 or not all(1 <= n <= 16 for n in self.antennas)
        ):
            raise ValueError(
                f"antennas must be two numbers from 1 to 16, receiving and transmitting, got {self.antennas}"
            )
        return self


def antennas_fixed(scenario: Scenario) -> str:
    """Say why the explorer leaves a scenario's antennas alone; empty where it can change them."""
    radio = scenario.radio
    if len(radio.receivers) > 1:
        return "the scenario has several receivers"
    arrays = [array for array in (radio.receivers[0].array, radio.transmitter_array) if array is not None]
    return "" if all(isinstance(array, LinearArray) for array in arrays) else "the arrays are not rows"


def initial(scenario: Scenario, *, seed: int | None = None) -> tuple[Controls, list[Point]]:
    """Controls as a scenario draws them, and points for further targets.

    Parameters
    ----------
    scenario : Scenario
        Where to begin.
    seed : int, optional
        Default: the scenario's.

    Returns
    -------
    tuple of Controls and list of Point
        ``MOST_POINTS`` points; the controls hold the first of them, one a target. Targets that are no points (walkers,
        drones) stay as the scenario draws them: then the controls hold none.
    """
    seed = scenario.seed if seed is None else seed
    drawn = realise(scenario, seed=seed)
    count = min(drawn.n_targets, MOST_POINTS)
    most = drawn
    if scenario.targets.count is not None:
        # Each target has streams of its own, so the first ones are the same.
        most = realise(scenario, seed=seed, n_targets=max(drawn.n_targets, MOST_POINTS))
    points = _points(most)[:MOST_POINTS]
    points += [_point(values) for values in _FURTHER[len(points) :]]
    settings = scenario.spectrum
    controls = Controls(
        seed=seed,
        points=points[:count] if _all_points(scenario) and drawn.n_targets <= MOST_POINTS else None,
        snr_db=round(plain(draw_scenario(scenario, seed=seed).scenario.snr_db), 1),
        packets=scenario.radio.packets,
        antennas=None if antennas_fixed(scenario) else list(scenario.radio.antennas),
        combine=settings.combine,
        window=_known(settings.window),
        lag_window=_known(settings.lag_window),
    )
    return controls, points


def ranges(scenario: Scenario, points: list[Point]) -> dict[str, tuple[float, float, float]]:
    """Least value, largest value and step of each slider of a target."""

    def reach(name: str, at_least: float) -> float:
        return float(np.ceil(max(at_least, 1.2 * max(abs(getattr(p, name)) for p in points))))

    v = reach("velocity_m_s", 4.0)
    a = reach("acceleration_m_s2", scenario.spectrum.acceleration_max_m_s2)
    r = reach("jerk_m_s3", scenario.spectrum.jerk_max_m_s3)
    return {
        "path_length_m": (1.0, reach("path_length_m", 30.0), 0.1),
        "velocity_m_s": (-v, v, 0.05),
        "acceleration_m_s2": (-a, a, 0.1),
        "jerk_m_s3": (-r, r, 0.5),
        "amplitude": (0.0, reach("amplitude", 3.0), 0.05),
    }


def explored(scenario: Scenario, controls: Controls) -> tuple[Scenario, dict[str, Any]]:
    """Scenario that the controls make of another one.

    Returns
    -------
    tuple of Scenario and dict
        The scenario, and the changes by which :meth:`isacsim.Scenario.with_` makes it.

    Raises
    ------
    InputError
        If the scenario's antennas cannot be changed, or the CSI is too much for pictures at once.
    pydantic_core.ValidationError
        Naming what of the scenario cannot be so.
    """
    changes: dict[str, Any] = {
        "name": f"{scenario.name}_explored",
        "seed": controls.seed,
    }
    if scenario.snr_db != controls.snr_db:
        changes["snr_db"] = controls.snr_db
    if radio := _radio(scenario, controls):
        changes["radio"] = radio
    spectrum = {
        name: value
        for name, value in (
            ("combine", controls.combine),
            ("window", None if controls.window == "auto" else controls.window),
            ("lag_window", None if controls.lag_window == "auto" else controls.lag_window),
        )
        if value != getattr(scenario.spectrum, name)
    }
    if spectrum:
        changes["spectrum"] = spectrum
    if controls.points is not None:
        changes["targets"] = {
            "count": None,
            "template": None,
            "fixed": [_target(point) for point in controls.points],
            "within_axes": False,
        }
        if scenario.dataset.per_class is not None:
            changes["dataset"] = {"per_class": None}
    made = changed(scenario, changes)
    values = len(made.radio.streams) * made.radio.n_subcarriers * made.radio.packets
    if values > _MOST_VALUES:
        raise InputError(
            f"{len(made.radio.streams)} antenna pairs, {made.radio.n_subcarriers} subcarriers and {made.radio.packets} "
            f"packets are {values} values of CSI; the explorer takes at most {_MOST_VALUES}."
        )
    return made, changes


def _radio(scenario: Scenario, controls: Controls) -> dict[str, Any]:
    radio, out = scenario.radio, dict[str, Any]()
    if controls.packets != radio.packets:
        out["packets"] = controls.packets
    if controls.antennas is None or list(radio.antennas) == controls.antennas:
        return out
    if why := antennas_fixed(scenario):
        raise InputError(f"antennas cannot be changed: {why}.")
    rx, tx = (
        {"elements": n} if present is not None else {"kind": "linear", "elements": n} if n > 1 else None
        for n, present in zip(
            controls.antennas, (radio.receivers[0].array, radio.transmitter_array), strict=True
        )
    )
    if rx is not None:
        out["receivers"] = {"0": {"array": rx}}
    if tx is not None:
        out["transmitter_array"] = tx
    return out


def _target(point: Point) -> dict[str, Any]:
    motion = {"kind": "kinematics", **point.model_dump(exclude={"amplitude"})}
    return {"motion": motion, "amplitude": point.amplitude}


def _all_points(scenario: Scenario) -> bool:
    targets = scenario.targets
    every = targets.fixed or () if targets.template is None else (targets.template,)
    return all(isinstance(target.body, PointBody) for target in every)


def _points(drawn: Realisation) -> list[Point]:
    first = next(i for i, r in enumerate(drawn.scenario.radio.receivers) if r.role == "surveillance")
    at = drawn.reference
    amplitude = (drawn.amplitude * drawn.echo[first])[at]
    return [_point(values) for values in np.vstack([drawn.kinematics[:, first, at], amplitude]).T]


def _point(values: Any) -> Point:
    names = ("path_length_m", "velocity_m_s", "acceleration_m_s2", "jerk_m_s3", "amplitude")
    return Point(**{name: round(float(value), 2) for name, value in zip(names, values, strict=True)})


def _known(window: str | None) -> Any:
    return window if window in WINDOWS else "auto"
