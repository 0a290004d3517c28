"""docs/own_estimator.md: its estimator, command and Python run, and come out as the page says."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from isacsim.cli import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "own_estimator.md").read_text(encoding="utf-8")
(PRINTED,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ESTIMATOR, USE = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
(COMMAND,) = re.findall(r"^isacsim validate .*$", PAGE, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ridge.py").write_text(ESTIMATOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ridge", raising=False)
    return tmp_path


def test_the_command_runs(folder: Path) -> None:
    result = CliRunner().invoke(app, [*shlex.split(COMMAND)[1:], "--trials", "1"])
    assert result.exit_code == 0, result.output
    table = json.loads((folder / "out" / "ridge" / "bound.json").read_text())
    assert list(table["methods"]) == ["ridge:estimate", "relax"]
    assert (folder / "out" / "ridge" / "bound.png").stat().st_size > 10_000


def test_the_python_prints_what_the_page_says(folder: Path, capsys: pytest.CaptureFixture) -> None:
    scope: dict = {}
    exec(USE, scope)
    head, names, *rows = capsys.readouterr().out.splitlines()
    wanted_head, wanted_names, *wanted_rows = PRINTED.splitlines()
    assert (head.split(), names.split()) == (wanted_head.split(), wanted_names.split())
    for row, wanted in zip(rows, wanted_rows, strict=True):
        assert row.split()[0] == wanted.split()[0]
        # Printed with one decimal: another processor's rounding may move the last one.
        got, said = (np.array(line.split()[1:], float) for line in (row, wanted))
        np.testing.assert_allclose(got, said, atol=0.1001)
    at_20_db = scope["result"].rmse_over_bound_acceleration.sel(snr=20)
    assert at_20_db.sel(estimator="relax") < 3
    assert at_20_db.sel(estimator="ridge:estimate") > 10
