"""A counter that is trained a little further on a user's few spectra."""

from __future__ import annotations

import numpy as np
import pytest

import dira
from isacsim import InputError


def stripes(n: int, seed: int, *, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Spectra whose number is the number of bright rows, before a background of some level."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 4, n)
    spectra = level * rng.random((n, 16, 16)) + 0.01
    for one, count in zip(spectra, counts, strict=True):
        one[rng.choice(16, count, replace=False)] += 1
    return spectra.astype(np.float32), counts


@pytest.fixture(scope="module")
def counter() -> dira.TargetCounter:
    spectra, counts = stripes(200, 0, level=0.05)
    return dira.TargetCounter(width=8).fit(spectra, counts, steps=120, batch_size=16, device="cpu")


def test_it_learns_what_is_new_in_a_few_spectra(counter, tmp_path):
    """Of spectra with a strong background, which it has never seen, 24 labelled ones teach it."""
    counter.save_pretrained(tmp_path / "before")
    tuned = dira.TargetCounter.from_pretrained(tmp_path / "before")
    test = stripes(200, 2, level=0.7)
    before = counter.score(*test)
    tuned.fine_tune(*stripes(24, 1, level=0.7), steps=120, learning_rate=1e-3, device="cpu")
    assert tuned.score(*test) > before + 0.1
    assert tuned.history["fine_tuned"]["samples"] == 24
    assert list(tuned.counts) == list(counter.counts)
    tuned.save_pretrained(tmp_path / "after")
    again = dira.TargetCounter.from_pretrained(tmp_path / "after")
    assert np.array_equal(again.predict(test[0]), tuned.predict(test[0]))


def test_no_step_at_no_rate_changes_nothing_it_says(counter, tmp_path):
    counter.save_pretrained(tmp_path / "before")
    tuned = dira.TargetCounter.from_pretrained(tmp_path / "before")
    weights = {k: v.clone() for k, v in tuned.network.named_parameters()}
    tuned.fine_tune(*stripes(8, 3, level=0.05), steps=1, learning_rate=1e-12, device="cpu")
    for name, value in tuned.network.named_parameters():
        np.testing.assert_allclose(value.detach(), weights[name].detach(), atol=1e-7)


def test_refusals(counter):
    spectra, counts = stripes(4, 4, level=0.05)
    with pytest.raises(InputError, match="9"):
        counter.fine_tune(spectra, [1, 2, 3, 9])
    with pytest.raises(InputError, match="bins_jerk 8 where the model has 16"):
        counter.fine_tune(spectra[:, :, :8], counts)
    with pytest.raises(InputError, match="batch_size must be 2"):
        counter.fine_tune(spectra[:1], counts[:1])
    with pytest.raises(InputError, match="not trained"):
        dira.TargetCounter().fine_tune(spectra, counts)
