"""What a capture holds: every fact against captures that are known, in memory and from disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from isacsim import InputError, describe_capture
from isacsim.capture.netcdf import open_capture, save_capture
from isacsim.survey import alignment, maps
from tests.survey.captures import capture, with_variable


def test_radio_packets_and_receivers() -> None:
    captured = capture(1, receivers=2)
    captured["csi"][1] *= 0.1
    described = describe_capture(captured)
    assert described.radio["used"] == 32
    assert described.radio["spacing"] == 1.25e6
    assert described.timing["packets"] == 2000
    assert described.timing["mean_rate"] == pytest.approx(500)
    first, second = described.receivers
    assert second["power_db"] - first["power_db"] == pytest.approx(-20, abs=4)  # taps fade
    assert first["coherence"]["b"] > 0.9
    assert first["steadiness"] > 0.95
    # |1 + 0.1 exp(jφ)|: 0.1/√2 = 0.071; the noise of 20 dB below the mover adds little.
    assert first["variation"] == pytest.approx(0.071, abs=0.04)
    json.dumps(described.to_dict())


def test_independent_oscillators_are_not_coherent() -> None:
    captured = capture(1)
    turn = np.exp(2j * np.pi * np.random.default_rng(0).random(2000))
    captured["csi"][1] *= turn.astype(np.complex64)
    described = describe_capture(captured)
    assert described.receivers[0]["coherence"]["b"] < 0.1
    assert any("phase difference" in line for line in described.remarks)


def test_gaps_kinds_and_what_the_chip_reports() -> None:
    captured = capture(2)
    time = captured.time.values
    captured = captured.assign_coords(time=("packet", np.where(time > 0, time + 2, time)))
    captured = with_variable(captured, "rssi", np.where(np.arange(2000) < 10, 174.0, -50.0), "dBm")
    captured = with_variable(captured, "frame_control", np.where(np.arange(2000) % 4, 148.0, 128.0))
    captured = with_variable(captured, "transmitter", np.where(np.arange(2000) < 700, "aa:01", "aa:02"))
    captured.attrs["warnings"] = "dropped 3 records\nunwrapped the clock"
    captured.attrs["phase_sign_source"] = "assumed"
    described = describe_capture(captured)
    assert [gap["length_s"] for gap in described.timing["gaps"]] == pytest.approx([2.002])
    assert described.timing["gaps"][0]["start_s"] == pytest.approx(1.998)
    assert described.kinds["frame_control"] == {"148": 1500, "128": 500}
    assert described.kinds["transmitter"] == {"aa:02": 1300, "aa:01": 700}
    assert described.reported["rssi"] == {"least": -50, "median": -50, "most": 174, "units": "dBm"}
    assert described.dropped == ["dropped 3 records", "unwrapped the clock"]
    assert any("phase sign" in line for line in described.assumed)
    assert any("174 dBm" in line for line in described.remarks)
    assert np.isnan(described.maps["phase"].values).any()  # in the gap


def test_dead_and_unsteady_subcarriers_and_odd_packets() -> None:
    captured = capture(3)
    rng = np.random.default_rng(0)
    captured["csi"][:, 5] = 0
    captured["csi"][:, 9] = (rng.standard_normal((2, 2000, 2)) @ [1, 1j]) * 10
    captured["csi"][:, 16:, ::10] *= 0.05
    described = describe_capture(captured)
    assert described.radio["dead"] == [5]
    assert described.radio["unsteady"] == [9]
    assert described.maps.attrs["odd_packets"] == 200
    assert any("another shape" in line for line in described.remarks)


def test_values_that_are_not_finite_are_counted() -> None:
    captured = capture(3)
    captured["csi"][0, 3, 7:9] = np.nan
    described = describe_capture(captured)
    assert described.maps.attrs["not_finite"] == 2
    assert np.isfinite(described.maps["mean_db"]).all()


def test_from_disk_in_small_stretches_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captured = capture(4, impairments={"cfo": {"offset_hz": 100}, "sto": {"offset_ns": 10, "jitter_ns": 20}})
    whole = describe_capture(captured)
    save_capture(captured, tmp_path / "c.nc")
    monkeypatch.setattr(maps, "_MOST_VALUES", 64 * 37)  # 37 packets at a time
    seen: list[tuple[int, int]] = []
    opened = describe_capture(open_capture(tmp_path / "c.nc"), progress=lambda *done: seen.append(done))
    assert seen[-1] == (2000, 2000)
    assert len(seen) == 55
    for name in ("amplitude_db", "phase", "variation", "steadiness", "coherence", "packets"):
        # Sums in another order: a few roundings of double precision, then float32 for the maps.
        np.testing.assert_allclose(opened.maps[name], whole.maps[name], rtol=1e-5, atol=1e-5)
    assert opened.timing == whole.timing


def test_alignment_takes_the_packets_phase_and_delay_out() -> None:
    rng = np.random.default_rng(0)
    f = 5.3e9 + 312.5e3 * np.arange(-28, 29)
    channel = rng.standard_normal((1, 57, 2)) @ [1, 1j]
    phase, delay = rng.uniform(-3, 3, 40), rng.uniform(-2e-7, 2e-7, 40)
    turn = np.exp(1j * (phase - 2 * np.pi * (f - f.mean())[:, np.newaxis] * delay))
    aligned = alignment.align_to(channel[..., np.newaxis] * turn, f, channel)
    np.testing.assert_allclose(aligned.delay[0], delay, atol=1e-15)
    np.testing.assert_allclose(aligned.phase[0], phase, atol=1e-9)
    np.testing.assert_allclose(aligned.csi, np.broadcast_to(channel[..., np.newaxis], aligned.csi.shape))


def test_what_is_no_capture_is_refused() -> None:
    with pytest.raises(InputError, match="needs csi"):
        describe_capture(capture(0).rename(csi="x"))
    with pytest.raises(InputError, match="two or more"):
        describe_capture(capture(0).isel(packet=[0]))
    with pytest.raises(InputError, match="not valid"):
        describe_capture(capture(0).assign_coords(valid=("subcarrier", np.zeros(32, bool))))
