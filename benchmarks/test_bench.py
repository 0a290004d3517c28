"""Our kernels against named peers, in one run (`make bench`). Every peer's result is checked against ours first."""

from __future__ import annotations

import time as clock

import numba
import numpy as np
import pytest

import isacsim
from isacsim.channel.noise import with_noise
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.sample import Conditioned, SampleWindow, sample_spectra
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.spectrum.grid import WindowResolution
from isacsim.spectrum.plan import spectra
from isacsim.spectrum.transform import plan

C = 299_792_458.0
CARRIER = 5.805e9
TIME = (np.arange(1024) - 511.5) / 1000
FREQUENCY = CARRIER + np.arange(-128, 128) * 312.5e3
AXES = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}
BATCH = 128

# Section -> rows (benchmark, label, unit); the first row is ours.
TABLE = {
    "Channel of moving paths: 7 paths x 256 subcarriers x 1024 packets": [
        ("test_paths_ours", "`simulate_paths`, uniform subcarriers", "call"),
        ("test_paths_numpy_sum", "NumPy, the sum written out (complex128, vectorised)", "call"),
        ("test_paths_numpy_recurrence", "NumPy, one phasor turned from subcarrier to subcarrier", "call"),
        ("test_paths_general", "`simulate_paths`, subcarriers that are not uniform", "call"),
        ("test_paths_write", "merely writing an array of that size", "call"),
    ],
    "Moving paths over 4 x 4 elements: 7 points, 256 subcarriers x 1024 packets": [
        ("test_arrays_ours[points]", "all 16 pairs", "call"),
        ("test_arrays_one_antenna[points]", "one antenna", "call"),
        ("test_arrays_pair_by_pair[points]", "`simulate_paths`' kernel pair by pair", "call"),
        ("test_arrays_numpy[points]", "NumPy, the sum written out pair by pair", "call"),
        ("test_arrays_write", "merely writing an array of that size", "call"),
    ],
    "Moving paths over 4 x 4 elements: 7 walkers of 15 points, 256 subcarriers x 1024 packets": [
        ("test_arrays_ours[bodies]", "all 16 pairs", "call"),
        ("test_arrays_one_antenna[bodies]", "one antenna", "call"),
        ("test_arrays_pair_by_pair[bodies]", "`simulate_paths`' kernel pair by pair", "call"),
    ],
    "Moving paths against Sionna: 7 paths x 256 subcarriers, one thread": [
        ("test_sionna_ours", "`simulate_paths`, 1024 packets a call", "packet"),
        (
            "test_sionna_cir_to_ofdm",
            "Sionna's `cir_to_ofdm_channel`, the same delays, 1024 packets a call",
            "packet",
        ),
        ("test_sionna_retraced", "Sionna's ray tracer anew at every packet, with `cfr`", "packet"),
    ],
    "AJ spectrum: positive lags, 1024 packets, 64 x 64 bins, batch of 128": [
        ("test_spectrum_ours", "`aj_spectrum`", "spectrum"),
        ("test_spectrum_literal", "the double loop over lags in NumPy, all lags", "spectrum"),
        ("test_spectrum_literal_even", "the same, every second lag only (m = 2τ + τ_d)", "spectrum"),
        ("test_spectrum_transform", "of ours, from the lag product on", "spectrum"),
    ],
    "Samples of the scenario `default`, one thread: where the time goes": [
        ("test_samples_default", "`make_samples`, 32 at once: what `isacsim generate` does", "sample"),
        ("test_part_channel", "of it, drawing, paths and static part", "sample"),
        ("test_part_noise", "of it, noise (`with_noise`)", "sample"),
        ("test_part_noise_numpy", "the noise by NumPy's `standard_normal` (float32) instead", "sample"),
        ("test_part_lag_products", "of it, lag products: noisy, noiseless, and of each path", "sample"),
        ("test_part_transform", "of it, three transforms", "sample"),
        ("test_sample_default", "one at a time: `simulate` + `sample_spectra`", "sample"),
    ],
    "Samples of the scenario `lab_cubic` (two channels, all impairments), one thread": [
        ("test_samples_lab", "`make_samples`, 32 at once", "sample"),
        ("test_part_lab_received", "of it, the capture as received", "sample"),
        ("test_part_lab_conditioned", "of it, product with the reference and resampling", "sample"),
        ("test_sample_lab", "one at a time: `simulate` + `sample_spectra`", "sample"),
    ],
    "Training the diffusion model of dira, 32 x 32 bins, one thread": [
        ("test_train_ours", "`dira.Purifier().fit`", "sample"),
        ("test_train_plain", "a plain PyTorch loop: same network, loss, clipping, average", "sample"),
        ("test_train_field", "the loop of diffusers' unconditional training example, same size", "sample"),
    ],
    "Purification (algorithm 1), 32 x 32 bins, one thread": [
        ("test_enhance_ours", "`dira.Purifier().enhance`, a step of the walk", "image"),
        ("test_enhance_network", "of it, the network alone", "image"),
    ],
}


@pytest.fixture(scope="module")
def kinematics():
    rng = np.random.default_rng(0)
    return {
        "path_length": rng.uniform(3, 15, 7),
        "velocity": rng.uniform(-3, 3, 7),
        "acceleration": rng.uniform(-6, 6, 7),
        "jerk": rng.uniform(-30, 30, 7),
        "amplitude": np.exp(0.3 * rng.standard_normal(7)),
        "phase": rng.uniform(0, 2 * np.pi, 7),
    }


def lengths(k, time):
    t = time
    d, v, a, r = (k[n][:, None] for n in ("path_length", "velocity", "acceleration", "jerk"))
    return d + t * (v + t * (a / 2 + t * r / 6))


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


def close(got, expected, tolerance):
    assert np.abs(got - expected).max() < tolerance * np.abs(expected).max()


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


def test_spectrum_literal(benchmark, batch):
    benchmark.pedantic(literal_spectrum, (batch[0], 1), rounds=5, warmup_rounds=1)


def test_spectrum_literal_even(benchmark, batch):
    benchmark.pedantic(literal_spectrum, (batch[0], 2), rounds=5, warmup_rounds=1)


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


MANY = 32


@pytest.fixture
def one_thread():
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


class Parts:
    """The stages of `make_samples`, each with what the one before it made."""

    def __init__(self, name):
        self.scenario = isacsim.load_scenario(name)
        self.window = SampleWindow(self.scenario)
        self.drawn = [realise(self.scenario, seed=1, index=i) for i in range(MANY)]
        self.received = [receive(drawn) for drawn in self.drawn]
        self.noisy = [Conditioned.of_received(received) for received in self.received]
        self.rows = self.lag_products() if name == "default" else []

    def channel(self):
        time = self.scenario.radio.time_s
        for i in range(MANY):
            realise(self.scenario, seed=1, index=i).noiseless_csi(time)

    def noise(self, make):
        rng = np.random.default_rng(1)
        for received in self.received:
            make(received.csi, rng)

    def lag_products(self):
        parts = zip(self.drawn, self.noisy, self.received, strict=True)
        return [self.window.rows(drawn, noisy, received.clean) for drawn, noisy, received in parts]

    def transform(self):
        spectra([r.noisy for r in self.rows] + [r.noiseless for r in self.rows])
        spectra([r.clean for r in self.rows])


@pytest.fixture(scope="module")
def default_parts():
    return Parts("default")


@pytest.fixture(scope="module")
def lab_parts():
    return Parts("lab_cubic")


def measured(benchmark, function, *args, units=MANY, rounds=7):
    benchmark.extra_info["units"] = units
    benchmark.pedantic(function, args, rounds=rounds, warmup_rounds=1)


def many(parts):
    make_samples(parts.scenario, seed=1, indices=range(MANY))


def sample(parts):
    return sample_spectra(isacsim.simulate(parts.scenario, seed=1))


def numpy_noise(csi, rng):
    noise = rng.standard_normal((*csi.shape, 2), dtype=np.float32)
    noise *= np.float32(0.1)
    csi += noise.view(np.complex64)[..., 0]


def test_samples_default(benchmark, one_thread, default_parts):
    measured(benchmark, many, default_parts)
    rate = MANY / benchmark.stats.stats.median
    benchmark.extra_info["note"] = f"{rate:.0f} samples/s on one thread."


def test_part_channel(benchmark, one_thread, default_parts):
    measured(benchmark, default_parts.channel)


def test_part_noise(benchmark, one_thread, default_parts):
    measured(benchmark, default_parts.noise, lambda csi, rng: with_noise(csi, 0.02, [rng]))


def test_part_noise_numpy(benchmark, one_thread, default_parts):
    measured(benchmark, default_parts.noise, numpy_noise)


def test_part_lag_products(benchmark, one_thread, default_parts):
    measured(benchmark, default_parts.lag_products)


def test_part_transform(benchmark, one_thread, default_parts):
    measured(benchmark, default_parts.transform)


def test_sample_default(benchmark, one_thread, default_parts):
    measured(benchmark, sample, default_parts, units=1)


def test_samples_lab(benchmark, one_thread, lab_parts):
    measured(benchmark, many, lab_parts, rounds=3)
    rate = MANY / benchmark.stats.stats.median
    benchmark.extra_info["note"] = f"{rate:.0f} samples/s on one thread."


def test_part_lab_received(benchmark, one_thread, lab_parts):
    measured(benchmark, lambda: [receive(drawn) for drawn in lab_parts.drawn], rounds=3)


def test_part_lab_conditioned(benchmark, one_thread, lab_parts):
    measured(benchmark, lambda: [Conditioned.of_received(r) for r in lab_parts.received], rounds=3)


def test_sample_lab(benchmark, one_thread, lab_parts):
    measured(benchmark, sample, lab_parts, units=1)
