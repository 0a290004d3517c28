"""All pairs of a device aligned to its static channel: what is left of the common errors, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim import InputError, simulate
from isacsim.conditioning.conditioning import condition
from isacsim.dataset.synthetic.batch import make_samples
from tests.small_sections import ALL

ROW = {"kind": "linear", "elements": 3, "looks_at_m": [2.0, 4.0, 1.0]}
APS = [
    {"name": "a", "position_m": [4.0, 0.0, 1.0], "array": ROW},
    {"name": "b", "position_m": [0.0, 5.0, 1.0], "array": ROW},
]
COMMON = {"cfo": ALL["cfo"], "sto": ALL["sto"], "chains": {"pi_jumps": 0.1}}


def left(capture, aligned):
    """Power of what differs from the noiseless channel, each stream and subcarrier times its best constant."""
    clean = capture.csi_noiseless.values
    ratio = (aligned * clean.conj()).mean(axis=2) / (np.abs(clean) ** 2).mean(axis=2)
    return np.mean(np.abs(aligned / ratio[..., np.newaxis] - clean) ** 2)


def test_phase_timing_and_turned_chains_are_gone(make_scenario):
    scenario = make_scenario(radio={"transmitter_array": ROW, "receivers": APS}, impairments=COMMON)
    capture = simulate(scenario, seed=1)
    moving = float((capture.amplitude[0] ** 2).sum())
    aligned = condition(capture, reference="array")
    assert aligned.sizes["receiver"] == 18 and "static channel" in aligned.attrs["conditioning"]
    # What moves, seen by nine pairs and a few delays, biases the phase of a channel 20 dB above it by little.
    assert left(capture, aligned.values) < 0.03 * moving
    assert left(capture, capture.csi.values) > 10 * moving
    alone = condition(capture.isel(receiver=slice(0, 1)), reference="self").values
    assert left(capture.isel(receiver=slice(0, 1)), alone) > 2 * left(capture, aligned.values)


def test_each_device_is_aligned_by_itself_and_in_any_order(make_scenario):
    scenario = make_scenario(radio={"transmitter_array": ROW, "receivers": APS}, impairments=COMMON)
    capture = simulate(scenario, seed=1)
    whole = condition(capture, reference="array")
    order = np.random.default_rng(0).permutation(18)
    mixed = condition(capture.isel(receiver=order), reference="array")
    np.testing.assert_array_equal(mixed.values, whole.values[order])
    second = condition(capture.isel(receiver=slice(9, 18)), reference="array")
    np.testing.assert_array_equal(second.values, whole.values[9:])


def test_what_is_no_whole_array_is_refused(make_scenario):
    capture = simulate(
        make_scenario(radio={"transmitter_array": ROW, "receivers": APS}, impairments=COMMON), seed=1
    )
    with pytest.raises(InputError, match="device 1 has 3 receiving and 3 transmitting elements, but 8 pairs"):
        condition(capture.isel(receiver=slice(0, 17)), reference="array")
    with pytest.raises(InputError, match="needs the coordinate device"):
        condition(capture.drop_vars("device"), reference="array")


def test_samples_of_arrays_are_conditioned_so(make_scenario):
    spectrum = {"acceleration_max_m_s2": 30.0, "jerk_max_m_s3": 400.0, "combine": "resolved"}
    scenario = make_scenario(
        radio={"transmitter_array": ROW, "receivers": APS[:1]}, impairments=COMMON, spectrum=spectrum
    )
    samples = make_samples(scenario, seed=1, indices=[0, 1])
    noisy, noiseless = samples.aj_noisy.values, samples.aj_noiseless.values
    for one, other in zip(noisy, noiseless, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
