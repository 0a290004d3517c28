"""Draw of a scenario for one capture: the same scenario, every distribution replaced by a number.

Each section is drawn from a stream of its own (`isacsim.streams`), so what one says changes no other. The numbers of a
section come from its stream, what happens by them (phase noise, taps, lost packets) from the stream's part 1.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from isacsim.checks import check_integer
from isacsim.errors import InputError
from isacsim.scenario.chance import draw, drawn
from isacsim.scenario.environments import Environment
from isacsim.scenario.impairments import Impairments
from isacsim.scenario.model import Scenario
from isacsim.scenario.outputs import Dataset
from isacsim.scenario.targets import Target, Targets
from isacsim.streams import Stream, stream
from isacsim.targets.body import DrawnBody, realise_body
from isacsim.targets.kinematics import realise_motion, within_axes

__all__ = ["Drawn", "draw_environment", "draw_scenario", "draw_target"]

# A template of which not one draw in this many fits the axes is a mistake.
_MAX_TRIES = 1000
_IMPAIRMENTS = {
    "cfo": Stream.CFO,
    "sfo": Stream.SFO,
    "sto": Stream.STO,
    "agc": Stream.AGC,
    "jitter": Stream.JITTER,
    "loss": Stream.LOSS,
    "quantisation": Stream.QUANTISATION,
    "chains": Stream.ARRAYS,
}


class Drawn(NamedTuple):
    """Scenario with every distribution replaced by a number."""

    scenario: Scenario
    """With numbers alone; its targets are fixed."""
    bodies: tuple[DrawnBody, ...]
    """Bodies of its targets, in motion."""
    further: tuple[Impairments, ...]
    """Impairments of the receiving devices after the first, whose are the scenario's."""


def draw_scenario(scenario: Scenario, *, seed: int, index: int = 0, n_targets: int | None = None) -> Drawn:
    """Draw all that a scenario leaves to chance.

    Parameters
    ----------
    scenario : Scenario
        With its distributions.
    seed, index : int
        Seed of the data set and number of the sample.
    n_targets : int, optional
        Number of targets; default: drawn as the scenario says.

    Returns
    -------
    Drawn
        The scenario and its bodies.

    Raises
    ------
    InputError
        If seed, index or n_targets is out of range, or no draw of a target fits the axes.
    """
    count = _count(scenario, seed, index, n_targets)
    drawn_targets = [
        draw_target(scenario, config, seed=seed, index=index, number=n)
        for n, config in enumerate(scenario.targets.configs(count))
    ]
    targets = tuple(target for target, _ in drawn_targets)
    sections: dict[str, Any] = {
        "snr_db": draw(scenario.snr_db, stream(seed, index, Stream.SNR)),
        "environment": draw_environment(scenario, seed, index),
        "targets": Targets.model_construct(fixed=targets, within_axes=scenario.targets.within_axes),
        "movers": tuple(
            drawn(mover, stream(seed, index, Stream.MOVERS, n)) for n, mover in enumerate(scenario.movers)
        ),
        "impairments": _drawn_impairments(scenario.impairments, seed, index),
        "dataset": Dataset(n_samples=1),
    }
    kept = {name: getattr(scenario, name) for name in Scenario.model_fields if name not in sections}
    devices = range(1, max(scenario.radio.devices) + 1)
    return Drawn(
        Scenario.model_construct(**kept, **sections),
        tuple(body for _, body in drawn_targets),
        tuple(_drawn_impairments(scenario.impairments, seed, index, device) for device in devices),
    )


def draw_environment(scenario: Scenario, seed: int, index: int) -> Environment:
    """Draw the static environment of one capture; its taps and phases come from the stream's part 1."""
    return drawn(scenario.environment, stream(seed, index, Stream.STATIC))


def _count(scenario: Scenario, seed: int, index: int, asked: int | None) -> int:
    targets = scenario.targets
    if targets.count is None:
        if asked is not None and asked != targets.counts[0]:
            raise InputError(
                f"scenario {scenario.name} has {targets.counts[0]} fixed targets; n_targets cannot make them {asked}."
            )
        return targets.counts[0]
    count = targets.draw_count(stream(seed, index, Stream.COUNT)) if asked is None else asked
    return check_integer("n_targets", count, least=0, most=100)


def draw_target(
    scenario: Scenario, target: Target, *, seed: int, index: int, number: int
) -> tuple[Target, DrawnBody]:
    """Draw a target and put its body in motion; with ``targets.within_axes``, until its truth lies inside the axes.

    Parameters
    ----------
    scenario : Scenario
        For the window, the antennas, the axes and ``within_axes``.
    target : Target
        One of ``scenario.targets.configs(...)``.
    seed, index : int
        Seed of the data set and number of the sample.
    number : int
        Which of the sample's targets it is.

    Raises
    ------
    InputError
        If none of 1000 draws lies inside, or a target passes through an antenna.
    """
    rng = stream(seed, index, Stream.TARGETS, number)
    of_body = partial(stream, seed, index, Stream.BODIES, number)
    for _ in range(_MAX_TRIES if scenario.targets.within_axes else 1):
        numbers = drawn(target, rng)
        body = realise_body(numbers.body, realise_motion(numbers.motion), scenario.radio.time_s, of_body)
        if not scenario.targets.within_axes or within_axes(scenario, body.reference):
            return numbers, body
    axes = scenario.spectrum
    raise InputError(
        f"scenario {scenario.name}: none of {_MAX_TRIES} draws of a target has |acceleration| <= "
        f"{axes.acceleration_max_m_s2:g} m/s² and |jerk| <= {axes.jerk_max_m_s3:g} m/s³ at every "
        "surveillance receiver; widen the spectrum's axes, slow the motion, or set within_axes: false"
    )


def _drawn_impairments(impairments: Impairments, seed: int, index: int, device: int = 0) -> Impairments:
    part = () if device == 0 else (0, device)
    sections = {
        name: drawn(section, stream(seed, index, which, *part))
        for name, which in _IMPAIRMENTS.items()
        if (section := getattr(impairments, name)) is not None
    }
    return Impairments.model_construct(noise=impairments.noise, **sections)
