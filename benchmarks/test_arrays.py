"""Paths over arrays against one antenna and against every pair by itself, in one run (`make bench`)."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.common import FREQUENCY, TIME, C
from isacsim.channel.array_paths import simulate_element_paths
from isacsim.channel.paths import simulate_path_lengths

PAIRS = 16


def legs(n_path):
    """Points about 5 m from two rows of four, half a wavelength apart: legs (element, path, packet) in m."""
    rng = np.random.default_rng(0)
    position = (
        rng.uniform([1, 2, 1], [5, 7, 2], (n_path, 3))[..., np.newaxis]
        + rng.uniform(-1.5, 1.5, (n_path, 3, 1)) * TIME
    )
    rows = [np.array([x, 0.2, 1.5]) + np.outer(np.arange(4) - 1.5, [0.026, 0, 0]) for x in (1.0, 5.0)]
    out = [np.linalg.norm(position - row[:, np.newaxis, :, np.newaxis], axis=2) for row in rows]
    return *out, {"amplitude": np.exp(0.3 * rng.standard_normal(n_path)), "phase": rng.uniform(0, 6, n_path)}


def over_array(tx, rx, paths, static):
    return simulate_element_paths(tx, rx, FREQUENCY, static=static, **paths)


def pair_by_pair(tx, rx, paths, static):
    out = np.empty((PAIRS, FREQUENCY.size, TIME.size), np.complex64)
    for pair, one in enumerate(out):
        length = rx[pair // 4] + tx[pair % 4]
        one[...] = simulate_path_lengths(length, FREQUENCY, static=static[pair], **paths)
    return out


def numpy_pairs(tx, rx, paths, static):
    out = np.empty((PAIRS, FREQUENCY.size, TIME.size), np.complex64)
    for pair, one in enumerate(out):
        length = rx[pair // 4] + tx[pair % 4]
        turns = paths["phase"][:, None, None] - 2 * np.pi / C * FREQUENCY[:, None] * length[:, None, :]
        one[...] = (paths["amplitude"][:, None, None] * np.exp(1j * turns)).sum(axis=0) + static[pair][
            :, None
        ]
    return out


@pytest.fixture(scope="module", params=[7, 105], ids=["points", "bodies"])
def scene(request):
    static = np.random.default_rng(1).standard_normal((PAIRS, FREQUENCY.size)) + 0j
    return (*legs(request.param), static)


def test_arrays_ours(benchmark, scene):
    expected = pair_by_pair(*scene)
    amplitude = np.sqrt(np.sum(scene[2]["amplitude"] ** 2))
    assert np.abs(over_array(*scene) - expected).max() < 4e-5 * amplitude
    benchmark(over_array, *scene)


def test_arrays_one_antenna(benchmark, scene):
    tx, rx, paths, _ = scene
    benchmark(simulate_path_lengths, tx[0] + rx[0], FREQUENCY, **paths)


def test_arrays_pair_by_pair(benchmark, scene):
    benchmark.pedantic(pair_by_pair, scene, rounds=7, warmup_rounds=1)


def test_arrays_numpy(benchmark, scene):
    if len(scene[2]["phase"]) > 7:
        pytest.skip("the plain loop over 105 paths takes minutes; it is timed on 7 paths")
    benchmark.pedantic(numpy_pairs, scene, rounds=2)


def test_arrays_write(benchmark):
    benchmark(np.ones, (PAIRS, FREQUENCY.size, TIME.size), np.complex64)
