"""Diffusion from one spectrum to another of the same targets."""

from __future__ import annotations

import numpy as np
import pytest

import dira
from isacsim import InputError

TINY = {"unet": {"blocks": (16, 32)}}


def peaks(n, seed):
    """Spectra of one broad peak, and the same peak, narrow."""
    rng = np.random.default_rng(seed)
    at = rng.integers(3, 13, (n, 2))
    x = np.arange(16)
    a = np.exp(-((x - at[:, :1]) ** 2) / 3)
    r = np.exp(-((x - at[:, 1:]) ** 2) / 3)
    given = a[:, :, None] * r[:, None, :]
    return given, given**4


@pytest.fixture(scope="module")
def model():
    given, wanted = peaks(256, 0)
    return dira.PairedDiffusion(**TINY).fit(
        given, wanted, steps=200, batch_size=32, learning_rate=2e-3, device="cpu", threads=1, seed=1
    )


def test_it_makes_what_belongs_to_what_it_is_shown(model):
    given, wanted = peaks(24, 1)
    made = model.sample(given, seed=2, steps=10, device="cpu")
    assert made.shape == given.shape and made.min() >= 0 and made.max() == 1

    def middle(images):
        weight = images / images.sum(axis=(1, 2), keepdims=True)
        x = np.arange(16)
        return np.stack([(weight.sum(axis=2) * x).sum(axis=1), (weight.sum(axis=1) * x).sum(axis=1)], axis=1)

    off = np.abs(middle(made) - middle(wanted)).max(axis=1)
    assert np.median(off) < 0.5, off
    # On the model's scale: as narrow as what it was to make, not as broad as what it was shown.
    wide, narrow, own = ((images**0.25).mean(axis=(1, 2)) for images in (given, wanted, made))
    assert np.median(own) < 0.5 * np.median(narrow + wide), (own, narrow, wide)


def test_a_sample_depends_on_seed_and_place_alone(model):
    given, _ = peaks(5, 3)
    one = model.sample(given, seed=4, steps=4, device="cpu")
    np.testing.assert_allclose(
        model.sample(given, seed=4, steps=4, batch_size=2, device="cpu"), one, atol=2e-4
    )
    assert np.array_equal(model.sample(given, seed=4, steps=4, device="cpu"), one)
    assert not np.allclose(model.sample(given, seed=5, steps=4, device="cpu"), one, atol=1e-3)


def test_it_is_saved_and_read_and_refuses_in_a_sentence(model, tmp_path):
    given, _ = peaks(3, 6)
    model.save_pretrained(tmp_path / "model")
    again = dira.PairedDiffusion.from_pretrained(tmp_path / "model")
    assert np.array_equal(
        again.sample(given, seed=1, steps=2, device="cpu"), model.sample(given, seed=1, steps=2, device="cpu")
    )
    with pytest.raises(InputError, match="pairs of one shape"):
        dira.PairedDiffusion(**TINY).fit(given, given[:2], steps=1)
    with pytest.raises(InputError, match="bins_acceleration 8 where the model has 16"):
        model.sample(given[:, ::2, ::2], seed=1)
    with pytest.raises(InputError, match="sampler must be one of"):
        model.sample(given, seed=1, sampler="euler")
    with pytest.raises(InputError, match="not trained"):
        dira.PairedDiffusion(**TINY).sample(given, seed=1)
