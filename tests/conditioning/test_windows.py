"""Consecutive windows of a capture: where they lie, what is skipped, what is refused, and the truth at each."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim import InputError
from isacsim.conditioning.conditioning import resample
from isacsim.conditioning.windows import capture_windows, common_axes
from isacsim.simulation.truth import realisation_of, truth_at

RATE = 200.0


def capture_of(time: np.ndarray, receivers: int = 1, seed: int = 0) -> xr.Dataset:
    """A strong static path, one that moves, a little noise; like a file's, without receiver names."""
    rng = np.random.default_rng(seed)
    frequency = 5.3e9 + 312.5e3 * np.arange(8)
    turns = frequency[:, np.newaxis] / 299792458.0 * (6 + time)
    csi = 10 + np.exp(-2j * np.pi * turns)
    csi = csi + 0.1 * (rng.standard_normal((receivers, 8, time.size, 2)) @ [1, 1j])
    return xr.Dataset(
        {"csi": (("receiver", "subcarrier", "packet"), csi.astype(np.complex64), {"phase_sign": -1})},
        coords={
            "frequency": ("subcarrier", frequency),
            "time": ("packet", time),
            "role": ("receiver", ["unknown"] * receivers),
            "rx_element": ("receiver", np.arange(receivers)),
            "tx_element": ("receiver", np.zeros(receivers, int)),
        },
    )


def test_windows_follow_each_other_and_hop_as_asked() -> None:
    capture = capture_of(np.arange(1000) / RATE)
    windows = capture_windows(capture, window_s=1.0, max_windows=3)
    assert [w.start for w in windows.used] == pytest.approx([0, 1, 2])
    assert [w.packets for w in windows.used] == [200] * 3
    assert [w.received for w in windows.used] == [200] * 3
    assert windows.remaining == 2
    assert windows.packet_rate == pytest.approx(RATE)
    hopped = capture_windows(capture, window_s=1.0, hop_s=0.5, start_s=2.0)
    assert [w.start for w in hopped.used] == pytest.approx([2, 2.5, 3, 3.5, 4])
    assert hopped.used[-1].centre == pytest.approx(4 + 0.4975)


def test_window_defaults_to_1024_ms_or_the_whole_of_a_shorter_capture_or_the_scenario_s_own() -> None:
    assert capture_windows(capture_of(np.arange(1000) / RATE)).used[0].packets == 205
    assert capture_windows(capture_of(np.arange(100) / RATE)).used[0].packets == 100
    vehicle = isacsim.simulate(isacsim.load_scenario("vehicle"), seed=0)
    windows = capture_windows(vehicle)
    assert len(windows.used) == 1
    assert windows.used[0].packets == 2048


def test_windows_with_gaps_are_skipped_with_the_reason() -> None:
    time = np.arange(800) / RATE
    time = time[(time < 1.3) | (time > 1.45)]
    time = time[(time < 2.1) | (time > 2.8)]
    windows = capture_windows(capture_of(time), window_s=1.0)
    assert [w.start for w in windows.used] == pytest.approx([0, 3])
    assert "window at 1.000 s: a gap of 0.16 s" in windows.skipped[0]
    assert "window at 2.000 s has 59 of 200 packets" in windows.skipped[1]


def test_windows_at_the_packets_own_times_keep_them_whatever_is_missing() -> None:
    rng = np.random.default_rng(4)
    time = np.arange(800) / RATE + rng.uniform(-1e-3, 1e-3, 800)
    time = time[(time < 1.3) | (time > 1.45)]
    time = time[(time < 2.1) | (time > 2.8)]
    time = time[(time < 3.0125) | (time > 3.9875)]
    capture = capture_of(time)
    windows = capture_windows(capture, window_s=1.0, reference="none", uniform=False)
    assert [w.number for w in windows.used] == [0, 1, 2]
    for window in windows.used:
        inside = time[np.abs(time - window.number - 0.4975) < 0.5]
        assert np.array_equal(window.csi.coords["time"].values, inside)
        assert np.array_equal(window.csi.values, capture.csi.values[..., np.isin(time, inside)])
        assert (window.received, window.packets, window.interpolated) == (inside.size, inside.size, False)
        assert window.longest_gap == np.diff(inside).max()
        assert window.grid().duration > 0
    assert "window at 3.000 s has 5 packets, it needs 8" in windows.skipped[0]
    uniform = capture_windows(capture, window_s=1.0).used[0]
    assert uniform.interpolated and uniform.longest_gap < 0.01
    assert not capture_windows(capture_of(np.arange(200) / RATE), window_s=1.0).used[0].interpolated
    # Twenty packets are too few for a spectrum, not for a path.
    few = capture_windows(capture_of(np.arange(60) / 20.0), window_s=1.0, uniform=False)
    assert [w.packets for w in few.used] == [20] * 3
    assert few.used[0].grid().resolution() == pytest.approx(
        capture_windows(capture_of(np.arange(96) / 32.0), window_s=1.0).used[0].grid().resolution(), rel=0.1
    )


def test_slow_captures_are_refused_with_the_limit_in_numbers() -> None:
    slow = capture_of(np.arange(300) / 10.0)
    with pytest.raises(InputError, match=r"10 packets \(1 s\); .* at least 32"):
        capture_windows(slow, window_s=1.0)
    longer = capture_windows(slow, window_s=10.0)
    with pytest.raises(InputError, match=r"10 packets/s allow ±0.00.* m/s² .* only"):
        common_axes(longer.used)
    a, r = common_axes(capture_windows(capture_of(np.arange(1000) / 100.0)).used)
    assert 4 < a[-1] < 6
    assert r[-1] == pytest.approx(5 * a[-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_s": -1.0}, "window_s must be .*above 0"),
        ({"hop_s": float("nan")}, "hop_s must be .*above 0"),
        ({"window_s": 9.0}, "does not fit into the capture's 5 s"),
        ({"window_s": 1.0, "start_s": float("nan")}, "from nan s on does not fit into the capture"),
        ({"start_s": -1.0}, "does not fit"),
        ({"max_windows": 0}, "max_windows must be .*at least 1"),
        ({"reference": "maybe"}, "reference must be one of"),
        ({"pair": (0, 7), "reference": "product"}, "pair must be two different receivers"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, object], message: str) -> None:
    capture = capture_of(np.arange(1000) / RATE, receivers=2)
    with pytest.raises(InputError, match=message):
        capture_windows(capture, **arguments)


def test_the_coherent_pair_is_chosen_once_and_named() -> None:
    capture = capture_of(np.arange(600) / RATE, receivers=3)
    loose = np.exp(2j * np.pi * np.random.default_rng(1).random(600))
    capture["csi"][1] = capture.csi[1] * loose
    windows = capture_windows(capture, window_s=1.0)
    assert windows.pair is not None
    assert set(windows.pair) == {0, 2}
    assert windows.conditioning == f"product with receiver rx{windows.pair[1]}-tx0"
    assert [str(w.csi.receiver.values[0]) for w in windows.used] == [f"rx{windows.pair[0]}-tx0"] * 3


def test_truth_moves_with_the_window() -> None:
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=0)
    later = truth_at(capture, "rx", 0.25)
    assert later is not None
    assert float(later.acceleration[0]) == pytest.approx(3 + 20 * 0.25)
    assert float(later.velocity[0]) == pytest.approx(1 + 3 * 0.25 + 20 * 0.25**2 / 2)
    assert float(later.jerk[0]) == 20
    room = isacsim.simulate(isacsim.load_scenario("empty_room"), seed=0)
    empty = truth_at(room, "rx", 0.0)
    assert empty is not None
    assert empty.sizes["path"] == 0
    assert truth_at(capture_of(np.arange(10.0)), "rx0-tx0", 0.0) is None


def test_truth_of_exact_motion_follows_the_motion() -> None:
    """Off the centre a cubic is not where the target is; the CSI's phase tells."""
    scenario = isacsim.load_scenario("fall")
    capture = isacsim.simulate(scenario, seed=0)
    receiver = scenario.radio.receivers[0].name
    for centre in (-0.3, 0.4):
        moved = truth_at(capture, receiver, centre)
        assert moved is not None
        step = 1e-3
        at = centre + step * np.arange(-2, 3)
        d = realisation_of(capture).path_lengths(at)[0, 0]
        assert float(moved.path_length[0]) == pytest.approx(d[2], abs=1e-9)
        assert float(moved.velocity[0]) == pytest.approx((d[3] - d[1]) / (2 * step), abs=1e-3)
        assert float(moved.acceleration[0]) == pytest.approx((d[3] - 2 * d[2] + d[1]) / step**2, abs=1e-2)


def test_packets_that_nearly_coincide_do_not_make_the_spline_overshoot() -> None:
    time = np.arange(400) / RATE
    doubled = np.sort(np.concatenate([time, time[50::40] + 30e-6]))
    array = capture_of(doubled).csi
    made = resample(array)
    assert made.sizes["packet"] == 400
    noise = np.abs(made.values - made.values.mean(axis=-1, keepdims=True)).max()
    assert noise < 1.1 * np.abs(array.values - array.values.mean(axis=-1, keepdims=True)).max()
