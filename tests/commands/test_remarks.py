"""Remarks on targets at rest: in one capture, window by window, and in a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import isacsim
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app
from isacsim.commands.remarks import rest_remark
from isacsim.dataset.unseen import targets_at_rest, unseen_remark
from tests.conftest import ONE_RECEIVER


def target(velocity, acceleration=0.0, amplitude=1.0):
    motion = {"kind": "kinematics", "path_length_m": 6.0, "velocity_m_s": velocity}
    return {"amplitude": amplitude, "motion": motion | {"acceleration_m_s2": acceleration}}


def still(make_scenario, *targets, **changes):
    radio = {"packets": 128, "subcarriers": 4, "receivers": ONE_RECEIVER}
    return make_scenario(name="still", radio=radio, targets={"fixed": list(targets)}, **changes)


def remark_on(scenario, windows=1):
    time = scenario.radio.time_s
    return rest_remark(isacsim.simulate(scenario, seed=0), "rx", np.split(time, windows))


def test_targets_at_rest_are_told(make_scenario):
    said = remark_on(still(make_scenario, target(0.0), target(1.0), target(0.05)))
    assert said is not None and said.startswith("2 of 3 targets are at rest (no path of theirs")
    assert "removed with the static part and are invisible" in said
    assert remark_on(still(make_scenario, target(1.0), target(-0.5))) is None


def test_a_target_may_rest_in_some_windows(make_scenario):
    # 0.127 s in four windows; the path turns round at the centre and moves at the ends.
    scenario = still(make_scenario, target(0.0, 12.0))
    assert remark_on(scenario) is None
    said = remark_on(scenario, 4)
    assert said is not None and said.startswith("1 of 1 targets are at rest in some of the windows")


def test_whoever_moves_an_arm_is_not_at_rest(make_scenario):
    scenario = isacsim.load_scenario("uav")
    motion = {"kind": "trajectory", "position_m": [10.0, 20.0, 15.0], "velocity_m_s": [0.0, 0.0, 0.0]}
    dumped = scenario.model_dump(exclude_none=True)
    dumped["targets"] = {"fixed": [dumped["targets"]["template"] | {"motion": motion}]}
    hovering = type(scenario).model_validate(dumped)
    capture = isacsim.simulate(hovering, seed=0)
    assert rest_remark(capture, "ground", [scenario.radio.time_s]) is None
    capture.attrs.pop("scenario")
    assert rest_remark(capture, "ground", [scenario.radio.time_s]) is None


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr("isacsim.figures.spectra.png", lambda figure: b"a picture")


def test_commands_say_so(make_scenario, tmp_path, undrawn):
    scenario = still(
        make_scenario, target(0.0), target(1.0), spectrum={"bins_acceleration": 8, "bins_jerk": 8}
    )
    file, store = tmp_path / "still.yaml", tmp_path / "still.zarr"
    file.write_text(scenario.to_yaml(), encoding="utf-8")
    estimated = CliRunner().invoke(app, ["estimate", str(file)])
    assert estimated.exit_code == 0 and "note: 1 of 2 targets are at rest" in estimated.stderr
    made = CliRunner().invoke(app, ["generate", str(file), "-n", "3", "--workers", "1", "-o", str(store)])
    looked = CliRunner().invoke(app, ["inspect", str(store)])
    for result in (made, looked):
        assert result.exit_code == 0 and "note: 3 of 6 labelled targets are at rest" in result.stderr
    dataset = isacsim.open_dataset(store)
    attrs = dataset.attrs
    assert targets_at_rest(dataset, {}) == (3, 6)
    # A store made before samples said so themselves.
    dataset = dataset.drop_vars("target_hidden")
    assert targets_at_rest(dataset, attrs) == (3, 6)
    moving = dataset.assign(target_velocity=dataset["target_velocity"] + 1)
    assert unseen_remark(moving, attrs) is None
    # Samples of no scenario, as real ones, have no radio to judge by; nor have those of one that cannot be read.
    assert targets_at_rest(dataset, {}) == (0, 0)
    assert targets_at_rest(dataset, {"scenarios": '{"still": "unknown: 1"}'}) == (0, 0)
    # At one receiver at rest and not at the other: it is seen.
    two = ("sample", "receiver", "target")
    speed = np.stack([dataset["target_velocity"].values, dataset["target_velocity"].values + 1], axis=1)
    both = {name: (two, np.zeros_like(speed)) for name in ("target_acceleration", "target_jerk")}
    assert targets_at_rest(dataset.assign(target_velocity=(two, speed), **both), attrs) == (0, 6)


def test_one_antenna_is_named_in_counts_and_data_sets_too(tmp_path: Path) -> None:
    capture = isacsim.simulate("intel5300", seed=1, n_targets=1).isel(receiver=[0])
    save_capture(capture.drop_vars("agc_gain_db", errors="ignore"), tmp_path / "one.nc")
    for arguments, says in (
        (["count", str(tmp_path / "one.nc"), "--max-windows", "1"], "aligned to itself"),
        (["import", str(tmp_path / "one.nc"), "-o", str(tmp_path / "a.zarr")], "aligned to itself"),
        (
            ["import", str(tmp_path / "one.nc"), "--reference", "projection", "-o", str(tmp_path / "b.zarr")],
            "its own static channel",
        ),
    ):
        shown = CliRunner().invoke(app, arguments)
        assert shown.exit_code == 0, shown.output
        assert says in " ".join(shown.stderr.split())


def test_no_targets_are_none_at_rest():
    capture = isacsim.simulate("empty_room", seed=0)
    receiver = str(capture["receiver"].values[0])
    assert rest_remark(capture, receiver, [capture["time"].values]) is None
