"""How often packets come: evenly, with losses, at random, in bursts; and the default windows that follow from it."""

from __future__ import annotations

import numpy as np
import pytest

import isacsim
from isacsim.conditioning.pace import packet_pace
from isacsim.conditioning.windows import capture_windows
from tests.tracking.recordings import recording, steady


def in_bursts(seconds: float, size: int = 10, apart: float = 0.1, step: float = 1e-3) -> np.ndarray:
    starts = np.arange(0, seconds, apart)
    return (starts[:, np.newaxis] + step * np.arange(size)).ravel()


def test_losses_and_random_arrivals_are_no_bursts() -> None:
    rng = np.random.default_rng(0)
    even = np.arange(4000) / 1000
    lossy = even[rng.random(even.size) > 0.5]
    random = np.cumsum(rng.exponential(1e-3, 4000))
    one_gap = np.concatenate([even[:20], even[:20] + 5])
    assert packet_pace(even).interval == pytest.approx(1e-3)
    for time in (lossy, random, one_gap):
        pace = packet_pace(time)
        assert not pace.bursts
        assert pace.interval == pytest.approx(np.median(np.diff(time)))


def test_bursts_have_the_mean_interval_and_gaps_count_for_nothing() -> None:
    time = in_bursts(3.0)
    time[time > 1.5] += 20.0
    pace = packet_pace(time)
    assert pace.bursts
    assert pace.interval == pytest.approx(0.01, rel=0.05)
    assert pace.hole == pytest.approx(0.091, rel=1e-6)


def test_default_windows_grow_to_the_packets_they_need() -> None:
    """At 20 packets/s the old default of 0.25 s would hold 5."""
    slow = recording([steady(0.3)], seconds=8.0).isel(packet=slice(None, None, 25))
    tracks = isacsim.track(slow)
    assert tracks.attrs["window_s"] == pytest.approx(24 / 20)
    assert np.isfinite(tracks["motion_index"]).all()
    # Where noise has no speeds of its own, motion is told beside a quiet stretch only.
    assert (tracks["motion"] == -1).all()
    assert "at 20 packets/s walkers alias" in tracks.attrs["remarks"]
    assert capture_windows(slow).used[0].packets >= 32


def test_a_track_of_bursts_is_that_of_the_mean_rate() -> None:
    whole = recording([steady(0.6)], seconds=8.0, noise=0.01)
    time = whole["time"].values
    burst = whole.isel(packet=np.flatnonzero((time * 1000).round() % 100 < 20))
    tracks = isacsim.track(burst)
    assert tracks.attrs["packet_rate"] == pytest.approx(100, rel=0.05)
    assert "packets come in bursts, 101/s on average, with holes of 0.082 s" in tracks.attrs["remarks"]
    assert (tracks["motion"] == 1).mean() > 0.9
    assert np.nanmedian(tracks["velocity"].values) == pytest.approx(0.6, abs=0.2)
    windows = capture_windows(burst)
    assert not windows.skipped
    assert windows.packet_rate == pytest.approx(100, rel=0.05)
