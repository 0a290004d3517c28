"""Packets as they come, and recordings that are longer than what is held in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import dask
import dask.array
import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim.capture.netcdf import open_capture, save_capture
from isacsim.tracking import recording as recording_module
from tests.tracking.recordings import RATE, frequencies, recording, steady, swaying, swaying_speed

SWAY = (0.9, 0.5, 2.0)


def packets(capture: xr.Dataset, at_once: int | None = None) -> Iterator[tuple[Any, Any]]:
    time, csi = capture["time"].values, capture["csi"].values
    if at_once is None:
        for n in range(time.size):
            yield time[n], csi[..., n]
    else:
        for n in range(0, time.size, at_once):
            yield time[n : n + at_once], csi[..., n : n + at_once]


@pytest.mark.parametrize("at_once", [None, 37])
def test_packets_as_they_come_give_the_same_windows(at_once: int | None) -> None:
    capture = recording([swaying(*SWAY)])
    whole = isacsim.track(capture)
    came = list(isacsim.track(packets(capture, at_once), frequency=capture["frequency"].values))
    assert all(dict(one.sizes) == dict(whole.sizes, window=1) for one in came)
    time = np.array([float(one["time"][0]) for one in came])
    # The last window is full only when a packet after it came.
    np.testing.assert_allclose(time, whole["time"].values[: time.size], atol=1e-9)
    assert whole.sizes["window"] - time.size <= 1
    found = np.array([float(one["velocity"][0, 0]) for one in came])
    truth, acceleration = swaying_speed(time, *SWAY)
    assert np.isnan(found[:3]).all()  # not sure of a target yet
    np.testing.assert_allclose(found[3:], truth[3:], atol=0.03)
    # Without looking ahead the acceleration lags; its error says so.
    off = np.array([float(one["acceleration"][0, 0]) for one in came])[8:] - acceleration[8:]
    error = np.array([float(one["std_acceleration"][0, 0]) for one in came])[8:]
    assert np.mean(np.abs(off) < 2 * error) > 0.9
    assert all((one["motion"] == 1).all() for one in came)


def test_a_window_is_given_when_it_is_full() -> None:
    capture = recording([steady(1.0)], seconds=4)
    taken = []

    def counted() -> Iterator[tuple[Any, Any]]:
        for time, csi in packets(capture):
            taken.append(float(time))
            yield time, csi

    for number, one in enumerate(isacsim.track(counted(), frequency=capture["frequency"].values)):
        end = float(one["time"][0]) + 0.125
        waited = taken[-1] - max(end, 2.0)  # two seconds are waited for at first
        assert -1e-9 <= waited <= 1.5 / RATE, number
        assert one.attrs["latency_s"] >= taken[-1] - end - 1e-9


def test_a_target_that_leaves_is_let_go() -> None:
    capture = recording([steady(1.2)], amplitude=[lambda t: 0.1 * (t < 4)], seconds=8)
    came = list(isacsim.track(packets(capture, 25), frequency=capture["frequency"].values, max_targets=2))
    for one in came:
        time, there = float(one["time"][0]), np.isfinite(one["velocity"].values[:, 0])
        if 0.4 < time < 3.8:
            assert there[0], time
        if time > 5.2:
            assert not there.any(), time


def test_a_quiet_stretch_is_heard_first() -> None:
    capture = recording([swaying(0.0, 0.8, 1.0)], amplitude=0.03)
    came = list(isacsim.track(packets(capture, 25), frequency=capture["frequency"].values, quiet=(0, 4)))
    late = [one for one in came if float(one["time"][0]) > 4.3]
    assert {one.attrs["threshold_from"] for one in late} == {"quiet stretch"}
    assert np.mean([int(one["motion"][0]) == 1 for one in late]) < 0.05
    assert np.mean([int(one["motion"][0]) == 1 for one in came if float(one["time"][0]) < 3.8]) > 0.5


def test_bad_packets_are_refused_in_one_sentence() -> None:
    f = frequencies()
    good = np.ones((2, 16), np.complex64)
    for items, said in (
        ([(0.0, good), (0.0, good)], "ascend strictly, got 0 s after 0 s"),
        ([(0.0, good[:, :5])], "16 subcarriers"),
        ([(0.0, good), (0.1, good[:1])], "must all have 2 receivers, got 1"),
        ([(0.0, good * np.nan)], "the packet at 0 s holds NaN"),
        ([0.0], "pairs"),
    ):
        with pytest.raises(isacsim.InputError, match=said):
            list(isacsim.track(iter(items), frequency=f))
    with pytest.raises(isacsim.InputError, match="frequency must be given"):
        isacsim.track(iter([]))
    assert list(isacsim.track(iter([]), frequency=f)) == []


def longer(capture: xr.Dataset, times: int) -> xr.Dataset:
    """The same CSI again and again, none of it in memory but once."""
    once = dask.array.from_array(capture["csi"].values, chunks=(-1, -1, 1000))
    length = capture.sizes["packet"] / RATE
    time = np.concatenate([capture["time"].values + n * length for n in range(times)])
    csi = dask.array.concatenate([once] * times, axis=2)
    return xr.Dataset(
        {"csi": (("receiver", "subcarrier", "packet"), csi)},
        coords={"frequency": capture["frequency"], "time": ("packet", time)},
        attrs=capture.attrs,
    )


def test_memory_does_not_grow_with_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = recording([swaying(0.0, 0.8, 2.0)], seconds=8, receivers=3, frequency=frequencies(32))
    values = capture["csi"].size
    monkeypatch.setattr(recording_module, "_MOST_VALUES", values)
    isacsim.track(capture)  # what is imported on the way counts for none of them
    peaks = []
    for times in (1, 6):
        long = longer(capture, times)
        tracemalloc.start()
        with dask.config.set(
            scheduler="synchronous"
        ):  # threads would hold as many chunks as there happen to be
            tracks = isacsim.track(long)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert tracks.attrs["static_s"] == pytest.approx(8, rel=0.01)
    # CSI of five times 8 s more would be 15 MB; the windows' energies and ridges take 4 kB each, 0.6 MB in eight.
    windows = 5 * 8 / 0.0625
    assert peaks[1] - peaks[0] < windows * 4096 + 0.1 * values * 8
    assert np.isfinite(tracks["velocity"]).mean() > 0.95


def test_memory_does_not_grow_with_a_stream() -> None:
    capture = recording([steady(1.0)], seconds=4)
    time, csi = capture["time"].values, capture["csi"].values

    def again(times: int) -> Iterator[tuple[Any, Any]]:
        for n in range(times):
            for first in range(0, time.size, 50):
                some = slice(first, first + 50)
                yield time[some] + 4 * n, csi[..., some]

    peaks = []
    for times in (1, 1, 5):
        tracemalloc.start()
        for _ in isacsim.track(again(times), frequency=frequencies()):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Sixteen seconds more of CSI are 2 MB.
    assert peaks[2] - peaks[1] < 0.2e6


def test_stretches_and_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = recording([swaying(*SWAY)], seconds=8)
    whole = isacsim.track(capture)
    monkeypatch.setattr(recording_module, "_MOST_VALUES", capture["csi"].size // 2)
    monkeypatch.setattr(recording_module, "_BLOCK", 300)
    parts = isacsim.track(capture)
    np.testing.assert_allclose(parts["time"], whole["time"])
    # Two static channels of 4 s in place of one of 8 s, which differ by what moves on average.
    np.testing.assert_allclose(parts["velocity"], whole["velocity"], atol=0.03)


def test_a_capture_on_disk_is_read_where_it_is_used(tmp_path: Any) -> None:
    capture = recording([steady(1.0)], seconds=5)
    save_capture(capture, tmp_path / "c.nc")
    opened = open_capture(tmp_path / "c.nc")
    assert not opened["csi"].variable._in_memory
    xr.testing.assert_identical(isacsim.track(opened), isacsim.track(capture))
    assert not opened["csi"].variable._in_memory
    with pytest.raises(isacsim.CaptureError, match="cannot be read"):
        open_capture(tmp_path / "none.nc")
