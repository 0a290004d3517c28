"""``isacsim estimate``: packets at their own times, limits of search and sampling said and marked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import xarray as xr

from isacsim.commands.estimate import _with_spread
from isacsim.conditioning import condition
from isacsim.estimation.estimate import estimate_paths
from isacsim.estimation.matching import match_paths
from isacsim.scenario.catalogue import load_scenario, scenario_text
from isacsim.simulation.capture import simulate
from tests.commands.test_cli import capture_as_read, refused, run


def test_relax_takes_packets_at_their_own_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lossy.yaml"
    lossy = "impairments: {jitter: {std_us: 200}, loss: {fraction: 0.7, mean_burst_packets: 40}}\n"
    path.write_text(scenario_text("single_target") + lossy)
    capture = simulate(load_scenario(path), seed=0)
    want = estimate_paths(condition(capture, uniform=False)[0], method="relax")
    assert want.sizes["path"] == 1
    found = []

    def note(truth, estimates, grid, match=match_paths):
        found.append(estimates)
        return match(truth, estimates, grid)

    monkeypatch.setattr("isacsim.estimation.matching.match_paths", note)
    result = run("estimate", path, "--method", "relax")
    assert "1 of 1 targets found, 0 false" in result.output and "interpolated" not in result.stderr
    assert found[0].identical(want)
    path.write_text(scenario_text("single_target") + lossy.replace("0.7", "0.2").replace("40", "2"))
    peaks = run("estimate", path, "--method", "peaks")
    received = simulate(load_scenario(path), seed=0).sizes["packet"]
    assert f"1024 packets from {received} received, the longest gap" in " ".join(peaks.stderr.split())


def test_speeds_beyond_half_the_packet_rate_are_marked(tmp_path: Path) -> None:
    shown = run("estimate", "single_target")
    assert "searched up to path length 120 m, speed" in shown.output and "?" not in shown.output
    assert "--max-speed must be at most" in refused("estimate", "single_target", "--max-speed", 1000)
    assert "max-jerk" in refused("estimate", "single_target", "--max-jerk", -1)
    assert "relax" in refused("estimate", "single_target", "--method", "peaks", "--max-speed", 5)
    text = scenario_text("single_target").replace("velocity_m_s: 1\n", "velocity_m_s: 30\n")
    (tmp_path / "fast.yaml").write_text(text.replace("path_length_m: 6\n", "path_length_m: 40\n"))
    result = run("estimate", tmp_path / "fast.yaml")
    said = " ".join(result.stderr.split())
    assert "a target moves at 30 m/s, beyond half the packet rate (25.8 m/s)" in said
    assert "1 of 1 targets found, 0 false" in result.output
    assert "1 paths (marked ?" in said and "0 ?" in result.output


def test_what_short_windows_are_advised_helps(tmp_path: Path) -> None:
    short = ("estimate", "single_target", "--method", "peaks")
    said = refused(*short, "--window-s", 0.2)
    assert "packet rate" not in said
    found = re.search(
        r"about (\S+) s\) or wider axes \(--max-acceleration (\S+) and --max-jerk (\S+)\)", said
    )
    assert found is not None, said
    assert run(*short, "--window-s", found[1]).exit_code == 0
    wide = run(*short, "--window-s", 0.2, "--max-acceleration", found[2], "--max-jerk", found[3])
    assert "1 of 1 targets found, 0 false" in wide.output
    capture = capture_as_read(tmp_path, 500, 100)
    said = refused("spectrum", capture, "-o", tmp_path / "a.png")
    assert "wider axes (--acceleration-max " in said and "--jerk-max " in said
    said = refused("import", capture, "-o", tmp_path / "a.zarr")
    assert "a longer window (about" in said and "axes (" not in said


@pytest.mark.parametrize(
    ("spread", "cell"),
    [
        (0.0123, "1.235 ± 0.012"),
        (1.6e-5, "1.234568 ± 0.000016"),
        (12.3, "1.23 ± 12.30"),
        (0.0, "1.2346 ± 0.0000"),
    ],
)
def test_standard_errors_have_two_digits(spread: float, cell: str) -> None:
    estimates = xr.Dataset({"velocity": ("path", [1.23456789]), "std_velocity": ("path", [spread])})
    assert _with_spread(estimates, "velocity", 0) == cell
