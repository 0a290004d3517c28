"""Checks of several sections of a scenario at once: axes, antennas, rooms, motions, classes."""

from __future__ import annotations

from itertools import product
from math import dist
from typing import TYPE_CHECKING

import numpy as np
from pydantic_core import PydanticCustomError

from isacsim.errors import InputError
from isacsim.scenario.bodies import WalkerBody
from isacsim.scenario.environments import Antenna, Floor, RayTraced, ReceiverAntenna, TwoRay
from isacsim.scenario.motions import MotionConfig, Phases, Trajectory, Waypoints
from isacsim.scenario.numbers import Distribution, support
from isacsim.scenario.section import refuse
from isacsim.spectrum.grid import WindowResolution

if TYPE_CHECKING:
    from isacsim.scenario.model import Scenario

__all__ = ["faults_of"]


def faults_of(scenario: Scenario) -> list[PydanticCustomError]:
    """Give all that is wrong between sections; empty if nothing is."""
    found: list[PydanticCustomError] = []
    for check in (
        _check_axes,
        _check_doppler,
        _check_reflector,
        _check_room,
        _check_patterns,
        _check_cells,
        _check_motions,
        _check_sway,
        _check_classes,
    ):
        try:
            check(scenario)
        except PydanticCustomError as error:
            found.append(error)
    return found


def _check_axes(scenario: Scenario) -> None:
    radio, spectrum = scenario.radio, scenario.spectrum
    # The highest subcarrier folds first.
    highest = float(np.max(radio.frequency_hz))
    try:
        grid = WindowResolution(radio.packets, 1 / radio.packet_rate_hz, highest, spectrum.lag_ratio)
    except InputError as error:
        where = (
            ("spectrum", "lag_ratio") if "lag_ratio" in spectrum.model_fields_set else ("radio", "packets")
        )
        raise refuse(str(error), *where) from None
    try:
        grid.check(spectrum.acceleration_max_m_s2, spectrum.jerk_max_m_s3)
    except InputError as error:
        # The file's own axes are to blame, else the packet rate that does not do for the default ones.
        axes = ("acceleration_max_m_s2", "jerk_max_m_s3")
        named_axes = [("spectrum", name) for name in axes if name in spectrum.model_fields_set]
        raise refuse(str(error), *(named_axes or [("radio", "packet_rate_hz")])[0]) from None


def _check_doppler(scenario: Scenario) -> None:
    radio = scenario.radio
    if not scenario.spectrum.also:
        return
    from isacsim.spectrum.doppler import DopplerPlan  # loads scipy.signal, half a second

    carrier = float(np.mean(radio.frequency_hz))
    how = scenario.spectrum.doppler(radio.packets / radio.packet_rate_hz)
    try:
        DopplerPlan.of(radio.packets, 1 / radio.packet_rate_hz, carrier, **how)
    except InputError as error:
        argument = "max_speed" if "max_speed" in str(error) else "window_s"
        name = {"max_speed": "doppler_speed_max_m_s", "window_s": "doppler_window_s"}[argument]
        raise refuse(str(error).replace(argument, name).rstrip("."), "spectrum", name) from None


def _check_reflector(scenario: Scenario) -> None:
    if not isinstance(scenario.environment, TwoRay):
        return
    surface = scenario.environment.surface
    point: tuple[float | Distribution, ...]
    if isinstance(surface, Floor):
        point, normal = (0.0, 0.0, surface.height_m), np.array([0.0, 0.0, 1.0])
    else:
        point, normal = surface.point_m, np.array(surface.normal)
    # Sides are linear in the point: what holds at the ends of what may be drawn holds between them.
    ends = np.array(list(product(*map(support, point))))
    sent_from = scenario.radio.transmitter_elements_m
    for receiver, elements in zip(scenario.radio.receivers, scenario.radio.receiver_elements_m, strict=True):
        antennas = np.concatenate([sent_from, elements])
        with np.errstate(invalid="ignore"):  # a normal distribution reaches to infinity, on either side
            sides = (antennas[:, np.newaxis] - ends) @ normal
        if not ((sides > 0).all() or (sides < 0).all()):
            raise refuse(
                f"the reflecting {surface.kind} separates (or touches) the transmitter and receiver "
                f"{receiver.name!r}; both must stand on the same side of it",
                *("environment", "surface"),
            )


def _check_room(scenario: Scenario) -> None:
    if not isinstance(scenario.environment, RayTraced):
        return
    names = [receiver.name for receiver in scenario.radio.receivers]
    for i, antenna in enumerate(scenario.environment.receivers):
        if antenna.name not in names:
            raise refuse(
                f"there is no receiver {antenna.name!r}; radio.receivers has {', '.join(names)}",
                *("environment", "receivers", i, "name"),
            )
    places = [("transmitter", scenario.radio.transmitter_m)]
    places += [(f"receiver {r.name!r}", r.position_m) for r in scenario.radio.receivers]
    elements = [scenario.radio.transmitter_elements_m, *scenario.radio.receiver_elements_m]
    for (name, place), of_array in zip(places, elements, strict=True):
        for number, (x, y, z) in enumerate(of_array.tolist()):
            single = len(of_array) == 1
            spot = place if single else (round(x, 4), round(y, 4), round(z, 4))
            blocked = "" if scenario.environment.room is None else scenario.environment.room.blocked(spot)
            if blocked:
                which = f"the {name}" if single else f"element {number} of the {name}"
                raise refuse(f"{which} at {list(spot)} is {blocked}", "environment", "room")
    looking: list[tuple[Antenna, tuple[str | int, ...]]] = [
        (scenario.environment.transmitter, ("transmitter",))
    ]
    looking += [(a, ("receivers", i)) for i, a in enumerate(scenario.environment.receivers)]
    at = dict(zip(names, [place for _, place in places[1:]], strict=True))
    for look, where in looking:
        place = at[look.name] if isinstance(look, ReceiverAntenna) else scenario.radio.transmitter_m
        if look.looks_at_m is not None and dist(look.looks_at_m, place) < 0.01:
            field = ("environment", *where, "looks_at_m")
            raise refuse(
                f"{'.'.join(map(str, field))} is {list(look.looks_at_m)}, where the antenna itself stands; it must "
                "differ",
                *field,
            )


def _check_patterns(scenario: Scenario) -> None:
    if not isinstance(scenario.environment, RayTraced):
        return
    arrays = {receiver.name for receiver in scenario.radio.receivers if receiver.array is not None}
    twice: list[tuple[str | int, ...]] = [
        ("receivers", i) for i, antenna in enumerate(scenario.environment.receivers) if antenna.name in arrays
    ]
    if scenario.radio.transmitter_array is not None and scenario.environment.transmitter != Antenna():
        twice = [("transmitter",), *twice]
    if twice:
        raise refuse(
            f"environment.{'.'.join(map(str, twice[0]))} is the antenna of an array, whose elements have the "
            "pattern and direction that radio gives; leave it out",
            *("environment", *twice[0]),
        )


def _check_cells(scenario: Scenario) -> None:
    """One spectrum a receiver, and all of one kind: arrays of one size."""
    of_receivers = zip(scenario.radio.receivers, scenario.radio.receiver_elements_m, strict=True)
    sizes = {
        len(places): receiver.name for receiver, places in of_receivers if receiver.role == "surveillance"
    }
    if scenario.spectrum.combine == "resolved" and len(sizes) > 1:
        told = ", ".join(f"{name!r} has {size}" for size, name in sizes.items())
        raise refuse(
            f"spectrum.combine is resolved, which takes receivers with as many elements each, but {told}",
            *("spectrum", "combine"),
        )


def _check_motions(scenario: Scenario) -> None:
    motions: list[tuple[tuple[str | int, ...], MotionConfig]] = [
        (("targets", "fixed", i, "motion"), target.motion)
        for i, target in enumerate(scenario.targets.fixed or ())
    ]
    if scenario.targets.template is not None:
        motions.append((("targets", "template", "motion"), scenario.targets.template.motion))
    motions += [(("movers", i, "motion"), mover.motion) for i, mover in enumerate(scenario.movers)]
    for where, motion in motions:
        _check_motion(scenario, where, motion)


def _check_motion(scenario: Scenario, where: tuple[str | int, ...], motion: MotionConfig) -> None:
    dotted = ".".join(map(str, where))
    if isinstance(motion, Waypoints):
        first, last = (float(t) for t in scenario.radio.time_s[[0, -1]])
        if motion.times_s[0] > first or motion.times_s[-1] < last:
            raise refuse(
                f"{dotted}.times_s runs from {motion.times_s[0]:g} to {motion.times_s[-1]:g} s, but the "
                f"window from {first:g} to {last:g} s; the waypoints must enclose the window",
                *(*where, "times_s"),
            )
    if isinstance(motion, Trajectory | Phases):
        antennas = {"the transmitter": scenario.radio.transmitter_m}
        antennas |= {f"receiver {r.name!r}": r.position_m for r in scenario.radio.receivers}
        for name, position in antennas.items():
            if motion.position_m == position:
                raise refuse(
                    f"{dotted}.position_m is {list(position)}, where {name} stands; it must differ",
                    *(*where, "position_m"),
                )


def _check_sway(scenario: Scenario) -> None:
    fixed = [(("targets", "fixed", i), target) for i, target in enumerate(scenario.targets.fixed or ())]
    template = (
        [] if scenario.targets.template is None else [(("targets", "template"), scenario.targets.template)]
    )
    for where, target in (*fixed, *template):
        if isinstance(target.body, WalkerBody) and target.body.sway and scenario.motion_model != "exact":
            raise refuse(
                f"{'.'.join(map(str, where))}.body.sway is true, but motion_model is {scenario.motion_model}: no cubic "
                "sways with the steps; set motion_model: exact, or sway: false",
                *(*where, "body", "sway"),
            )


def _check_classes(scenario: Scenario) -> None:
    counts = scenario.targets.counts
    for label in scenario.dataset.per_class or {}:
        if label not in counts:
            allowed = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
            raise refuse(
                f"dataset.per_class has a class of {label} targets, but targets allows {allowed}",
                *("dataset", "per_class", label),
            )
