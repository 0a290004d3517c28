"""The mirror image of one antenna by several references."""

from __future__ import annotations

import numpy as np
import pytest
from isacsim.validation.mirror import point, simulated
from isacsim.validation.mirror_methods import METHODS, minimum_phase


def test_amplitudes_can_not_tell_path_and_image_and_projection_can() -> None:
    made = point(20e6, 1, 4, 0)["rows"]
    assert made["amplitude"]["image_over_path"] == pytest.approx(1, abs=0.05)
    assert made["projection"]["image_over_path"] < 0.1
    assert 0.2 < made["self"]["image_over_path"] < 0.9
    assert set(made) == {"array", *METHODS}


def test_more_pairs_leave_less_of_an_image() -> None:
    one, many = (point(20e6, pairs, 4, 0)["rows"]["array"]["image_over_path"] for pairs in (1, 16))
    assert many < 0.5 * one


def test_minimum_phase_is_exact_where_the_channel_has_it() -> None:
    """One early path that outweighs the others: the phase comes out up to the direct path's own."""
    frequency = 5.5e9 + 312.5e3 * np.arange(256)
    echo = 0.3 * np.exp(-2j * np.pi * (frequency - frequency[0]) * 100e-9)
    channel = (1 + echo)[:, np.newaxis] * np.ones(4)
    got, _ = minimum_phase(channel * np.exp(1j * np.arange(4)), frequency)
    off = np.angle(got * channel.conj())[40:-40]
    assert np.abs(off).max() < 0.1


def test_packets_have_errors_of_their_own() -> None:
    csi, frequency, time = simulated(np.random.default_rng(0), 20e6, 2)
    assert csi.shape == (2, frequency.size, time.size)
    turns = np.angle(csi[0, :, 1:] * csi[0, :, :-1].conj()).mean(axis=0)
    assert turns.std() > 0.5
