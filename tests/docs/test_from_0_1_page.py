"""The page on 0.1 names defaults and arguments as they are, and refusals of old stores name the page."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import zarr
from typer.testing import CliRunner

import isacsim
from isacsim import InputError
from isacsim.cli import app
from isacsim.conditioning.conditioning import condition
from isacsim.dataset.store.record import FORMAT
from tests.dataset.stores import numbered

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "from_0_1.md").read_text(encoding="utf-8")


def row(start: str) -> list[str]:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_defaults_are_those_of_the_code() -> None:
    estimate = inspect.signature(isacsim.estimate_paths).parameters
    assert row("`estimate_paths`, `isacsim estimate`: estimator")[2].startswith(
        f"`{estimate['method'].default}`"
    )
    assert row("the same: paths")[2] == str(estimate["max_paths"].default)
    assert {"max_path_length", "max_speed", "max_acceleration", "max_jerk"} <= set(estimate)
    assert "uniform" in inspect.signature(condition).parameters
    for function in (isacsim.simulate, isacsim.generate):
        assert inspect.signature(function).parameters["seed"].default is None
    assert inspect.signature(isacsim.generate).parameters["extend"].default is False
    assert inspect.signature(isacsim.read_capture).parameters["strict"].default is False
    assert f"that of 0.2 is {FORMAT}" in PAGE
    for name in ("lab_cubic", "corridor_cubic", "hall_cubic"):
        assert f"`{name}`" in PAGE and isacsim.load_scenario(name).motion_model != "exact"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("estimate", ["--method", "--max-paths", "--max-path-length", "--reference"]),
        ("demo", ["--scenario"]),
        ("generate", ["--extend", "--seed"]),
        ("capture", ["--strict"]),
    ],
)
def test_options_are_there(command: str, options: list[str]) -> None:
    told = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
    for option in options:
        assert option in told and f"{option}" in PAGE


def test_refusals_of_old_stores_name_the_page(tmp_path: Path) -> None:
    path = numbered(4, tmp_path / "old.zarr", chunk=2)
    zarr.open_group(path, mode="r+").attrs["isacsim_format"] = 1
    with pytest.raises(InputError, match=r"in layout 1 .* reads layout 2: .*\(docs/from_0_1\.md\)"):
        isacsim.open_dataset(path)
