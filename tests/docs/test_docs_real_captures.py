"""The page docs/real_captures.md, run as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "real_captures.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, language
    return found[1]


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("walk.yaml").write_text(block("yaml"))
    Path("labels.csv").write_text(block("csv"))
    console = re.sub(r"\\\n *", "", block("console"))
    steps = re.findall(r"^\$ isacsim (.*)\n((?:[^$].*\n)*)", console, re.MULTILINE)
    assert len(steps) == 5
    for command, said in steps:
        arguments = shlex.split(command)
        if arguments[:2] == ["generate", "randomised"]:
            arguments += ["--workers", "1", "--no-progress"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        lines = [" ".join(line.split()) for line in result.output.splitlines()]
        for line in said.splitlines():
            wanted = " ".join(line.split())
            assert any(one.startswith(wanted) for one in lines), (wanted, lines)
    real, mixed = (isacsim.open_dataset(name).load() for name in ("real.zarr", "mixed.zarr"))
    peaks = real.aj_noisy.max(("acceleration", "jerk")).values
    still, walking = (np.median(peaks[real.n_targets.values == label]) for label in (0, 1))
    assert still < 0.3 * walking
    assert (mixed.aj_clean.isnull().all(("acceleration", "jerk")) == (mixed.domain == "real")).all()
    assert set(mixed.origin.values.tolist()) == {"synthetic.zarr", "real.zarr"}
    assert set(mixed["scale"].values[mixed.domain.values == "synthetic"].tolist()) == {1.0}
