"""Activities at a moment: phases from their begin to their end, what is left of them, and walkers without phases."""

from __future__ import annotations

import pytest

from isacsim.scenario.targets import Target
from isacsim.schema import ACTIVITIES
from isacsim.simulation.labels import activities
from isacsim.simulation.realisation import realise
from isacsim.targets.activity import activity_of
from isacsim.targets.kinematics import realise_motion

STORY = [
    {"kind": "stand", "duration_s": 0.5},
    {"kind": "start", "duration_s": 1.0, "speed_m_s": 1.0},
    {"kind": "walk", "duration_s": 1.0},
    {"kind": "turn", "duration_s": 0.5, "angle_deg": 40},
    {"kind": "stop", "duration_s": 0.5},
    {"kind": "sit", "duration_s": 1.0},
    {"kind": "stand", "duration_s": 2.0},
]


def told(phases, times, body="walker", **motion):
    given = {"kind": "phases", "position_m": [2, 3, 1.2], "start_s": 0.0, "phases": phases, **motion}
    bodies = {"walker": {"kind": "walker", "height_m": 1.75}, "point": {"kind": "point"}}
    target = Target.model_validate({"motion": given, "amplitude": 1.0, "body": bodies[body]})
    made = realise_motion(target.motion)
    return [ACTIVITIES[activity_of(target, made, time)] for time in times]


@pytest.mark.parametrize("body", ["walker", "point"])
def test_a_phase_holds_from_its_begin_until_its_end(body):
    begins = [0.0, 0.5, 1.5, 2.5, 3.0, 3.5, 4.5]
    words = ["stand", "start", "walk", "turn", "stop", "sit", "seated"]
    assert told(STORY, begins, body) == words
    assert told(STORY, [t - 1e-9 for t in begins], body) == ["stand", *words[:-1]]
    # Whoever sat down sits there for ever.
    assert told(STORY, [6.5, 100.0], body) == ["seated", "seated"]


def test_before_the_first_phase_and_after_the_last_one_the_speed_tells():
    fall = [{"kind": "fall", "duration_s": 0.8}]
    assert told(fall, [-1, 0.4, 0.8, 5], speed_m_s=1.0) == ["walk", "fall", "lying", "lying"]
    assert told(fall, [-1, 0.4, 5]) == ["stand", "fall", "lying"]
    assert told([{"kind": "stop", "duration_s": 1.0}], [-1, 0.5, 2], speed_m_s=1.0) == [
        "walk",
        "stop",
        "stand",
    ]
    turn = [{"kind": "turn", "duration_s": 1.0, "angle_deg": 90}]
    assert told(turn, [-1, 0.5, 2]) == ["stand", "turn", "stand"]
    assert told(turn, [-1, 0.5, 2], speed_m_s=0.5) == ["walk", "turn", "walk"]


def test_targets_without_phases(make_scenario):
    def moving(speed, body):
        motion = {"kind": "trajectory", "position_m": [1, 3, 1.2], "velocity_m_s": [speed, 0.0, 0.0]}
        return {"motion": motion, "amplitude": 1.0, "body": body}

    walker = {"kind": "walker", "height_m": 1.75, "sway": True}
    given = {"motion": {"kind": "kinematics", "path_length_m": 8.0}, "amplitude": 1.0}
    targets = [moving(1.0, walker), moving(0.0, walker), moving(1.0, {"kind": "point"}), given]
    drawn = realise(make_scenario(targets={"fixed": targets}, motion_model="exact"), seed=0)
    words = [ACTIVITIES[code] if code >= 0 else "" for code in activities(drawn).tolist()]
    assert words == ["walk", "stand", "", ""]
