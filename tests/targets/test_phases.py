"""Motion by timed phases: continuous whatever the phases are, and each does what it says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pydantic import ValidationError

from isacsim import InputError
from isacsim.scenario.chance import drawn
from isacsim.scenario.model import Scenario
from isacsim.scenario.motions import Phases
from isacsim.targets.phases import PhasesMotion, realise_phases

pytestmark = pytest.mark.numerical

STORY = [
    {"kind": "stand", "duration_s": 0.5},
    {"kind": "start", "duration_s": 1.0, "speed_m_s": 1.2},
    {"kind": "walk", "duration_s": 1.0},
    {"kind": "turn", "duration_s": 1.5, "angle_deg": 90},
    {"kind": "stop", "duration_s": 0.8},
    {"kind": "sit", "duration_s": 1.2},
]
TIMES = np.cumsum([0] + [phase["duration_s"] for phase in STORY]) - 3.0


def make(phases: list, **more) -> PhasesMotion:
    config = {"kind": "phases", "position_m": [1, 2, 1.2], "start_s": -3.0, "phases": phases} | more
    return realise_phases(Phases.model_validate(config))


duration = st.floats(0.4, 2.0)
standing = st.sampled_from(["stand", "turn", "start"])
moving = st.sampled_from(["walk", "turn", "stop", "start"])


@st.composite
def stories(draw):
    out, walks = [], False
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(moving if walks else standing)
        phase = {"kind": kind, "duration_s": draw(duration)}
        if kind == "start":
            phase["speed_m_s"] = draw(st.floats(0.2, 2.0))
        if kind == "turn":
            phase["angle_deg"] = draw(st.floats(-180, 180))
        walks = kind != "stop" and (walks or kind == "start")
        out.append(phase)
    last = draw(st.sampled_from(["fall"] if walks else ["sit", "fall", "stand"]))
    return [*out, {"kind": last, "duration_s": draw(duration)}]


@settings(deadline=None, max_examples=40)
@given(stories())
def test_nothing_jumps_between_phases(phases):
    motion = make(phases)
    step = 1e-3
    time = np.arange(-4.0, float(sum(p["duration_s"] for p in phases)) - 2.0, step)
    state = motion.state(time)
    for n in range(3):  # each is the integral of the next one: none can jump
        got = np.diff(state[n], axis=0)
        expected = (state[n + 1][1:] + state[n + 1][:-1]) / 2 * step
        assert_allclose(got, expected, atol=2e-6 * 50**n)
    assert np.abs(state.jerk).max() < 3000  # a fall of a metre in 0.4 s has 1100
    for quantity in motion.pose(time):
        assert np.abs(np.diff(quantity, 2)).max() < 1e-3


def test_phases_do_what_they_say():
    motion = make(STORY)
    state, pose = motion.state(TIMES), motion.pose(TIMES)
    speed = np.linalg.norm(state.velocity, axis=1)
    assert_allclose(speed, [0, 0, 1.2, 1.2, 1.2, 0, 0], atol=1e-3)
    assert_allclose(np.rad2deg(pose.heading), [0, 0, 0, 0, 90, 90, 90], atol=1e-9)
    assert_allclose(np.rad2deg(pose.bend), [0] * 6 + [90], atol=1e-9)
    assert_allclose(state.acceleration, 0, atol=0.05)
    assert_allclose(state.position[:2], [[1, 2, 1.2]] * 2, atol=1e-6)
    assert_allclose(state.position[2], [1 + 0.6, 2, 1.2], atol=1e-6)  # half of 1.2 m/s in a second
    assert_allclose(state.position[3], [1 + 1.8, 2, 1.2], atol=1e-6)
    # Sitting down: 0.43 m down, and back against the heading of +y.
    assert_allclose(state.position[-1] - state.position[-2], [0, -0.43, -0.43], atol=1e-5)
    # Before the first phase and after the last, all goes on.
    assert_allclose(motion.state([-50.0, 50.0]).position, state.position[[0, -1]], atol=1e-3)
    walking = make(STORY[1:3])
    after = walking.state([5.0, 6.0])
    assert_allclose(np.diff(after.position, axis=0), [[1.2, 0, 0]], atol=1e-4)


def test_a_fall_is_an_arc_about_the_feet():
    motion = make([{"kind": "fall", "duration_s": 1.0, "height_m": 0.2}])
    time = np.linspace(-3, -2, 21)
    position, pitch = motion.state(time).position, motion.pose(time).pitch
    foot = position - 1.2 * np.stack([np.sin(pitch), 0 * pitch, np.cos(pitch)], axis=-1)
    assert_allclose(foot, [[1, 2, 0]] * 21, atol=1e-4)
    assert position[-1, 2] == pytest.approx(0.2, abs=1e-5)
    with pytest.raises(InputError, match=r"height_m = 1\.5 m, but the torso is at 1\.2 m"):
        make([{"kind": "fall", "duration_s": 1.0, "height_m": 1.5}])


def test_what_no_body_can_do_is_refused_when_it_is_drawn():
    with pytest.raises(InputError, match=r"drop_m = 1\.5 m, but it is at 1\.2 m"):
        make([{"kind": "sit", "duration_s": 1.0, "drop_m": 1.5}])
    with pytest.raises(InputError, match=r"all phases together last 1e\+06 s; they may last 600 s"):
        make([{"kind": "stand", "duration_s": 1e6}])


@pytest.mark.parametrize("duration", [0.06, 0.1, 0.3])
def test_short_phases_go_along_their_profile_too(duration):
    motion = make([{"kind": "start", "duration_s": duration, "speed_m_s": 1.2}])
    time = np.linspace(-3.2, -3 + duration + 0.2, 401)
    assert_allclose(motion.state(time).velocity[:, 0], motion.pose(time).speed, atol=1e-4)


def test_the_profile_is_the_point_to_point_movement_of_least_jerk():
    speed = make(STORY[:2]).pose(np.linspace(-2.5, -1.5, 201)).speed
    # A quintic with velocity and acceleration (here of the speed) zero at both ends.
    fit = np.polynomial.Polynomial.fit(np.linspace(0, 1, 201), speed, 5)
    assert_allclose(fit(np.linspace(0, 1, 201)), speed, atol=1e-9)
    assert_allclose(fit.deriv(1)(np.array([0, 1])), 0, atol=1e-6)
    assert_allclose(fit.deriv(2)(np.array([0, 1])), 0, atol=1e-5)


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ([{"kind": "walk", "duration_s": 1}], "walk needs a start before it"),
        ([{"kind": "stop", "duration_s": 1}], "stop needs a start before it"),
        ([STORY[1], {"kind": "sit", "duration_s": 1}], "sit needs a stop before it"),
        ([STORY[1], {"kind": "stand", "duration_s": 1}], "stand needs a stop before it"),
        ([{"kind": "fall", "duration_s": 1}, STORY[1]], "start cannot follow fall"),
        ([{"kind": "stand", "duration_s": 0}], "greater than 0"),
        ([{"kind": "jump", "duration_s": 1}], "jump"),
        ([], "at least 1"),
    ],
)
def test_impossible_stories_are_refused(phases, words):
    with pytest.raises(ValidationError, match=words):
        make(phases)


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ("[{kind: walk, duration_s: 1}]", "targets.fixed.0.motion.phases.0.kind: walk needs a start"),
        (
            "[{kind: stand, duration_s: -1}]",
            "targets.fixed.0.motion.phases.0.duration_s is -1; it must be greater",
        ),
    ],
)
def test_a_wrong_phase_is_named_where_it_stands(make_scenario, phases, words):
    text = make_scenario(targets={"fixed": []}).to_yaml()
    motion = f"{{kind: phases, position_m: [1, 3, 1.2], start_s: -1, phases: {phases}}}"
    assert "  fixed: []" in text
    with pytest.raises(ValidationError, match=re.escape(words)):
        Scenario.from_yaml(text.replace("  fixed: []", f"  fixed: [motion: {motion}]"))


def test_durations_are_drawn():
    config = Phases.model_validate(
        {
            "kind": "phases",
            "position_m": [0, 0, 1],
            "start_s": {"uniform": [-2, -1]},
            "phases": [
                {"kind": "start", "duration_s": {"uniform": [0.5, 1]}, "speed_m_s": {"uniform": [1, 2]}},
                {"kind": "walk", "duration_s": 1},
            ],
        }
    )
    made = [realise_phases(drawn(config, np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
