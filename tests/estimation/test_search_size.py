"""The size of relax's search: what is reckoned is made, too much is refused, long windows at low rates work."""

import re

import numpy as np
import pytest
from isacsim.validation.captures import channel, noise, static_part

from isacsim.errors import InputError
from isacsim.estimation.grid import SamplingGrid
from isacsim.estimation.least_squares import empty_fit
from isacsim.estimation.limits import Limits
from isacsim.estimation.relax.algorithm import relax
from isacsim.estimation.relax.search import RESPONSES, TrackSearch
from isacsim.estimation.relax.size import check_size, reckon
from isacsim.estimation.results import read_csi

FREQUENCY = 5.8e9 + 312.5e3 * np.arange(56)
HUGE = {"max_acceleration": 8.0, "max_jerk": 40.0}


def reckoned(time, **asked):
    grid, limits = SamplingGrid.from_axes(time, FREQUENCY), Limits.for_axes(time, FREQUENCY, **asked)
    return grid, limits, reckon(grid.half, grid.time.size, grid, limits)


@pytest.mark.parametrize(("packets", "rate"), [(1024, 1000.0), (300, 100.0), (2048, 4000.0), (500, 30.0)])
def test_what_is_reckoned_is_what_is_made(packets, rate):
    grid, limits, (size, _) = reckoned(np.arange(packets) / rate)
    search = TrackSearch(grid, limits)
    power = 4 * len(search.slices) * search.to_speed[0].shape[0] * search.to_length.shape[1]
    made = power + search.dechirp.nbytes + search.moved.nbytes + search.speed_offset.nbytes
    assert made / 2 < size < 2 * made


def test_a_search_that_would_not_end_is_refused_with_what_helps():
    """A minute of packets at 100 a second asked for 256 GiB with limits of a second's window."""
    time = np.arange(6000) / 100.0
    grid, limits, (size, _) = reckoned(time, **HUGE)
    assert size > 50 * 2**30
    with pytest.raises(
        InputError, match=r"a window of 60 s with .*jerk 40 .*GiB.*smaller max_acceleration"
    ) as refused:
        relax(np.ones((56, 6000), np.complex64), time, FREQUENCY, limits=limits)
    shorter = float(re.search(r"window \(about (\S+) s\)", str(refused.value))[1])
    check_size(SamplingGrid.from_axes(time[time < 0.95 * shorter], FREQUENCY), limits)
    # So do smaller limits.
    check_size(grid, Limits.for_axes(time, FREQUENCY, max_acceleration=0.1, max_jerk=0.005))


@pytest.mark.parametrize("rate", [10.0, 30.0, 100.0, 1000.0])
@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_default_limits_bear_ten_seconds_or_as_many_packets_as_a_second_has(rate, jitter):
    packets = min(round(10 * rate), 2000)
    off = np.random.default_rng(0).uniform(-jitter, jitter, packets)
    size, seconds = reckoned((np.arange(packets) + off) / rate)[2]
    assert size < 256 << 20 and seconds < 10


def test_a_path_is_found_in_a_long_slow_window():
    time = np.arange(300) / 30.0
    rng = np.random.default_rng(5)
    want = {"path_length": 12.0, "velocity": 0.3, "acceleration": -0.05, "jerk": 0.02}
    truth = {name: np.array([value]) for name, value in want.items()}
    h = channel(time, FREQUENCY, truth | {"amplitude": np.ones(1), "phase": np.zeros(1)})
    h = h + static_part(rng, FREQUENCY, 20.0)
    found = relax(h + noise(rng, h.shape, 10.0), time, FREQUENCY)
    assert found.sizes["path"] == 1
    for name, value in want.items():
        assert abs(found[name].item() - value) < 6 * found[f"std_{name}"].item()


def test_blocks_of_the_coherent_bank_change_nothing(monkeypatch):
    grid, limits, _ = reckoned(np.arange(1024) / 1000.0)
    rng = np.random.default_rng(2)
    problem = read_csi(noise(rng, (56, 1024), 0.0), grid.time, FREQUENCY, -1)
    search, fit = TrackSearch(grid, limits), empty_fit(problem)
    er, ei = fit.residual
    tracks = search.tracks(er + np.complex64(1j) * ei, 8)
    whole = search.focus(problem, fit, tracks)
    assert search.dechirp.shape[0] * search.around[2].size < RESPONSES
    monkeypatch.setattr("isacsim.estimation.relax.search.RESPONSES", 3 * search.around[2].size)
    for one, other in zip(whole, search.focus(problem, fit, tracks), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
