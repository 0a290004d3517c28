from __future__ import annotations

import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isacsim
from isacsim.channel.paths import cubic_path_length, simulate_path_lengths
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.schema import TRUTH
from isacsim.spectrum.lag_product import lag_product, statistics
from isacsim.spectrum.self_terms import self_products
from isacsim.spectrum.settings import Combine

pytestmark = pytest.mark.numerical

SPECTRA = ("aj_noisy", "aj_noiseless", "aj_clean")


def small(name: str, **radio) -> isacsim.Scenario:
    scenario = isacsim.load_scenario(name)
    return scenario.model_copy(update={"radio": scenario.radio.model_copy(update=radio)})


@pytest.mark.parametrize("name", ["default", "lab_siso", "empty_room", "intel5300"])
def test_batch_equals_one_capture_at_a_time_to_the_bit(name):
    scenario = isacsim.load_scenario(name)
    samples = make_samples(scenario, seed=5, indices=[4, 0, 2])
    for n, index in enumerate([4, 0, 2]):
        capture = isacsim.simulate(scenario, seed=5, index=index)
        spectra = sample_spectra(capture)
        for variable in SPECTRA:
            np.testing.assert_array_equal(samples[variable][n], np.squeeze(spectra[variable], axis=0))
        assert samples.n_targets[n] == capture.attrs["n_targets"]
        assert samples.snr_db[n] == np.float32(capture.attrs["snr_db"])
        # Of three equal receivers the most coherent pair is taken, capture by capture.
        seen = capture.sel(receiver=spectra.receiver.values[0])
        for variable in TRUTH:
            truth = samples[variable][n].values
            of = seen[variable.removeprefix("target_")].values[capture.target.values >= 0]
            np.testing.assert_array_equal(truth[: of.size], of)
            assert np.isnan(truth[of.size :]).all()


def test_more_samples_than_a_batch_and_classes():
    scenario = small("default", subcarriers=4, packets=128)
    many = make_samples(scenario, seed=1, indices=range(40), n_targets=[3, 7] * 20)
    few = make_samples(scenario, seed=1, indices=[39, 33], n_targets=[7, 7])
    np.testing.assert_array_equal(many.n_targets, [3, 7] * 20)
    for variable in SPECTRA:
        np.testing.assert_array_equal(many[variable][[39, 33]], few[variable])


@pytest.mark.parametrize("combine", sorted({*get_args(Combine)} - {"coherent", "resolved"}))
def test_other_ways_to_combine_subcarriers(combine):
    scenario = small("lab_siso", subcarriers=16, packets=200)
    scenario = scenario.model_copy(
        update={"spectrum": scenario.spectrum.model_copy(update={"combine": combine})}
    )
    samples = make_samples(scenario, seed=2, indices=[0, 1])
    assert ("delay" in samples.dims) == (combine == "delay")
    one = sample_spectra(isacsim.simulate(scenario, seed=2, index=1))
    for variable in SPECTRA:
        np.testing.assert_array_equal(samples[variable][1], np.squeeze(one[variable], axis=0))
        assert samples[variable].values.any()


def test_csi_is_kept_and_filled_up_with_nan():
    scenario = small("lab_siso", subcarriers=8, packets=200)
    samples = make_samples(scenario, seed=3, indices=[0, 1, 2], keep_csi=True)
    for i in range(3):
        capture = isacsim.simulate(scenario, seed=3, index=i)
        n = capture.sizes["packet"]
        np.testing.assert_array_equal(samples.csi[i, ..., :n], capture.csi)
        np.testing.assert_array_equal(samples.csi_noiseless[i, ..., :n], capture.csi_noiseless)
        np.testing.assert_array_equal(samples.csi_time[i, :n], capture.time)
        assert np.isnan(samples.csi[i, ..., n:]).all()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 4),
    st.integers(2, 300),
    st.booleans(),
    st.sampled_from([-1, 1]),
)
def test_self_products_equal_csi_and_lag_product(seed, paths, subcarriers, remove_static, sign):
    rng = np.random.default_rng(seed)
    time = (np.arange(100) - 49.5) / 200
    frequency = 5.805e9 + 312.5e3 * np.arange(subcarriers)
    length = cubic_path_length(
        time,
        path_length=rng.uniform(3, 15, paths),
        velocity=rng.uniform(-3, 3, paths),
        acceleration=rng.uniform(-6, 6, paths),
        jerk=rng.uniform(-30, 30, paths),
    )
    amplitude, weight = rng.lognormal(0, 0.5, paths), rng.uniform(0, 2, subcarriers)
    got = self_products(
        length,
        amplitude,
        frequency,
        18,
        spacing=312.5e3,
        weight=weight,
        remove_static=remove_static,
        phase_sign=sign,
    )
    csi = np.stack(
        [
            simulate_path_lengths(d, frequency, amplitude=[a], phase=[1.0]) * np.sqrt(weight)[:, np.newaxis]
            for d, a in zip(length, amplitude, strict=True)
        ]
    ).astype(np.complex64)
    mean = statistics(csi)[0].astype(np.complex64) * remove_static
    expected = lag_product(csi, mean, 18, phase_sign=sign, average=True)[:, 0]
    # CSI is within 2e-5 (tests of paths); a product has two of it, and only what is not static counts on the right.
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("combine", ["coherent", "noncoherent"])
def test_a_sample_alone_has_the_same_bits_as_among_others(combine):
    # The others have more targets, so that the groups of their paths are larger.
    scenario = small("default", subcarriers=8, packets=64)
    spectrum = scenario.spectrum.model_copy(
        update={"combine": combine, "bins_acceleration": 16, "bins_jerk": 16}
    )
    scenario = scenario.model_copy(update={"spectrum": spectrum})
    counts = [3, 7, 4, 5, 3, 6]
    among = make_samples(scenario, seed=1, indices=range(6), n_targets=counts)
    for i, count in enumerate(counts):
        alone = make_samples(scenario, seed=1, indices=[i], n_targets=[count])
        for variable in SPECTRA:
            np.testing.assert_array_equal(alone[variable][0], among[variable][i], err_msg=f"{variable} {i}")


PROGRAM = """
import hashlib, isacsim
from isacsim.dataset.synthetic.batch import make_samples
for scenario in ("default", "lab_siso"):
    made = make_samples(isacsim.load_scenario(scenario), seed=0, indices=[0, 1])
    for kind in ("noisy", "noiseless", "clean"):
        print(hashlib.sha256(made[f"aj_{kind}"].values.tobytes()).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit():
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={k: v for k, v in os.environ.items() if k not in names} | {name: str(n) for name in names},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in (1, 2)
    ]
    assert said[0] == said[1] != ""
