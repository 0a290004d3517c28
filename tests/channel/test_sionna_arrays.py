"""Sionna's channels over arrays: an array of one is a single antenna, elements fade as their places say."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim.channel.discrete import frequency_response
from isacsim.channel.static import static_response
from tests.channel.metal_box import RECEIVER, TRANSMITTER
from tests.extras import need

pytestmark = pytest.mark.numerical

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("sionna", reason="Sionna is not installed: pip install 'isacsim[rt]'")

AP = {"name": "rx", "position_m": [4.0, 0.0, 1.0]}
ROW = {"kind": "linear", "elements": 3, "looks_at_m": [4.0, 9.0, 1.0]}
CDL = {"kind": "sionna_cdl", "model": "C", "delay_spread_ns": 30.0, "power_db": 0.0}


def responses(make_scenario, environment, draws=1, **radio):
    scenario = make_scenario(environment=environment, radio=radio)
    return scenario, np.array([static_response(scenario, np.random.default_rng(s)) for s in range(draws)])


@pytest.mark.parametrize(
    "environment", [CDL, {"kind": "sionna_inh"}, {"kind": "sionna_umi"}], ids=lambda e: e["kind"]
)
def test_an_array_of_one_is_a_single_antenna(make_scenario, environment):
    one = {"kind": "linear", "elements": 1}
    _, single = responses(make_scenario, environment, receivers=[AP])
    _, array = responses(make_scenario, environment, receivers=[AP | {"array": one}], transmitter_array=one)
    np.testing.assert_allclose(array, single, rtol=1e-9)


def test_elements_of_a_clustered_line_are_antennas_at_their_places(make_scenario):
    scenario, array = responses(
        make_scenario, CDL, receivers=[AP | {"array": ROW}], subcarriers=[0], subcarrier_spacing_hz=1e6
    )
    singles = [
        {"name": str(i), "position_m": place}
        for i, place in enumerate(scenario.radio.receiver_elements_m[0].tolist())
    ]
    _, apart = responses(make_scenario, CDL, receivers=singles, subcarriers=[0], subcarrier_spacing_hz=1e6)
    np.testing.assert_allclose(array, apart, rtol=1e-9)


@pytest.mark.parametrize(
    "environment",
    [
        CDL,
        {"kind": "sionna_tdl", "model": "D", "delay_spread_ns": 30.0, "power_db": 0.0},
        {"kind": "sionna_inh", "power_db": 0.0},
    ],
    ids=lambda e: e["kind"],
)
def test_close_elements_fade_alike_and_have_the_power(make_scenario, environment):
    far = {"kind": "list", "places_wavelengths": [[0, 0, 0], [0, 0.05, 0], [0, 30, 0]]}
    draws = 60
    _, drawn = responses(
        make_scenario, environment, draws, receivers=[AP | {"array": far}], transmitter_array=ROW
    )
    assert drawn.shape[1] == 9
    power = np.mean(np.abs(drawn) ** 2)
    assert power == pytest.approx(
        1, abs=0.5
    )  # of 60 draws, whose nine streams and subcarriers fade nearly alike
    a, b, c = drawn.reshape(draws, 3, 3, -1)[:, :, 0].transpose(1, 0, 2).reshape(3, -1)

    def alike(x, y):
        return abs(np.vdot(x, y)) / np.linalg.norm(x) / np.linalg.norm(y)

    assert alike(a, b) > 0.9 > alike(a, c)


def test_traced_paths_over_an_array_are_those_to_each_element(scenario):
    from isacsim.channel.sionna.ray_tracing import _response, traced_paths

    need("sionna_rt")
    row = {"kind": "linear", "elements": 2}
    arrays = scenario(
        radio={
            "receivers": [{"name": "rx", "position_m": RECEIVER, "array": row}],
            "transmitter_array": row,
        }
    )
    paths = traced_paths(arrays.environment, arrays.radio)
    got = _response(paths, paths.coefficient, arrays.radio)
    for response, pair in zip(got, arrays.radio.streams, strict=True):
        place = arrays.radio.receiver_elements_m[0][pair.element]
        source = arrays.radio.transmitter_elements_m[pair.tx_element]
        alone = scenario(receiver=tuple(place), radio={"transmitter_m": tuple(source)})
        single = traced_paths(alone.environment, alone.radio)
        want = frequency_response(single.coefficient, single.delay, alone.radio.frequency_hz)[0]
        # A plane wave errs by (0.013 m)² / (2 · 5 m) of length, 0.2 % of a radian; lengths change strengths by 0.3 %.
        np.testing.assert_allclose(response, want, atol=0.02 * np.abs(got).max())
    assert np.abs(got[0] - got[3]).max() > 0.2 * np.abs(got).max()
    assert arrays.radio.transmitter_m == TRANSMITTER
