"""Doppler spectrograms beside a data set's spectra: ``spectrum: {also: [doppler]}``."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic_core import ValidationError

import isacsim
from isacsim import InputError, doppler_spectrogram, simulate
from isacsim.dataset.loading.symmetries import applied, views_of
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.doppler import doppler_values
from tests.dataset.test_array_samples import APS, AXES, NOISE, RADIO, ROW

ALSO = {"also": ["doppler"], "doppler_window_s": 0.064}
TARGETS = {
    "fixed": [
        {
            "motion": {"kind": "kinematics", "path_length_m": 7, "velocity_m_s": v, "acceleration_m_s2": 0},
            "amplitude": 0.5,
        }
        for v in (2.0, -1.0)
    ]
}


def scenario_of(make_scenario, combine="resolved", **changes):
    changes = {"radio": RADIO, "impairments": NOISE, "targets": TARGETS} | changes
    return make_scenario(spectrum=AXES | ALSO | {"combine": combine}, **changes)


def test_they_are_the_captures_own(make_scenario):
    scenario = scenario_of(make_scenario)
    samples = make_samples(scenario, seed=1, indices=[0])
    assert samples.doppler_noisy.dims == ("sample", "receiver", "doppler", "time")
    assert doppler_values(scenario) == samples.doppler.size * samples.time.size
    capture = simulate(scenario, seed=1)
    how = {"window_s": 0.064, "max_speed": 6.0, "combine": "resolved", "antennas": (2, 2)}
    for kind, csi in (("noisy", capture.csi), ("noiseless", capture.csi_noiseless)):
        for i in range(2):
            want = doppler_spectrogram(csi.isel(receiver=slice(4 * i, 4 * i + 4)), **how)
            np.testing.assert_allclose(samples[f"doppler_{kind}"][0, i], want, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(samples.path_velocity, want.path_velocity)
    np.testing.assert_allclose(samples.time, want.time)
    assert (samples.path_velocity.diff("doppler") < 0).all()


@pytest.mark.parametrize("combine", ["resolved", "coherent"])
def test_clean_ones_show_each_target_at_its_speed_with_its_power(make_scenario, combine):
    scenario = scenario_of(make_scenario, combine, radio=RADIO | {"receivers": APS[:1]})
    clean = make_samples(scenario, seed=1, indices=[0]).doppler_clean[0]
    clean = clean if combine == "resolved" else clean[0]
    for velocity in (2.0, -1.0):
        near = clean.where(abs(clean.path_velocity - velocity) < 0.6, drop=True)
        assert near.max("doppler").values == pytest.approx(0.25, rel=0.1)
    away = clean.where(abs(clean.path_velocity) > 4, drop=True)
    assert float(away.max()) < 0.01


def test_lost_ends_leave_the_columns_where_they_were(make_scenario):
    loss = NOISE | {"loss": {"fraction": 0.3, "mean_burst_packets": 8}}
    scenario = scenario_of(make_scenario, impairments=loss)
    samples = make_samples(scenario, seed=3, indices=range(6))
    assert samples.sizes["sample"] == 6 and np.isfinite(samples.doppler_noisy).all()
    velocities = samples.path_velocity.values[samples.doppler_noisy.mean("time").argmax("doppler").values]
    assert (np.minimum(np.abs(velocities - 2), np.abs(velocities + 1)) < 0.7).all()


def test_stores_and_loaders_hold_them(make_scenario, tmp_path, in_this_process):
    scenario = scenario_of(make_scenario, radio=RADIO | {"receivers": APS[:1]})
    store = isacsim.generate(scenario, tmp_path / "a.zarr", n_samples=3, progress=False)
    np.testing.assert_array_equal(
        store.doppler_clean, make_samples(scenario, seed=scenario.seed, indices=range(3)).doppler_clean
    )
    torch = pytest.importorskip("torch")
    loaded = isacsim.to_torch(
        tmp_path / "a.zarr", inputs=["doppler_noisy"], targets=["doppler_clean"], shuffle=False
    )
    for item, (picture, target) in enumerate(loaded):
        assert torch.equal(picture[0], torch.from_numpy(store.doppler_noisy[item].values))
        assert target.shape == picture.shape
    streamed = isacsim.stream(scenario, seed=1, workers=0)
    picture, _ = next(iter(isacsim.to_torch(streamed, inputs=["doppler_noisy"])))
    assert picture.shape == (1, store.sizes["doppler"], store.sizes["time"])


def test_only_conjugation_mirrors_them():
    names = ("aj_noisy", "doppler_noisy")
    assert len(views_of({"combine": "coherent"})) == 4 and len(views_of({"combine": "coherent"}, names)) == 2
    assert len(views_of({"combine": "resolved"}, names)) == 1
    conjugate = views_of({"combine": "coherent"}, names)[1]
    time = np.arange(100) / 100
    csi = np.exp(2j * np.pi * (7 * time + 3 * time**2))[np.newaxis]
    how = {"time": time, "frequency": [5e9], "window_s": 0.2, "max_speed": 2.0}
    mirrored = applied(conjugate, "doppler_noisy", doppler_spectrogram(csi, **how).values)
    np.testing.assert_allclose(mirrored, doppler_spectrogram(csi.conj(), **how), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"doppler_window_s": 100.0}, "doppler_window_s"),
        ({"doppler_speed_max_m_s": 0.001}, "doppler_speed_max_m_s"),
        ({"also": ["delay"]}, "also"),
        ({"also": None}, "doppler_window_s needs also"),
    ],
)
def test_what_does_not_fit_is_refused(make_scenario, wrong, named):
    with pytest.raises((ValidationError, InputError), match=named):
        make_scenario(
            radio={"receivers": [{"name": "a", "position_m": [4, 0, 1], "array": ROW}]},
            spectrum=AXES | ALSO | wrong,
        )
