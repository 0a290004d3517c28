"""``isacsim generate`` and ``isacsim inspect`` as users meet them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app

pytestmark = pytest.mark.usefixtures("undrawn")


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stdout + result.stderr


@pytest.fixture(scope="module")
def made(tiny, here, undrawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("inspect") / "a.zarr"
    splits = {"train": 0.5, "validation": 0.25, "test": 0.25}
    scenario = tiny(snr_db={"uniform": [5, 25]})
    isacsim.generate(scenario, path, n_samples=12, chunk=5, client=here, splits=splits, progress=False)
    return path


@pytest.fixture
def store(made, tmp_path):
    return shutil.copytree(made, tmp_path / "a.zarr")


def test_inspect_counts_verifies_and_draws(store, tmp_path):
    said = run("inspect", store, "--verify", "--picture", tmp_path / "m.png")
    rows = [line.split()[2:] for line in said.splitlines() if line.strip().startswith("synthetic tiny")]
    assert [row[0] for row in rows] == ["train", "validation", "test"]
    counts = np.array([[int(n) for n in row[1:]] for row in rows])
    assert counts[:, -1].tolist() == [6, 3, 3] and counts[:, :-1].sum(axis=0).tolist() == [4, 6, 2]
    assert sum(int(line.split()[4]) for line in said.splitlines() if " dB " in line) == 12
    assert "12 of 12 samples are complete" in said and "verified" in said
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    assert "same bits in all 23 variables" in run("inspect", store, "--sample", 7, "--regenerate")


def test_inspect_tells_damage(store):
    zarr.open_group(store, mode="r+")["target_jerk"][7, 0] += 1e-9
    assert "DAMAGED: target_jerk of chunk 1 (samples 5 to 9)" in run("inspect", store, "--verify", code=1)
    assert "DIFFERS in target_jerk" in run("inspect", store, "--sample", 7, "--regenerate", code=1)


def test_inspect_of_an_unfinished_store(store):
    zarr.open_group(store, mode="r+")["record/digest"][0] = 0
    said = run("inspect", store, "--verify")
    assert "7 of 12 samples are complete; NOT FINISHED" in said
    assert "sample 2 is not made yet" in run("inspect", store, "--sample", 2, "--regenerate", code=2)


def test_inspect_refuses(store, tmp_path):
    assert "no sample 12; it has samples 0 to 11" in run("inspect", store, "--sample", 12, code=2)
    assert "--regenerate needs --sample" in run("inspect", store, "--regenerate", code=2)
    assert "no data set there" in run("inspect", tmp_path / "none.zarr", code=2)
    zarr.open_group(store, mode="r+").attrs["numpy"] = "1.0"
    assert "made with numpy 1.0" in run("inspect", store, "--sample", 1, "--regenerate", code=2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--per-class", "3:100"], "--per-class is '3:100'; it must be like 3=100,4=100."),
        (["--per-class", "1=2.5"], "'2.5' is not an integer"),
        (["--per-class", ""], "--per-class is empty; give at least one entry, e.g. 3=100"),
        (["--splits", " "], "--splits is empty"),
        (["--per-class", "3=1,3=5"], "--per-class gives 3 more than once"),
        (["--per-class", "3=1,03=5"], "--per-class gives 3 more than once"),
        (["--splits", "train=0.5,train=0.5"], "--splits gives train more than once"),
        (["--split", "lab=train", "--split", "lab=test"], "--split gives lab more than once"),
        (["--per-class", "3=-1"], "the size of class 3 in per_class must be"),
        (["--per-class", "9=5"], "class of 9 targets"),
        (["--range", "5"], "--range is '5'; it must be START:STOP"),
        (["--splits", "train=half"], "'half' is not a number"),
        (["--split", "lab"], "--split is 'lab'; it must be like lab=train"),
        (["--split", "lab=train", "--splits", "train=1"], "give one of them"),
        (["--split", "lab=train:0.9,validation:0.2"], "adds up to 1.1"),
        (["--split", "hall=test"], "names the scenario 'hall'"),
        (["--n", "0"], "--n must be an integer of at least 1, got 0."),
        (
            ["--per-class", "3=10", "--n", "20"],
            "per_class (--per-class) adds up to 10 samples and n_samples (--n) is 20;",
        ),
    ],
)
def test_generate_refuses_options_that_make_no_sense(tmp_path, options, says):
    said = run("generate", "lab", "-o", tmp_path / "a.zarr", *options, code=2)
    assert says in said and len(said.strip().splitlines()) == 1
    assert not (tmp_path / "a.zarr").exists()


def test_a_data_set_without_noise_says_so(tiny, here, tmp_path):
    for name, noises, told in (
        (
            "quiet",
            [False],
            "This data set is noise-free: no thermal noise was added, and snr_db is infinite.",
        ),
        (
            "both",
            [False, True],
            "3 of 6 samples are noise-free: no thermal noise was added, and snr_db is infinite.",
        ),
    ):
        parts = [tiny(name=f"part{n}", impairments={"noise": noise}) for n, noise in enumerate(noises)]
        store = tmp_path / f"{name}.zarr"
        made = isacsim.generate(parts, store, n_samples=3, client=here, progress=False)
        quiet = made.scenario.values == "part0"
        assert np.isposinf(made.snr_db.values[quiet]).all() and np.isfinite(made.snr_db.values[~quiet]).all()
        np.testing.assert_array_equal(made.aj_noisy[quiet], made.aj_noiseless[quiet])
        said = run("inspect", store)
        assert told in said and ("SNR of a unit path" in said) == (name == "both")
        assert told in (store / "README.md").read_text()
    assert "noise-free" not in run("inspect", isacsim_store(tiny, here, tmp_path))


def isacsim_store(tiny, here, tmp_path):
    isacsim.generate(tiny(), tmp_path / "noisy.zarr", n_samples=2, client=here, progress=False)
    return tmp_path / "noisy.zarr"
