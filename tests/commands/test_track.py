"""``isacsim track`` as users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from typer.testing import Result

import isacsim
from isacsim.capture.netcdf import save_capture
from isacsim.figures.tracks import tracks_figure
from tests.capture.capture_files import real_capture
from tests.commands.test_cli import PNG, refused, run
from tests.tracking.recordings import recording, steady

SCENARIO = """
name: pacing
description: a point that walks away for four seconds
seed: 2
snr_db: 20
motion_model: exact
radio:
  carrier_hz: 5.805e9
  bandwidth_hz: 40e6
  subcarriers: 16
  packet_rate_hz: 400
  packets: 1800
  transmitter_m: [0, 0, 1]
  receivers: [{name: rx, position_m: [3, 0, 1]}]
environment: {kind: rayleigh, power_db: 20}
targets:
  fixed:
    - amplitude: 1
      motion: {kind: trajectory, position_m: [1, 4, 1], velocity_m_s: [0, 0.8, 0]}
impairments:
  noise: true
  cfo: {offset_hz: 100, phase_noise_rad_per_sqrt_s: 1}
  agc: {step_db: 1, rate_hz: 2}
spectrum: {acceleration_max_m_s2: 1, jerk_max_m_s3: 1}
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("track") / "pacing.yaml"
    path.write_text(SCENARIO)
    return path


def in_one_line(result: Result) -> str:
    return " ".join(result.output.split())


def test_track_prints_stores_and_draws(scenario: Path, tmp_path: Path) -> None:
    result = run("track", scenario, "-o", tmp_path / "t.nc", "--plot", tmp_path / "t.png", "--seed", 3)
    assert result.exit_code == 0, result.output
    for word in (
        "100% of 69 windows move, 0% are unknown; one in 4 shown",
        "track 0: velocity [m/s]",
        "signs right 1.000",
        "threshold of motion from noise, false-alarm rate 0.001",
        "phase, timing and gain of each packet taken out",
    ):
        assert word in in_one_line(result)
    assert (tmp_path / "t.png").read_bytes()[:4] == PNG
    stored = xr.load_dataset(tmp_path / "t.nc", engine="h5netcdf")
    made = isacsim.track(isacsim.simulate(isacsim.load_scenario(scenario), seed=3))
    xr.testing.assert_equal(stored, made)
    assert stored.attrs["source"] == "pacing, seed 3"
    median = float(result.output.split("median error ")[1].split()[0])
    assert median < 0.02
    assert "exists" in refused("track", scenario, "-o", tmp_path / "t.nc")


def test_live_gives_the_latency(scenario: Path) -> None:
    result = run("track", scenario, "--live")
    assert result.exit_code == 0, result.output
    assert "ms in the median" in result.output
    assert "signs right 1.000" in result.output
    assert "static channel" not in result.stderr


def test_several_targets_are_counted_and_the_compared_one_is_named(scenario: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    other = "    - {amplitude: 0.02, motion: {kind: trajectory, position_m: [1, 4, 1], velocity_m_s: [0, -0.4, 0]}}\n"
    path.write_text(SCENARIO.replace("impairments:", other + "impairments:"))
    result = run("track", path)
    said = in_one_line(result)
    assert "track 0, compared with target 0 alone, of 2 targets the nearest: tracked in" in said
    assert "target 0: true velocity [m/s]" in said
    assert "track 0: the target of the nearest speed, window by window: target 0 in " in said
    assert "1 of 2 targets are compared with no track (--max-targets 2 looks for all)" in said
    (told,) = json.loads(run("track", path, "--json").stdout)["compared"]
    assert told["target"] == 0 and sum(told["nearest_targets"].values()) > 10
    assert f"median error {told['median_error_m_s']:.3f} m/s" in said
    assert "compared with the only target: tracked in" in in_one_line(run("track", scenario))


def test_a_quiet_stretch_is_taken_from_the_command_line(tmp_path: Path) -> None:
    capture = recording([steady(1.2)], amplitude=[lambda t: 0.1 * (t > 5)])
    save_capture(capture, tmp_path / "c.nc")
    result = run("track", tmp_path / "c.nc", "--quiet", "0:4", "--max-targets", 2)
    assert "threshold of motion from quiet stretch 0 to 4 s" in in_one_line(result)
    assert "track 1: velocity" in in_one_line(result)


def test_what_can_not_be_tracked_is_refused(scenario: Path, tmp_path: Path) -> None:
    assert "START:STOP" in refused("track", scenario, "--quiet", "5")
    assert "begin to alias" in refused("track", scenario, "--max-speed", 12)
    assert "must end in .png" in refused("track", scenario, "--plot", tmp_path / "t.txt")
    assert "must end in .nc" in refused("track", scenario, "-o", tmp_path / "t.zarr")
    short = recording(seconds=1)
    save_capture(short, tmp_path / "short.nc")
    assert "too short for --live" in refused("track", tmp_path / "short.nc", "--live")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("intel5300_1khz_3x1.dat", -3, 3), ("intel5300_walk_2x2.dat", 0.5, 1.6)],
)
def test_real_recordings_are_tracked(name: str, low: float, high: float, tmp_path: Path) -> None:
    result = run("track", real_capture(name), "--carrier", 5.32e9, "-o", tmp_path / "t.nc")
    assert result.exit_code == 0, result.output
    tracks = xr.load_dataset(tmp_path / "t.nc", engine="h5netcdf")
    moving = tracks["velocity"].where(np.abs(tracks["velocity"]) > 0.5)
    assert moving.isnull().all() or low < float(moving.median()) < high
    assert 0.05 < float((tracks["motion"] == 1).mean()) < 0.9


def drawn(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_ydata()) for line in figure.axes[panel].get_lines()}


def test_the_figure_shows_tracks_over_energy_and_the_index_with_its_threshold() -> None:
    capture = recording([steady(1.2), steady(-1.0)], seconds=5)
    kept = capture.isel(packet=np.flatnonzero((capture["time"] < 2) | (capture["time"] > 2.3)))
    tracks = isacsim.track(kept, max_targets=2)
    truth = tracks["time"].values, np.array([[1.2], [-1.0]]).repeat(tracks.sizes["window"], axis=1)
    figure = tracks_figure(tracks, title="title", note="note", truth=truth)
    upper, lower = drawn(figure, 0), drawn(figure, 1)
    for n in range(2):
        np.testing.assert_array_equal(upper[f"track {n}"], tracks["velocity"][n])
    np.testing.assert_array_equal(upper["truth"], truth[1][0])
    np.testing.assert_array_equal(lower["motion index"], tracks["motion_index"])
    np.testing.assert_array_equal(lower["threshold"], tracks["motion_threshold"])
    shaded = {str(c.get_label()) for c in figure.axes[1].collections}
    assert {"motion", "unknown"} <= shaded
    energy = figure.axes[0].collections[0].get_array()
    known = (tracks["motion"] != -1).values
    assert not np.ma.getmaskarray(energy).all(axis=0)[known].any()
    assert np.ma.getmaskarray(energy).all(axis=0)[~known].all()
