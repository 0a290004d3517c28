"""Echoes over walls: lengths and strengths against the ray tracer, and what is no bounce."""

from __future__ import annotations

import numpy as np
import pytest
from isacsim.validation.witness import Witness
from pydantic_core import ValidationError
from scipy.constants import speed_of_light

from isacsim.scenario.materials import reflection
from isacsim.scenario.rooms import Surface
from isacsim.simulation.realisation import realise
from isacsim.targets.bounces import bounces_of
from isacsim.targets.kinematics import path_kinematics, path_length_exact
from isacsim.targets.trajectory import PolynomialMotion
from tests.extras import need

pytestmark = pytest.mark.numerical

TIME = np.linspace(-0.5, 0.5, 9)


@pytest.fixture
def scenario(make_scenario):
    """Function: a person in an empty box, with what a test changes in the environment or the room."""

    def make(room=(), **environment):
        radio = {
            "transmitter_m": [1.0, 0.4, 1.5],
            "receivers": [{"name": "rx", "position_m": [5.0, 0.3, 1.4]}],
        }
        room = {"kind": "box", "size_m": [6.0, 8.0], "height_m": 2.8, **dict(room)}
        target = {
            "amplitude": 0.7,
            "motion": {
                "kind": "trajectory",
                "position_m": [2.5, 4.0, 1.2],
                "velocity_m_s": [0.8, 1.1, 0.1],
                "acceleration_m_s2": [1.0, -1.0, 0.0],
            },
        }
        return make_scenario(
            radio=radio,
            environment={"kind": "sionna_rt", "bounces": 1, "room": room, **environment},
            targets={"fixed": [target]},
        )

    return make


def test_bounces_are_those_that_the_ray_tracer_finds(scenario):
    need("sionna_rt")
    made = scenario()
    motion = realise(made, seed=0).motions[0]
    ends = made.radio.transmitter_m, made.radio.receivers[0].position_m
    ours = bounces_of(motion, made.environment, made.radio)
    assert len(ours) == 12
    traced = Witness(made).trace(motion.state(TIME).position, reflections=1)
    lengths = np.array([path_length_exact(b.motion, *ends, TIME) for b in ours])
    assert (np.bincount(traced.instant[traced.reflections == 1]) == 12).all()
    # Float32 of tens of metres: 4e-6 a rounding, of which there are some. A wavelength is 0.05.
    for i in range(TIME.size):
        once = (traced.instant == i) & (traced.reflections == 1)
        np.testing.assert_allclose(np.sort(traced.length[once]), np.sort(lengths[:, i]), atol=1e-4)
    now = traced.instant == TIME.size // 2
    direct = traced.coefficient[now & (traced.reflections == 0)][0]
    for n, bounce in enumerate(ours):
        match = now & (np.abs(traced.length - lengths[n, TIME.size // 2]) < 1e-4)
        assert match.sum() == 1
        # Fields are not quite upright at rays that are not level.
        theirs = traced.coefficient[match][0] / direct
        assert abs(theirs - bounce.factor[0]) < 0.1 * abs(theirs) + 0.01, bounce.name


def test_truth_stays_that_of_the_direct_echo_and_bounces_move_exactly(scenario):
    need("sionna_rt")
    made = scenario()
    drawn = realise(made, seed=2)
    bare = realise(scenario(bounces=0), seed=2)
    assert drawn.n_targets == 1 and drawn.reference.tolist() == [0]
    assert drawn.target.tolist() == [0] * 13 and drawn.scatterer[1] == "wall -x first"
    assert np.array_equal(drawn.kinematics[..., :1], bare.kinematics)
    assert (
        drawn.received_amplitude[0, 0]
        == bare.received_amplitude[0, 0]
        > drawn.received_amplitude[0, 1:].max()
    )
    ends = made.radio.transmitter_m, made.radio.receivers[0].position_m
    for p in range(1, 13):
        exact = path_length_exact(drawn.motions[p], *ends, TIME)
        np.testing.assert_array_equal(drawn.path_lengths(TIME)[0, p], exact)
        # Derivatives by differences.
        h = 1e-3
        near = path_length_exact(drawn.motions[p], *ends, [-h, 0.0, h])
        state = path_kinematics(drawn.motions[p], *ends)
        assert state.velocity == pytest.approx((near[2] - near[0]) / (2 * h), abs=1e-4)
        assert state.acceleration == pytest.approx((near[2] - 2 * near[1] + near[0]) / h**2, abs=1e-2)


def test_an_open_door_reflects_nothing_and_a_closed_one_as_it_is(scenario):
    bare = scenario()
    motion = realise_motion_of(bare)
    walls = {b.name: b.factor[0] for b in bounces_of(motion, bare.environment, bare.radio)}
    # The path from the target to the receiver meets the wall x = 6 at about y = 1.1.
    for surface, expected in ((None, 0.0), ({"material": "metal"}, None)):
        door = {"at_m": [6.0, 1.2], "width_m": 1.2, "height_m": 2.2, "surface": surface}
        made = scenario(room={"doors": [door]})
        found = {b.name: b.factor[0] for b in bounces_of(motion, made.environment, made.radio)}
        assert {n for n in walls if found[n] != walls[n]} == {"wall +x last"}
        if expected is None:
            assert abs(found["wall +x last"]) > 1.5 * abs(walls["wall +x last"])
        else:
            assert found["wall +x last"] == expected


def test_a_target_beyond_a_wall_has_no_echo_over_it(scenario):
    made = scenario()
    # The receiver's mirror image in the floor is as low: the ray between them runs along the floor.
    for position, without in (((-1.0, 4.0, 1.2), "wall -x"), ((2.5, 4.0, -1.4), "floor")):
        motion = PolynomialMotion(position, (0.8, 1.1, 0.1))
        factors = {b.name: b.factor[0] for b in bounces_of(motion, made.environment, made.radio)}
        assert {name for name, factor in factors.items() if factor == 0} == {
            f"{without} first",
            f"{without} last",
        }


def realise_motion_of(scenario):
    from isacsim.targets.kinematics import realise_motion

    return realise_motion(scenario.targets.fixed[0].motion)


def test_reflection_at_known_walls():
    metal = Surface(material="metal", thickness_m=0.01)
    assert reflection(metal, 5e9, 0.6, parallel=False) == pytest.approx(-1, abs=1e-3)
    assert reflection(metal, 5e9, 0.6, parallel=True) == pytest.approx(1, abs=1e-3)
    # A lossless-looking slab of half a wavelength is a window; a thick lossy one is a half space.
    concrete = Surface(material="concrete", thickness_m=3.0)
    single = (1 - np.sqrt(5.24)) / (1 + np.sqrt(5.24))
    assert abs(reflection(concrete, 5e9, 1.0, parallel=False)) == pytest.approx(abs(single), abs=0.01)
    half = speed_of_light / 5e9 / 2 / np.sqrt(1.48)
    window = Surface(material="ceiling_board", thickness_m=float(half))
    assert abs(reflection(window, 5e9, 1.0, parallel=False)) < 0.01


def test_bounces_need_a_box(make_scenario):
    environment = {"kind": "sionna_rt", "bounces": 1, "scene": "munich"}
    with pytest.raises(ValidationError, match="needs a room of kind box"):
        make_scenario(environment=environment)
