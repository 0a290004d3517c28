"""Purification against algorithm 1 written out word by word, and against diffusers' scheduler where nothing guides."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from numpy.typing import NDArray
from torch import nn
from torchmetrics.functional.image import structural_similarity_index_measure

import dira
from dira.config import Axes
from dira.models.purifier import gradient
from dira.models.sampling import generators

pytestmark = pytest.mark.numerical

# Few and large steps, so that each factor of each step weighs: √ᾱ is 0.47 at step 8 and 0.0007 at the last one.
SHORT = {"steps": 20, "beta_start": 1e-4, "beta_end": 0.9}
LONG = {"steps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
PREDICTIONS = pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
Walk = list[tuple[int, int, torch.Tensor]]


class Waves(nn.Module):
    """Predicts what differs from step to step, of neighbouring bins; keeps its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(
        self, noisy: torch.Tensor, step: torch.Tensor, labels: None = None, given: None = None
    ) -> torch.Tensor:
        self.seen.append(noisy.clone())
        return torch.sin(noisy.roll(1, dims=-1) + 2 * step[:, None, None, None].to(noisy))


def purifier(prediction: str, schedule: dict[str, Any], *, channels: int = 2) -> tuple[dira.Purifier, Waves]:
    """Make a purifier that needs no training, and its network."""
    made, network = dira.Purifier(prediction=prediction, schedule=schedule), Waves()
    made.network, made.axes = network, Axes(channels=channels, bins_acceleration=16, bins_jerk=16)
    return made, network


def noisy_spectra(n: int, channels: int = 2) -> NDArray[np.float32]:
    return 7 * np.random.default_rng(0).random((n, channels, 16, 16), np.float32) ** 4


def distance_of(x: torch.Tensor, y: torch.Tensor, distance: str) -> torch.Tensor:
    """D of eq. (37), summed over pixels, of each sample."""
    if distance == "mse":
        return ((x - y) ** 2).sum(dim=(1, 2, 3))
    likeness = structural_similarity_index_measure(x + 1, y + 1, data_range=2.0, reduction="none")
    assert isinstance(likeness, torch.Tensor)
    return x[0].numel() * (1 - likeness)


def algorithm_1(
    spectrum: NDArray[np.float32],
    chance: torch.Generator,
    *,
    prediction: str,
    schedule: dict[str, Any],
    t_star: int,
    rounds: int,
    distance: str = "ssim",
    reference: str = "diffused",
    scale: float = 1.0,
    gamma: float = 1.0,
) -> Walk:
    """One spectrum by METHOD section 5 (eq. 27-39) in float64: round, t and x_t on the model's scale at each step."""
    predict = Waves()
    beta = np.append(0, np.linspace(schedule["beta_start"], schedule["beta_end"], schedule["steps"]))
    alpha_bar = np.cumprod(1 - beta)  # ᾱ_0 = 1
    steps: Walk = []

    def noise() -> torch.Tensor:
        return torch.randn(spectrum.shape, generator=chance).double()[None]

    p = torch.from_numpy(2 * (spectrum / spectrum.max()).astype(float) ** 0.25 - 1)[None]
    for w in range(1, rounds + 1):
        given = p
        p = alpha_bar[t_star] ** 0.5 * given + (1 - alpha_bar[t_star]) ** 0.5 * noise()  # (27)
        steps.append((w, t_star, p))
        for t in range(t_star, 0, -1):
            signal, rest = alpha_bar[t] ** 0.5, (1 - alpha_bar[t]) ** 0.5
            made = predict(p, torch.tensor([t - 1]))  # diffusers counts steps from 0
            clean = (p - rest * made) / signal if prediction == "epsilon" else signal * p - rest * made
            # The noise that leaves a clean spectrum within -1..1, in the mean of Ho et al. 2020, eq. 11.
            left = (p - signal * clean.clamp(-1, 1)) / rest
            mean = (p - beta[t] / rest * left) / (1 - beta[t]) ** 0.5
            variance = beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])
            if t == 1:
                p = mean
            else:
                if scale > 0:
                    near = given
                    if reference == "diffused":
                        near = alpha_bar[t - 1] ** 0.5 * given + (1 - alpha_bar[t - 1]) ** 0.5 * noise()
                    at = mean.requires_grad_(True)
                    (slope,) = torch.autograd.grad(distance_of(at, near, distance).sum(), at)
                    strength = scale * 3 * rest / (gamma * signal)  # (39)
                    mean = mean.detach() - strength * variance * slope  # (33), (37)
                p = mean + variance**0.5 * noise()
            steps.append((w, t - 1, p))
    return steps


@PREDICTIONS
@pytest.mark.parametrize(
    ("schedule", "t_star", "rounds", "distance", "reference", "scale", "gamma"),
    [
        (SHORT, 8, 1, "ssim", "diffused", 0.1, 0.5),
        (SHORT, 8, 1, "ssim", "input", 0.1, 0.5),
        (SHORT, 8, 1, "mse", "diffused", 0.1, 0.5),
        (SHORT, 8, 1, "mse", "input", 0.1, 0.5),
        (SHORT, 6, 3, "ssim", "diffused", 0.3, 2.0),
        (SHORT, 6, 3, "mse", "input", 0.3, 2.0),
        (SHORT, 1, 2, "ssim", "diffused", 1.0, 1.0),
        (SHORT, 20, 1, "ssim", "diffused", 0.0, 1.0),
        (LONG, 15, 2, "ssim", "diffused", 20.0, 1.0),
    ],
)
def test_every_step_is_algorithm_1(
    prediction: str,
    schedule: dict[str, Any],
    t_star: int,
    rounds: int,
    distance: str,
    reference: str,
    scale: float,
    gamma: float,
) -> None:
    model, network = purifier(prediction, schedule)
    spectra, how = noisy_spectra(3), {"t_star": t_star, "rounds": rounds, "scale": scale, "gamma": gamma}
    how |= {"distance": distance, "reference": reference}
    got = model.enhance(spectra, seed=4, batch_size=2, **how)
    walks = [
        algorithm_1(spectrum, own, prediction=prediction, schedule=schedule, **how)
        for spectrum, own in zip(spectra, generators(4, 0, 3), strict=True)
    ]
    # Batches of two and of one, one after the other; ours in float32: its errors, some 2e-5 by the last
    # step, are far below 1e-3, and that is far below the pull of 0.1 and more.
    inputs = [[x for _, t, x in walk if t > 0] for walk in walks]
    wanted = [torch.cat(pair) for pair in zip(*inputs[:2], strict=True)] + inputs[2]
    assert len(network.seen) == len(wanted)
    for ours, theirs in zip(network.seen, wanted, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-3, rtol=1e-3)
    last = torch.cat([walk[-1][2] for walk in walks]).float().numpy()
    np.testing.assert_allclose(got, model.config.scaling.projected(last), atol=2e-3)


@PREDICTIONS
@pytest.mark.parametrize(("schedule", "t_star"), [(SHORT, 20), (LONG, 30)])
def test_without_guidance_it_is_ancestral_sampling(
    prediction: str, schedule: dict[str, Any], t_star: int
) -> None:
    model, network = purifier(prediction, schedule)
    spectra, own = noisy_spectra(2), generators(9, 0, 2)
    got = model.enhance(spectra, t_star, 1, scale=0.0, seed=9)
    theirs: Any = DDPMScheduler(
        schedule["steps"],
        schedule["beta_start"],
        schedule["beta_end"],
        prediction_type=prediction,
        clip_sample=True,
    )
    noise = torch.stack([torch.randn((2, 16, 16), generator=g) for g in own])
    given = torch.from_numpy(model.config.scaling.to_model(spectra))
    x = theirs.add_noise(given, noise, torch.tensor([t_star - 1] * 2))
    other = Waves()
    for step in range(t_star - 1, -1, -1):
        predicted = other(x, torch.tensor([step] * 2))
        x = theirs.step(predicted, step, x, generator=own).prev_sample
    for ours, wanted in zip(network.seen, other.seen, strict=True):
        torch.testing.assert_close(ours, wanted, atol=1e-3, rtol=1e-3)
    np.testing.assert_allclose(got, model.config.scaling.projected(x.numpy()), atol=2e-3)


def test_one_pull_is_as_strong_as_equation_39_says() -> None:
    # x_1 with and without guidance, of the same noise: apart by s' σ² · 2 (μ - P).
    found = {}
    for scale in (0.0, 0.7):
        model, network = purifier("epsilon", {"steps": 20, "beta_start": 0.2, "beta_end": 0.9})
        spectra = noisy_spectra(1)
        model.enhance(spectra, 2, 1, "mse", reference="input", scale=scale, gamma=1.3, seed=0)
        found[scale] = network.seen[1]
    given = torch.from_numpy(model.config.scaling.to_model(spectra))
    (own,) = generators(0, 0, 1)
    _, z = (torch.randn((2, 16, 16), generator=own) for _ in range(2))
    beta_1, beta_2 = 0.2, 0.2 + 0.7 / 19
    share = (1 - beta_1) * (1 - beta_2)
    variance = beta_2 * beta_1 / (1 - share)
    strength = 0.7 * 3 * ((1 - share) / share) ** 0.5 / 1.3
    mean = found[0.0] - variance**0.5 * z
    shift = -strength * variance * 2 * (mean - given)
    # Differences of float32 numbers up to 4, of some twenty roundings each.
    torch.testing.assert_close(found[0.7] - found[0.0], shift, atol=1e-5, rtol=1e-5)
    assert shift.abs().max() > 0.1


def test_a_watcher_is_told_every_step_of_every_round() -> None:
    model, _ = purifier("epsilon", SHORT)
    spectra, how = noisy_spectra(3), {"t_star": 4, "rounds": 2, "scale": 0.1}
    told: dict[tuple[int, int, int], NDArray[np.float32]] = {}

    def watch(first: int, number: int, t: int, x: NDArray[np.float32]) -> None:
        told[first, number, t] = x

    model.enhance(spectra, seed=1, batch_size=2, watch=watch, **how)
    assert list(told) == [(i, w, t) for i in (0, 2) for w in (1, 2) for t in (4, 3, 2, 1, 0)]
    own = generators(1, 2, 3)[0]
    for w, t, x in algorithm_1(spectra[2], own, prediction="epsilon", schedule=SHORT, **how):
        wanted = model.config.scaling.from_model(x.float().numpy())
        # A round's result may have its highest bin set to Pmax.
        off = np.sort(np.abs(told[2, w, t] - wanted).ravel())
        assert off[-1 if t else -2] < 2e-3


class Share(Waves):
    """Predicts a multiple of its input."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(
        self, noisy: torch.Tensor, step: torch.Tensor, labels: None = None, given: None = None
    ) -> torch.Tensor:
        self.seen.append(noisy.clone())
        return self.factor * noisy


@pytest.mark.parametrize(
    # At step 1 √(1-ᾱ) is 0.01: noise of 50 times the input leaves half of it.
    ("kind", "factor", "how"),
    [(dira.Purifier, 50.0, {"t_star": 1, "rounds": 1, "seed": 1}), (dira.PairedDenoiser, 0.5, {})],
)
def test_the_highest_bin_of_a_result_is_pmax_and_the_others_stay(
    kind: Any, factor: float, how: dict[str, int]
) -> None:
    model, network = kind(), Share(factor)
    model.network, model.axes = network, Axes(channels=1, bins_acceleration=16, bins_jerk=16)
    made = model.enhance(noisy_spectra(3, channels=1)[:, 0], **how)
    assert made.shape == (3, 16, 16) and made.dtype == np.float32
    wanted = ((network.seen[0].numpy() / 2 + 1) / 2).reshape(3, -1) ** 4
    assert wanted.max() < 0.5
    wanted[np.arange(3), wanted.argmax(axis=1)] = 1
    np.testing.assert_allclose(made.reshape(3, -1), wanted, atol=1e-4)


@pytest.mark.parametrize("distance", ["mse", "ssim"])
def test_the_gradient_is_the_distance_s(distance: Any) -> None:
    chance = np.random.default_rng(0)
    x, reference = (torch.from_numpy(chance.uniform(-1, 1, (1, 2, 8, 8))) for _ in range(2))
    h = 1e-5
    bumps = h * torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape[1:])
    up, down = (distance_of(x + s * bumps, reference.expand_as(bumps), distance) for s in (1, -1))
    slope = ((up - down) / (2 * h)).reshape(x.shape)
    torch.testing.assert_close(gradient(x, reference, distance), slope, atol=1e-6, rtol=1e-5)
    assert slope.abs().max() > 0.1
    # Against the reference itself nothing pulls; away from it the distance falls along the negative gradient.
    assert gradient(reference, reference, distance).abs().max() < 1e-6
    walk = [x]
    for _ in range(5):
        walk.append(walk[-1] - 0.05 * gradient(walk[-1], reference, distance))
    far = [float(distance_of(at, reference, distance)) for at in walk]
    assert all(after < before for before, after in pairwise(far))


def test_the_pull_of_ssim_is_as_strong_at_grey_as_elsewhere() -> None:
    chance = torch.Generator().manual_seed(0)
    noise = 0.17 * torch.randn((2, 16, 1, 32, 32), generator=chance)
    grey, light = (gradient(level + noise[0], level + noise[1], "ssim").abs().mean() for level in (0.0, 0.5))
    assert float(grey / light) == pytest.approx(1, abs=0.1)
