"""The command that makes the weights, from data to record, with networks that are hardly trained."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

import dira
from dira.metrics import distances as metrics
from dira.pretraining import make_weights as pretraining
from dira.pretraining import measures as pretraining_measures
from dira.training.train import Training
from isacsim.errors import InputError


def test_it_goes_from_data_to_weights_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "SCENARIOS", ("default",))
    monkeypatch.setattr(pretraining, "PER_CLASS", dict.fromkeys((3, 4, 5, 6, 7), 6))
    monkeypatch.setattr(pretraining, "SPLITS", {"train": 0.4, "validation": 0.2, "test": 0.4})
    monkeypatch.setattr(pretraining, "ENHANCED", {"validation": 2, "test": 2})
    monkeypatch.setattr(pretraining, "COUNTED", dict.fromkeys((3, 4, 5, 6, 7), 1))
    monkeypatch.setattr(pretraining, "ENHANCE", {2: (0.0, 1.0), 3: (1.0,)})
    monkeypatch.setattr(pretraining, "CHOSEN_ON", 2)
    monkeypatch.setattr(pretraining, "UNET", {"blocks": (8, 16), "patch": 4})
    monkeypatch.setattr(pretraining, "COUNTER_NETWORK", {"width": 8, "augment": True})
    few = {"per_class": dict.fromkeys((3, 4, 5, 6, 7), 1), "steps": 2, "width": 8}
    monkeypatch.setattr(pretraining, "FEATURES", few)
    monkeypatch.setattr(pretraining_measures, "frechet_distance", partial(metrics.frechet_distance, least=2))
    work, weights = tmp_path / "work", tmp_path / "weights"
    steps = dict.fromkeys(("purifier_steps", "denoiser_steps", "generator_steps", "counter_steps"), 2)
    pretraining.make_weights(work, weights, **steps, seed=3, device="cpu", precision="no")
    record = json.loads((weights / "record.json").read_text())
    assert record["machine"]["processor"] and record["samples"] == {
        "train": 12,
        "validation": 6,
        "test": 12,
        "counted": 5,
    }
    chance = {"all zero", "clean of another sample"}
    assert set(record["purifier"]) == {"spectra", "noisy", "enhanced", "paired denoiser"} | chance
    assert record["generator"]["kernel"]["real"] == 12
    tried = record["enhance"]["rows"]
    assert [(row["t_star"], row["scale"]) for row in tried] == [(2, 0.0), (2, 1.0), (3, 1.0)]
    best = max(tried, key=lambda row: row["ssim"])
    assert dira.Purifier.from_pretrained(weights / "Purifier" / "one_antenna").chosen == {
        "t_star": best["t_star"],
        "rounds": 1,
        "scale": best["scale"],
    }
    for kind in (dira.Purifier, dira.PairedDenoiser, dira.TargetCounter, dira.ConditionalDiffusion):
        model = kind.from_pretrained(weights / kind.__name__ / "one_antenna")
        assert model.axes is not None and model.axes.made_with["lags"] == "positive"
        assert model.history["seed"] == 3 and model.history["data_seed"] == pretraining.DATA_SEED
    assert dira.TargetCounter.from_pretrained(weights / "TargetCounter" / "one_antenna").config.augment
    generator = dira.ConditionalDiffusion.from_pretrained(weights / "ConditionalDiffusion" / "one_antenna")
    made = generator.sample({"n_targets": [3], "scenario": ["default"]}, seed=0, steps=1, sampler="dpm")
    assert made.shape == (1, 64, 64)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the models are trained already")

    monkeypatch.setattr(Training, "rate", never)
    pretraining.make_weights(work, weights, **steps, seed=3, device="cpu", precision="no")
    (tmp_path / "full" / "spectra.zarr").mkdir(parents=True)
    with pytest.raises(InputError, match=r"full is not empty and has no record\.json; choose another --work"):
        pretraining.make_weights(tmp_path / "full", weights, **steps, seed=3, device="cpu", precision="no")
    with pytest.raises(
        InputError, match=r"begun with steps .*'counter': 2.*, not .*'counter': 3.*choose another --work"
    ):
        pretraining.make_weights(
            work, weights, **steps | {"counter_steps": 3}, seed=3, device="cpu", precision="no"
        )
