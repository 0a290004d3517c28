"""Packet times: the sender's grid is found under loss, jitter, drift and gaps."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim import InputError
from isacsim.channel.impairments import packet_times
from isacsim.scenario.model import Scenario
from isacsim.survey.timing import packet_timing
from tests.survey.captures import scenario

SEEDS = range(5)


def times(seed: int, rate: float = 500.0, packets: int = 6000, **impairments: object) -> np.ndarray:
    made: Scenario = scenario(packet_rate_hz=rate, packets=packets, impairments=impairments)
    return packet_times(made, seed, 0)


@pytest.mark.parametrize("fraction", [0.02, 0.2])
@pytest.mark.parametrize("burst", [1.0, 3.0])
def test_loss_and_its_bursts_are_found(fraction: float, burst: float) -> None:
    found = [
        packet_timing(times(seed, loss={"fraction": fraction, "mean_burst_packets": burst})) for seed in SEEDS
    ]
    # 30 000 places with runs of `burst`: the share's standard error is below 0.006, a run's below 0.25 at 2 %.
    assert np.mean([one.lost for one in found]) == pytest.approx(fraction, abs=0.012)
    assert np.mean([one.mean_burst for one in found]) == pytest.approx(burst, abs=0.35)
    assert all(one.interval == pytest.approx(2e-3, rel=1e-6) for one in found)
    assert all(one.jitter < 1e-9 for one in found)


# At a fifth of the interval 1.5 % of the packets lie beyond half of one: each takes the next one's place.
@pytest.mark.parametrize(("jitter_us", "off"), [(20.0, 1e-4), (200.0, 1e-3), (400.0, 0.02)])
def test_jitter_is_found_beside_loss(jitter_us: float, off: float) -> None:
    for seed in SEEDS:
        timing = packet_timing(times(seed, jitter={"std_us": jitter_us}, loss={"fraction": 0.1}))
        # Quantiles of 5400 differences err by 2 %.
        assert timing.jitter * 1e6 == pytest.approx(jitter_us, rel=0.1)
        assert timing.lost == pytest.approx(0.1, abs=0.012 + 2 * off)
        assert 1 / timing.interval == pytest.approx(500, rel=off)


def test_a_clock_that_drifts_loses_nothing() -> None:
    time = np.cumsum(2e-3 * (1 + 0.01 * np.sin(np.arange(6000) / 500)))
    timing = packet_timing(time)
    assert timing.lost == 0
    assert (np.diff(timing.slot) == 1).all()


def test_gaps_are_no_loss() -> None:
    time = times(0, loss={"fraction": 0.05})
    with_gap = np.where(time > 0, time + 3.0, time)
    timing = packet_timing(with_gap)
    assert timing.gap_length == pytest.approx([3.0], abs=0.05)
    assert timing.lost == pytest.approx(packet_timing(time).lost, abs=1e-3)
    assert timing.mean_rate < 0.85 * packet_timing(time).mean_rate


def test_bursts_are_noticed() -> None:
    bursts = (np.arange(50)[:, np.newaxis] * 0.1 + np.arange(4) * 1e-3).ravel()
    assert packet_timing(bursts).bursts
    assert not packet_timing(np.arange(200) * 0.01).bursts


@pytest.mark.parametrize("time", [[0.0], [0.0, 0.0], [0.0, np.nan], [1.0, 0.5]])
def test_times_that_are_none_are_refused(time: list[float]) -> None:
    with pytest.raises(InputError, match="ascend strictly"):
        packet_timing(time)
