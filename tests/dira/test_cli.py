"""The command dira on a small store, from training to judgement."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import dira
import isacsim
from dira.cli import app
from dira.data import load, write
from isacsim.dataset.samples import make_samples
from isacsim.errors import InputError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    scenario = isacsim.load_scenario("default")
    scenario = scenario.model_copy(
        update={
            "radio": scenario.radio.model_copy(update={"subcarriers": 8, "packets": 128}),
            "spectrum": scenario.spectrum.model_copy(update={"bins_acceleration": 16, "bins_jerk": 16}),
        }
    )
    samples = make_samples(scenario, seed=1, indices=range(24), n_targets=[3, 4] * 12)
    samples["split"] = ("sample", ["train"] * 16 + ["test"] * 8)
    return write(samples, tmp_path_factory.mktemp("data") / "small.zarr")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def done(*arguments) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


SMALL = ("--steps", 2, "--batch-size", 4, "--device", "cpu", "--seed", 1)


@pytest.fixture(scope="module")
def models(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    unet = '{"unet": {"blocks": [16, 32]}}'
    for kind, config in [
        ("generator", unet),
        ("purifier", unet),
        ("denoiser", unet),
        ("counter", '{"width": 8}'),
        ("gan", '{"width": 8}'),
    ]:
        assert "spectra for 2 steps" in done(
            "train", kind, store, "-o", folder / kind, "--config", config, *SMALL
        )
    return folder


def test_from_training_to_judgement(store, models, tmp_path):
    for kind in ("generator", "gan"):
        more = tmp_path / f"{kind}.zarr"
        steps = ("--steps", 2) if kind == "generator" else ()
        done("expand", "--model", models / kind, "--per-class", "3=2,4=3", "-o", more, "--seed", 2, *steps)
        made = load(more, "aj_noisy")
        assert made.n_targets.values.tolist() == [3, 3, 4, 4, 4] and set(made.domain.values) == {"generated"}
        np.testing.assert_allclose(made.jerk, load(store, "aj_noisy").jerk)
    clean = tmp_path / "clean.zarr"
    done(
        "enhance",
        store,
        "--model",
        models / "purifier",
        "-o",
        clean,
        "--t-star",
        2,
        "--rounds",
        1,
        "--split",
        "test",
    )
    samples = load(clean, "aj_enhanced")
    assert samples.sizes["sample"] == 8 and {"aj_clean", "target_jerk", "snr_db"} <= set(samples)
    done("enhance", store, "--model", models / "denoiser", "-o", tmp_path / "paired.zarr")
    table = tmp_path / "counts.csv"
    said = done("count", clean, "--model", models / "counter", "--variable", "aj_enhanced", "-o", table)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    right = np.mean([row["label"] == row["count"] for row in rows])
    assert len(rows) == 8 and f"{right:.3f} of 8 labelled spectra counted right" in said
    said = done("evaluate", clean, "--reference", store, "--counter", models / "counter")
    assert "all zero" in said and "kernel distance (counter features)" in said and "24 and 8 spectra" in said
    assert "aj_enhanced" in said and "aj_noisy" in said  # after and before
    made = ("evaluate", tmp_path / "gan.zarr", "--variable", "aj_noisy", "--counter", models / "counter")
    said = done(*made, "--reference", store, "--reference-variable", "aj_noisy", "--reference-split", "test")
    assert "8 and 5 spectra" in said


def test_a_generator_of_two_conditions(store, tmp_path):
    model, more = tmp_path / "model", tmp_path / "more.zarr"
    config = ("--config", '{"unet": {"blocks": [16, 32]}}')
    done("train", "generator", store, "-o", model, "--conditions", "n_targets,scenario", *config, *SMALL)
    given = ("expand", "--model", model, "--per-class", "3=1,4=2", "--steps", 2, "-o", more)
    done(*given, "--condition", "scenario=default")
    assert load(more, "aj_noisy").scenario.values.tolist() == 3 * ["default"]
    for extra, said in [
        ((), "labels must name ['n_targets', 'scenario']"),
        (("--condition", "scenario=attic"), "scenario 'attic' is none of the model's ['default']"),
        (("--condition", "scenario"), "--condition must be NAME=VALUE"),
    ]:
        result = run(*given[:-1], tmp_path / "none.zarr", *extra)
        assert result.exit_code == 2 and said in result.stderr, result.output
    result = run("train", "generator", store, "-o", tmp_path / "x", "--conditions", "mood", *SMALL)
    assert result.exit_code == 2 and "no label column 'mood'; it has index, n_targets" in result.stderr


def test_spectra_of_other_settings_are_refused(store, models, tmp_path):
    samples = load(store, "aj_noisy")
    samples["aj_noisy"] = samples["aj_noisy"].assign_attrs(lags="symmetric")
    write(samples, tmp_path / "symmetric.zarr")
    result = run("count", tmp_path / "symmetric.zarr", "--model", models / "counter")
    assert result.exit_code == 2
    assert "the spectra don't fit the counter: lags symmetric where the model has positive" in result.stderr


def test_a_purifier_is_used_as_its_validation_set_chose(store, models, tmp_path):
    purifier = dira.Purifier.from_pretrained(models / "purifier")
    purifier.history["enhance"] = {"t_star": 3, "rounds": 1, "scale": 0.5}
    purifier.save_pretrained(tmp_path / "purifier")
    noisy = load(store, "aj_noisy", split="test")["aj_noisy"]
    given = ("enhance", store, "--model", tmp_path / "purifier", "--split", "test", "--seed", 4)
    for name, options, how in [
        ("own", (), {"t_star": 3, "rounds": 1, "scale": 0.5}),
        ("asked", ("--t-star", 2, "--scale", 0), {"t_star": 2, "rounds": 1, "scale": 0.0}),
    ]:
        done(*given, *options, "-o", tmp_path / f"{name}.zarr")
        made = load(tmp_path / f"{name}.zarr", "aj_enhanced")["aj_enhanced"].values
        np.testing.assert_array_equal(made, purifier.enhance(noisy, **how, seed=4))


def test_what_is_refused(store, models, tmp_path):
    (tmp_path / "file").write_text("")
    out, model = ("-o", tmp_path / "x"), lambda kind: ("--model", models / kind)
    for arguments, said in [
        (("train", "resnet", store, *out), "kind must be one of generator, gan"),
        (("train", "counter", store, "-o", tmp_path / "file"), "is a file"),
        (("train", "counter", store, *out, "--config", "{"), "--config must be JSON"),
        (("train", "counter", store, *out, "--config", '{"depth": 3}'), "TargetCounter: depth: Extra"),
        (
            ("train", "counter", store, *out, "--split", "all"),
            "no samples of split 'all'; it has test, train",
        ),
        (("train", "counter", tmp_path / "none.zarr", *out), "no zarr store"),
        (("enhance", store, *model("counter"), *out), "holds a TargetCounter; this takes a Purifier"),
        (("enhance", store, "--model", tmp_path, *out), "holds no model"),
        (("enhance", store, *model("purifier"), "-o", store), "is there already"),
        (("enhance", store, *model("purifier"), *out, "--variable", "aj"), "has no spectra 'aj'"),
        (("expand", *model("gan"), "--per-class", "3=1", *out, "--steps", "2"), "diffusion models"),
        (("expand", *model("gan"), "--per-class", "9=1", *out), "9 is none of the model's [3, 4]"),
        (("enhance", store, *model("denoiser"), *out, "--t-star", "9"), "--t-star is for a purifier"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 2 and said in result.stderr, (arguments, result.output)
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("dira: "), lines
    assert not (tmp_path / "x").exists()


def test_a_store_is_written_whole(store, tmp_path, monkeypatch):
    samples = load(store, "aj_noisy", counts=[3])
    assert set(samples.n_targets.values) == {3} and "aj_noiseless" not in samples

    def fail(*args, **kwargs):
        (args[1] / "part").mkdir(parents=True)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(xr.Dataset, "to_zarr", fail)
        with pytest.raises(OSError, match="No space"):
            write(samples, tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []
    write(samples, tmp_path / "x.zarr")
    with pytest.raises(InputError, match="there already"):
        write(samples, tmp_path / "x.zarr")
    write(samples.isel(sample=slice(0, 2)), tmp_path / "x.zarr", overwrite=True)
    assert load(tmp_path / "x.zarr", "aj_noisy").sizes["sample"] == 2


def test_help_has_an_example_for_every_command():
    assert "train" in done("--help")
    for command in ("train", "expand", "enhance", "count", "evaluate"):
        assert f"dira {command}" in done(command, "--help")
