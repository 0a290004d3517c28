"""Paths over the elements of arrays against the literal sum over pairs, one path at a time, in double precision."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim.channel import array_paths
from isacsim.channel.array_paths import simulate_element_paths
from tests.channel.test_paths import CARRIER, INTEL, band, times

pytestmark = pytest.mark.numerical

# Of the root of the summed path powers: what the sum over polynomials leaves out (1e-6), and float32's rounding of its
# terms, some 60 of them at most, a few eps each.
TOLERANCE = 2e-5


def legs(n_path, span, seed=0, packets=200, elements=(3, 2)):
    rng = np.random.default_rng(seed)
    time = times(packets)
    centre = rng.uniform(*span, (n_path, 1)) + rng.uniform(-3, 3, (n_path, 1)) * time
    offset = [rng.uniform(-0.05, 0.05, (n, n_path, 1)) for n in elements]
    amplitude, phase = rng.uniform(0.3, 2, n_path), rng.uniform(-np.pi, np.pi, n_path)
    return centre / 2 + offset[0], centre / 2 + offset[1], amplitude, phase


def literal(tx, rx, frequency, amplitude, phase, static):
    f = np.asarray(frequency)[:, np.newaxis]
    out = np.empty((len(static), f.size, tx.shape[2]), complex)
    for pair, row in enumerate(out):
        row[:] = static[pair][:, np.newaxis]
        for p, size in enumerate(amplitude):
            length = tx[pair % len(tx), p] + rx[pair // len(tx), p]
            row += size * np.exp(1j * phase[p] - 2j * np.pi * f * length / speed_of_light)
    return out


CASES = {
    "a room": (band(64), 6, (3, 12), True),
    "many paths": (band(64), 90, (3, 12), True),
    "Intel 5300": (INTEL, 5, (3, 12), True),
    "Intel 5300, far apart": (INTEL, 2, (3, 300), True),
    "an odd number": (band(65), 6, (3, 12), True),
    "a list without a middle": (band(64)[[0, 1, 3, 7, 20, 33, 62]], 6, (3, 12), True),
    "one subcarrier": (np.array([CARRIER]), 4, (3, 12), True),
    "descending": (band(64)[::-1], 12, (3, 12), True),
    "160 MHz and far apart": (band(64, 2.5e6), 3, (3, 90), False),
}


@pytest.mark.parametrize("case", CASES)
def test_every_pair_is_the_sum_of_its_own_paths(case, monkeypatch):
    frequency, n_path, span, expanded = CASES[case]
    tx, rx, amplitude, phase = legs(n_path, span)
    rng = np.random.default_rng(1)
    static = rng.standard_normal((6, frequency.size)) + 1j * rng.standard_normal((6, frequency.size))
    calls = []
    inner = array_paths._pair_by_pair
    monkeypatch.setattr(array_paths, "_pair_by_pair", lambda *a: calls.append(1) or inner(*a))
    got = simulate_element_paths(tx, rx, frequency, amplitude=amplitude, phase=phase, static=static)
    want = literal(tx, rx, frequency, amplitude, phase, static)
    assert got.shape == want.shape and got.dtype == np.complex64
    assert np.abs(got - want).max() < TOLERANCE * np.sqrt(np.sum(amplitude**2))
    assert (not calls) == expanded  # both ways are tried here


def test_no_paths_leave_the_static_part():
    static = np.ones((6, 4), complex) * np.arange(6)[:, np.newaxis]
    tx, rx, amplitude, phase = legs(0, (3, 4), packets=40)
    got = simulate_element_paths(tx, rx, band(4), amplitude=amplitude, phase=phase, static=static)
    np.testing.assert_array_equal(got, np.broadcast_to(static[..., np.newaxis], (6, 4, 40)))


def test_a_path_that_does_not_move_alone():
    tx, rx = np.full((1, 1, 32), 2.0), np.full((2, 1, 32), 3.0)
    one = np.ones(1)
    got = simulate_element_paths(
        tx, rx, np.array([CARRIER]), amplitude=one, phase=0 * one, static=np.zeros((2, 1))
    )
    want = np.exp(-2j * np.pi * CARRIER * 5.0 / speed_of_light)
    assert np.abs(got - want).max() < TOLERANCE


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_threads_change_no_bit():
    tx, rx, amplitude, phase = legs(20, (3, 12))
    arguments = {"amplitude": amplitude, "phase": phase, "static": np.zeros((6, 64))}
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = simulate_element_paths(tx, rx, band(64), **arguments)
        numba.set_num_threads(2)
        two = simulate_element_paths(tx, rx, band(64), **arguments)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(one, two)
