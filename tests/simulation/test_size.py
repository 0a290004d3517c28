"""What memory is reckoned for is at least what NumPy then asks for, and not many times as much."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

import isacsim
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.errors import InputError
from isacsim.simulation.size import capture_bytes, check_capture_size, spectra_bytes
from isacsim.spectrum import transform


def scaled(name, packets, **more):
    """A scenario with so many packets in the same window, and no long list of subcarriers."""
    content = isacsim.load_scenario(name).model_dump(exclude_none=True)
    radio = content["radio"]
    radio |= {"packet_rate_hz": radio["packet_rate_hz"] * packets / radio["packets"], "packets": packets}
    content["spectrum"] |= more
    return isacsim.Scenario.model_validate(content)


@pytest.fixture(scope="module", autouse=True)
def _imported():
    """What is imported and compiled by the first call is no part of it."""
    make_samples(scaled("default", 1024), seed=0, indices=[0])
    isacsim.simulate("default", seed=0)


def peak(do):
    """Bytes that NumPy held at most."""
    transform._reduction.cache_clear()
    transform._plan.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        kept = do()
        del kept
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "packets"), [("default", 8192), ("walker", 8192), ("uav", 16384), ("phases", 4096)]
)
def test_of_a_capture(name, packets):
    scenario = scaled(name, packets)
    most = max(scenario.targets.counts)
    taken = peak(lambda: isacsim.simulate(scenario, seed=0, n_targets=most))
    assert taken < capture_bytes(scenario) < 2.6 * taken


@pytest.mark.parametrize(
    ("name", "packets", "samples", "more"),
    [
        ("default", 1024, 16, {}),
        ("default", 2048, 2, {}),
        ("uav", 4096, 1, {}),
        ("default", 1024, 8, {"bins_acceleration": 256, "bins_jerk": 256}),
        ("default", 2048, 1, {"combine": "noncoherent"}),
        ("default", 2048, 1, {"combine": "delay"}),
        ("default", 1024, 1, {"lags": "symmetric"}),
        ("default", 1024, 1, {"combine": "resolved"}),
    ],
)
def test_of_spectra(name, packets, samples, more):
    scenario = scaled(name, packets, **more)
    most = max(scenario.targets.counts)
    taken = peak(lambda: make_samples(scenario, seed=0, indices=range(samples), n_targets=[most] * samples))
    assert taken < capture_bytes(scenario) + spectra_bytes(scenario, samples) < 2.6 * taken


def test_of_csi_that_is_kept():
    scenario = scaled("default", 1024)
    of_csi = 8 * scenario.radio.n_subcarriers * scenario.radio.packets
    how = {"seed": 0, "indices": range(16), "n_targets": [7] * 16, "keep_csi": True}
    taken = peak(lambda: make_samples(scenario, **how))
    assert taken < capture_bytes(scenario) + spectra_bytes(scenario, 16) + 4 * 16 * of_csi < 2.6 * taken


def test_a_long_window_is_refused_before_the_work(monkeypatch):
    """Its CSI is 8 MB; to reduce the rate of its lag product takes 90 times as much."""
    scenario = scaled("default", 4096)
    monkeypatch.setenv("ISACSIM_MEMORY_LIMIT", "300MB")
    check_capture_size(scenario)
    with pytest.raises(InputError, match=r"spectra of radio\.packets 4096"):
        check_capture_size(scenario, samples=1)
