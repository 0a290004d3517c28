"""Radar cross-sections: TR 38.901, Sionna's evaluation of it, the radar equation, and nothing where not asked."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import ValidationError

from isacsim import Scenario
from isacsim.channel.sionna.llvm import require_llvm
from isacsim.scenario.bodies import Rcs
from isacsim.simulation.realisation import realise
from isacsim.targets.rcs import echo_amplitude, mean_dbsm
from tests.extras import need

pytestmark = pytest.mark.numerical

UP, SIDE, FRONT = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
MODELS = {
    "human 1": {"model": "pedestrian"},
    "human 2": {"model": "pedestrian", "aspect": True},
    "vehicle-single-sp 2": {"model": "vehicle"},
    "uav-small-size 1": {"model": "uav"},
    "uav-large-size 2": {"model": "uav", "size": "large"},
}


def rcs(**fields):
    return TypeAdapter(Rcs).validate_python(fields)


def test_published_numbers():
    # Tables 7.9.2.1-1, -2 and -4: peaks, and monostatic means.
    assert mean_dbsm(rcs(model="pedestrian"), FRONT, FRONT, 1.0) == pytest.approx(-1.37)
    assert mean_dbsm(rcs(model="uav"), UP, UP, 0.0) == pytest.approx(-12.81)
    assert mean_dbsm(rcs(model="uav", size="large"), SIDE, SIDE, 0.0) == pytest.approx(7.43)
    assert mean_dbsm(rcs(model="uav", size="large"), SIDE, SIDE, np.pi / 2) == pytest.approx(1.02)
    assert mean_dbsm(rcs(model="vehicle"), UP, UP, 0.0) == pytest.approx(21.26)
    down = np.deg2rad(90 - 79.70)
    abeam = np.cos(down) * SIDE + np.sin(down) * UP
    assert mean_dbsm(rcs(model="vehicle"), abeam, abeam, 0.0) == pytest.approx(20.75)
    assert mean_dbsm(rcs(model="vehicle"), abeam, abeam, 0.7) < 20.75
    # Forward scattering leaves the floor, eq. 7.9.2-2 takes 3 dB off.
    assert mean_dbsm(rcs(model="vehicle"), SIDE, -SIDE, 0.0) == pytest.approx(21.26 - 14.19)
    assert mean_dbsm(rcs(model="pedestrian"), SIDE, -SIDE, 0.0) == pytest.approx(-4.37)


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_is_what_sionna_makes_of_the_tables(name):
    need("sionna_rt")
    require_llvm()
    import mitsuba as mi
    import sionna.rt  # noqa: F401
    from sionna.rt.rcs import TR38901RCS
    from sionna.rt.rcs.tr38901 import get_target_parameters

    kind, number = name.rsplit(" ", 1)
    of = get_target_parameters(kind, int(number))
    theirs = TR38901RCS(of.lobes, k1=of.k1, k2=of.k2, sigma_m_db=of.sigma_m_db, sigma_s_std_db=of.sigma_s_db)
    rng = np.random.default_rng(1)
    towards = rng.standard_normal((2, 3, 400))
    towards[1, :, :100] = towards[0, :, :100]
    t, r = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    # Theirs are directions of travel.
    expected = np.array(
        theirs.sigma_md_db(mi.Vector3f(-t.astype(np.float32)), mi.Vector3f(r.astype(np.float32)))
    )
    got = [mean_dbsm(rcs(**MODELS[name]), a, b, 0.0) for a, b in zip(t.T, r.T, strict=True)]
    assert np.abs(got - expected).max() < 0.01
    assert np.ptp(got) > 0.2


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(MODELS)), st.floats(-7, 7), st.integers(0, 2**32 - 1))
def test_turning_everything_changes_nothing_nor_does_swapping_the_antennas(name, angle, seed):
    a, b = np.random.default_rng(seed).standard_normal((2, 3))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    still = mean_dbsm(rcs(**MODELS[name]), a, b, 0.3)
    assert mean_dbsm(rcs(**MODELS[name]), b, a, 0.3) == pytest.approx(still)
    assert mean_dbsm(rcs(**MODELS[name]), turn @ a, turn @ b, 0.3 + angle) == pytest.approx(still, abs=1e-6)


def test_radar_equation():
    place, ends = np.array([0.0, 0.0, 0.0]), ([4.0, 0, 0], [[0, 2.0, 0], [0, 0, 8.0]])
    rng = np.random.default_rng(0)
    got = echo_amplitude(rcs(model="constant", dbsm=-6, reference_m=3.0), place, 0.0, *ends, lambda: rng)
    np.testing.assert_allclose(got, 10**-0.3 * 9 / np.array([8, 32]))
    mean = echo_amplitude(
        rcs(model="pedestrian", fluctuation=False, reference_m=1), place, 0.0, *ends, lambda: rng
    )
    np.testing.assert_allclose(20 * np.log10(mean * [8, 32]), -1.37 - 3 * np.sin(np.pi / 4))


def test_fluctuation_is_lognormal_about_the_mean_and_one_draw_for_all_receivers():
    place, ends = np.zeros(3), ([1.0, 0, 0], [[1.0, 0, 0], [1.0, 0, 0]])
    rng = np.random.default_rng(5)
    power = np.array(
        [
            echo_amplitude(rcs(model="uav", reference_m=1), place, 0.0, *ends, lambda: rng) ** 2
            for _ in range(1500)
        ]
    )
    assert (power[:, 0] == power[:, 1]).all()
    assert power.mean() == pytest.approx(10**-1.281, rel=0.12)
    assert np.std(10 * np.log10(power)) == pytest.approx(3.74, rel=0.08)
    # Cut off at three deviations above the mean of the logarithm.
    most = -12.81 - np.log(10) / 20 * 3.74**2 + 3 * 3.74
    assert 10 * np.log10(power.max()) < most + 1e-9


def with_rcs(make_scenario, scenario, **fields):
    changed = scenario.model_dump(exclude_none=True)
    for target in changed["targets"]["fixed"]:
        target["rcs"] = fields
    return Scenario.model_validate(changed)


def test_without_a_cross_section_amplitudes_are_those_drawn_to_the_bit(make_scenario):
    plain = make_scenario()
    drawn = realise(plain, seed=4)
    gain = np.array([r.dynamic_gain_db for r in plain.radio.receivers])
    assert (drawn.echo == 1.0).all()
    assert np.array_equal(drawn.received_amplitude, 10 ** (gain[:, np.newaxis] / 20) * drawn.amplitude)
    # Nor does a cross-section change what else is drawn.
    other = realise(with_rcs(make_scenario, plain, model="pedestrian"), seed=4)
    for name in ("amplitude", "phase", "static", "kinematics"):
        assert np.array_equal(getattr(drawn, name), getattr(other, name)), name
    assert (other.echo != 1.0).all()


def test_amplitudes_of_a_capture_follow_geometry_and_the_seed(make_scenario):
    scenario = with_rcs(make_scenario, make_scenario(), model="constant", dbsm=3.0)
    drawn = realise(scenario, seed=1)
    for p, motion in enumerate(drawn.motions):
        place = motion.state(0.0).position[0]
        for i, receiver in enumerate(scenario.radio.receivers):
            legs = [
                np.linalg.norm(place - end) for end in (scenario.radio.transmitter_m, receiver.position_m)
            ]
            assert drawn.echo[i, p] == pytest.approx(10**0.15 * 25 / np.prod(legs))
    varied = with_rcs(make_scenario, make_scenario(), model="pedestrian")
    first, again, other = (realise(varied, seed=s).received_amplitude for s in (1, 1, 2))
    assert np.array_equal(first, again) and (first != other).all()


def test_amplitude_is_one_beside_a_cross_section_unless_given(make_scenario):
    motion = {"kind": "trajectory", "position_m": [1, 2, 1], "velocity_m_s": [1, 0, 0]}
    bare = make_scenario(targets={"fixed": [{"motion": motion, "rcs": {"model": "vehicle"}}]})
    assert bare.targets.fixed[0].amplitude == 1.0
    assert Scenario.from_yaml(bare.to_yaml()) == bare
    target = {"motion": motion, "rcs": {"model": "vehicle"}, "amplitude": 0.5}
    assert make_scenario(targets={"fixed": [target]}).targets.fixed[0].amplitude == 0.5


def test_a_path_without_a_place_has_no_cross_section(make_scenario):
    target = {"motion": {"kind": "kinematics", "path_length_m": 5}, "rcs": {"model": "constant"}}
    with pytest.raises(ValidationError, match="needs a place in space"):
        make_scenario(targets={"fixed": [target]})
    with pytest.raises(ValidationError, match="pedestrian"):
        rcs(model="cow")


@pytest.mark.parametrize(
    ("rcs", "words"),
    [
        (
            "{model: pedestrain}",
            "rcs.model is 'pedestrain'; it must be one of constant, pedestrian, vehicle, uav; did you",
        ),
        ("{reference_m: 4}", "rcs.model is missing; it must be one of constant, pedestrian, vehicle, uav"),
        (
            "{model: uav, aspect: true}",
            "rcs.aspect is not a field; allowed here: fluctuation, model, reference_m, size",
        ),
        (
            "pedestrian",
            "rcs is 'pedestrian'; it must be a mapping with model: constant or pedestrian or vehicle or uav",
        ),
        ("{model: uav, size: big}", "rcs.size is 'big'; it must be 'small' or 'large'"),
    ],
)
def test_a_wrong_cross_section_is_named_where_it_stands(make_scenario, rcs, words):
    text = make_scenario(targets={"fixed": []}).to_yaml()
    motion = "{kind: trajectory, position_m: [1, 3, 1.2], velocity_m_s: [0, 0, 0]}"
    assert "  fixed: []" in text
    with pytest.raises(ValidationError, match=re.escape(f"targets.fixed.0.{words}")):
        Scenario.from_yaml(text.replace("  fixed: []", f"  fixed: [{{motion: {motion}, rcs: {rcs}}}]"))
