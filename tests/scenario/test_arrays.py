"""Arrays in a scenario: where their elements stand, what they see, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic_core import ValidationError
from scipy.constants import speed_of_light

from isacsim import Scenario
from isacsim.scenario.arrays import axes_of, element_places, pattern_gain
from isacsim.scenario.radio import Receiver

WAVELENGTH = speed_of_light / 5.8e9
AP = {"name": "ap", "position_m": [4.0, 0.0, 1.0]}
BOX = {"kind": "sionna_rt", "room": {"kind": "box", "size_m": [6.0, 6.0], "corner_m": [-1.0, -1.0]}}


def array_of(**fields):
    return Receiver.model_validate(AP | {"array": fields}).array


def test_rows_stand_across_the_direction_and_about_the_centre():
    # It looks along y: left is minus x, and elements run from right to left.
    row = array_of(kind="linear", elements=3, spacing_wavelengths=0.5, looks_at_m=[4.0, 7.0, 1.0])
    places = element_places(row, AP["position_m"], WAVELENGTH)
    np.testing.assert_allclose(places.mean(axis=0), AP["position_m"])
    np.testing.assert_allclose(np.diff(places, axis=0), [[-WAVELENGTH / 2, 0, 0]] * 2, atol=1e-12)
    upright = array_of(kind="linear", elements=3, looks_at_m=[4.0, 7.0, 1.0], roll_deg=90.0)
    places = element_places(upright, AP["position_m"], WAVELENGTH)
    np.testing.assert_allclose(np.diff(places, axis=0), [[0, 0, WAVELENGTH / 2]] * 2, atol=1e-12)


def test_columns_run_before_rows():
    panel = array_of(kind="rectangular", columns=2, rows=3, spacing_wavelengths=1.0)
    steps = np.diff(element_places(panel, [0, 0, 0], 1.0), axis=0)
    np.testing.assert_allclose(steps[0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(steps[1], [0, -1, 1], atol=1e-12)


def test_listed_places_are_moved_to_their_mean():
    listed = array_of(kind="list", places_wavelengths=[[0, 0, 0], [1, 0, 0], [0, 2, 0]])
    places = element_places(listed, [1.0, 1.0, 1.0], 1.0)
    np.testing.assert_allclose(places.mean(axis=0), 1)
    np.testing.assert_allclose(places - places[0], [[0, 0, 0], [1, 0, 0], [0, 2, 0]], atol=1e-12)


@pytest.mark.parametrize("target", [[5.0, 5.0, 5.0], [4.0, 0.0, 3.0], [4.0, 0.0, -9.0], None])
def test_axes_are_right_handed_and_level(target):
    looking = array_of(kind="linear", elements=2, looks_at_m=target)
    axes = axes_of(looking, AP["position_m"])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    assert axes[1, 2] == 0


def test_patterns_are_those_of_the_tables():
    ahead, level, above, behind = np.eye(3)[0], np.eye(3)[1], np.eye(3)[2], -np.eye(3)[0]
    at = np.array([ahead, level, above, behind])
    directional = array_of(kind="linear", elements=1, pattern="tr38901", looks_at_m=[9.0, 0.0, 1.0])
    gain = pattern_gain(directional, AP["position_m"], at)
    # TR 38.901, table 7.3-1: 12 (90/65)² = 23 dB, and 30 dB at most.
    np.testing.assert_allclose(20 * np.log10(gain), [0, -23.0, -23.0, -30], atol=0.05)
    half = np.array([np.cos(np.deg2rad(32.5)), np.sin(np.deg2rad(32.5)), 0])
    assert 20 * np.log10(pattern_gain(directional, AP["position_m"], half)) == pytest.approx(-3)
    slant = np.array([np.sqrt(0.5), 0, np.sqrt(0.5)])
    for pattern, want in (("iso", 1), ("dipole", np.sqrt(0.5)), ("hw_dipole", 0.6279)):
        upright = array_of(kind="linear", elements=1, pattern=pattern)
        got = pattern_gain(upright, AP["position_m"], np.array([ahead, slant, above]))
        assert got == pytest.approx([1, want, 1.0 if pattern == "iso" else 0], abs=1e-4)


def test_arrays_go_to_text_and_back(make_scenario):
    radio = {
        "transmitter_array": {"kind": "rectangular", "columns": 2, "rows": 2},
        "receivers": [AP | {"array": {"kind": "linear", "elements": 4}, "device": "a"}],
    }
    for environment in ({"kind": "none"}, BOX):
        scenario = make_scenario(radio=radio, environment=environment)
        again = Scenario.from_yaml(scenario.to_yaml())
        assert again == scenario and again.fingerprint() == scenario.fingerprint()
    assert len(scenario.radio.streams) == 16


LOOKING = {"kind": "linear", "elements": 2, "looks_at_m": AP["position_m"]}


@pytest.mark.parametrize(
    ("radio", "environment", "match"),
    [
        (
            {"receivers": [AP | {"array": LOOKING}]},
            {},
            r"receivers\.0\.array\.looks_at_m is .*, where the array",
        ),
        (
            {"transmitter_array": {"kind": "linear", "elements": 2, "pattern": "tr38901"}},
            {},
            "looks_at_m is missing; directional elements need it",
        ),
        (
            {"transmitter_array": {"kind": "list", "places_wavelengths": [[0, 0, 0], [0, 0, 0]]}},
            {},
            "two elements stand at one place",
        ),
        (
            {
                "receivers": [
                    AP | {"position_m": [0.0, 0.02, 1.0], "array": {"kind": "linear", "elements": 2}}
                ]
            },
            {},
            "an element of receiver 'ap' stands 7.1 mm from one of the transmitter",
        ),
        ({"transmitter_array": {"kind": "linear", "elements": 0}}, {}, "greater than or equal to 1"),
        ({"transmitter_array": {"kind": "circle", "elements": 3}}, {}, "linear"),
        (
            {"transmitter_array": {"kind": "linear", "elements": 2}},
            BOX | {"transmitter": {"pattern": "dipole"}},
            "environment.transmitter is the antenna of an array",
        ),
        (
            {"receivers": [AP | {"array": {"kind": "linear", "elements": 2}}]},
            BOX | {"receivers": [{"name": "ap", "pattern": "dipole"}]},
            r"environment.receivers.0 is the antenna of an array",
        ),
        (
            {"transmitter_array": {"kind": "linear", "elements": 2, "spacing_wavelengths": 40.0}},
            BOX,
            r"element 0 of the transmitter at .* is outside the room",
        ),
        (
            {
                "transmitter_array": {
                    "kind": "linear",
                    "elements": 2,
                    "spacing_wavelengths": 90.0,
                    "roll_deg": 90.0,
                }
            },
            {"kind": "two_ray", "surface": {"kind": "floor"}},
            "the reflecting floor separates",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make_scenario, radio, environment, match):
    more = {"environment": environment} if environment else {}
    with pytest.raises(ValidationError, match=match):
        make_scenario(radio={"receivers": [AP]} | radio, **more)
