"""docs/tracking.md: its scenario, commands and Python run, and track as the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from isacsim.cli import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tracking.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^isacsim track .*$", PAGE, re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_runs(folder):
    (command,) = COMMANDS
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    assert "signs right 1.000" in result.output
    assert {"stroll.png", "stroll.nc"} <= {p.name for p in folder.iterdir()}


def test_the_python_runs(folder):
    scope: dict = {}
    exec("\n".join(BLOCKS), scope)
    assert scope["moving"].mean() > 0.9
    assert np.isfinite(scope["speed"])
    # A window takes milliseconds; on a busy machine it still comes before the next one but one.
    assert 0 < scope["latency"] < 1
