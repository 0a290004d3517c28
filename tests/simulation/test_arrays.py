"""Captures over arrays: every pair's own path, which antennas a stream is of, and what devices and chains do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim import simulate
from isacsim.simulation.realisation import realise
from isacsim.simulation.truth import truth_at
from tests.small_sections import ALL, FAN, TEMPLATE

pytestmark = pytest.mark.numerical

FOUR = {"kind": "linear", "elements": 4, "looks_at_m": [2.0, 4.0, 1.0]}
AP = [{"name": "ap", "position_m": [4.0, 0.0, 1.0], "array": FOUR}]
TWO_APS = [*AP, {"name": "b", "position_m": [0.0, 5.0, 1.0], "array": FOUR | {"elements": 2}}]
RADIO = {"transmitter_array": FOUR | {"elements": 2}, "receivers": AP}
WALKER = {
    "body": {"kind": "walker", "height_m": 1.7},
    "motion": {"kind": "trajectory", "position_m": [1.5, 3.0, 1.1], "velocity_m_s": [0.6, 0.8, 0.0]},
}


def literal(capture, drawn, lengths_of):
    """Sum over paths at the places that the capture records, complex128."""
    f = capture.frequency.values[:, np.newaxis]
    out = capture.static.values[..., np.newaxis] + np.zeros(capture.csi.shape, complex)
    for i in range(out.shape[0]):
        for p in range(capture.sizes["path"]):
            length = lengths_of(capture.tx_position.values[i], capture.rx_position.values[i], p)
            turn = float(capture.phase[i, p])
            out[i] += float(capture.amplitude[i, p]) * np.exp(
                1j * turn - 2j * np.pi * f * length / speed_of_light
            )
    return out


def bistatic(position, tx, rx):
    return np.linalg.norm(position - tx, axis=-1) + np.linalg.norm(position - rx, axis=-1)


@pytest.mark.parametrize("targets", ["points", "walker"])
def test_every_pair_has_its_exact_path(make_scenario, targets):
    more = {"movers": [FAN]} if targets == "points" else {"targets": {"fixed": [WALKER]}}
    scenario = make_scenario(radio=RADIO, motion_model="exact", **more)
    capture, drawn = simulate(scenario, seed=1), realise(scenario, seed=1)
    time = capture.time.values

    def lengths_of(tx, rx, p):
        motion = drawn.motions[p]
        if hasattr(motion, "body"):
            position = motion.body.positions(time)[:, motion.number].T
        else:
            position = motion.state(time).position
        return bistatic(position, tx, rx)

    want = literal(capture, drawn, lengths_of)
    assert np.abs(capture.csi_noiseless.values - want).max() < 2e-5 * np.abs(want).max()
    # The centres' paths would not do: elements are told apart by this test.
    assert np.abs(capture.csi_noiseless.values[0] - want[-1]).max() > 0.1


def test_a_cubic_is_that_of_the_centres(make_scenario):
    """With motion_model polynomial the centres' path is the truth's cubic, and elements differ from it in space."""
    scenario = make_scenario(radio=RADIO)
    capture, drawn = simulate(scenario, seed=1), realise(scenario, seed=1)
    t, radio = capture.time.values, scenario.radio
    d, v, a, r = (capture[n].values[0] for n in ("path_length", "velocity", "acceleration", "jerk"))

    def lengths_of(tx, rx, p):
        position = drawn.motions[p].state(t).position
        centres = bistatic(position, np.array(radio.transmitter_m), np.array(radio.receivers[0].position_m))
        return d[p] + v[p] * t + a[p] * t**2 / 2 + r[p] * t**3 / 6 + bistatic(position, tx, rx) - centres

    want = literal(capture, drawn, lengths_of)
    assert np.abs(capture.csi_noiseless.values - want).max() < 2e-5 * np.abs(want).max()


def test_a_plane_wave_errs_by_what_the_page_says(make_scenario):
    exact = realise(make_scenario(radio=RADIO, motion_model="exact"), seed=1)
    plane = realise(make_scenario(radio=RADIO | {"wavefront": "plane"}, motion_model="exact"), seed=1)
    time, radio = exact.scenario.radio.time_s, exact.scenario.radio
    every = range(len(radio.streams))
    off = np.abs(plane.stream_lengths(time, every) - exact.stream_lengths(time, every))
    bound = np.zeros_like(off)
    for p, motion in enumerate(exact.motions):
        position = motion.state(time).position
        for i, pair in enumerate(radio.streams):
            for centre, element in (
                (radio.transmitter_m, radio.transmitter_elements_m[pair.tx_element]),
                (radio.receivers[0].position_m, radio.receiver_elements_m[0][pair.element]),
            ):
                reach = np.linalg.norm(element - centre)
                bound[i, p] += reach**2 / 2 / np.linalg.norm(position - centre, axis=-1)
    # The next order is smaller by the ratio of 0.04 m to 3 m.
    assert (off <= 1.05 * bound).all()
    assert off.max() > 0.3 * bound.max()


def test_truth_refers_to_the_centres_and_moves_with_the_window(make_scenario):
    arrays = simulate(make_scenario(radio=RADIO, motion_model="exact"), seed=1)
    single = simulate(
        make_scenario(
            radio={"receivers": [{"name": "ap", "position_m": [4.0, 0.0, 1.0]}]}, motion_model="exact"
        ),
        seed=1,
    )
    for name in ("path_length", "velocity", "acceleration", "jerk"):
        np.testing.assert_array_equal(arrays[name], np.broadcast_to(single[name].values, arrays[name].shape))
    ours, theirs = truth_at(arrays, "ap rx3-tx1", 0.05), truth_at(single, "ap", 0.05)
    np.testing.assert_array_equal(ours.velocity, theirs.velocity)


def test_which_antennas_a_stream_is_of(make_scenario):
    capture = simulate(make_scenario(radio=RADIO | {"receivers": TWO_APS}), seed=1)
    assert capture.sizes["receiver"] == 4 * 2 + 2 * 2
    assert capture.device.values.tolist() == [0] * 8 + [1] * 4
    assert capture.rx_element.values.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1]
    assert capture.tx_element.values.tolist() == [0, 1] * 6
    assert str(capture.receiver[3].values) == "ap rx1-tx1"
    spread = np.linalg.norm(capture.rx_position.values[0] - capture.rx_position.values[2])
    assert spread == pytest.approx(speed_of_light / 5.8e9 / 2)
    one_device = [one | {"device": "box"} for one in TWO_APS]
    joined = simulate(make_scenario(radio=RADIO | {"receivers": one_device}), seed=1)
    assert joined.device.values.tolist() == [0] * 12
    assert joined.rx_element.values.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_an_array_of_one_element_is_a_single_antenna(make_scenario):
    one = FOUR | {"elements": 1}
    arrays = simulate(
        make_scenario(environment={"kind": "none"}, radio={"receivers": [AP[0] | {"array": one}]}), seed=2
    )
    single = simulate(
        make_scenario(environment={"kind": "none"}, radio={"receivers": [AP[0] | {"array": None}]}), seed=2
    )
    assert arrays.receiver.values.tolist() == single.receiver.values.tolist() == ["ap"]
    # The two kernels round in other ways; their bound is 2e-5 each.
    np.testing.assert_allclose(arrays.csi, single.csi, atol=4e-5)


def test_directional_elements_weaken_what_is_aside(make_scenario):
    looking = FOUR | {"pattern": "tr38901", "looks_at_m": [1.0, 3.0, 1.2]}
    capture = simulate(make_scenario(radio={"receivers": [AP[0] | {"array": looking}]}), seed=1)
    assert float(capture.amplitude[0, 0]) == pytest.approx(1.0)  # the first target stands where it looks
    # The second stands 31 degrees aside and the least of elevation lower: 12 dB times (angle / 65 degrees)².
    aside = np.rad2deg(np.arctan2(3.0, -3.0) - np.arctan2(4.0, -1.0))
    lost = 12 * (aside / 65) ** 2
    assert 20 * np.log10(float(capture.amplitude[0, 1]) / 0.8) == pytest.approx(-lost, abs=0.2)


def test_a_path_without_a_place_comes_from_one_direction(make_scenario):
    scenario = make_scenario(radio=RADIO | {"subcarriers": 1}, targets=TEMPLATE, environment={"kind": "none"})
    sines = []
    for index in range(40):
        csi = simulate(scenario, seed=1, index=index, n_targets=1).csi.values[:, 0].reshape(4, 2, -1)
        steps = csi[1:] * csi[:-1].conj()
        # A plane wave: the same step from element to element and at all times.
        np.testing.assert_allclose(steps, np.broadcast_to(steps[0, 0, 0], steps.shape), atol=1e-4)
        sines.append(np.angle(steps[0, 0, 0]) / np.pi)
    assert np.ptp(sines) > 1.6 and abs(np.mean(sines)) < 3 * np.sqrt(1 / 3 / 40)  # uniform from -1 to 1


def test_devices_have_oscillators_clocks_and_gains_of_their_own(make_scenario):
    changes = {"radio": RADIO | {"receivers": TWO_APS}, "impairments": ALL | {"loss": None, "jitter": None}}
    capture = simulate(make_scenario(**changes), seed=3)
    for name in ("common_phase", "timing_offset", "agc_gain_db"):
        rows = capture[name].transpose("receiver", "packet").values
        np.testing.assert_array_equal(rows[:8], np.broadcast_to(rows[0], (8, 256)))
        np.testing.assert_array_equal(rows[8:], np.broadcast_to(rows[8], (4, 256)))
        assert not np.array_equal(rows[0], rows[8])
    # The first device's are those that it has alone.
    alone = simulate(make_scenario(**changes | {"radio": RADIO}), seed=3)
    np.testing.assert_array_equal(alone.common_phase, capture.common_phase[0])
    shared = [one | {"device": "box"} for one in TWO_APS]
    joined = simulate(make_scenario(**changes | {"radio": RADIO | {"receivers": shared}}), seed=3)
    np.testing.assert_array_equal(joined.common_phase, alone.common_phase)


def test_a_reference_shares_the_device_of_an_array(make_scenario):
    reference = {"name": "ref", "role": "reference", "position_m": [3.5, 0.0, 1.0]}
    radio = RADIO | {"receivers": [*AP, reference]}
    capture = simulate(make_scenario(radio=radio, impairments={"cfo": ALL["cfo"]}), seed=3)
    assert capture.common_phase.dims == ("packet",)
    assert capture.device.values.tolist() == [0] * 10 and capture.rx_element.values.tolist()[-2:] == [4, 4]


def test_chains_are_constant_but_for_their_jumps(make_scenario):
    chains = {"gain_std_db": 1.0, "delay_std_ns": 1.0, "pi_jumps": 0.2}
    scenario = make_scenario(radio=RADIO, impairments={"chains": chains})
    capture = simulate(scenario, seed=4)
    offset = capture.frequency.values - 5.8e9
    turned = np.where(capture.chain_turned.values, -1, 1)
    factor = 10 ** (capture.chain_gain_db.values / 20)[:, np.newaxis] * np.exp(
        1j * capture.chain_phase.values[:, np.newaxis]
        - 2j * np.pi * offset * capture.chain_delay.values[:, np.newaxis]
    )
    want = capture.csi_noiseless.values * factor[..., np.newaxis] * turned[:, np.newaxis]
    np.testing.assert_allclose(capture.csi, want, rtol=1e-5, atol=1e-4)
    # The sum of a receive and a transmit chain's, and a receive chain turns in all its streams at once.
    phase = capture.chain_phase.values.reshape(4, 2)
    np.testing.assert_allclose(np.diff(phase[:, 1] - phase[:, 0]), 0, atol=1e-12)
    assert np.ptp(phase[:, 0]) > 0.1
    np.testing.assert_array_equal(turned[::2], turned[1::2])
    share = (turned < 0).mean()
    assert abs(share - 0.2) < 4 * np.sqrt(0.16 / 1024)
    # Another sample's chains are other ones; nothing else of the capture knows of chains.
    assert not np.array_equal(simulate(scenario, seed=4, index=1).chain_phase, capture.chain_phase)
    plain = simulate(make_scenario(radio=RADIO), seed=4)
    np.testing.assert_array_equal(plain.csi_noiseless, capture.csi_noiseless)
    still = simulate(make_scenario(radio=RADIO, impairments={"chains": {"phase": "calibrated"}}), seed=4)
    np.testing.assert_array_equal(still.csi, plain.csi)


def test_same_seed_same_bits_and_what_a_file_gives_back(make_scenario, tmp_path):
    from isacsim.capture.netcdf import load_capture, save_capture

    radio = RADIO | {"receivers": TWO_APS}
    scenario = make_scenario(radio=radio, impairments=ALL | {"chains": {"pi_jumps": 0.1}})
    capture = simulate(scenario, seed=5, index=3)
    assert simulate(scenario, seed=5, index=3).identical(capture)
    save_capture(capture, tmp_path / "arrays.nc")
    again = load_capture(tmp_path / "arrays.nc")
    for name, values in capture.variables.items():
        np.testing.assert_array_equal(again[name], values)
