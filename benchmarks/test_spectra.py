"""Spectra against plain NumPy, in one run (`make bench`). Every peer's result is checked against ours first."""

from __future__ import annotations

import time as clock

import numpy as np
import pytest

import isacsim
from benchmarks.common import AXES, CARRIER, FREQUENCY, TIME, close
from isacsim.spectrum.grid import WindowResolution
from isacsim.spectrum.transform import plan

BATCH = 128


@pytest.fixture(scope="module")
def batch(kinematics):
    rng = np.random.default_rng(1)
    h = isacsim.simulate_paths(TIME, [CARRIER], **kinematics)
    noise = rng.standard_normal((2, BATCH, 1, 1024)).astype(np.float32)
    return (h + 0.3 * (noise[0] + 1j * noise[1])).astype(np.complex64)


def literal_spectrum(h, step):
    grid = WindowResolution(1024, 1e-3, CARRIER)
    x = h[0] - h[0].mean()
    r = (x[2 * grid.lag :] * x[: -2 * grid.lag].conj()).conj().astype(np.complex128)
    n, p, pairs = r.size, np.zeros((64, 64), complex), 0
    for m in range(int(np.ceil(0.12 * n)), n, step):
        r2 = r[m:] * r[: n - m].conj()
        t = (np.arange(n - m) - (n - m - 1) / 2) * 1e-3
        over_t = np.exp(-2j * np.pi * grid.kappa * AXES["jerk"][:, None] * t * (m * 1e-3)) @ r2
        p += np.exp(-2j * np.pi * grid.kappa * AXES["acceleration"] * (m * 1e-3))[:, None] * over_t
        pairs += n - m
    return np.abs(p / pairs)


def matrix_product_rate():
    """Median rate of single-precision products of 2048 x 2048, in operations a second."""
    a = np.random.default_rng(0).random((2048, 2048), np.float32)
    times = []
    for _ in range(11):
        start = clock.perf_counter()
        a @ a
        times.append(clock.perf_counter() - start)
    return 2 * 2048**3 / np.median(times)


def test_spectrum_ours(benchmark, batch):
    got = isacsim.aj_spectrum(batch, time=TIME, frequency=[CARRIER], **AXES).values
    close(got[0], literal_spectrum(batch[0], 1), 1e-2)
    benchmark.extra_info["units"] = BATCH
    benchmark(isacsim.aj_spectrum, batch, time=TIME, frequency=[CARRIER], **AXES)
    grid = WindowResolution(1024, 1e-3, CARRIER)
    made = plan(
        grid.length,
        1e-3,
        grid.kappa,
        *AXES.values(),
        lags="positive",
        min_lag=0.12,
        window=None,
        decimation=None,
    )
    peak = matrix_product_rate()
    rate = made.operations * BATCH / benchmark.stats.stats.median
    benchmark.extra_info["note"] = (
        f"Ours does {made.operations / 1e6:.2f} million operations a spectrum in its matrix products, at "
        f"{rate / 1e9:.0f} GFLOP/s: {rate / peak:.0%} of this machine's measured matrix-product rate of "
        f"{peak / 1e9:.0f} GFLOP/s (float32, 2048 x 2048)."
    )


def test_spectrum_torch(benchmark, batch):
    how = {"time": TIME, "frequency": [CARRIER], "device": "cpu", **AXES}
    close(
        isacsim.aj_spectrum(batch, **how).values,
        isacsim.aj_spectrum(batch, **how | {"device": None}).values,
        1e-4,
    )
    benchmark.extra_info["units"] = BATCH
    benchmark(isacsim.aj_spectrum, batch, **how)


def test_spectrum_literal(benchmark, batch):
    benchmark.pedantic(literal_spectrum, (batch[0], 1), rounds=5, warmup_rounds=1)


def test_spectrum_literal_even(benchmark, batch):
    benchmark.pedantic(literal_spectrum, (batch[0], 2), rounds=5, warmup_rounds=1)


@pytest.fixture(scope="module")
def arrays():
    """CSI (capture, pair, subcarrier, packet) of 5 paths with angles of their own."""
    rng = np.random.default_rng(2)
    csi = np.zeros((6, 16, 256, 1024), np.complex64)
    for one in csi:
        for _ in range(5):
            state = {n: [rng.uniform(-x, x)] for n, x in (("velocity", 3), ("acceleration", 6), ("jerk", 30))}
            length = [rng.uniform(3, 15)]
            h = isacsim.simulate_paths(
                TIME, FREQUENCY, path_length=length, **state, amplitude=[1.0], phase=[0.0]
            )
            steering = [np.exp(1j * np.pi * np.arange(4) * rng.uniform(-1, 1)) for _ in range(2)]
            one += np.outer(*steering).ravel()[:, None, None].astype(np.complex64) * h
    return csi


def cells_one_by_one(csi):
    """Image of CSI (pair, subcarrier, packet), unwindowed over lags and time, its cells weighted alike."""
    h = np.fft.ifft(csi - csi.mean(axis=-1, keepdims=True), axis=1).reshape(4, 4, 256, 1024)
    cells = np.fft.fft2(h, axes=(0, 1)).reshape(-1, 1024) / 16
    energy = np.mean(np.abs(cells) ** 2, axis=1)
    total = 0
    for cell in cells[energy > 0.01 * energy.max()]:
        p = literal_spectrum(cell[np.newaxis], 1)
        total = total + p / np.sqrt(p.max())
    return total


@pytest.mark.parametrize("beams", ["fixed", "blind"])
def test_resolved_ours(benchmark, one_thread, arrays, beams):
    settings = {"combine": "resolved", "antennas": (4, 4), "beams": beams}

    def run():
        return isacsim.aj_spectrum(arrays, time=TIME, frequency=FREQUENCY, **settings, **AXES)

    run()
    benchmark.extra_info["units"] = len(arrays)
    benchmark.pedantic(run, rounds=5)


def test_resolved_numpy(benchmark, one_thread, arrays):
    made = cells_one_by_one(arrays[0])
    got = isacsim.aj_spectrum(
        arrays[0], time=TIME, frequency=FREQUENCY, combine="resolved", antennas=(4, 4), beams="fixed", equalise=0.5,
        window=None, lag_window=None, **AXES,
    ).values  # fmt: skip
    # Without the keystone and the rule on energy at the window's centre: alike, not equal.
    assert np.corrcoef(got.ravel(), made.ravel())[0, 1] > 0.95
    benchmark.pedantic(cells_one_by_one, (arrays[0],), rounds=1)


def test_spectrum_transform(benchmark, batch):
    grid = WindowResolution(1024, 1e-3, CARRIER)
    h = batch[:, 0]
    r = (h[:, 2 * grid.lag :] * h[:, : -2 * grid.lag].conj()).conj()[:, None]
    made = plan(
        grid.length,
        1e-3,
        grid.kappa,
        *AXES.values(),
        lags="positive",
        min_lag=0.12,
        window=None,
        decimation=None,
    )
    benchmark.extra_info["units"] = BATCH
    benchmark(made, r)
