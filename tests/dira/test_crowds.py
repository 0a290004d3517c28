"""Delay cells, spectrograms of them, and crowds as sums of single bodies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.constants import speed_of_light

import dira
from dira.data.crowds import Crowds, bodies_alone, make_bodies
from dira.data.delay_cells import LENGTHS_M, TIMES, cell_factors, delay_cells
from dira.experiment.people import plain, whole_window
from dira.networks.body_counting import spectrograms
from isacsim import InputError
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.simulation.realisation import realise
from tests.dira.body_windows import FREQUENCY, TIME, csi_of, three_bodies


@pytest.fixture(scope="module")
def crowds(tmp_path_factory):
    with three_bodies(tmp_path_factory.mktemp("bodies")) as made:
        yield made


def test_cells_equal_the_sum_that_defines_them():
    csi, weights = csi_of(1)[:, :, :512], np.hanning(18)[1:-1]
    moving = csi - csi.mean(axis=-1, keepdims=True)
    wanted = np.zeros((8, TIMES), complex)
    for cell, length in enumerate(LENGTHS_M):
        for k, frequency in enumerate(FREQUENCY):
            turn = np.exp(2j * np.pi * (frequency - FREQUENCY.mean()) * length / speed_of_light)
            wanted[cell] += weights[k] / weights.sum() * turn * moving[0, k]
    np.testing.assert_allclose(delay_cells(csi, TIME[:512], FREQUENCY)[0], wanted, atol=2e-6)


@given(st.floats(3, 24))
def test_a_path_is_largest_in_the_cell_of_its_length(length):
    path = np.exp(-2j * np.pi * length * FREQUENCY[:, np.newaxis] / speed_of_light)
    power = np.abs(cell_factors(FREQUENCY) @ path)[:, 0]
    assert np.abs(LENGTHS_M[power.argmax()] - length) <= 1.5 + 1e-9
    assert power.max() == pytest.approx(1, abs=0.12)  # half a cell beside it


@given(st.floats(3, 24))
def test_few_subcarriers_make_the_cells_of_many(length):
    many = 5.805e9 + 312.5e3 * (np.arange(256) - 127.5)
    seen = [
        cell_factors(f) @ np.exp(-2j * np.pi * length * (f - 5.805e9) / speed_of_light)
        for f in (FREQUENCY, many)
    ]
    np.testing.assert_allclose(*seen, atol=0.01)


def test_packets_between_times_are_averaged_and_lost_ones_interpolated():
    slow = np.exp(2j * np.pi * 3 * TIME) * np.ones((1, FREQUENCY.size, 1))
    whole = delay_cells(slow, TIME, FREQUENCY)
    lost = np.ones(TIME.size, bool)
    lost[[100, 101, 102, 103, 700]] = False
    few = delay_cells(slow[..., lost], TIME[lost], FREQUENCY)
    assert whole.shape == (1, 8, TIMES)
    assert np.abs(few - whole).max() < 0.05 * np.abs(whole).max()


def test_the_csi_of_a_crowd_is_the_sum_of_each_ones():
    scenario = thinned(plain("walker"))[0].with_(environment={"kind": "none"})
    crowd = realise(scenario, seed=8, index=4, n_targets=3)
    each = crowd.each_path(scenario.radio.time_s)
    first = bodies_alone(thinned(plain("walker"))[0], 8, [4])[0]
    np.testing.assert_allclose(first, each[:, crowd.target == 0].sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(crowd.noiseless_csi(scenario.radio.time_s), each.sum(axis=1), atol=1e-5)


def test_a_crowd_is_the_sum_of_its_bodies_later_by_one_offset(crowds):
    quiet = Crowds(plain("walker").with_(snr_db=80.0), crowds.folder, 3, most=3, seed=5)
    cells, numbers = quiet.batch(np.random.default_rng(3), 6, np.full(6, 2))
    assert cells.shape == (6, 1, 8, TIMES) and (numbers == 2).all()
    offsets = np.random.default_rng(3).uniform(-2, 4, 6)
    time, frequency = quiet.few.radio.time_s, quiet.few.radio.frequency_hz
    bodies = [body[0] + 1j * body[1] for body in quiet.chunks[0].astype(np.float32)]
    for one, offset in zip(cells.numpy(), offsets, strict=True):
        later = np.exp(-2j * np.pi * offset * (frequency - frequency.mean()) / speed_of_light)[:, np.newaxis]
        pairs = itertools.combinations_with_replacement(bodies, 2)
        sums = [delay_cells((a + b) * later, time, frequency) for a, b in pairs]
        assert min(np.linalg.norm(one - of_two) / np.linalg.norm(one) for of_two in sums) < 1e-3


def test_the_noise_of_crowds_is_that_of_whole_captures(crowds):
    """Of 32 times as many samples at a 32nd of the SNR, but for the ends of the Hann window over the band: 0.25 dB."""
    scenario = plain("walker").with_(snr_db=12.0)
    drawn = Crowds(scenario, crowds.folder, 3, most=3, seed=5)
    crowd = drawn.batch(np.random.default_rng(1), 8, np.zeros(8, np.int64))[0].numpy()
    counter = dira.PeopleCounter()
    whole = np.stack([counter.cells(whole_window(scenario, 9, index, 0)) for index in range(3)])
    level = [10 * np.log10(np.square(np.abs(some)).mean(axis=(0, 1, 3))) for some in (crowd, whole)]
    np.testing.assert_allclose(level[0] - level[1], -0.25, atol=0.5)


def test_batches_are_decided_by_seed_and_step(crowds):
    def batch(first: int) -> list[torch.Tensor]:
        return next(crowds.batches(4, first))

    assert all(torch.equal(a, b) for a, b in zip(batch(2), batch(2), strict=True))
    assert not torch.equal(batch(2)[0], batch(3)[0])
    later = crowds.batches(4, 1)
    next(later)
    assert torch.equal(next(later)[0], batch(2)[0])
    many = crowds.batch(np.random.default_rng(0), 400)[1]
    assert np.bincount(many.numpy()).min() > 60  # 0 to 3, each as likely


def test_bodies_of_another_scenario_are_refused(crowds, tmp_path):
    with pytest.raises(InputError, match="another scenario, seed or version"):
        make_bodies(plain("walker"), crowds.folder, 3, seed=6)
    with pytest.raises(InputError, match="must thin to 512 packets, got"):
        make_bodies(plain("walker").with_(radio={"packets": 512}), tmp_path, 3, seed=5)
    with pytest.raises(InputError, match="snr_db must be a number, uniform or choice"):
        Crowds(plain("walker").with_(snr_db={"normal": [10, 2]}), crowds.folder, 3, most=3, seed=5)


@given(st.integers(0, 100), st.floats(1e-12, 1e12))
def test_spectrograms_know_no_gain_and_mirror_with_time(seed, gain):
    rng = np.random.default_rng(seed)
    cells = torch.from_numpy(rng.standard_normal((1, 2, TIMES, 2)).astype(np.float32)).view(torch.complex64)[
        ..., 0
    ]
    seen = spectrograms(cells, (64, 128), 32)
    assert seen.shape == (1, 4, 96, 15)
    torch.testing.assert_close(spectrograms(cells * gain, (64, 128), 32), seen, rtol=1e-3, atol=1e-4)
    # Doppler frequency k stands at bin k + 48. So bins 1 to 95 mirror; bin 0 counts for the mean alone.
    other = spectrograms(cells.conj(), (64, 128), 32)
    torch.testing.assert_close(other[:, :, 1:].flip(2), seen[:, :, 1:], rtol=1e-2, atol=1e-4)


def test_a_tone_stands_at_its_doppler_frequency():
    tone = torch.exp(2j * torch.pi * 62.5 * torch.arange(TIMES) / 500)[None, None]
    seen = spectrograms(tone, (128,), 32)
    # 96 bins of 500 / 128 Hz, 0 Hz at bin 48.
    assert (seen[0, 0].argmax(dim=0) == 48 + 16).all()
