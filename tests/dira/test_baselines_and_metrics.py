"""Baselines that make or clean spectra, and the measures that all are held to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dira
import isacsim
from dira.metrics.distances import nearest_neighbours, precision_recall
from dira.models.classical import clean_deconvolution, soft_threshold
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.response import response_of
from isacsim.errors import InputError

from .test_models import spots

pytestmark = pytest.mark.numerical


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "steps"), [("ConditionalGAN", 150), ("ConditionalVAE", 300)])
def test_makes_each_class(name, steps, tmp_path):
    kind = getattr(dira, name)
    model = kind(width=8, latent=8).fit(
        *spots(64, size=8), steps=steps, batch_size=16, learning_rate=1e-3, seed=1
    )
    wanted = np.array([3] * 48 + [4] * 48)
    made = model.sample(wanted, seed=5)
    assert made.shape == (96, 8, 8) and made.min() >= 0 and made.max() <= 1
    along, across = made.mean(axis=2).max(axis=1), made.mean(axis=1).max(axis=1)
    # Chance is a half with a standard deviation of 0.05: three of them. Training ends elsewhere on another processor.
    assert (np.where(along > across, 3, 4) == wanted).mean() > 0.65
    # Batches of another size round otherwise; another sample is 0.1 and more away.
    np.testing.assert_allclose(model.sample(wanted[:5], seed=5, batch_size=2), made[:5], atol=2e-3)
    model.save_pretrained(tmp_path)
    np.testing.assert_array_equal(
        kind.from_pretrained(tmp_path).sample([4], seed=1), model.sample([4], seed=1)
    )
    again = kind(width=8, latent=8).fit(*spots(64, size=8), steps=3, batch_size=16)
    twice = kind(width=8, latent=8).fit(*spots(64, size=8), steps=3, batch_size=16)
    np.testing.assert_array_equal(again.sample([3], seed=0), twice.sample([3], seed=0))


def test_a_gan_keeps_its_best_weights():
    values, seen = iter([3.0, 1.0, 2.0]), []

    def judge(model) -> float:
        seen.append(model.sample([3], seed=0))
        return next(values)

    gan = dira.ConditionalGAN(width=8, latent=8).fit(
        *spots(16, size=8), steps=6, batch_size=8, best_by=judge, every=2, learning_rate=1e-2
    )
    np.testing.assert_allclose(gan.sample([3], seed=0), seen[1], atol=1e-6)
    assert np.abs(seen[1] - seen[2]).max() > 1e-3 and gan.history["best"] == 1.0


def test_what_can_t_be_halved_is_refused():
    with pytest.raises(InputError, match="12 x 9 bins cannot be halved"):
        dira.ConditionalGAN().fit(np.ones((4, 12, 9)), [3] * 4, steps=1)


def test_a_paired_denoiser_takes_noise_out():
    rng = np.random.default_rng(0)
    clean, _ = spots(72, size=8)
    noisy = clean + 0.05 * rng.random(clean.shape).astype(np.float32)
    model = dira.PairedDenoiser(unet={"blocks": (16, 32)}).fit(
        noisy[:64], clean[:64], steps=150, batch_size=16, learning_rate=3e-3, average=0.9
    )
    made = model.enhance(noisy[64:])

    a, b, c = ((x / x.max(axis=(1, 2), keepdims=True)) ** 0.25 for x in (made, noisy[64:], clean[64:]))
    assert ((a - c) ** 2).mean() < 0.3 * ((b - c) ** 2).mean()
    with pytest.raises(InputError, match="pairs of one shape"):
        model.fit(noisy, clean[:3], steps=1)


def response(n: int = 16, width: float = 1.5) -> np.ndarray:
    at = np.arange(-(n - 1), n)
    return np.exp(-(at[:, None] ** 2 + at**2) / (2 * width**2))


def test_clean_puts_responses_where_they_were():
    full, n = response(), 16
    places, heights = [(3, 4), (11, 9), (6, 13)], [1.0, 0.5, 0.2]
    parts = [
        h * full[n - 1 - i : 2 * n - 1 - i, n - 1 - j : 2 * n - 1 - j]
        for (i, j), h in zip(places, heights, strict=True)
    ]
    image = sum(parts)
    made = clean_deconvolution(image[None], full, floor_db=-30, iterations=500)[0]
    np.testing.assert_allclose(made, image, atol=5e-3)
    one = clean_deconvolution(image[None], full, gain=1.0, iterations=1)[0]
    np.testing.assert_allclose(one, parts[0] * image.max(), atol=2e-2)
    with pytest.raises(InputError, match=r"must have the shape \(31, 31\)"):
        clean_deconvolution(image[None], full[1:])
    # The response has no side lobes here: its main lobe is all of it.
    beam = clean_deconvolution(image[None], full, floor_db=-30, iterations=500, restore="beam")[0]
    np.testing.assert_allclose(beam, made, atol=1e-4)
    with pytest.raises(InputError, match="gain must lie"):
        clean_deconvolution(image[None], full, gain=0)
    with pytest.raises(InputError, match="restore must be response or beam, got 'peak'"):
        clean_deconvolution(image[None], full, restore="peak")


def test_clean_keeps_more_targets_than_it_invents():
    scenario = isacsim.load_scenario("default")
    scenario = scenario.model_copy(
        update={
            "radio": scenario.radio.model_copy(update={"subcarriers": 32}),
            "impairments": scenario.impairments.model_copy(update={"noise": False}),
        }
    )
    samples = make_samples(scenario, seed=1, indices=range(12), n_targets=[2] * 12)
    response_of_one = response_of(scenario)

    def judged(kind: str, **how) -> tuple[int, int]:
        made = clean_deconvolution(samples[kind], response_of_one, **how)
        got = dira.peak_fidelity(made, samples)
        assert got.visible.sum() == 24
        return int(got.kept.sum()), int(got.invented.sum())

    kept, invented = judged("aj_clean", restore="beam")
    assert kept >= 22 and invented < kept
    # Cross-terms are paths to CLEAN, unless the floor lies above them.
    kept, invented = judged("aj_noiseless", restore="beam", floor_db=-7.0)
    assert kept >= 18 and invented < kept
    # Nor can it do without the response: its side lobes are maxima, in the clean spectra too.
    assert judged("aj_clean")[1] > 100


def test_soft_threshold_takes_the_level_off():
    values = np.arange(16.0).reshape(1, 4, 4)
    np.testing.assert_allclose(soft_threshold(values, quantile=0.5)[0], np.maximum(values[0] - 7.5, 0))
    with pytest.raises(InputError, match="quantile"):
        soft_threshold(values, quantile=1)


def flat(spectra) -> np.ndarray:
    return np.asarray(spectra).reshape(len(spectra), -1)


def test_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, (4000, 3))
    b = rng.normal([3, 0, 0], 2, (4000, 3))
    # |Δμ|² + Σ (σa - σb)², for covariances that commute.
    got = dira.frechet_distance(a[:, None], b[:, None], features=flat, resamples=10)
    assert got.value == pytest.approx(9 + 3, rel=0.05) and got.low < got.value < got.high
    assert got.floor < 0.02 and got.features == "flat" and (got.real, got.generated) == (4000, 4000)
    # Two sets of one kind are as far apart as halves of one; by their full sizes they would be nearer.
    c = rng.normal(0, 1, (2, 2000, 60))
    same = dira.frechet_distance(c[0][:, None], c[1][:, None], features=flat, resamples=0)
    assert same.value < 0.7 * same.floor and abs(same.above_floor) < 0.1 * same.floor
    uneven = np.concatenate([c[0], rng.normal(0, 1, (4000, 60))])
    few = dira.frechet_distance(uneven[:, None], c[1][:, None], features=flat, resamples=0)
    assert abs(few.above_floor) < 0.1 * few.floor
    with pytest.raises(InputError, match="at least 2000 generated spectra, got 1999"):
        dira.frechet_distance(a[:, None], b[:1999, None], features=flat)


def test_kernel_distance_is_unbiased():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (300, 4)), rng.normal(0.5, 1, (300, 4))
    got = dira.kernel_distance(a[:, None], b[:, None], features=flat, resamples=20)
    kernel = [(x @ y.T / 4 + 1) ** 3 for x, y in ((a, a), (a, b), (b, b))]
    literal = (
        sum((k.sum() - np.trace(k)) / (300 * 299) for k in (kernel[0], kernel[2])) - 2 * kernel[1].mean()
    )
    assert got.value == pytest.approx(literal) and got.value > got.high - got.value > 0
    same = [
        dira.kernel_distance(*rng.normal(0, 1, (2, 50, 1, 4)), features=flat, resamples=0).value
        for _ in range(200)
    ]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(200)


def test_precision_and_recall_tell_collapse_from_invention():
    rng = np.random.default_rng(2)
    real = rng.normal(0, 1, (400, 2))
    precision, recall = precision_recall(real[:, None], rng.normal(0, 1, (400, 2))[:, None], features=flat)
    assert precision > 0.8 and recall > 0.8
    precision, recall = precision_recall(real[:, None], rng.normal(0, 0.1, (400, 2))[:, None], features=flat)
    assert precision > 0.9 and recall < 0.3
    precision, _ = precision_recall(real[:, None], rng.normal(0, 5, (400, 2))[:, None], features=flat)
    assert precision < 0.5


def test_copies_of_training_are_found():
    rng = np.random.default_rng(3)
    training, fresh, held_out = rng.random((3, 200, 6, 6))
    assert nearest_neighbours(training, fresh, held_out).copies < 0.06
    assert nearest_neighbours(training, training[:50], held_out).copies == 1
