"""Random static channels over arrays: powers, delays, and how alike neighbours fade."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import speed_of_light
from scipy.integrate import quad
from scipy.special import j0

from isacsim.channel.static import static_response
from tests.conftest import ONE_RECEIVER

FOUR = {"kind": "linear", "elements": 4, "spacing_wavelengths": 0.5}
DRAWS = 600


def over(make_scenario, environment, **radio):
    defaults = {"receivers": [ONE_RECEIVER[0] | {"array": FOUR}], "subcarriers": 4}
    scenario = make_scenario(environment=environment, radio=defaults | radio)
    return scenario, np.array([static_response(scenario, np.random.default_rng(s)) for s in range(DRAWS)])


def correlation(a, b):
    return np.mean(a * b.conj()) / np.sqrt(np.mean(np.abs(a) ** 2) * np.mean(np.abs(b) ** 2))


@pytest.mark.parametrize(
    "environment",
    [
        {"kind": "rayleigh", "power_db": 0.0, "delay_spread_ns": 30.0},
        {"kind": "rayleigh", "power_db": 0.0, "delay_spread_ns": 30.0, "k_factor_db": 3.0},
        {"kind": "ieee80211", "model": "B", "power_db": 0.0},
    ],
)
def test_every_element_has_the_power_that_the_scenario_says(make_scenario, environment):
    _, drawn = over(make_scenario, environment)
    power = np.mean(np.abs(drawn) ** 2, axis=(0, 2))
    # A power is exponentially distributed and the four subcarriers are nearly independent at best: 1/√600 a deviation.
    np.testing.assert_allclose(power, 1, atol=4 / np.sqrt(DRAWS))


def test_neighbours_fade_alike_as_the_directions_say(make_scenario):
    """Azimuths are uniform over the circle, elevations Gaussian: the correlation is the mean of J0 over elevations."""
    _, drawn = over(
        make_scenario,
        {"kind": "rayleigh", "power_db": 0.0, "delay_spread_ns": 30.0, "angular_spread_deg": 20.0},
    )
    std = np.deg2rad(20.0)
    for apart in (1, 2, 3):
        want, _ = quad(
            lambda el, d=apart: j0(np.pi * d * np.cos(el)) * np.exp(-(el**2) / 2 / std**2),
            -np.pi / 2,
            np.pi / 2,
        )
        want /= std * np.sqrt(2 * np.pi)
        got = correlation(drawn[:, 0], drawn[:, apart])
        # 600 draws; rays of one cluster share their azimuth, 16 taps are left.
        assert abs(got - want) < 4 / np.sqrt(DRAWS), apart


def test_receivers_apart_fade_by_themselves(make_scenario):
    two = [ONE_RECEIVER[0] | {"array": FOUR}, {"name": "b", "position_m": [0.0, 4.0, 1.0], "array": FOUR}]
    _, drawn = over(make_scenario, {"kind": "rayleigh", "delay_spread_ns": 30.0}, receivers=two)
    assert abs(correlation(drawn[:, 0], drawn[:, 4])) < 4 / np.sqrt(DRAWS)
    assert drawn.shape[1] == 8


def test_narrow_clusters_make_one_tap_a_plane_wave(make_scenario):
    """One tap whose rays have one direction: all pairs' magnitudes agree, and their phases are a product."""
    environment = {"kind": "rayleigh", "n_taps": 1, "angular_spread_deg": 1e-3}
    _, drawn = over(make_scenario, environment, transmitter_array=FOUR)
    for response in drawn[:5, :, 0].reshape(5, 4, 4):
        assert np.linalg.matrix_rank(response, tol=1e-3 * np.abs(response).max()) == 1
        np.testing.assert_allclose(np.abs(response), np.abs(response[0, 0]), rtol=1e-3)


def test_the_line_of_sight_is_each_pair_s_own(make_scenario):
    environment = {"kind": "rayleigh", "power_db": 0.0, "k_factor_db": 100.0}
    scenario, drawn = over(make_scenario, environment, transmitter_array=FOUR)
    radio = scenario.radio
    for response, pair in zip(drawn[0], radio.streams, strict=True):
        length = np.linalg.norm(
            radio.receiver_elements_m[0][pair.element] - radio.transmitter_elements_m[pair.tx_element]
        )
        want = np.exp(-2j * np.pi * radio.frequency_hz * length / speed_of_light)
        np.testing.assert_allclose(response, want, atol=1e-4)


def test_directional_elements_favour_what_they_look_at_and_keep_the_power(make_scenario):
    """With two taps' worth of directions, one behind and one ahead, only the sum's power is fixed."""
    looking = FOUR | {"pattern": "tr38901", "looks_at_m": [4.0, 9.0, 1.0]}
    environment = {"kind": "rayleigh", "power_db": 0.0, "n_taps": 30}
    _, drawn = over(make_scenario, environment, receivers=[ONE_RECEIVER[0] | {"array": looking}])
    assert np.mean(np.abs(drawn) ** 2) == pytest.approx(1, abs=4 / np.sqrt(DRAWS))
    # The row stands along x and looks along y, within some 65 degrees: neighbours see less of a phase than all around.
    assert correlation(drawn[:, 0], drawn[:, 1]).real > 0.3


def test_two_rays_over_an_array_are_mirror_images_of_each_element(make_scenario):
    environment = {
        "kind": "two_ray",
        "surface": {"kind": "floor"},
        "reflection_coefficient": -0.5,
        "power_db": 0.0,
    }
    scenario, drawn = over(make_scenario, environment, transmitter_array=FOUR)
    radio = scenario.radio
    want = []
    for pair in radio.streams:
        source = radio.transmitter_elements_m[pair.tx_element]
        sink = radio.receiver_elements_m[0][pair.element]
        lengths = [np.linalg.norm(sink - source), np.linalg.norm(sink - source * [1, 1, -1])]
        turns = [np.exp(-2j * np.pi * radio.frequency_hz * d / speed_of_light) / d for d in lengths]
        want.append(turns[0] - 0.5 * turns[1])
    want = np.array(want) / np.sqrt(np.mean(np.abs(want) ** 2))
    np.testing.assert_allclose(drawn[0], want, atol=1e-9)
