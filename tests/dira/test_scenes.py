"""Generated scenes, read again by a detector: the study in a quick form."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dira
from dira.experiment.scenes import read_again, scenes
from dira.pretraining.detectors import held_out
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.scenario.catalogue import load_scenario


@pytest.fixture(scope="module")
def samples():
    few, _ = thinned(load_scenario("points_4x4"))
    return held_out(few, 44_100_000, 24, thin=False)


def test_a_detector_reads_the_kinematics_of_its_own_spectra_and_none_of_others(samples):
    detector = dira.PathDetector.pretrained(samples["aj_noisy"])
    own = read_again(detector, samples["aj_noisy"], samples)
    assert own["recall"]["0.3"] > 0.9 and max(own["rms_bins"]) < 0.3
    moved = samples["aj_noisy"].copy(data=np.roll(samples["aj_noisy"].values, 1, axis=0))
    assert read_again(detector, moved, samples)["recall"]["0.3"] < 0.4


def test_the_study_writes_what_it_read(samples, tmp_path):
    model = dira.PairedDiffusion(unet={"blocks": (8, 16), "patch": 4, "layers": 1})
    model.fit(
        samples["aj_clean"], samples["aj_noisy"], steps=2, batch_size=4, device="cpu", threads=1
    ).save_pretrained(tmp_path / "scene")
    scenes(tmp_path / "scene", "points_4x4", tmp_path / "out", number=20, steps=1)
    said = json.loads((tmp_path / "out/scenes.json").read_text())
    assert said["scenes"] == 20
    ways = said["results"]
    assert set(ways) == {"simulated", "generated", "clean", "generated, of another scene"}
    # Two steps of training make nothing that a detector can read.
    assert ways["simulated"]["recall"]["0.3"] > 0.9 > ways["generated"]["recall"]["0.3"]
    distance = said["kernel_distance"]
    assert distance["generated to simulated"] > distance["simulated to simulated"]
    assert (tmp_path / "out/scenes.png").stat().st_size > 10_000
