"""Domain randomisation: every number of targets, environment and impairments may be a distribution."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

import isacsim
from isacsim.scenario.chance import drawn
from isacsim.scenario.impairments import Quantisation
from isacsim.scenario.model import Scenario
from isacsim.targets.kinematics import realise_motion
from tests.conftest import NO_TARGETS

pytestmark = pytest.mark.numerical

FLOOR = {"kind": "two_ray", "surface": {"kind": "floor", "height_m": {"uniform": [-0.5, 0.5]}}}
WALL = {
    "kind": "two_ray",
    "surface": {"kind": "wall", "point_m": [0, {"uniform": [-6, -2]}, 0], "normal": [0.1, 1, 0]},
}
TAPS = {"kind": "rayleigh", "n_taps": {"uniform": [2, 20]}, "delay_spread_ns": 30.0}
ENVIRONMENTS = {"floor": FLOOR, "wall": WALL, "taps": TAPS}
SWING = {
    "kind": "oscillation",
    "position_m": [1, 2, 1],
    "axis": [{"normal": [0, 1]}, {"uniform": [1, 2]}, 0],
    "amplitude_m": 0.1,
    "frequency_hz": 1,
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_differs_from_sample_to_sample(make_scenario, name):
    environment = {"power_db": 20.0, **ENVIRONMENTS[name]}
    scenario = make_scenario(environment=environment, targets=NO_TARGETS)
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    shapes = [isacsim.simulate(scenario, seed=0, index=i).static.values for i in range(4)]
    again = isacsim.simulate(scenario, seed=0, index=2).static.values
    np.testing.assert_array_equal(again, shapes[2])
    assert len({np.abs(shape).tobytes() for shape in shapes}) == 4


def test_a_drawn_plane_reflects_like_a_given_one(make_scenario):
    def static(height):
        environment = {"kind": "two_ray", "surface": {"kind": "floor", "height_m": height}}
        scenario = make_scenario(environment=environment, targets=NO_TARGETS)
        return isacsim.simulate(scenario, seed=1).static.values

    np.testing.assert_array_equal(static({"uniform": [0.3, 0.3]}), static(0.3))


@pytest.mark.parametrize(
    ("surface", "field"),
    [
        ({"kind": "floor", "height_m": {"uniform": [0, 1.5]}}, "surface"),
        ({"kind": "floor", "height_m": {"choice": [0, 3]}}, "surface"),
        ({"kind": "floor", "height_m": {"normal": [0, 0.1]}}, "surface"),
        ({"kind": "wall", "point_m": [0, {"normal": [-5, 0.1]}, 0], "normal": [0, 1, 0]}, "surface"),
        ({"kind": "wall", "point_m": [{"normal": [0, 1]}, -5, 0], "normal": [0.1, 1, 0]}, "surface"),
    ],
)
def test_planes_that_may_come_between_the_antennas_are_refused(make_scenario, surface, field):
    with pytest.raises(ValidationError, match="separates"):
        make_scenario(environment={"kind": "two_ray", "surface": surface}, targets=NO_TARGETS)


def test_quantisation_is_drawn_from_its_own_stream_and_recorded(make_scenario):
    def captures(quantisation):
        scenario = make_scenario(impairments={"noise": True, "quantisation": quantisation})
        return [isacsim.simulate(scenario, seed=0, index=i) for i in range(6)]

    drawn = captures({"bits": {"choice": [3, 8, 12]}, "headroom_db": {"uniform": [0, 9]}})
    assert {c.attrs["quantisation_bits"] for c in drawn} == {3, 8, 12}
    given = captures({"bits": 8, "headroom_db": 3.0})
    for one, other in zip(drawn, given, strict=True):
        # Nothing else changes: what comes before the rounding is the same.
        np.testing.assert_array_equal(one.csi_noiseless, other.csi_noiseless)
        levels = np.unique(np.round(one.csi[0].values.real / one.csi[0].values.real.max(), 4)).size
        assert levels <= 2 ** one.attrs["quantisation_bits"]
    assert {c.attrs["quantisation_bits"] for c in given} == {8}


def test_the_direction_of_a_swing_is_drawn_and_never_zero(make_scenario):
    scenario = make_scenario(movers=[{"name": "curtain", "motion": SWING}], targets=NO_TARGETS)
    motion = scenario.movers[0].motion
    axes = np.array([realise_motion(drawn(motion, np.random.default_rng(i))).axis for i in range(4)])
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1)
    assert len(np.unique(axes[:, 0])) == 4
    for axis in ([0, 0, 0], [{"choice": [0, 1]}, 0, {"uniform": [0, 0]}]):
        with pytest.raises(ValidationError, match="may be drawn as"):
            make_scenario(movers=[{"name": "curtain", "motion": SWING | {"axis": axis}}])


def test_whole_numbers_stay_whole_and_within_their_bounds(make_scenario):
    rng = np.random.default_rng(0)

    def bits(value):
        return drawn(Quantisation(bits=value), rng).bits

    assert {bits({"uniform": (2, 5)}) for _ in range(200)} == {2, 3, 4, 5}
    assert {type(bits(value)) for value in (3, {"choice": (2.0, 3.0)})} == {int}
    before = rng.bit_generator.state
    assert bits(7) == 7
    assert rng.bit_generator.state == before
    cases = [
        ({"quantisation": {"bits": {"uniform": [1, 8]}}}, "at least 2 and at most 16"),
        ({"quantisation": {"bits": 8.5}}, "integer"),
        ({"quantisation": {"bits": "8"}}, "whole number"),
        ({"quantisation": {"bits": 8, "headroom_db": {"normal": [3, 1]}}}, "at least 0"),
    ]
    for impairments, message in cases:
        with pytest.raises(ValidationError, match=message):
            make_scenario(impairments=impairments)
    for taps in ({"uniform": [0, 8]}, {"normal": [8, 1]}):
        with pytest.raises(ValidationError, match="at least 1 and at most 1000"):
            make_scenario(environment={"kind": "rayleigh", "n_taps": taps})


def test_the_shipped_scenario_varies_in_all_that_it_says():
    scenario = isacsim.load_scenario("randomised")
    captures = [isacsim.simulate(scenario, seed=0, index=i) for i in range(6)]
    for name in ("snr_db", "cfo_hz", "sfo_ppm"):
        assert len({c.attrs[name] for c in captures}) == 6, name
    assert len({c.attrs["quantisation_bits"] for c in captures}) > 1
    assert len({c.attrs["n_targets"] for c in captures}) > 2
    assert len({c.sizes["packet"] for c in captures}) > 2
    power = 10 * np.log10([float((np.abs(c.static[0]) ** 2).mean()) for c in captures])
    assert np.ptp(power) > 5
    amplitude = np.concatenate([c.amplitude.values[0][c.target.values >= 0] for c in captures])
    assert amplitude.max() > 3 * amplitude.min()
