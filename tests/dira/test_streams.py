"""Training on samples that are simulated meanwhile, in several sittings, and on several stores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import dira
from dira.cli import app
from dira.data.stores import write
from dira.training import train
from isacsim import InputError
from isacsim.dataset.loading import reuse
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.endless import EndlessSamples

MOTION = {
    "kind": "kinematics",
    "path_length_m": {"uniform": [3, 15]},
    "acceleration_m_s2": {"uniform": [-6, 6]},
    "jerk_m_s3": {"uniform": [-30, 30]},
}
UNET = {"unet": {"blocks": (8,)}}
HOW = {"batch_size": 4, "device": "cpu"}
RUN = ("--steps", 3, "--batch-size", 4, "--device", "cpu", "--config", '{"width": 8}')


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(reuse, "CHUNK", 16)
    monkeypatch.setattr(reuse, "SPACING", 2)


@pytest.fixture(scope="module")
def scenario(make_scenario):
    return make_scenario(
        name="few",
        radio={"packets": 64, "subcarriers": 4},
        spectrum={"bins_acceleration": 16, "bins_jerk": 16, "combine": "single"},
        targets={"count": {"min": 1, "max": 3}, "template": {"motion": MOTION}},
    )


@pytest.fixture(scope="module")
def stream(scenario):
    return EndlessSamples([scenario], seed=3, workers=0)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def refused(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


def same(one, other):
    ours, theirs = one.network.state_dict(), other.network.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


class Stopped(Exception):
    """The machine goes down."""


def stop_at(last):
    def progress(done, total, loss):
        if done == last:
            raise Stopped

    return progress


@pytest.mark.parametrize("kind", ["counter", "denoiser", "purifier", "gan"])
def test_a_training_in_two_sittings_has_the_same_bits(stream, tmp_path, kind):
    name, config = {
        "counter": ("TargetCounter", {"width": 8}),
        "denoiser": ("PairedDenoiser", UNET),
        "purifier": ("Purifier", UNET),
        "gan": ("ConditionalGAN", {"width": 8}),
    }[kind]
    model = getattr(dira, name)
    how = HOW | {"steps": 12, "every": 5}
    whole = model(**config).fit(stream=stream.reused(2), **how)
    half = {"stream": stream.reused(2, folder=tmp_path / "buffer"), "checkpoints": tmp_path / "steps"}
    with pytest.raises(Stopped):
        model(**config).fit(**half, **how, progress=stop_at(7))
    again = model(**config).fit(**half, **how)
    assert same(whole, again)
    assert whole.history["stream"] == {"scenarios": ["few"], "seed": 3, "uses": 2}
    # Ticks 0 and 1 are fresh alone; the third one mixes them with chunk 0.
    assert whole.history["samples"] == 48
    other = model(**config).fit(stream=stream.reused(1), **how)
    assert not same(whole, other)


def test_labels_are_those_of_the_whole_stream(stream):
    """A batch need not hold every number of targets."""
    counter = dira.TargetCounter(width=8).fit(stream=stream, steps=1, batch_size=2, device="cpu")
    assert counter.counts.tolist() == [1, 2, 3]
    from dira.data.streams import StreamedExamples

    source = StreamedExamples(stream, counter.variables, counter.examples)
    _, numbers = next(source.batches(16, 0))
    # Of the first chunk, in the order in which it is used.
    batch = next(stream.reused(1).batches(["n_targets"], 16))
    assert (numbers[:, 0].numpy() + 1).tolist() == batch["n_targets"].tolist()


def test_a_checkpoint_comes_in_time_whatever_the_step(stream, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "LONGEST_S", 0.0)
    with pytest.raises(Stopped):
        dira.TargetCounter(width=8).fit(
            stream=stream, steps=9, checkpoints=tmp_path, progress=stop_at(2), **HOW
        )
    assert sorted(p.name for p in tmp_path.glob("step-*"))[-1] == "step-00000002"


def test_either_spectra_or_a_stream(stream):
    for given in ({}, {"stream": stream, "spectra": np.ones((2, 16, 16)), "labels": [1, 2]}):
        with pytest.raises(InputError, match="spectra to learn from, or stream="):
            dira.TargetCounter(width=8).fit(steps=1, **given)
    with pytest.raises(InputError, match=r"stream must be what isacsim\.stream gives, got str"):
        dira.TargetCounter(width=8).fit(stream="few", steps=1)


def test_the_command_streams_and_goes_on(scenario, tmp_path, monkeypatch):
    yaml = tmp_path / "few.yaml"
    yaml.write_text(scenario.to_yaml())
    command = (
        "train",
        "counter",
        "--stream",
        yaml,
        "--uses",
        2,
        "--workers",
        0,
        "-o",
        tmp_path / "model",
        *RUN,
    )
    monkeypatch.setattr(train, "LONGEST_S", 0.0)
    real = dira.TargetCounter.save_pretrained
    monkeypatch.setattr(dira.TargetCounter, "save_pretrained", lambda *_, **__: 1 / 0)
    run(*command)  # trained, and down before it is saved
    assert (tmp_path / "model" / "checkpoints" / "step-00000003").is_dir()
    monkeypatch.setattr(dira.TargetCounter, "save_pretrained", real)
    result = run(*command, "--budget")
    assert result.exit_code == 0, result.output
    assert (
        "samples/s are made by each of 1 processes" in result.output
        and "0 of 3 steps are left" in result.output
    )
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]
    card = json.loads((tmp_path / "model" / "config.json").read_text())["history"]
    assert card["stream"]["uses"] == 2 and card["samples"] == 12


def test_several_stores_are_one(scenario, tmp_path):
    a, b = (
        write(
            make_samples(scenario, seed=seed, indices=range(6)).assign(split=("sample", ["train"] * 6)),
            tmp_path / f,
        )
        for seed, f in ((1, "a.zarr"), (2, "b.zarr"))
    )
    result = run("train", "counter", a, b, "-o", tmp_path / "model", *RUN)
    assert result.exit_code == 0, result.output
    history = dira.TargetCounter.from_pretrained(tmp_path / "model").history
    assert history["samples"] == 12 and history["store"] == "a.zarr,b.zarr"
    out = ("-o", tmp_path / "other", *RUN)
    coherent = scenario.model_copy(
        update={"spectrum": scenario.spectrum.model_copy(update={"combine": "coherent"})}
    )
    write(make_samples(coherent, seed=1, indices=range(2)), tmp_path / "coherent.zarr")
    assert "combine coherent where" in refused("train", "counter", a, tmp_path / "coherent.zarr", *out)
    assert "given twice" in refused("train", "counter", a, a, *out)
    assert "give the stores" in refused("train", "counter", *out)
    assert "not both" in refused("train", "counter", a, "--stream", "default", *out)
    assert "are for --stream" in refused("train", "counter", a, "--uses", 2, *out)
