"""The three rooms: the cubic ones are what they were, bit for bit; the others tell the truth of true motion."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from isacsim import load_scenario
from isacsim.simulation.drawing import draw_scenario
from isacsim.simulation.realisation import realise

ROOMS = ("lab", "corridor", "hall")

# SHA-256 of all that a scenario says but its name and description, as `lab`, `corridor` and `hall` of 0.2.0 said it
# before their motion became true; and numbers that they drew at seed 7: acceleration and jerk of the first target.
# Not the CSI's bits: those are the processor's. CSI was compared once, on one machine, at twelve seeds.
BEFORE = {
    "lab": (
        "ba7b9de6fa7ab2017e224ce55cb9782d2f6d7fc045fe7a9f250671678572395e",
        (2.995953618564874, -2.216892844463609, -0.16304638473123423),
        (5.265017639228219, 0.1259646180475329, -4.074005035793108),
    ),
    "corridor": (
        "cbd1e0cf831130753f7d245d67a30a757776c6eda0a80e9f261d0df413a2ab1c",
        (2.995953618564874, -0.5542232111159022, -0.16304638473123423),
        (5.265017639228219, 0.031491154511883224, -4.074005035793108),
    ),
    "hall": (
        "f9e4ce81f662ef494af7a78dd33112d04c0b4df5a070526162add46c7d31b13b",
        (-0.9782783083874058, 1.5795052917684664, 0.006298230902376689),
        (-24.444030214758648, -17.65279995022464, 1.119593135374771),
    ),
}


@pytest.mark.parametrize("room", ROOMS)
def test_cubic_rooms_are_what_the_rooms_were(room):
    digest, acceleration, jerk = BEFORE[room]
    scenario = load_scenario(f"{room}_cubic")
    assert scenario.motion_model == "polynomial" and "motion_model" in scenario.model_fields_set
    said = scenario.model_dump(mode="json", exclude_defaults=True)
    del said["name"], said["description"]
    assert hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest() == digest
    motion = draw_scenario(scenario, seed=7).scenario.targets.fixed[0].motion
    # A draw is a product and a sum of numbers up to 60: roundings of 1e-14, of a number of 0.006 and more.
    assert motion.acceleration_m_s2 == pytest.approx(acceleration, rel=1e-11)
    assert motion.jerk_m_s3 == pytest.approx(jerk, rel=1e-11)


def test_a_scenario_s_name_draws_nothing():
    scenario = load_scenario("lab_cubic")
    named = scenario.model_copy(update={"name": "other", "description": "another"})
    ours, theirs = (realise(s, seed=3, index=2) for s in (scenario, named))
    np.testing.assert_array_equal(ours.kinematics, theirs.kinematics)
    np.testing.assert_array_equal(ours.static, theirs.static)
    np.testing.assert_array_equal(ours.phase, theirs.phase)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_have_the_paper_s_radio(room):
    for scenario in (load_scenario(room), load_scenario(f"people_{room}")):
        assert scenario.radio.antennas == (4, 4) and scenario.spectrum.combine == "resolved"
        assert all(receiver.role == "surveillance" for receiver in scenario.radio.receivers)
        assert scenario.impairments.chains is not None
    assert load_scenario(f"people_{room}").targets.counts == tuple(range(1, 8))
    siso = load_scenario(f"{room}_siso")
    assert not siso.radio.has_arrays and len(siso.radio.streams) == 2


@pytest.mark.parametrize("room", [*ROOMS, *(f"{room}_siso" for room in ROOMS)])
def test_truth_of_true_motion_is_the_derivative_at_the_centre(room):
    drawn = realise(load_scenario(room), seed=5, n_targets=6)
    assert drawn.scenario.motion_model == "exact"
    time = np.linspace(-0.2, 0.2, 81)
    lengths = drawn.path_lengths(time).reshape(-1, time.size).T
    # A polynomial of degree 8 misses a ninth derivative of some 9! / (1 m)^8 times (0.2 s)^9: micrometres at the ends.
    fitted = np.polynomial.polynomial.polyfit(time / 0.2, lengths, 8)
    for order, factorial, most in ((0, 1, 1e-5), (1, 1, 1e-4), (2, 2, 1e-3), (3, 6, 0.03)):
        derivative = fitted[order] * factorial / 0.2**order
        np.testing.assert_allclose(derivative, drawn.kinematics[order].ravel(), rtol=0, atol=most)
    # And the paths are no cubics: in the lab and the hall by more than a hundredth of a wavelength.
    assert drawn.model_error().max() > (1e-4 if room.startswith("corridor") else 0.01)
