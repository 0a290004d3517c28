"""Our moving paths against Sionna's ways to the same channel: its Fourier sum, and re-tracing at every packet."""

from __future__ import annotations

import numpy as np
import pytest
from isacsim.validation.witness import Witness
from scipy.constants import speed_of_light

from benchmarks.common import CARRIER, FREQUENCY, TIME, lengths
from isacsim import load_scenario, simulate_paths
from tests.extras import need

RETRACED = 16


def close(got, expected, tolerance):
    assert np.abs(got - expected).max() < tolerance * np.abs(expected).max()


def ours(k):
    return simulate_paths(TIME, FREQUENCY, **k)


def test_sionna_ours(benchmark, one_thread, kinematics):
    benchmark.extra_info["units"] = TIME.size
    benchmark.pedantic(ours, (kinematics,), rounds=30, warmup_rounds=2)


@pytest.fixture
def torch_thread():
    need("sionna_tdl")
    import torch

    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        import sionna.phy.channel  # noqa: F401 (reseeds PyTorch)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_sionna_cir_to_ofdm(benchmark, torch_thread, kinematics):
    import torch
    from sionna.phy.channel import cir_to_ofdm_channel

    k = kinematics
    # A packet is an element of the batch: a delay of its own belongs to each, and time steps share theirs.
    delay = (lengths(k, TIME) / speed_of_light).T
    offset = torch.tensor(FREQUENCY - CARRIER)

    def theirs():
        turns = delay * CARRIER
        a = k["amplitude"] * np.exp(1j * (k["phase"] - 2 * np.pi * (turns - np.round(turns))))
        a = torch.tensor(a.astype(np.complex64))[:, None, None, None, None, :, None]
        tau = torch.tensor(delay.astype(np.float32))[:, None, None, :]
        return cir_to_ofdm_channel(offset, a, tau)[:, 0, 0, 0, 0, 0].numpy().T

    close(theirs(), ours(k), 1e-3)
    benchmark.extra_info["units"] = TIME.size
    benchmark.pedantic(theirs, rounds=10, warmup_rounds=1)


def test_sionna_retraced(benchmark):
    need("sionna_rt")
    witness = Witness(load_scenario("lab_rt"))
    rng = np.random.default_rng(0)
    places = rng.uniform([1, 2, 0.9], [5, 7, 1.3], (RETRACED, 7, 3))

    def retraced():
        for targets in places:
            witness.solve(targets).cfr(
                frequencies=FREQUENCY.astype(np.float32), normalize_delays=False, out_type="numpy"
            )

    benchmark.extra_info["units"] = RETRACED
    benchmark.extra_info["note"] = (
        f"Re-traced: {RETRACED} packets, 7 targets in one solve a packet, direct echoes alone, in the room of "
        "`lab_rt`; Dr.Jit's threads are not limited."
    )
    benchmark.pedantic(retraced, rounds=3, warmup_rounds=1)
