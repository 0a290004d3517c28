"""Moving paths against named peers, in one run (`make bench`). Every peer's result is checked against ours first."""

from __future__ import annotations

import numpy as np

import isacsim
from benchmarks.common import FREQUENCY, TIME, C, close, lengths


def numpy_sum(k):
    phase = k["phase"][:, None, None] - 2 * np.pi / C * FREQUENCY[:, None] * lengths(k, TIME)[:, None, :]
    return (k["amplitude"][:, None, None] * np.exp(1j * phase)).sum(axis=0)


def numpy_recurrence(k):
    d = lengths(k, TIME)
    first = k["phase"][:, None] - 2 * np.pi / C * FREQUENCY[0] * d
    state = (k["amplitude"][:, None] * np.exp(1j * first)).astype(np.complex64)
    turn = np.exp(-2j * np.pi / C * (FREQUENCY[1] - FREQUENCY[0]) * d).astype(np.complex64)
    out = np.empty((FREQUENCY.size, TIME.size), np.complex64)
    for row in out:
        state.sum(axis=0, out=row)
        state *= turn
    return out


def ours(k, frequency=FREQUENCY):
    return isacsim.simulate_paths(TIME, frequency, **k)


def test_paths_ours(benchmark, kinematics):
    expected = numpy_sum(kinematics)
    error = np.abs(ours(kinematics) - expected).max() / np.abs(expected).max()
    assert error < 2e-5
    benchmark.extra_info["note"] = f"Relative error of ours against the complex128 sum: {error:.1e}."
    benchmark(ours, kinematics)


def test_paths_numpy_sum(benchmark, kinematics):
    benchmark.pedantic(numpy_sum, (kinematics,), rounds=15, warmup_rounds=1)


def test_paths_numpy_recurrence(benchmark, kinematics):
    close(numpy_recurrence(kinematics), numpy_sum(kinematics), 1e-4)
    benchmark(numpy_recurrence, kinematics)


def test_paths_general(benchmark, kinematics):
    frequency = FREQUENCY + np.where(np.arange(256) == 3, 1e3, 0)
    benchmark(ours, kinematics, frequency)


def test_paths_write(benchmark):
    benchmark(np.ones, (256, 1024), np.complex64)
