"""The path detector: it learns positions, its scores are probabilities, and what it cannot take is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import dira
import isacsim
from dira.metrics.detection import match_detections, true_paths
from dira.models.detector_loss import mirrored
from dira.training.train import Batch
from isacsim import InputError

BINS, REACH = 32, (8.0, 40.0)
AXES = {
    name: np.linspace(-most, most, BINS) for name, most in zip(("acceleration", "jerk"), REACH, strict=True)
}


def bumps(n: int, seed: int, noise: float = 0.02) -> tuple[xr.DataArray, xr.Dataset]:
    """Spectra of one to four bumps a bin and a half wide, P = A⁴ at each path, and noise."""
    rng = np.random.default_rng(seed)
    a, r = rng.uniform(-0.9, 0.9, (2, n, 4)) * np.array(REACH)[:, np.newaxis, np.newaxis]
    amplitude = np.exp(0.2 * rng.standard_normal((n, 4)))
    amplitude[np.arange(4) >= rng.integers(1, 5, n)[:, np.newaxis]] = np.nan
    step = [axis[1] - axis[0] for axis in AXES.values()]
    near_a = np.exp(-(((AXES["acceleration"] - a[..., np.newaxis]) / (1.5 * step[0])) ** 2))
    near_r = np.exp(-(((AXES["jerk"] - r[..., np.newaxis]) / (1.5 * step[1])) ** 2))
    spectra = np.einsum("st,sta,str->sar", np.nan_to_num(amplitude) ** 4, near_a, near_r)
    spectra += noise * rng.exponential(size=spectra.shape)
    a[np.isnan(amplitude)] = r[np.isnan(amplitude)] = np.nan
    truth = {"target_acceleration": a, "target_jerk": r, "target_amplitude": amplitude}
    made = xr.DataArray(spectra.astype(np.float32), dims=("sample", "acceleration", "jerk"), coords=AXES)
    return made, xr.Dataset({name: (("sample", "target"), values) for name, values in truth.items()})


SMALL = {"widths": (16, 32), "most_targets": 4}
HOW = {"steps": 350, "batch_size": 16, "learning_rate": 3e-3, "average": 0.98, "device": "cpu"}


@pytest.fixture(scope="module")
def detector() -> dira.PathDetector:
    made = dira.PathDetector(**SMALL).fit(*bumps(600, 0), **HOW)
    return made.calibrate(*bumps(200, 1), false=0.3)


def test_it_finds_what_is_there_and_little_else(detector: dira.PathDetector) -> None:
    spectra, truth = bumps(200, 2)
    found = match_detections(detector.detect(spectra), true_paths(truth), gate=(0.8, 4.0))
    assert found.true.sum() / found.targets > 0.85
    assert (~found.true).sum() / found.samples < 0.6
    step = np.array([2 * most / (BINS - 1) for most in REACH])
    off = found.error[found.true]
    assert (np.sqrt((off[:, :2] ** 2).mean(axis=0)) < 0.5 * step).all()
    assert np.abs(np.median(off[:, 2])) < 0.1  # ln amplitude
    within = np.abs(off) < 2 * found.std[found.true]
    assert (within.mean(axis=0) > 0.75).all()


def test_scores_are_probabilities(detector: dira.PathDetector) -> None:
    spectra, truth = bumps(200, 3)
    found = match_detections(detector.detect(spectra, threshold=0.02), true_paths(truth), gate=(0.45, 2.0))
    rows = [row for row in found.reliability(4) if row[2] >= 40]
    assert rows
    assert all(abs(score - share) < 0.2 for score, share, _ in rows)


def test_the_count_beats_chance(detector: dira.PathDetector) -> None:
    spectra, truth = bumps(200, 4)
    odds = detector.detect(spectra).count_probability
    np.testing.assert_allclose(odds.sum("count"), 1)
    true = np.isfinite(truth.target_jerk).sum("target")
    assert (odds.argmax("count") == true).mean() > 0.4


def test_mirrored_spectra_have_mirrored_paths() -> None:
    spectra, truth = bumps(64, 5, noise=0.0)
    examples = dira.PathDetector(**SMALL).examples(spectra, truth)
    batch = Batch(examples.tensors, torch.Generator().manual_seed(0), slice(0, 64), 64)
    turned, targets = mirrored(*examples.tensors, batch)
    assert not torch.equal(turned, examples.tensors[0])
    there = torch.isfinite(targets).all(dim=-1)
    sample, _ = torch.nonzero(there, as_tuple=True)
    at = targets[there][:, :2].round().long()
    # Where a target is said to be, there is a bump.
    assert turned[sample, 0, at[:, 0], at[:, 1]].min() > -0.5


def test_what_is_saved_detects_the_same(detector: dira.PathDetector, tmp_path: object) -> None:
    again = dira.PathDetector.from_pretrained(detector.save_pretrained(f"{tmp_path}/d"))
    spectra, _ = bumps(8, 6)
    xr.testing.assert_identical(detector.detect(spectra), again.detect(spectra))
    assert again.config == detector.config


def test_one_seed_one_detector() -> None:
    how = {**HOW, "steps": 3}
    spectra, truth = bumps(40, 7)
    one, two = (dira.PathDetector(**SMALL).fit(spectra, truth, **how) for _ in range(2))
    xr.testing.assert_identical(one.detect(spectra, threshold=0.0), two.detect(spectra, threshold=0.0))


def test_it_learns_from_a_stream() -> None:
    samples = isacsim.stream("default", seed=1, workers=0)
    made = dira.PathDetector(widths=(8, 8)).fit(stream=samples, steps=1, batch_size=2)
    spectra = next(samples)["aj_noisy"].expand_dims("sample")
    assert set(made.detect(spectra).sizes) >= {"sample", "detection"}
    assert made.history["steps"] == 1


def test_spectra_without_a_path_give_none(detector: dira.PathDetector) -> None:
    empty = xr.zeros_like(bumps(3, 8)[0])
    found = detector.detect(empty)
    assert found.sizes["sample"] == 3
    assert np.isfinite(found.count_probability).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, t: (s.values, t), "needs spectra with their axes"),
        (lambda s, t: (s[:5], t), "must hold the same samples, got 5 and 20"),
        (lambda s, t: (s, t.drop_vars("target_jerk")), "truth has no variable target_jerk"),
    ],
)
def test_what_it_cannot_learn_from_is_refused(change, words: str) -> None:
    with pytest.raises(InputError, match=words):
        dira.PathDetector(**SMALL).fit(*change(*bumps(20, 9)), **{**HOW, "steps": 1})


def test_wrong_arguments_are_refused(detector: dira.PathDetector) -> None:
    spectra, truth = bumps(20, 10)
    with pytest.raises(InputError, match="threshold must be from 0 to 1, got 2"):
        detector.detect(spectra, threshold=2)
    with pytest.raises(InputError, match="false must be above 0, got 0"):
        detector.calibrate(spectra, truth, false=0)
    with pytest.raises(InputError, match="more than most_targets 2"):
        dira.PathDetector(widths=(16, 32), most_targets=2).fit(spectra, truth, **{**HOW, "steps": 1})
    with pytest.raises(InputError, match="must be multiples of 64"):
        dira.PathDetector(widths=(8,) * 6).fit(spectra, truth, **{**HOW, "steps": 1})


def test_matches_take_the_best_score_first_and_each_path_once() -> None:
    paths = np.array([[[0.0, 0.0, 1.0], [np.nan] * 3], [[1.0, 5.0, 2.0], [3.0, 5.0, 1.0]]])
    values = {
        "acceleration": [[0.1, 0.2], [1.0, np.nan]],
        "jerk": [[0.0, 0.0], [5.5, np.nan]],
        "amplitude": [[1.0, 1.0], [1.0, np.nan]],
        "score": [[0.9, 0.8], [0.3, np.nan]],
    }
    found = {name: np.array(v) for name, v in values.items()}
    found |= {f"std_{name}": np.full((2, 2), 0.5) for name in ("acceleration", "jerk", "amplitude")}
    matches = match_detections(found, paths)
    assert matches.score.tolist() == [0.9, 0.8, 0.3]
    assert matches.true.tolist() == [True, False, True]
    assert (matches.targets, matches.samples) == (3, 2)
    np.testing.assert_allclose(matches.error[2], [0.0, 0.5, np.log(0.5)], atol=1e-12)
    assert matches.recall(0.5) == pytest.approx(2 / 3)
    assert matches.recall(0.1) == pytest.approx(1 / 3)  # above the false one's score
    assert 0.8 < matches.threshold(0.1) < 0.9


def test_enhanced_spectra_are_the_self_terms_of_what_was_found(detector: dira.PathDetector) -> None:
    spectra, _ = bumps(12, 11)
    time, frequency = np.arange(512) / 500, 5.8e9 + np.arange(2) * 1e6
    like = isacsim.aj_spectrum(
        np.ones((2, 512), np.complex64), time=time, frequency=frequency, **{n: x for n, x in AXES.items()}
    )
    spectra.attrs.update(like.attrs)
    enhanced = detector.enhance(spectra)
    assert enhanced.shape == spectra.shape and enhanced.dtype == np.float32
    found = detector.detect(spectra)
    np.testing.assert_array_equal(
        enhanced, isacsim.render_spectrum(found.rename(detection="path"), like).values
    )
    # What is far from every detection is dark: the noise of the spectra is gone.
    there = found["acceleration"].values[0]
    far = (np.abs(AXES["acceleration"][:, np.newaxis] - there[np.isfinite(there)]) > 3).all(axis=1)
    assert far.any() and enhanced[0][far].max() < 0.2 * enhanced[0].max()
    assert detector.enhance(xr.zeros_like(spectra)).max() == 0
    with pytest.raises(InputError, match="say how they were made: an xarray"):
        detector.enhance(spectra.values)
    with pytest.raises(InputError, match="does not say how it was made"):
        detector.enhance(bumps(2, 1)[0])
    two = xr.concat([spectra, spectra], "receiver").transpose("sample", "receiver", ...)
    with pytest.raises(InputError, match="one spectrum a sample, but these have 2"):
        detector.enhance(two)


def test_a_count_by_scores_is_that_of_independent_detections() -> None:
    from dira.models.detections import count_by_scores

    sample, score = np.array([0, 0, 2]), np.array([0.9, 0.5, 0.25])
    odds = count_by_scores(sample, score, 3, 4)
    np.testing.assert_allclose(odds[0], [0.05, 0.5, 0.45, 0, 0])
    np.testing.assert_allclose(odds[1], [1, 0, 0, 0, 0])
    np.testing.assert_allclose(odds[2], [0.75, 0.25, 0, 0, 0])
    # What is more than the most counts as the most.
    np.testing.assert_allclose(count_by_scores(np.zeros(3, int), np.ones(3), 1, 2), [[0, 0, 1]])


def test_no_rate_of_false_detections_makes_the_improbable_one(detector: dira.PathDetector) -> None:
    spectra, truth = bumps(100, 9)
    other = dira.PathDetector(**detector.config.model_dump())
    other.network, other.axes = detector.network, detector.axes
    other.calibrate(spectra, truth, false=1000, device="cpu")
    assert other.config.threshold == 0.05


def test_calibration_makes_counts_likelier(detector: dira.PathDetector) -> None:
    spectra, truth = bumps(300, 8)
    true = np.isfinite(truth.target_jerk).sum("target").values

    def surprise(weights: tuple[float, float]) -> float:
        other = dira.PathDetector(**detector.config.model_dump() | {"count_weights": weights})
        other.network, other.axes = detector.network, detector.axes
        odds = other.detect(spectra).count_probability.values
        return float(-np.log(odds[np.arange(300), true]).mean())

    chosen = detector.config.count_weights
    assert chosen != (0.0, 1.0)
    assert surprise(chosen) < min(surprise((0.0, 1.0)), surprise((1.0, 0.0))) + 0.02
