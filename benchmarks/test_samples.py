"""Samples of data sets and the stages they go through, in one run (`make bench`)."""

from __future__ import annotations

import numpy as np
import pytest

import isacsim
from isacsim.channel.noise import with_noise
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.sample import Conditioned, SampleWindow, sample_spectra
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.spectrum.plan import spectra

MANY = 32


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
        spectra([r["noisy"] for r in self.rows] + [r["noiseless"] for r in self.rows])
        spectra([r["clean"] for r in self.rows])


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
