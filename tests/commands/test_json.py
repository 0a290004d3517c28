"""`--json`: strict JSON at full precision from every command that prints a table; tables keep words whole."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from typer.testing import CliRunner

import isacsim
from isacsim import terminal
from isacsim.capture.netcdf import load_capture
from isacsim.cli import app
from isacsim.files import strict_json
from isacsim.scenario.catalogue import list_scenarios
from isacsim.simulation.truth import truth_at
from tests.dataset.test_dataset_mixing import save
from tests.dataset.test_dataset_mixing import store as data_set

ROOT = Path(__file__).resolve().parents[2]


def answer(*arguments: object, code: int = 0) -> dict:
    """Standard output as one JSON object, read by the standard's rules."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == code, result.output

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    found = json.loads(result.stdout, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("json") / "one.nc"
    assert CliRunner().invoke(app, ["simulate", "single_target", "-o", str(path)]).exit_code == 0
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("json") / "a.zarr"
    small = isacsim.load_scenario("default").with_(spectrum={"bins_acceleration": 8, "bins_jerk": 8})
    isacsim.generate(small, path, n_samples=5, chunk=1, workers=0, progress=False)
    return path


def test_every_command_that_prints_a_table_has_it() -> None:
    """Of each module with a table, every command that prints one takes `as_json`, and the module gives JSON."""
    found = 0
    for file in (*(ROOT / "isacsim/commands").glob("*.py"), *(ROOT / "dira/commands").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "show_table(" not in text or file.stem == "track_table":
            continue
        found += 1
        names = {
            function.name
            for function in ast.parse(text).body
            if isinstance(function, ast.FunctionDef) and any(a.arg == "as_json" for a in function.args.args)
        }
        assert names, f"{file}: prints a table, but no command has --json"
        assert "show_json(" in text, file
    assert found >= 12
    for module in ("isacsim/commands/track.py", "isacsim/commands/track_table.py"):
        assert (ROOT / module).is_file()
    assert "show_json(" in (ROOT / "isacsim/commands/track.py").read_text()


def test_strict_json_keeps_every_bit_and_has_no_nan() -> None:
    value = np.float64(1) / 3
    again = json.loads(
        strict_json({"a": value, "b": np.array([np.nan, 0.1]), "c": Path("x"), 3: np.int16(4)})
    )
    assert again == {"a": 1 / 3, "b": [None, 0.1], "c": "x", "3": 4}
    dataset = xr.Dataset({"v": ("path", [0.1, 0.2], {"units": "m/s"})})
    back = xr.Dataset.from_dict(json.loads(strict_json(dataset)))
    xr.testing.assert_identical(back, dataset)


def test_scenarios_and_studies() -> None:
    listed = answer("scenarios")["scenarios"]
    assert {one["name"]: one["description"] for one in listed} == dict(list_scenarios())
    assert {"bound", "counting"} <= {one["name"] for one in answer("validate")["studies"]}


def test_simulate(tmp_path: Path) -> None:
    told = answer("simulate", "default", "-o", tmp_path / "c.nc", "--seed", 4)
    capture = load_capture(tmp_path / "c.nc")
    truth = truth_at(capture, "rx", 0.0)
    assert truth is not None
    assert told["truth"]["data_vars"]["velocity"]["data"] == truth["velocity"].values.tolist()
    assert told["truth"]["data_vars"]["velocity"]["attrs"]["units"] == "m/s"
    assert told["seed"] == 4 and told["sizes"]["packet"] == capture.sizes["packet"]
    assert told["size_bytes"] == (tmp_path / "c.nc").stat().st_size


def test_estimate(saved: Path) -> None:
    told = answer("estimate", saved, "--method", "relax")
    (window,) = told["windows"]
    capture = load_capture(saved)
    expected = isacsim.estimate_paths(capture.csi.isel(receiver=0), method="relax")
    found = xr.Dataset.from_dict(window["estimates"])
    np.testing.assert_allclose(found["velocity"], expected["velocity"], rtol=1e-9)
    assert found["velocity"].attrs["units"] == "m/s"
    assert window["matches"] == [[0, 0]]
    assert window["stop_s"] - window["start_s"] == pytest.approx(capture.sizes["packet"] / 1000)


def test_count_and_track(saved: Path) -> None:
    told = answer("count", saved, "--max-targets", 3)
    counts = xr.Dataset.from_dict(told["counts"])
    assert counts["count"].values.tolist() == [1] and told["true_count"] == 1
    assert counts["probability"].sum() == pytest.approx(1, abs=1e-6)
    told = answer("track", saved)
    tracks = isacsim.track(load_capture(saved))
    back = xr.Dataset.from_dict(told["tracks"])
    np.testing.assert_array_equal(back["motion_index"].values.astype(float), tracks["motion_index"].values)
    assert len(told["truth"]["time_s"]) == len(told["truth"]["velocity_m_s"][0])
    assert "doppler_energy" not in told["tracks"]["data_vars"]


def test_capture_and_environment(saved: Path, tmp_path: Path) -> None:
    told = answer("capture", saved, "-o", tmp_path / "c.png")
    assert told["timing"]["packets"] == load_capture(saved).sizes["packet"]
    assert told["files"] == [str(tmp_path / "c.png")] and (tmp_path / "c.png").is_file()
    told = answer("environment", "tgn_home", "-o", tmp_path / "e.png")
    assert told["traced_paths"] == [] and told["picture"] == str(tmp_path / "e.png")


def test_inspect(store: Path) -> None:
    told = answer("inspect", store, "--verify")
    assert told["verified"] and told["finished"] and told["samples"] == 5
    assert sum(one["samples"] for one in told["counts"]) == sum(told["snr"]["samples"]) == 5
    one = answer("inspect", store, "--sample", 2, "--regenerate")
    assert all(one["the_same_again"].values())
    opened = isacsim.open_dataset(store).isel(sample=2)
    assert (
        one["values"]["snr_db"]["data"] == float(opened.snr_db) and one["values"]["snr_db"]["units"] == "dB"
    )
    assert one["values"]["aj_noisy"]["data"] == opened.aj_noisy.values.tolist()


def test_mix(tmp_path: Path) -> None:
    paths = [save(data_set(domain, [2] * 8), tmp_path / f"{domain}.zarr") for domain in ("synthetic", "real")]
    told = answer("mix", *paths, "--real-fraction", 0.5, "-o", tmp_path / "mixed.zarr")
    assert told["samples"] == 16 and told["data_set"] == str(tmp_path / "mixed.zarr")
    assert told["taken"]["train"]["real"] == {"2": 8}
    # Refusals stay a sentence on standard error.
    result = CliRunner().invoke(app, ["mix", str(paths[0]), "none.zarr", "--real-fraction", "0.5", "--json"])
    assert result.exit_code == 2 and not result.stdout and "none.zarr" in result.stderr


def at_width(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(
        terminal, "output", lambda: Console(width=width, highlight=False, markup=False, color_system=None)
    )


@pytest.mark.parametrize("width", [40, 60, 80])
def test_tables_keep_words_whole(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    at_width(monkeypatch, width)
    columns = [
        "target",
        *(f"true {q} [m/s²]" for q in ("acceleration", "velocity", "amplitude")),
        "estimate",
        "truth",
    ]
    cells = [[f"{n}", *(f"−{n}.{k}4567 ± 0.00{k}1" for k in range(5))] for n in range(3)]
    terminal.show_table("some title", columns, cells)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    words = printed.split()
    for text in (*columns, *(cell for row in cells for cell in row)):
        for word in text.split():
            assert word in words


def test_a_row_of_numbers_is_one_line_and_groups_stay_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    at_width(monkeypatch, 80)
    columns = ["target", *(word for q in "abcde" for word in (f"true {q}", f"estimate {q}"))]
    cells = [[f"{n}", *(f"{n}.{k}4567 ± 0.00{k}1" for k in range(10))] for n in range(3)]
    terminal.show_table("", columns, cells, together=[2] * 5)
    printed = capsys.readouterr().out
    for cell in (cell for row in cells for cell in row):
        assert cell in printed
    heads = [line.split() for line in printed.splitlines() if "true" in line]
    assert [(head.count("true"), head.count("estimate")) for head in heads] == [(1, 1)] * 5
    assert len([line for line in printed.splitlines() if line.lstrip()[:1].isdigit()]) == 3 * len(heads)


def test_a_cell_wider_than_the_terminal_is_broken_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    at_width(monkeypatch, 12)
    terminal.show_table("", ["n", "m"], [["1", "word by word"]])
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 12
    assert printed.split()[-4:] == ["1", "word", "by", "word"]


@pytest.mark.parametrize(
    "command", [["scenarios"], ["simulate", "default", "-o", "x.nc"], ["estimate", "lab_siso"]]
)
def test_commands_fit_80_columns(command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    wide = CliRunner().invoke(app, command).stdout
    monkeypatch.setattr(terminal, "_PIPE_WIDTH", 80)
    narrow = CliRunner().invoke(app, [*command, *(["--overwrite"] if "-o" in command else [])]).stdout
    assert max(map(len, narrow.splitlines())) <= 80
    whole = {word for word in narrow.split() if not set(word) <= set("─ ")}
    assert whole <= set(wide.split())
    cells = re.findall(r"\S+ ± \S+", wide)
    assert all(cell in narrow for cell in cells) and (command[0] != "estimate" or len(cells) > 5)
