"""``--set`` on every command that simulates."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from isacsim import simulate
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.mark.parametrize("command", ["simulate", "spectrum", "estimate", "count", "track"])
def test_fields_of_a_scenario_are_changed_on_the_way(command: str, tmp_path: Path) -> None:
    to = {"simulate": ["-o", tmp_path / "x.nc"], "spectrum": ["-o", tmp_path / "x.png"]}.get(command, [])
    assert "radio.packets is 8" in refused(command, "default", "--set", "radio.packets=8", *to)
    assert "--set takes FIELD=VALUE" in refused(command, "default", "--set", "radio.packets", *to)


@pytest.mark.parametrize("command", ["spectrum", "estimate", "count", "track"])
def test_fields_of_a_capture_are_not(command: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved.nc"
    save_capture(simulate("default"), saved)
    assert "--set is for scenarios" in refused(command, saved, "--set", "snr_db=3")
