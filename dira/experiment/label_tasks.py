"""Tasks for few labels: simulated rooms and people that no encoder was pretrained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dira.experiment.labelled import Labelled
from isacsim.dataset.synthetic.sample import Conditioned
from isacsim.dataset.synthetic.workers import map_ordered
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive

__all__ = ["PLACES", "TASKS", "Place", "Task", "windows_of"]

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Place:
    """A room with its antennas, and the people in it."""

    name: str
    transmitter_m: tuple[float, float, float]
    receiver_m: tuple[float, float, float]
    array: dict[str, Any]
    environment: dict[str, Any]
    x_m: tuple[float, float]
    y_m: tuple[float, float]
    height_m: tuple[float, float]
    """Height of the people."""
    amplitude: tuple[float, float]
    """Logarithm's mean and standard deviation."""


def _walls(
    power_db: tuple[float, float], delay_spread_ns: tuple[float, float], k_factor_db: tuple[float, float]
) -> dict[str, Any]:
    given = {"power_db": power_db, "delay_spread_ns": delay_spread_ns, "k_factor_db": k_factor_db}
    return {name: {"uniform": [*of]} for name, of in given.items()}


PLACES = {
    "labels": Place(
        "labels",
        (0.3, 3.0, 1.0),
        (5.8, 2.6, 1.5),
        {"kind": "linear", "elements": 3, "looks_at_m": [3, 3, 1.2]},
        _walls((14, 20), (30, 70), (-3, 3)),
        (0.8, 5.2),
        (0.8, 5.4),
        (1.5, 1.7),
        (0.2, 0.2),
    ),
    "test": Place(
        "test",
        (0.5, 0.5, 2.0),
        (6.5, 6.0, 2.0),
        {"kind": "linear", "elements": 3, "looks_at_m": [3, 3, 1.2]},
        _walls((20, 26), (15, 30), (3, 9)),
        (1.0, 6.5),
        (1.0, 7.0),
        (1.7, 2.0),
        (0.4, 0.3),
    ),
}
"""The room that labels are from, and the one that is judged on: other walls, antennas and people."""


@dataclass(frozen=True)
class Task:
    """Classes, each of one or several scenarios in turn."""

    classes: tuple[str, ...]
    scenarios: tuple[tuple[str, ...], ...]
    """Scenarios of each class."""
    counts: bool = False
    """True if the classes are numbers of targets of one scenario."""


_MOVING = ("activity_walk", "activity_sit", "activity_still")
TASKS = {
    "activity": Task(
        ("walk", "sit", "fall", "still"),
        (("activity_walk",), ("activity_sit",), ("activity_fall",), ("activity_still",)),
    ),
    "presence": Task(("empty", "present"), (("empty",), _MOVING)),
    "count": Task(
        ("0", "1", "2", "3", "4"), (("empty",), *((f"people_{n}",) for n in range(1, 5))), counts=True
    ),
}
# A curtain or fan moves in every second empty room, and in every second one with people.
_CURTAIN = {
    "name": "curtain",
    "amplitude": {"lognormal": [-1.2, 0.4]},
    "motion": {
        "kind": "oscillation",
        "position_m": [{"uniform": [0, 6]}, {"uniform": [0.5, 6]}, 1.5],
        "axis": [{"normal": [0, 1]}, {"normal": [0, 1]}, 0.1],
        "amplitude_m": {"choice": [0, 0.02]},
        "frequency_hz": {"uniform": [0.3, 1]},
        "phase_rad": {"uniform": [0, 6.28]},
    },
}


def scenario_in(name: str, place: Place) -> Scenario:
    """Put a scenario's people into a room."""
    walking = load_scenario("activity_walk" if not name.startswith("activity") else name)
    content = walking.model_dump(mode="json", exclude_none=True)
    target = content["targets"]["fixed"][0]
    target["amplitude"] = {"lognormal": [*place.amplitude]}
    target["body"]["height_m"] = {"uniform": [*place.height_m]}
    target["motion"]["position_m"] = [
        {"uniform": [*place.x_m]},
        {"uniform": [*place.y_m]},
        {"uniform": [0.674 * h for h in place.height_m]},
    ]
    movers = [*content.get("movers", [])]
    for chest in movers:
        chest["motion"]["position_m"] = [{"uniform": [*place.x_m]}, {"uniform": [*place.y_m]}, 1.2]
    number = 0 if name == "empty" else int(name.split("_")[1]) if name.startswith("people") else 1
    receiver = {"name": "rx", "position_m": place.receiver_m, "array": place.array}
    return walking.with_(
        name=f"{name}_{place.name}",
        radio={"transmitter_m": place.transmitter_m, "receivers": [receiver]},
        environment=place.environment,
        targets={"fixed": [target] * number},
        movers=[*movers, _CURTAIN],
    )


def windows_of(
    task: Task, place: Place, a_class: int, *, seed: int, workers: int | None = None, tell: Tell | None = None
) -> Labelled:
    """Simulate labelled windows of a task, as many of each class.

    Parameters
    ----------
    task : Task
        One of `TASKS`.
    place : Place
        One of `PLACES`.
    a_class : int
        Windows of each class.
    seed : int
        Window i of a scenario depends on (scenario, seed, i) alone.
    workers : int, optional
        Processes; default: one a core.
    tell : callable, optional
        Called with windows made and in all.
    """
    work = []
    for number, names in enumerate(task.scenarios):
        scenarios = [scenario_in(name, place) for name in names]
        work += [
            (scenarios[i % len(names)], seed + number, i // len(names), number, place.name)
            for i in range(a_class)
        ]
    made = []
    for window in map_ordered(_window, iter(work), workers=workers, ahead=8):
        made.append(window)
        if tell is not None:
            tell(len(made), len(work))
    return Labelled.together(made)


def _window(scenario: Scenario, seed: int, index: int, label: int, group: str) -> Labelled:
    received = receive(realise(scenario, seed=seed, index=index))
    ready = Conditioned.of_received(received)
    raw = received.bare_capture()
    return Labelled.of(
        np.asarray(raw["csi"].values),
        raw.coords["time"].values,
        ready.csi,
        ready.time,
        scenario.radio.frequency_hz,
        label,
        group,
    )
