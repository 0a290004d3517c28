"""From CSI to the surroundings: the delay profile of the static part, and the study in a quick form."""

from __future__ import annotations

import json

import numpy as np
import torch

import dira
from dira.experiment.surroundings import DELAYS, delay_profile, surroundings

FREQUENCY = 5.3e9 + 312.5e3 * np.arange(64)
CELL = 1 / 20e6


def static(delays, amplitudes):
    h = sum(a * np.exp(-2j * np.pi * FREQUENCY * t) for t, a in zip(delays, amplitudes, strict=True))
    return np.repeat(h[None, :, None], 4, axis=2)


def test_a_profile_shows_power_at_the_delays_of_paths():
    profile = delay_profile(static([2 * CELL, 6 * CELL], [1.0, 0.5]), FREQUENCY)
    assert profile.shape == (DELAYS,)
    assert profile.argmax() == 2  # the strongest, wherever it lies
    assert abs(profile[2] - profile[6] - 6.02) < 0.1
    assert profile[[0, 4, 8, 9, 10, 11]].max() < profile[6] - 15
    later = delay_profile(static([9 * CELL, 13 * CELL], [1.0, 0.5]), FREQUENCY)
    np.testing.assert_allclose(later, profile, atol=0.1)


def test_the_study_tells_rooms_apart_and_writes_its_table(tmp_path):
    encoder = dira.Encoder(width=32, depth=1, heads=2)
    torch.manual_seed(0)
    encoder.network = encoder.build().eval()
    encoder.save_pretrained(tmp_path / "encoder")
    surroundings(tmp_path / "out", tmp_path / "encoder", number=10, workers=0)
    results = json.loads((tmp_path / "out/surroundings.json").read_text())["results"]
    assert set(results["sight"]) >= {"delay profile, forest", "K-factor of the amplitudes"}
    # Delay spreads of the three rooms do not overlap.
    assert results["room"]["delay profile, forest"]["accuracy"] > 0.6
    assert 0 <= results["room"]["code and delay profile"]["macro_f1"] <= 1
