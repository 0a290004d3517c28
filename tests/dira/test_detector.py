"""The detector: what it is trained to, what it finds, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import dira
from dira.models.detections import false_scores, peaks_of
from dira.training.train import Batch
from isacsim import InputError

SMALL = {"widths": (16, 16), "patch": 2}
HOW = {"batch_size": 16, "device": "cpu", "warmup": 10, "average": 0.9, "learning_rate": 3e-3}
A, R = np.linspace(-8, 8, 16), np.linspace(-40, 40, 16)


def scenes(n, seed):
    """Spectra of one to three Gaussian spots on a floor of noise, and where they are."""
    rng = np.random.default_rng(seed)
    truth = {name: np.full((n, 3), np.nan) for name in ("acceleration", "jerk", "amplitude")}
    spectra = np.zeros((n, 16, 16))
    for i in range(n):
        for k, place in enumerate(rng.permutation(9)[: rng.integers(1, 4)]):
            # Spots apart: one in each of some of nine fields.
            a = -5 + 5 * (place // 3) + rng.uniform(-1, 1)
            r = -25 + 25 * (place % 3) + rng.uniform(-5, 5)
            amplitude = np.exp(0.2 * rng.standard_normal())
            for name, value in (("acceleration", a), ("jerk", r), ("amplitude", amplitude)):
                truth[name][i, k] = value
            spectra[i] += amplitude**4 * np.exp(-((A[:, None] - a) ** 2) / 1.2 - (R[None] - r) ** 2 / 30)
        spectra[i] += 0.02 * rng.random((16, 16))
    coords = {"acceleration": A, "jerk": R}
    return (
        xr.DataArray(spectra.astype(np.float32), coords, ("sample", "acceleration", "jerk")),
        xr.Dataset({f"target_{name}": (("sample", "target"), values) for name, values in truth.items()}),
    )


@pytest.fixture(scope="module")
def trained():
    detector = dira.PathDetector(**SMALL).fit(*scenes(256, 0), steps=150, seed=1, **HOW)
    detector.calibrate(*scenes(64, 1), false_rate=0.3)
    return detector


def test_it_finds_paths_that_it_has_not_seen(trained):
    spectra, truth = scenes(64, 2)
    found = trained.detect(spectra)
    places = np.stack([found["acceleration"], found["jerk"]], -1)
    true = np.stack([truth["target_acceleration"], truth["target_jerk"]], -1)
    n_false = n_found = 0
    for place, score, at in zip(places, found["score"].values, true, strict=True):
        known = np.isfinite(score)
        n_false += false_scores(place[known], score[known], at).size
        n_found += known.sum()
    recall = (n_found - n_false) / np.isfinite(true[..., 0]).sum()
    # By chance, a detection meets one of two targets with 2 * (0.9 x 4) / (16 x 80) = 0.6 %.
    assert recall > 0.8, recall
    assert n_false / 64 < 0.8  # 0.3 was set on 64 others
    single = np.isfinite(truth["target_amplitude"].values).sum(1) == 1
    amplitude = found["amplitude"].values[single, 0] / truth["target_amplitude"].values[single, 0]
    assert np.nanmedian(np.abs(amplitude - 1)) < 0.15
    assert (found["std_acceleration"].values[np.isfinite(found["score"])] > 0).all()
    assert (np.diff(np.nan_to_num(found["score"].values), axis=1) <= 0).all()


def test_the_threshold_goes_with_the_rate(trained, tmp_path):
    thresholds = [trained.calibrate(*scenes(64, 1), false_rate=rate) for rate in (0.02, 0.3, 3.0)]
    assert thresholds[0] >= thresholds[1] >= thresholds[2]
    again = dira.PathDetector.from_pretrained(trained.save_pretrained(tmp_path / "detector"))
    spectra, _ = scenes(8, 3)
    assert again.config.threshold == thresholds[2]
    xr.testing.assert_identical(again.detect(spectra, device="cpu"), trained.detect(spectra, device="cpu"))


def test_the_loss_is_least_at_the_truth():
    """Maps that say exactly what is there beat those with a path in another bin, too many, or none."""
    detector = dira.PathDetector(**SMALL)
    spectra, truth = scenes(4, 4)
    axes, _, (inputs, paths) = detector.examples(spectra, truth)
    assert axes.jerk_max == 40

    def loss(moved=0, missed=False, offset=0.0):
        maps = torch.zeros(4, 7, 16, 16)
        maps[:, 0] = -12.0
        maps[:, 4:] = -3.0
        for i, k in np.argwhere(np.isfinite(paths[..., 0].numpy())):
            row, column = paths[i, k, :2].round().long()
            maps[i, 0, row + moved, column] = -12.0 if missed else 12.0
            maps[i, 1:3, row, column] = paths[i, k, :2] - paths[i, k, :2].round() + offset
            maps[i, 3, row, column] = paths[i, k, 2]
        batch = Batch([inputs, paths], torch.Generator(), slice(0, 4), 4)
        return float(detector.loss(lambda _: maps, batch, {}))

    assert loss() < min(loss(moved=1), loss(missed=True), loss(offset=0.4))


def test_maxima():
    probability = np.zeros((8, 8))
    probability[2, 2], probability[2, 3] = 0.5, 0.4  # between two bins: one path
    probability[6, 6] = 0.3
    peaks = peaks_of(probability, least=0.1, most=9)
    assert peaks.bins.tolist() == [[2, 2], [6, 6]] and peaks.score.tolist() == pytest.approx([0.9, 0.3])
    assert len(peaks_of(probability, least=0.5, most=9).score) == 1
    assert len(peaks_of(np.zeros((8, 8)), least=0.1, most=9).score) == 0


def test_two_that_find_one_path_are_one_right_one_false():
    truth = np.array([[1.0, 10.0], [np.nan, np.nan]])
    found = np.array([[1.1, 10.5], [0.9, 9.0], [5.0, 0.0]])
    assert false_scores(found, np.array([0.9, 0.8, 0.7]), truth).tolist() == [0.8, 0.7]


def test_refusals(trained):
    spectra, truth = scenes(2, 0)
    with pytest.raises(InputError, match="need coordinates"):
        dira.PathDetector(**SMALL).fit(spectra.values, truth, steps=1)
    with pytest.raises(InputError, match="it has no target_jerk"):
        dira.PathDetector(**SMALL).fit(spectra, truth.drop_vars("target_jerk"), steps=1)
    with pytest.raises(InputError, match="for 2 samples"):
        dira.PathDetector(**SMALL).fit(spectra, truth.isel(sample=[0]), steps=1)
    with pytest.raises(InputError, match="multiples of 32"):
        dira.PathDetector(widths=(8, 8, 8, 8, 8)).fit(spectra, truth, steps=1)
    with pytest.raises(InputError, match="threshold must be"):
        trained.detect(spectra, threshold=0)
    with pytest.raises(InputError, match="don't fit the detector"):
        trained.detect(spectra.isel(jerk=slice(8)).assign_coords(jerk=R[:8] * 0 + np.linspace(-40, 40, 8)))
