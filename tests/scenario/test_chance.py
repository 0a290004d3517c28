"""Distributions replaced by numbers: once, in the model's order, and nothing below draws again."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

import isacsim
from isacsim.scenario.bodies import RotorBody
from isacsim.scenario.catalogue import list_scenarios, load_scenario
from isacsim.scenario.chance import draw, drawn
from isacsim.scenario.motions import Oscillation, Trajectory
from isacsim.scenario.numbers import Choice, LogNormal, Normal, Uniform, plain
from isacsim.simulation.drawing import draw_scenario

DISTRIBUTIONS = (Uniform, Normal, LogNormal, Choice)
UNIFORM = {"uniform": [0.0, 1.0]}


def distributions(value):
    """Every distribution in a section, however deep."""
    if isinstance(value, DISTRIBUTIONS):
        return [value]
    if isinstance(value, BaseModel):
        return [d for name in type(value).model_fields for d in distributions(getattr(value, name))]
    return [d for one in value for d in distributions(one)] if isinstance(value, tuple) else []


def test_fields_are_drawn_in_the_models_order():
    swing = Oscillation.model_validate(
        {
            "kind": "oscillation",
            "position_m": [UNIFORM, 0.0, {"normal": [0, 1]}],
            "axis": [0, 0, 1],
            "amplitude_m": {"choice": [1.0, 2.0, 3.0]},
            "frequency_hz": {"lognormal": [0, 1]},
            "phase_rad": UNIFORM,
        }
    )
    got, rng = drawn(swing, np.random.default_rng(3)), np.random.default_rng(3)
    assert got.position_m == (rng.uniform(0, 1), 0.0, rng.normal(0, 1))
    assert got.amplitude_m == (1.0, 2.0, 3.0)[rng.integers(3)]
    assert (got.frequency_hz, got.phase_rad) == (rng.lognormal(0, 1), rng.uniform(0, 1))
    assert type(got) is Oscillation and got.axis is swing.axis


def test_a_section_without_distributions_is_the_same_object_and_draws_nothing():
    still = Trajectory(kind="trajectory", position_m=(1, 2, 3), velocity_m_s=(0, 0, 1))
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert drawn(still, rng) is still
    assert rng.bit_generator.state == before


def test_each_rotor_has_a_speed_of_its_own_drawn_or_given():
    body = RotorBody.model_validate({"kind": "rotor", "n_rotors": 3, "rev_per_s": {"uniform": [60, 100]}})
    speeds = drawn(body, np.random.default_rng(1)).rev_per_s
    assert len(set(speeds)) == 3 and all(60 <= speed <= 100 for speed in speeds)
    given = RotorBody.model_validate({"kind": "rotor", "n_rotors": 2, "rev_per_s": [70, 80]})
    assert drawn(given, np.random.default_rng(1)).rev_per_s == (70, 80)
    with pytest.raises(ValidationError, match="3 entries and n_rotors is 2"):
        RotorBody.model_validate({"kind": "rotor", "n_rotors": 2, "rev_per_s": [70, 80, 90]})


@pytest.mark.parametrize("name", list_scenarios())
def test_a_drawn_scenario_holds_numbers_alone_and_is_a_scenario(name):
    scenario = load_scenario(name)
    got = draw_scenario(scenario, seed=5, index=2).scenario
    assert not distributions(got)
    assert len(got.targets.configs()) in scenario.targets.counts
    assert got == draw_scenario(scenario, seed=5, index=2).scenario
    # Its text is read back as the same numbers: a drawn scenario is one that a user could have written.
    assert isacsim.Scenario.from_yaml(got.to_yaml()) == got


def test_numbers_of_one_section_do_not_depend_on_another(make_scenario):
    cfo = {"offset_hz": UNIFORM}
    alone = make_scenario(impairments={"cfo": cfo})
    more = make_scenario(impairments={"cfo": cfo, "sto": {"offset_ns": UNIFORM}}, snr_db=UNIFORM)
    one, other = (draw_scenario(s, seed=1).scenario.impairments.cfo for s in (alone, more))
    assert one == other


def test_what_is_below_refuses_a_distribution():
    with pytest.raises(TypeError, match="draw its section first"):
        plain(Uniform(uniform=(0, 1)))


def test_only_the_drawing_of_a_scenario_draws():
    root = Path(isacsim.__file__).parent
    callers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "isacsim.scenario.chance"
    }
    assert callers == {"simulation/drawing.py"}


def test_draw_of_a_plain_number_takes_nothing():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert draw(3.5, rng) == 3.5
    assert rng.bit_generator.state == before
