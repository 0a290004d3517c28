"""Bodies in captures: their power, their truth, their geometry, and that points stay what they were."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from isacsim import InputError, load_scenario, simulate
from isacsim.capture.netcdf import load_capture, save_capture
from isacsim.commands.remarks import body_remark
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.scenario.bodies import Body
from isacsim.simulation.realisation import realise
from isacsim.simulation.truth import truth_at
from isacsim.targets.body import travel_pose
from isacsim.targets.trajectory import PolynomialMotion, ScattererMotion, SplineMotion

pytestmark = pytest.mark.numerical

WALK = {"kind": "trajectory", "position_m": [1.0, 3.0, 1.2], "velocity_m_s": [0.5, 1.0, 0.0]}
BODIES = {
    "walker": {"kind": "walker"},
    "rotor": {"kind": "rotor", "n_rotors": 3, "blades": 2},
    "rigid": {"kind": "rigid", "points_m": [[1, 0.5, 0], [-1, -0.5, 0.2]], "shares": [1, 0.5]},
}
POINTS = {"walker": 12, "rotor": 10, "rigid": 3}


@pytest.fixture(scope="session")
def bodies(make_scenario):
    """Function: one target of each kind named, all on the same kind of walk."""

    def make(*kinds, motion=WALK, amplitude=1.5, **changes):
        targets = [
            {"amplitude": amplitude, "motion": motion, "body": k if isinstance(k, dict) else BODIES[k]}
            for k in kinds
        ]
        return make_scenario(targets={"fixed": targets}, **changes)

    return make


def test_every_kind_of_body_is_here():
    (union, _) = get_args(Body)
    kinds = {get_args(section.model_fields["kind"].annotation)[0] for section in get_args(union)}
    assert kinds == {"point", *BODIES} == {"point", *POINTS}


def test_a_body_changes_nothing_of_another_target(bodies):
    """Each target is drawn from streams of its own, the body apart from the motion."""
    motion = WALK | {"position_m": [{"uniform": [1, 2]}, {"uniform": [3, 4]}, 1.2]}
    points, walker = (
        realise(bodies(one, {"kind": "point"}, motion=motion, amplitude={"uniform": [1, 2]}), seed=3)
        for one in ({"kind": "point"}, "walker")
    )
    assert points.amplitude[-1] != points.amplitude[0]
    for name in ("amplitude", "phase"):
        assert getattr(points, name)[-1] == getattr(walker, name)[-1]
    time = np.array([-0.2, 0.3])
    assert_array_equal(points.path_lengths(time)[:, [0, -1]], walker.path_lengths(time)[:, [0, -1]])


def test_every_point_is_a_path_of_its_target(bodies):
    mover = {"name": "fan", "amplitude": 0.1, "motion": WALK}
    capture = simulate(bodies("walker", "rotor", "rigid", movers=[mover]), seed=1)
    counts = [int((capture.target == n).sum()) for n in (0, 1, 2, -1)]
    assert counts == [12, 10, 3, 1] and capture.attrs["n_targets"] == 3
    names = capture.scatterer.values
    assert list(names[[0, 12, 22, 25]]) == ["torso", "hull", "reference", ""]
    assert len(set(names[:12])) == 12
    for target in range(3):
        power = (capture.amplitude.isel(receiver=0) ** 2).values[capture.target == target]
        assert power.sum() == pytest.approx(1.5**2)
        assert power[0] == power.max()
    assert np.unique(capture.phase.isel(receiver=0)).size == 26
    assert "22 further paths" in body_remark(capture)
    assert body_remark(simulate(bodies(), seed=1)) is None


@pytest.mark.parametrize("kind", BODIES)
def test_the_truth_is_the_reference_point_s(bodies, kind):
    scenario = bodies(kind)
    capture = simulate(scenario, seed=2)
    assert capture.sizes["path"] == POINTS[kind]
    point = simulate(bodies({"kind": "point"}), seed=2)
    truth = truth_at(capture, "rx", 0.0)
    assert truth.sizes["path"] == 1
    for name in ("path_length", "velocity", "acceleration", "jerk", "model_error"):
        assert_allclose(truth[name], truth_at(point, "rx", 0.0)[name])
    samples = make_samples(scenario, seed=2, indices=[0])
    assert samples.n_targets.values == [1] and samples.sizes["target"] == 1
    assert_allclose(samples.target_acceleration.values[0, 0], truth.acceleration[0])
    assert np.isfinite(samples.aj_clean).all() and samples.aj_clean.max() > 0
    # A window elsewhere, where truth is moved along the cubic.
    assert truth_at(capture, "rx", 0.05).velocity[0] == pytest.approx(
        float(truth.velocity[0] + 0.05 * truth.acceleration[0] + 0.05**2 / 2 * truth.jerk[0])
    )


@pytest.mark.parametrize("kind", BODIES)
def test_kinematics_of_scatterers_are_the_derivatives_of_their_paths(bodies, kind):
    drawn = realise(bodies(kind), seed=4)
    step = drawn.motions[1].body.instant_s / 2
    time = step * np.arange(-5, 6)
    length = drawn.path_lengths(time, exact=True)[0]
    fit = np.polynomial.polynomial.polyfit(np.arange(-5, 6), length.T, 8)[:4]
    got = fit * np.array([1, 1, 2, 6])[:, np.newaxis] / step ** np.arange(4)[:, np.newaxis]
    scale = np.abs(drawn.kinematics[:, 0]).max(axis=1, keepdims=True)
    assert_allclose(got / scale, drawn.kinematics[:, 0] / scale, atol=2e-3)


@pytest.mark.parametrize("kind", BODIES)
def test_scatterers_keep_to_their_body_whatever_the_motion_model(bodies, kind):
    cubic, exact = (realise(bodies(kind, motion_model=m), seed=5) for m in ("polynomial", "exact"))
    time = np.linspace(-0.1, 0.1, 7)
    assert_allclose(cubic.path_lengths(time)[:, 1:], exact.path_lengths(time)[:, 1:], rtol=1e-12)
    place = exact.motions[1].body.positions(time)
    reference = exact.motions[0].state(time).position.T[:, np.newaxis]
    assert np.linalg.norm(place - reference, axis=0).max() < 1.5
    radio = exact.scenario.radio
    legs = [
        np.linalg.norm(place[:, 0].T - x, axis=1)
        for x in (radio.transmitter_m, radio.receivers[0].position_m)
    ]
    assert_allclose(exact.path_lengths(time)[0, 1], sum(legs), rtol=1e-12)


def test_a_rigid_body_turns_with_its_heading(bodies):
    motion = {"kind": "trajectory", "position_m": [2, 3, 1], "speed_m_s": 2, "heading_deg": 90}
    drawn = realise(bodies("rigid", motion=motion), seed=1)
    place = drawn.motions[1].body.positions([0.0, 0.1])
    # Forward is +y, left is -x.
    assert_allclose(place[:, 0].T, [[2 - 0.5, 3 + 1, 1], [2 - 0.5, 3.2 + 1, 1]], atol=1e-9)


def test_blades_turn_in_their_circles(bodies):
    body = BODIES["rotor"] | {"rev_per_s": 50, "radius_m": 0.1, "arm_m": 0.2}
    drawn = realise(bodies(body), seed=1)
    time = np.linspace(0, 0.04, 81)
    place = drawn.motions[1].body.positions(time)
    hubs, tips = place[:, :3], place[:, 3:].reshape(3, 3, 2, -1)
    assert_allclose(np.linalg.norm(tips - hubs[:, :, np.newaxis], axis=0), 0.1)
    assert_allclose(tips.mean(axis=2), hubs, atol=1e-12)
    own = tips - hubs[:, :, np.newaxis]
    assert_allclose(own[..., 40], own[..., 0], atol=1e-9)  # a turn in 20 ms


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.integers(0, 50))
def test_a_body_depends_on_scenario_seed_and_sample_alone(seed, index):
    scenario = load_scenario("walker")
    one, more = (realise(scenario, seed=seed, index=index, n_targets=n) for n in (1, 3))
    time = np.array([-0.3, 0.2])
    np.testing.assert_array_equal(one.path_lengths(time), more.path_lengths(time)[:, :12])
    np.testing.assert_array_equal(one.phase, more.phase[:12])
    # Any part of the window by itself is the same.
    np.testing.assert_array_equal(one.path_lengths(time)[..., 1:], one.path_lengths(time[1:]))


def test_a_swaying_torso_s_truth_sways_with_it(bodies):
    sway = {"kind": "walker", "sway": True, "gait_phase": 0.2}
    drawn = realise(bodies(sway, motion_model="exact"), seed=1)
    time = np.linspace(-0.1, 0.1, 11)
    still = realise(bodies({"kind": "walker", "gait_phase": 0.2}), seed=1)
    offset = drawn.motions[0].state(time).position - still.motions[0].state(time).position
    assert 0.01 < np.abs(offset).max() < 0.15
    state = drawn.motions[0].state(0.0)
    assert np.abs(state.acceleration - still.motions[0].state(0.0).acceleration).max() > 0.2
    # Limbs are fixed to the torso that sways: the same as without.
    assert_allclose(drawn.path_lengths(time)[:, 1:], still.path_lengths(time)[:, 1:])
    with pytest.raises(ValidationError, match="no cubic sways"):
        bodies(sway)


def test_captures_with_bodies_are_kept_and_conditioned(bodies, tmp_path):
    capture = simulate(bodies("walker"), seed=1)
    save_capture(capture, tmp_path / "c.nc")
    again = load_capture(tmp_path / "c.nc")
    assert list(again.scatterer.values) == list(capture.scatterer.values)
    spectra = sample_spectra(again)
    assert float(spectra.aj_clean.max()) > 0


def test_heading_follows_the_motion_and_rests_where_it_stands():
    nodes = np.linspace(-2, 2, 201)
    circle = SplineMotion(tuple(nodes), tuple((float(np.cos(t)), float(np.sin(t)), 1.0) for t in nodes))
    heading = travel_pose(circle, nodes, 0.0)(nodes).heading
    assert_allclose(heading, nodes + np.pi / 2, atol=0.01)
    still = travel_pose(PolynomialMotion((0, 0, 1), (0, 0, 0)), nodes, 1.25)(nodes)
    assert (still.heading == 1.25).all() and not still.speed.any()
    stopping = PolynomialMotion((0, 0, 1), (0, -1, 0), (0, 1, 0))  # stops after a second, and comes back
    heading = travel_pose(stopping, nodes, 0.0)(nodes).heading
    assert_allclose(heading[:100], -np.pi / 2, atol=1e-6)
    assert np.abs(np.diff(heading)).max() < 0.7


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "ghost"}, "ghost"),
        ({"kind": "walker", "height_m": 3.0}, "at most 2.5"),
        ({"kind": "walker", "shares": {"torso": 0}}, "greater than 0"),
        ({"kind": "rigid", "points_m": []}, "at least 1"),
        ({"kind": "rigid", "points_m": [[0, 0, 1]], "shares": [1, 2]}, "shares has 2 entries and points_m 1"),
        ({"kind": "rotor", "n_rotors": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_bodies_are_refused(bodies, body, words):
    with pytest.raises(ValidationError, match=words):
        bodies(body)


def test_a_body_needs_a_place_in_space(bodies):
    with pytest.raises(ValidationError, match="a walker needs a place in space"):
        bodies("walker", motion={"kind": "kinematics", "path_length_m": 5})


def test_limbs_don_t_pass_through_antennas(bodies):
    drawn = realise(bodies("rigid", motion=WALK | {"position_m": [-0.5, 1.0, 1.2]}), seed=0)
    assert isinstance(drawn.motions[1], ScattererMotion)
    place = drawn.motions[1].body.positions([0.0])[:, 0, 0]
    moved = bodies(
        "rigid", motion=WALK | {"position_m": [-0.5, 1.0, 1.2]}, radio={"transmitter_m": list(place)}
    )
    with pytest.raises(InputError, match="through the transmitter"):
        realise(moved, seed=0).path_lengths(np.zeros(1))
