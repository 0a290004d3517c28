"""Samples over arrays: one resolved spectrum a receiver, or one a pair of elements, with the truth of the centres."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic_core import ValidationError

from isacsim import InputError, aj_spectrum, simulate
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.sample import Conditioned, SampleWindow, sample_spectra
from isacsim.simulation.realisation import realise

ROW = {"kind": "linear", "elements": 2, "looks_at_m": [2.0, 4.0, 1.0]}
APS = [
    {"name": "a", "position_m": [4.0, 0.0, 1.0], "array": ROW},
    {"name": "b", "position_m": [0.0, 5.0, 1.0], "array": ROW},
]
RADIO = {"transmitter_array": ROW, "receivers": APS}
AXES = {"acceleration_max_m_s2": 30.0, "jerk_max_m_s3": 400.0, "bins_acceleration": 24, "bins_jerk": 16}
NOISE = {"noise": True}


def scenario_of(make_scenario, combine="resolved", **changes):
    radio = RADIO | changes.pop("radio", {})
    return make_scenario(radio=radio, spectrum=AXES | {"combine": combine}, impairments=NOISE, **changes)


def test_one_image_a_receiver_with_the_truth_of_its_centre(make_scenario):
    scenario = scenario_of(make_scenario)
    samples = make_samples(scenario, seed=1, indices=range(2), keep_csi=True)
    assert samples.aj_noisy.dims == ("sample", "receiver", "acceleration", "jerk")
    assert samples.receiver.values.tolist() == ["a", "b"] and samples.device.values.tolist() == [0, 1]
    drawn = realise(scenario, seed=1, index=1)
    np.testing.assert_array_equal(samples.target_acceleration[1], drawn.kinematics[2])
    assert samples.csi.shape[1] == 8 and samples.csi_device.values.tolist() == [0] * 4 + [1] * 4
    assert samples.csi_tx_element.values.tolist() == [0, 1] * 4
    settings = samples.aj_noisy.attrs
    assert settings["combine"] == "resolved"


def test_an_image_is_that_of_the_capture_s_own_pairs(make_scenario):
    scenario = scenario_of(make_scenario)
    capture = simulate(scenario, seed=1)
    samples = make_samples(scenario, seed=1, indices=[0])
    axes = {name: samples[name].values for name in ("acceleration", "jerk")}
    for kind, csi in (("noisy", capture.csi), ("noiseless", capture.csi_noiseless)):
        for i, name in enumerate("ab"):
            own = csi.isel(receiver=slice(4 * i, 4 * i + 4))
            want = aj_spectrum(own, combine="resolved", antennas=(2, 2), **axes)
            np.testing.assert_allclose(
                samples[f"aj_{kind}"].sel(receiver=name)[0], want, rtol=1e-5, atol=1e-6 * float(want.max())
            )
    one = sample_spectra(capture)
    assert one.receiver.values.tolist() == ["a", "b"]
    for kind in ("noisy", "noiseless", "clean"):
        np.testing.assert_array_equal(one[f"aj_{kind}"], samples[f"aj_{kind}"][0])


def test_a_sample_does_not_depend_on_its_company(make_scenario):
    scenario = scenario_of(make_scenario)
    many = make_samples(scenario, seed=2, indices=[0, 1, 2])
    alone = make_samples(scenario, seed=2, indices=[2])
    for kind in ("noisy", "noiseless", "clean"):
        np.testing.assert_array_equal(many[f"aj_{kind}"][2], alone[f"aj_{kind}"][0])


def test_clean_images_show_each_target_at_its_place(make_scenario):
    motion = {
        "kind": "trajectory",
        "position_m": [1.0, 3.0, 1.2],
        "velocity_m_s": [0.5, 1.5, 0.0],
        "acceleration_m_s2": [4.0, 8.0, 0.5],
    }
    scenario = scenario_of(make_scenario, targets={"fixed": [{"motion": motion}]})
    samples = make_samples(scenario, seed=1, indices=[0])
    for i in range(2):
        image = samples.aj_clean[0, i]
        at = np.unravel_index(int(image.values.argmax()), image.shape)
        cell = [float(np.diff(samples[n].values[:2])[0]) for n in ("acceleration", "jerk")]
        truth = float(samples.target_acceleration[0, i, 0]), float(samples.target_jerk[0, i, 0])
        # A quarter of a second resolves 3 m/s² and 60 m/s³ at best; the axes' cells are 2.6 and 53.
        assert abs(float(image.acceleration[at[0]]) - truth[0]) < 1.01 * cell[0]
        assert abs(float(image.jerk[at[1]]) - truth[1]) < 2.01 * cell[1]


@pytest.mark.parametrize("combine", ["coherent", "noncoherent", "delay"])
def test_other_combinations_make_one_image_a_pair(make_scenario, combine):
    scenario = scenario_of(make_scenario, combine, radio={"receivers": APS[:1]})
    samples = make_samples(scenario, seed=1, indices=[0])
    assert samples.sizes["receiver"] == 4
    assert samples.rx_element.values.tolist() == [0, 0, 1, 1]
    assert samples.receiver.values.tolist()[1] == "a rx0-tx1"
    for kind in ("noisy", "noiseless", "clean"):
        images = samples[f"aj_{kind}"].values[0]
        assert np.isfinite(images).all() and images.max() > 0
    drawn = realise(scenario, seed=1)
    np.testing.assert_array_equal(samples.target_jerk[0, 3], drawn.kinematics[3, 0])


def test_resolved_spectra_need_whole_arrays_of_one_size(make_scenario):
    other = [APS[0], APS[1] | {"array": ROW | {"elements": 3}}]
    with pytest.raises(
        ValidationError, match="receivers with as many elements each, but 'a' has 2, 'b' has 3"
    ):
        scenario_of(make_scenario, radio={"receivers": other})
    scenario = scenario_of(make_scenario)
    window, capture = SampleWindow(scenario), simulate(scenario, seed=1)
    noisy = Conditioned.of(scenario, capture)
    assert window.images(noisy.receivers) == [0, 4]
    with pytest.raises(InputError, match="takes all 4 pairs of elements"):
        window.images([0, 1, 2])
