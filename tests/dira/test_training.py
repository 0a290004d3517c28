"""The training loop: its chance, its batches and the precision of its forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import dira
from dira.config import Axes
from dira.training.source import batches

from .test_models import TINY, spots

pytestmark = pytest.mark.numerical


def test_dropout_has_a_seed_too() -> None:
    spectra, labels = spots(10)
    unet = {**TINY["unet"], "dropout": 0.3}
    first, second = (
        dira.ConditionalDiffusion(**{**TINY, "unet": unet}).fit(spectra, labels, steps=3, batch_size=4)
        for _ in range(2)
    )
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name


def test_every_epoch_takes_every_sample_once() -> None:
    rows = np.concatenate(list(batches(10, 4, seed=1, first=0, last=5)))
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10)) and list(rows[:10]) != list(rows[10:])
    np.testing.assert_array_equal(np.concatenate(list(batches(10, 4, 1, 3, 5))), rows[12:])


class Dtypes(nn.Module):
    """Notes the precision that it works in."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 3, padding=1)
        self.noted: set[torch.dtype] = set()

    def forward(
        self, noisy: torch.Tensor, step: torch.Tensor, labels: None = None, given: None = None
    ) -> torch.Tensor:
        made = self.layer(noisy)
        self.noted |= {made.dtype}
        return made


class Noting(dira.Purifier):
    def build(self, axes: Axes, classes: dict[str, list[int | str]]) -> Any:
        return Dtypes()


def test_precision_is_of_the_forward_pass_and_of_one_training_alone() -> None:
    kept = {}
    # Accelerate would keep the first one for the whole process.
    for precision, wanted in (("no", torch.float32), ("bf16", torch.bfloat16), ("no", torch.float32)):
        model = Noting().fit(
            spots(8)[0],
            steps=20,
            batch_size=8,
            warmup=0,
            learning_rate=1e-2,
            average=0.0,
            precision=precision,
            device="cpu",
        )
        network: Any = model.network
        assert network.noted == {wanted}
        assert {p.dtype for p in network.parameters()} == {torch.float32}
        kept[precision] = np.concatenate([p.detach().numpy().ravel() for p in network.parameters()])
    assert np.abs(kept["bf16"] - kept["no"]).max() == pytest.approx(0, abs=0.02)
    assert not np.array_equal(kept["bf16"], kept["no"])
