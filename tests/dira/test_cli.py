"""The command dira on a small store, from training to judgement."""

from __future__ import annotations

import csv
import hashlib
import json
import shlex
import shutil

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import dira
import dira.experiment.budget
import isacsim
from dira.cli import app
from dira.data.stores import load, write
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.spectrum.settings import made_with


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
        ("paired-diffusion", unet),
        ("counter", '{"width": 8}'),
        ("gan", '{"width": 8}'),
        ("detector", '{"widths": [8]}'),
    ]:
        steps = ("--checkpoints", folder / f"{kind}-steps")
        assert "spectra for 2 steps" in done(
            "train", kind, store, "-o", folder / kind, "--config", config, *steps, *SMALL
        )
        assert (folder / f"{kind}-steps" / "step-00000002").is_dir()
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
    back = ("--variable", "aj_noisy", *SMALL)
    unet = '{"unet": {"blocks": [16, 32]}}'
    done("train", "paired-diffusion", store, "-o", tmp_path / "back", "--config", unet, *back)
    done("enhance", store, "--model", tmp_path / "back", "-o", tmp_path / "sampled.zarr", "--seed", 3)
    sampled = load(tmp_path / "sampled.zarr", "aj_enhanced")["aj_enhanced"]
    assert float(sampled.min()) >= 0 and float(sampled.max()) == 1
    table = tmp_path / "counts.csv"
    said = done("count", clean, "--model", models / "counter", "--variable", "aj_enhanced", "-o", table)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    right = np.mean([row["label"] == row["count"] for row in rows])
    assert len(rows) == 8 and f"{right:.3f} of 8 labelled spectra counted right" in said
    said = done("evaluate", clean, "--reference", store, "--counter", models / "counter")
    assert (
        "all zero" in said and "kernel distance (features of counter " in said and "24 and 8 spectra" in said
    )
    assert "aj_enhanced" in said and "aj_noisy" in said  # after and before
    made = ("evaluate", tmp_path / "gan.zarr", "--variable", "aj_noisy", "--counter", models / "counter")
    said = done(*made, "--reference", store, "--reference-variable", "aj_noisy", "--reference-split", "test")
    assert "8 and 5 spectra" in said


def test_detections_and_what_they_draw(store, models, tmp_path):
    said = done(
        "detect", store, "--model", models / "detector", "--threshold", 0, "-o", tmp_path / "found.csv"
    )
    assert "true paths found" in said and "paths in 24 spectra" in said
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert {row["sample"] for row in rows} == {str(n) for n in range(24)}
    assert all(abs(float(row["acceleration"])) < 16 and 0 <= float(row["score"]) <= 1 for row in rows)
    done("enhance", store, "-o", tmp_path / "drawn.zarr", "--model", models / "detector")
    assert load(tmp_path / "drawn.zarr", "aj_enhanced").sizes["sample"] == 24
    refused = run("enhance", store, "-o", tmp_path / "b.zarr", "--model", models / "detector", "--rounds", 2)
    assert refused.exit_code == 2 and "is the detector; leave it out" in refused.output.replace("\n", " ")


def answer(*arguments) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_tables_as_json(store, models, tmp_path, monkeypatch):
    told = answer("count", store, "--model", models / "counter")
    assert np.shape(told["probability"]) == (24, len(told["known_counts"])) and np.sum(told["spectra"]) == 24
    assert told["model"] == "TargetCounter" and told["known_counts"] == [3, 4]
    labels = np.array([3, 4] * 12)
    assert told["share_right"] == np.mean(np.array(told["found"]) == labels) and told["labelled"] == 24
    told = answer("detect", store, "--model", models / "detector", "--threshold", 0)
    assert told["detections"]["data_vars"]["jerk"]["attrs"]["units"] == "m/s3"
    assert sum(told["spectra_by_number_of_paths"].values()) == 24 and told["true_paths"] == 84
    told = answer(
        "evaluate", store, "--variable", "aj_noisy", "--reference", store, "--counter", models / "counter"
    )
    assert {"aj_noisy", "all zero"} <= set(told["scores"]) and set(told["scores"]["aj_noisy"]) == set(
        told["meanings"]
    )
    assert told["distance"]["real"] == 24 and np.isfinite(told["distance"]["value"])
    monkeypatch.setattr(dira.experiment.budget, "budget", lambda run: {"seconds": {"x": 30.5}, "total": 30.5})
    told = answer("reproduce", "--budget", "-o", tmp_path / "run", "--device", "cpu")
    assert told == {"preset": "smoke", "parts_s": {"x": 30.5}, "all_s": 30.5}


def test_a_generator_of_two_conditions(store, tmp_path):
    model, more = tmp_path / "model", tmp_path / "more.zarr"
    config = ("--config", '{"unet": {"blocks": [16, 32]}}')
    done("train", "generator", store, "-o", model, "--conditions", "n_targets,scenario", *config, *SMALL)
    given = ("expand", "--model", model, "--per-class", "3=1,4=2", "--steps", 2, "-o", more)
    done(*given, "--condition", "scenario=default")
    assert load(more, "aj_noisy").scenario.values.tolist() == 3 * ["default"]
    for extra, said in [
        ((), "labels must name ['n_targets', 'scenario']"),
        (("--condition", "scenario=--5"), "scenario '--5' is none of the model's ['default']"),
        (("--condition", "scenario=²"), "scenario '²' is none of the model's ['default']"),
        (("--condition", "scenario=attic"), "scenario 'attic' is none of the model's ['default']"),
        (("--condition", "scenario"), "--condition must be NAME=VALUE"),
    ]:
        result = run(*given[:-1], tmp_path / "none.zarr", *extra)
        assert result.exit_code == 2 and said in result.stderr, result.output
    result = run("train", "generator", store, "-o", tmp_path / "x", "--conditions", "mood", *SMALL)
    assert (
        result.exit_code == 2 and "no label column 'mood'; it has domain, index, n_targets" in result.stderr
    )


def test_spectra_of_other_settings_are_refused(store, models, tmp_path):
    samples = load(store, "aj_noisy")
    samples["aj_noisy"] = samples["aj_noisy"].assign_attrs(lags="symmetric")
    write(samples, tmp_path / "symmetric.zarr")
    result = run("count", tmp_path / "symmetric.zarr", "--model", models / "counter")
    assert result.exit_code == 2
    assert "the spectra do not fit the counter: lags symmetric where the model has positive" in result.stderr


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
    noisy = write(load(store, "aj_noisy", also=()), tmp_path / "noisy.zarr")
    blocks = '{"unet": {"blocks": [%d]}}'
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
        (("train", "counter", tmp_path / "none.zarr", "-o", tmp_path / "file" / "x"), "is not a directory"),
        (("train", "counter", store, "-o", models / "counter"), "counter holds a model already"),
        (("train", "purifier", store, *out, "--conditions", "n_targets"), "leave it out for a purifier"),
        (("train", "denoiser", noisy, *out), "no spectra 'aj_clean', which a denoiser learns from"),
        (
            ("train", "generator", store, *out, "--config", blocks % 0),
            "unet.blocks.0: Input should be greater",
        ),
        (
            ("train", "generator", store, *out, "--config", blocks % -8),
            "unet.blocks.0: Input should be greater",
        ),
        (("expand", *model("gan"), "--per-class", "3=1", *out, "--guidance", "2"), "diffusion models"),
        (
            ("expand", *model("gan"), "--per-class", "3=1", "-o", tmp_path / "file" / "x"),
            "is not a directory",
        ),
        (("enhance", store, *model("purifier"), *out, "--gamma", "0"), "gamma must be a number above 0"),
        (
            ("enhance", store, *model("purifier"), *out, "--reference", "a"),
            "reference must be one of diffused, input",
        ),
        (("count", store, "--model", tmp_path, "-o", tmp_path), "this is a directory"),
        (("train", "gan", store, *out, "--precision", "bf16"), "--precision is not for a gan"),
        (("evaluate", store, "--counter", "NOPE"), "--counter is for the distance to a --reference"),
        (("evaluate", store, "--reference-split", "test"), "--reference-split is for the distance"),
        # The models that come with dira are for 64 bins.
        (
            ("enhance", store, *out),
            "no Purifier for these spectra; the nearest is one_antenna: bins_acceleration 16 where it has 64",
        ),
        (
            ("count", store),
            "no TargetCounter for these spectra; the nearest is one_antenna: bins_acceleration 16",
        ),
        (
            ("evaluate", store, "--variable", "aj_noisy", "--reference", store),
            "do not fit the counter: bins_",
        ),
        (("reproduce", *out, "--device", "tpu"), "device must be auto, cpu, cuda or mps, got 'tpu'"),
        (("enhance", store, *model("counter"), *out), "holds a TargetCounter; this takes a Purifier"),
        (("enhance", store, "--model", tmp_path, *out), "holds no model"),
        (("enhance", store, *model("purifier"), "-o", store), "is there already"),
        (("enhance", store, *model("purifier"), *out, "--variable", "aj"), "has no spectra 'aj'"),
        (("expand", *model("gan"), "--per-class", "3=1", *out, "--steps", "2"), "diffusion models"),
        (("expand", *model("gan"), "--per-class", "9=1", *out), "9 is none of the model's [3, 4]"),
        (("enhance", store, *model("denoiser"), *out, "--t-star", "9"), "--t-star is for a purifier"),
        (("enhance", store, *model("paired-diffusion"), *out, "--scale", "2"), "--scale is for a purifier"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 2 and said in result.stderr, (arguments, result.output)
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("dira: "), lines
    assert not (tmp_path / "x").exists()


def test_generated_spectra_say_how_they_were_made(store, models, tmp_path):
    more = tmp_path / "more.zarr"
    given = ("expand", "--model", models / "generator", "--per-class", "3=2", "-o", more, "--guidance", 2)
    done(*given, "--seed", 5)
    made, real = load(more, "aj_noisy"), load(store, "aj_noisy")
    assert made_with(made.aj_noisy.attrs) == made_with(real.aj_noisy.attrs) != {}
    digest = hashlib.sha256((models / "generator" / "model.safetensors").read_bytes()).hexdigest()
    told = {"made_by": "ConditionalDiffusion", "weights_sha256": digest, "sampler": "dpm", "steps": 20}
    assert (told | {"seed": 5, "guidance": 2.0}).items() <= made.attrs.items()
    generator = dira.ConditionalDiffusion.from_pretrained(models / "generator")
    again = generator.sample([3, 3], seed=5, sampler="dpm", guidance=2.0)
    np.testing.assert_array_equal(made.aj_noisy, again)
    done(
        "expand",
        "--per-class",
        "3=1",
        "--condition",
        "scenario=lab_cubic",
        "--steps",
        1,
        "-o",
        tmp_path / "own.zarr",
    )
    assert load(tmp_path / "own.zarr", "aj_noisy").aj_noisy.shape == (1, 64, 64)


def test_a_condition_in_bands(store, tmp_path):
    samples = load(store, "aj_noisy")
    samples["snr_db"] = samples["snr_db"].copy(data=[5.0, 10.0, 15.0, 20.0] * 6)
    banded, model, more = write(samples, tmp_path / "banded.zarr"), tmp_path / "model", tmp_path / "more.zarr"
    config = ("--config", '{"unet": {"blocks": [8]}}')
    done("train", "generator", banded, "-o", model, "--conditions", "n_targets,snr_db:10,20", *config, *SMALL)
    bands = ["10 to 20", "above 20", "below 10"]
    assert dira.ConditionalDiffusion.from_pretrained(model).classes == {"n_targets": [3, 4], "snr_db": bands}
    done(
        *("expand", "--model", model, "--per-class", "3=2", "--steps", 1, "-o", more),
        *("--condition", "snr_db=10 to 20"),
    )
    generated = load(more, "aj_noisy")
    assert generated.condition_snr_db.values.tolist() == ["10 to 20"] * 2
    assert np.isnan(generated.snr_db).all()


def test_a_model_is_replaced_only_when_asked(store, tmp_path):
    model = tmp_path / "model"
    given = ("train", "counter", store, "-o", model, "--config", '{"width": 8}', *SMALL)
    resumed = ("--checkpoints", tmp_path / "steps")
    done(*given, *resumed)
    first = (model / "model.safetensors").read_bytes()
    assert "holds a model already" in run(*given, *resumed).stderr
    done(*given, "--overwrite", "--seed", 3)
    assert (model / "model.safetensors").read_bytes() != first
    shutil.rmtree(model)  # as after a stop, before there is a model
    done(*given, *resumed)
    assert (model / "model.safetensors").read_bytes() == first


def test_spectra_without_a_clean_one_don_t_take_the_table_away(store, tmp_path):
    samples = load(store, "aj_noisy", split="test")
    samples["aj_clean"][2] = np.nan
    some = write(samples, tmp_path / "some.zarr")
    result = run("evaluate", some, "--variable", "aj_noisy")
    assert result.exit_code == 0 and "all zero" in result.stdout
    assert "1 of 8 spectra have no clean one and are not in the table." in result.stderr
    samples = samples.isel(sample=[0, 1, *range(3, 8)])
    without = run("evaluate", write(samples, tmp_path / "without.zarr"), "--variable", "aj_noisy")
    assert without.stdout.split() == result.stdout.split() and "clean" not in without.stderr


def test_a_budget_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(dira.experiment.budget, "budget", lambda run: {"seconds": {"x": 30.0}, "total": 30.0})
    assert "30 s" in done("reproduce", "--budget", "-o", tmp_path / "run", "--device", "cpu")
    assert not (tmp_path / "run").exists()


def test_the_examples_of_the_help_work(store, models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab.zarr").symlink_to(store)
    for kind in ("generator", "counter", "detector"):
        (tmp_path / kind).symlink_to(models / kind)
    smaller = {
        "train": (*SMALL, "--config", '{"unet": {"blocks": [8]}}'),
        "expand": ("--per-class", "3=1,4=1", "--steps", 1),
        "enhance": ("--t-star", 2, "--rounds", 1),
        "detect": ("--threshold", 0.01),
        "count": (),
        "evaluate": (),
    }
    commands = get_command(app).commands
    assert set(commands) == {*smaller, "compare", "demo", "pretrain", "reproduce", "report"}
    for name, command in commands.items():
        assert f"dira {name}" in done(name, "--help").split("Example:")[1]
        start, called, *arguments = shlex.split(command.epilog.removeprefix("Example: "))
        assert (start, called) == ("dira", name)
        command.make_context(name, list(arguments))  # every option is there, and none is missing
    for name, more in smaller.items():
        done(*shlex.split(commands[name].epilog)[2:], *more)
