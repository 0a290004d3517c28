"""What a diffusion model is trained to and how its conditions guide it, with networks that need no training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import dira
from dira.config import Axes
from dira.models.diffusion import DiffusionConfig, diffusion_loss
from dira.models.sampling import guided

pytestmark = pytest.mark.numerical

PREDICTIONS = pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
ALPHAS = torch.from_numpy(np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))


class Listener(nn.Module):
    """Predicts nothing, or what it is told to; keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.heard: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]] = []
        self.answer: torch.Tensor | None = None

    def forward(
        self, noisy: torch.Tensor, step: torch.Tensor, labels: torch.Tensor | None = None, given: None = None
    ) -> torch.Tensor:
        self.heard.append((noisy, step, labels))
        return self.weight * noisy if self.answer is None else self.answer


class Listening(dira.ConditionalDiffusion):
    def build(self, axes: Axes, classes: dict[str, list[int | str]]) -> Any:
        return Listener()


def _loss(network: Listener, clean: torch.Tensor, config: DiffusionConfig) -> float:
    more: dict[str, Any] = {"rows": slice(0, len(clean)), "batch_size": len(clean)}
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        return float(
            diffusion_loss(network, clean, None, config=config, alphas=ALPHAS, generator=generator, **more)
        )


@PREDICTIONS
@pytest.mark.parametrize("min_snr", [None, 0.5, 5.0])
def test_the_loss_is_weighted_as_min_snr_says(prediction: Any, min_snr: float | None) -> None:
    clean = 2 * torch.rand((256, 1, 4, 4), generator=torch.Generator().manual_seed(1)) - 1
    network, config = Listener(), DiffusionConfig(prediction=prediction, min_snr=min_snr)
    found = _loss(network, clean, config)
    ((noisy, step, _),) = network.heard
    share = ALPHAS[step][:, None, None, None]
    # Far from both ends, so that the noise can be told from what the network got.
    noise = (noisy - share.sqrt() * clean) / (1 - share).sqrt()
    assert float(noise.mean()) == pytest.approx(0, abs=0.1) and float(noise.std()) == pytest.approx(
        1, abs=0.1
    )
    assert step.min() < 20 and step.max() > 980
    wanted = noise if prediction == "epsilon" else share.sqrt() * noise - (1 - share).sqrt() * clean
    error = (wanted**2).mean(dim=(1, 2, 3))
    snr = ALPHAS[step] / (1 - ALPHAS[step])
    if min_snr is not None:
        # Hang et al. 2023: min(snr, γ) on the error of the clean spectrum, which the noise's is by snr and the
        # velocity's by snr + 1.
        error = error * snr.clamp(max=min_snr) / (snr if prediction == "epsilon" else snr + 1)
    assert found == pytest.approx(float(error.mean()), rel=1e-4)
    # What was wanted, predicted, is no error at all.
    network.answer = wanted.float()
    assert _loss(network, clean, config) < 1e-6


@pytest.mark.parametrize("drop", [0.0, 0.25])
def test_conditions_are_withheld_from_the_share_that_was_told(drop: float) -> None:
    codes = np.arange(32) % 8
    labels = {"count": codes // 2 + 3, "room": np.array(["hall", "lab"])[codes % 2]}
    # Their level tells which conditions they have; the last bin is Pmax.
    spectra = np.tile(codes[:, None, None] / np.float32(10), (1, 4, 4))
    spectra[:, -1, -1] = 1
    model = Listening(drop_labels=drop, scaling={"power": 1.0})
    model.fit(spectra, labels, steps=80, batch_size=32, average=0.0)
    network: Any = model.network
    noisy, step, given = (torch.cat(parts).numpy() for parts in zip(*network.heard, strict=True))
    withheld = (given == [4, 2]).all(axis=1)
    # 2560 draws: five standard deviations.
    assert withheld.mean() == pytest.approx(drop, abs=5 * np.sqrt(0.25 * 0.75 / 2560))
    assert drop > 0 or not withheld.any()
    # All conditions of a sample or none; where there is little noise, they are the sample's own.
    assert (given[~withheld] < [4, 2]).all()
    clear = ~withheld & (step < 20)
    level = 5 * (noisy.reshape(len(noisy), -1)[clear, :-1].mean(axis=1) + 1)
    assert clear.sum() > 20
    np.testing.assert_array_equal(given[clear] @ [2, 1], np.round(level))


def test_a_model_without_conditions_is_given_none() -> None:
    model = Listening(drop_labels=0.5).fit(np.ones((4, 4, 4)), steps=2, batch_size=2, average=0.0)
    network: Any = model.network
    assert [labels for _, _, labels in network.heard] == [None, None]


class Conditions(nn.Module):
    """Predicts by its labels alone; [2, 3] is "not given"."""

    nothing = (2, 3)

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.randn((3, 4), generator=torch.Generator().manual_seed(0))
        self.calls = 0

    def forward(
        self, noisy: torch.Tensor, step: torch.Tensor, labels: torch.Tensor | None, given: None = None
    ) -> torch.Tensor:
        self.calls += 1
        assert step.shape == (len(noisy),) and (step == 7).all()
        if labels is None:
            return noisy
        return noisy + self.table[labels[:, 0], labels[:, 1]][:, None, None, None]


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0])
def test_guidance_goes_from_without_conditions_to_with_them_and_on(weight: float) -> None:
    network: Any = Conditions()
    values = torch.randn((2, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    made = guided(network, values, torch.tensor(7), torch.tensor([[0, 1], [1, 2]]), weight)
    given, without = torch.stack([network.table[0, 1], network.table[1, 2]]), network.table[2, 3]
    wanted = values + (weight * given + (1 - weight) * without)[:, None, None, None]
    torch.testing.assert_close(made, wanted)
    assert network.calls == (1 if weight == 1 else 2)
    torch.testing.assert_close(guided(network, values, torch.tensor(7), None, weight), values)


def test_a_sample_s_guidance_is_the_one_asked_for() -> None:
    spectra = np.random.default_rng(0).random((4, 8, 8))
    model = dira.ConditionalDiffusion(unet={"blocks": (8, 16)})
    model.fit(spectra, [3, 4, 3, 4], steps=1, batch_size=4)
    three, four = (
        {w: model.sample([n], seed=0, sampler="ddim", steps=3, guidance=w) for w in (0.0, 0.1, 1.0)}
        for n in (3, 4)
    )
    # Without conditions both are one; the further towards them, the further apart.
    np.testing.assert_array_equal(three[0.0], four[0.0])
    apart = [float(np.abs(three[w] ** 0.25 - four[w] ** 0.25).mean()) for w in (0.1, 1.0)]
    assert 0 < 3 * apart[0] < apart[1]
