"""The detectors that come with dira: which there are, which fits, and that each finds targets it has not seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import dira
import isacsim
from dira.cli import app
from dira.metrics.detection import match_detections, true_paths
from dira.models.shipped import shipped_model, shipped_models
from dira.models.window_counter import count_window
from isacsim import InputError
from isacsim.conditioning.conditioning import condition
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.thinned import thinned

# Scenario and least recall at the threshold, well below the measured one: 12 captures are about 60 targets.
MEASURED = {"rooms_4x4": ("corridor", 0.65), "points_4x4": ("points_4x4", 0.75)}
MEASURED |= {"points_4x1": ("points_4x1", 0.6)}


def samples(name: str, n: int = 12):
    scenario, _ = thinned(isacsim.load_scenario(name))
    return make_samples(scenario, seed=36_000_000, indices=range(n), kinds=("noisy",))


def test_all_are_there_and_small():
    assert set(shipped_models("PathDetector")) == set(MEASURED)
    for folder in shipped_models("PathDetector").values():
        assert (folder / "model.safetensors").stat().st_size < 4e6
        assert dira.PathDetector.from_pretrained(folder).config.threshold >= 0.05


@pytest.mark.parametrize("name", MEASURED)
def test_it_is_chosen_for_its_spectra_and_finds_their_targets(name):
    scenario, least = MEASURED[name]
    ds = samples(scenario)
    detector = dira.PathDetector.pretrained(ds["aj_noisy"])
    assert detector.history["name"] == name
    paths = true_paths(ds, most=tuple(float(ds[axis].max()) for axis in ("acceleration", "jerk")))
    found = match_detections(detector.detect(ds["aj_noisy"]), paths)
    assert found.true.sum() / found.targets > least
    assert (~found.true).sum() / found.samples < 1.2


def test_others_are_refused_by_name():
    ds = samples("default", 1)
    with pytest.raises(InputError) as said:
        dira.PathDetector.pretrained(ds["aj_noisy"])
    assert "the nearest is points_4x1: combine coherent where it has resolved" in str(said.value)
    assert "rooms_4x4" not in str(said.value) and "dira train" in str(said.value)
    assert len(str(said.value).split()) < 45
    with pytest.raises(InputError, match=r"comes with PathDetector points_4x1, .*, not 'lab'"):
        shipped_model("PathDetector", "lab")
    with pytest.raises(InputError, match="antennas 1 x 1 where the model has 4 x 4"):
        dira.PathDetector.pretrained("points_4x4").detect(samples("points_1x1", 1)["aj_noisy"])
    assert dira.PathDetector.from_pretrained().history["name"] == "points_4x4"


def test_spectra_that_do_not_tell_their_settings_get_no_model_by_chance():
    values = np.ones((1, 64, 64), np.float32)
    with pytest.raises(
        InputError, match=r"Purifier lab_4x4, one_antenna, and these spectra do not tell which"
    ):
        dira.Purifier.pretrained(values)
    axes = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}
    known = xr.DataArray(values, dims=("sample", *axes), coords=axes)
    with pytest.raises(
        InputError, match=r"PathDetector points_4x1, points_4x4, and these spectra do not tell"
    ):
        dira.PathDetector.pretrained(known)
    assert dira.Purifier.pretrained(known).folder.name == "one_antenna"  # axes are enough


def test_it_counts_as_a_method_of_isacsim():
    scenario, _ = thinned(isacsim.load_scenario("corridor"))
    truth, said = [], []
    for seed in range(6):
        capture = isacsim.simulate(scenario, seed=900 + seed)
        counted = isacsim.count_targets(capture, method="dira", max_targets=9)
        truth.append(capture.attrs["n_targets"])
        said.append(int(counted["count"][0]))
        assert counted["probability"].sum() == pytest.approx(1)
    assert np.abs(np.subtract(truth, said)).mean() < 2
    two = isacsim.load_scenario("points_4x1").with_(**{"radio.receivers.0.array.elements": 2})
    csi = condition(isacsim.simulate(thinned(two)[0], seed=1))
    assert count_window(csi, 9) is None  # no detector for two antennas


def test_detect_takes_the_one_that_fits(tmp_path):
    store = tmp_path / "points.zarr"
    scenario, _ = thinned(isacsim.load_scenario("points_4x1"))
    isacsim.generate(scenario, store, n_samples=6, progress=False)
    got = CliRunner().invoke(app, ["detect", str(store), "--device", "cpu"])
    assert got.exit_code == 0, got.output
    assert "true paths found" in got.output
    got = CliRunner().invoke(app, ["count", str(store), "--device", "cpu"])
    assert got.exit_code == 0 and "counted by PathDetector, which knows 0 to " in got.output, got.output
    got = CliRunner().invoke(app, ["count", str(store), "--device", "cpu", "--json"])
    told = json.loads(got.stdout)
    assert told["model"] == "PathDetector" and told["known_counts"][0] == 0
    detected = dira.PathDetector.pretrained("points_4x1").detect(isacsim.open_dataset(store)["aj_noisy"])
    assert told["found"] == detected["count_probability"].values.argmax(axis=1).tolist()


def test_count_without_a_model_that_fits_says_what_to_do(tmp_path):
    store = tmp_path / "other.zarr"
    other = isacsim.load_scenario("single_target").with_(spectrum={"bins_acceleration": 8, "bins_jerk": 8})
    isacsim.generate(other, store, n_samples=2, workers=0, progress=False)
    got = CliRunner().invoke(app, ["count", str(store)])
    assert got.exit_code == 2
    assert "bins_acceleration 8 where it has 64" in got.stderr and "--method dira" in got.stderr
