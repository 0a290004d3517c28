"""Models and checkpoints that were changed since: refused before anything is built, in one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import dira
from dira.models.files import CONFIG, WEIGHTS
from dira.training.threads import on_threads
from isacsim.errors import InputError

SPECTRA = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
LABELS = [3, 4] * 4


def trained(**options):
    return dira.TargetCounter(width=8).fit(SPECTRA, LABELS, steps=2, batch_size=4, **options)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return trained().save_pretrained(tmp_path_factory.mktemp("models") / "counter")


@pytest.fixture
def folder(saved, tmp_path):
    for name in (CONFIG, WEIGHTS):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    return tmp_path


def change(folder, what, value, *, sign=True):
    content = json.loads((folder / CONFIG).read_text())
    *outer, last = what.split(".")
    inner = content
    for name in outer:
        inner = inner[name]
    inner[last] = value
    if sign:  # as somebody would who means it
        del content["sha256"]
    (folder / CONFIG).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("what", "value", "sentence"),
    [
        ("config.width", 10**6, "less than or equal to 1024"),
        ("config.width", 16, "asks for .* the weights have"),
        ("axes.bins_jerk", 10**9, "less than or equal to 4096"),
        ("classes.n_targets", "34", "must be a list"),
        ("classes.n_targets", [3, "four"], "must be a list"),
        ("classes.n_targets", [3, 3], "twice"),
        ("classes.n_targets", list(range(9)), "asks for .* the weights have"),
        ("classes", [], "classes in config.json must be a mapping"),
        ("model", 3, "model in config.json must be a text"),
    ],
)
def test_a_configuration_that_cannot_be_builds_nothing(folder, monkeypatch, what, value, sentence):
    change(folder, what, value)
    monkeypatch.setattr("dira.models.model.read_weights", lambda *_: pytest.fail("the weights were read"))
    with pytest.raises(InputError, match=sentence):
        dira.TargetCounter.from_pretrained(folder)


def test_changed_weights_and_configurations_are_no_model(folder):
    dira.TargetCounter.from_pretrained(folder)
    file = folder / WEIGHTS
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors is not what was saved"):
        dira.TargetCounter.from_pretrained(folder)
    content[-5] ^= 1
    file.write_bytes(content)
    change(folder, "config.temperature", 2.0, sign=False)
    with pytest.raises(InputError, match=r"config\.json is not what was saved"):
        dira.TargetCounter.from_pretrained(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(folder, value):
    change(folder, "history", {})
    weights = load_file(folder / WEIGHTS)
    name = next(name for name, one in weights.items() if one.is_floating_point())
    weights[name].view(-1)[0] = value
    save_file(weights, folder / WEIGHTS)
    with pytest.raises(InputError, match="holds NaN or infinite"):
        dira.TargetCounter.from_pretrained(folder)


def test_a_changed_checkpoint_is_never_resumed(tmp_path):
    trained(checkpoints=tmp_path, every=1)
    newest = tmp_path / "step-00000002"
    for name in ("network.safetensors", "optimiser.safetensors", "state.json"):
        file = newest / name
        before = file.read_bytes()
        changed = bytearray(before)
        changed[len(changed) // 2] ^= 1
        for content in (bytes(changed), b"[]", b"[" * 10_000, b""):
            file.write_bytes(content)
            with pytest.raises(InputError, match="this checkpoint is damaged"):
                trained(checkpoints=tmp_path, every=1)
        file.write_bytes(before)
    trained(checkpoints=tmp_path, every=1)


def test_what_a_kill_left_of_a_checkpoint_goes(tmp_path):
    left = tmp_path / ".step-00000001-4194304000"  # no such process can be
    left.mkdir()
    (left / "network.safetensors").write_bytes(b"half")
    trained(checkpoints=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002"]


def test_training_has_the_threads_that_it_says_whatever_was_set():
    seen = []
    before = torch.get_num_threads()
    with on_threads(2):
        trained(threads=1, progress=lambda *_: seen.append(torch.get_num_threads()))
        assert torch.get_num_threads() == 2
    assert seen == [1, 1] and torch.get_num_threads() == before


def test_a_checkpoint_of_another_number_of_threads_is_refused(tmp_path):
    trained(checkpoints=tmp_path, threads=1)
    with pytest.raises(InputError, match=r"training\.threads 1 there, 2 here"):
        trained(checkpoints=tmp_path, threads=2)
