"""Arguments that models refuse, in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

import dira
from isacsim.errors import InputError

TINY = {"unet": {"blocks": (16, 32)}}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["3", "4", "3", "4"], "numbers of targets, 0 or more, got '3'"),
        ([3, -1, 3, 4], "numbers of targets, 0 or more, got -1"),
        ([3, 4.5, 3, 4], "must be whole numbers or text"),
        ([3, np.nan, 3, 4], "must be whole numbers or text"),
        ([[3], [4, 5], [3], [4]], "rows of uneven length"),
        (np.array(["2026-11-23"] * 4, "datetime64[D]"), r"whole numbers or text, got datetime64\[D\]"),
        ([3, 4, 3], "one value for each of 4 samples"),
    ],
)
def test_a_counter_wants_numbers_of_targets(labels, said):
    spectra = np.random.default_rng(0).random((4, 16, 16))
    counter = dira.TargetCounter(width=8).fit(spectra, np.array([3, 4, 3, 4], object), steps=1, batch_size=2)
    assert counter.counts.tolist() == [3, 4]
    for use in (
        lambda: counter.score(spectra, labels),
        lambda: counter.fit(spectra, labels, steps=1, batch_size=2),
    ):
        with pytest.raises(InputError, match=said):
            use()


def test_numbers_that_are_none(tmp_path):
    spectra = np.random.default_rng(0).random((4, 16, 16))
    gan = dira.ConditionalGAN(width=8, latent=4).fit(spectra, [3, 4, 3, 4], steps=1, batch_size=2)
    counter = dira.TargetCounter(width=8)
    diffusion = dira.ConditionalDiffusion(**TINY).fit(spectra, [3, 4, 3, 4], steps=1, batch_size=2)
    with pytest.raises(InputError, match="batch_size must be 2 or more for the batch norm, got 1"):
        counter.fit(spectra, [3, 4, 3, 4], steps=1, batch_size=1)
    with pytest.raises(InputError, match="every must be an integer of at least 1, got 0"):
        counter.fit(spectra, [3, 4, 3, 4], steps=1, batch_size=2, checkpoints=tmp_path, every=0)
    with pytest.raises(InputError, match="every must be an integer of at least 1, got 0"):
        gan.fit(spectra, [3, 4, 3, 4], steps=1, batch_size=2, every=0)
    counter.fit(spectra, [3, 4, 3, 4], steps=1, batch_size=2)
    denoiser = dira.PairedDenoiser(**TINY).fit(spectra, spectra, steps=1, batch_size=2)
    for wrong in (0, -1, "8", True, 2.0):
        for use in (
            lambda size: counter.predict(spectra, batch_size=size),
            lambda size: gan.sample([3], seed=0, batch_size=size),
            lambda size: diffusion.sample([3], seed=0, batch_size=size),
            lambda size: denoiser.enhance(spectra, batch_size=size),
        ):
            with pytest.raises(
                InputError, match=f"batch_size must be an integer of at least 1, got {wrong!r}"
            ):
                use(wrong)
