"""Quantity expansion: a class-conditional diffusion model of AJ spectra (the paper's eq. 21-26, Fig. 2)."""

from __future__ import annotations

from typing import Any, Literal, Self, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from dira.config import Axes, Config, Scaling, ScheduleConfig, UNetConfig
from dira.data.spectra import Labels, count_of, read_labels, unstacked
from dira.models.model import Classes, Examples, Model
from dira.models.sampling import generate
from dira.models.schedule import alphas_bar, scheduler
from dira.networks.unet import SpectrumUNet
from dira.training.options import FitOptions
from dira.training.train import Batch, Progress
from isacsim.checks import check_integer
from isacsim.errors import InputError

__all__ = [
    "ConditionalDiffusion",
    "Diffusion",
    "DiffusionConfig",
    "LossConfig",
    "add_noise",
    "diffusion_loss",
]


class LossConfig(Config):
    """Configuration that every diffusion model has."""

    unet: UNetConfig = UNetConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    scaling: Scaling = Scaling()
    prediction: Literal["epsilon", "v_prediction"] = "epsilon"
    """Target of the network: the noise (Ho et al. 2020) or the velocity (Salimans and Ho 2022)."""
    min_snr: float | None = Field(default=None, gt=0, le=1e9)
    """γ of the min-SNR weighting (Hang et al. 2023), e.g. 5; None: all steps alike (eq. 25)."""


class DiffusionConfig(LossConfig):
    """Configuration of a diffusion model."""

    drop_labels: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training samples whose conditions are withheld: what classifier-free guidance needs."""


def add_noise(clean: torch.Tensor, noise: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """√ᾱ x + √(1-ᾱ) ε (eq. 22), share ᾱ (sample,)."""
    share = share.to(clean)[:, None, None, None]
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def diffusion_loss(
    network: nn.Module,
    clean: torch.Tensor,
    labels: torch.Tensor | None,
    *,
    config: LossConfig,
    alphas: torch.Tensor,
    generator: torch.Generator,
    rows: slice,
    batch_size: int,
    given: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean squared error of the prediction at random steps (eq. 25), drawn for the whole batch."""
    step = torch.randint(len(alphas), (batch_size,), generator=generator)[rows]
    noise = torch.randn((batch_size, *clean.shape[1:]), generator=generator)[rows].to(clean.device)
    share = alphas[step].float().to(clean.device)
    noisy = add_noise(clean, noise, share)
    predicted = network(noisy, step.to(clean.device), labels, given).float()
    wide = share[:, None, None, None]
    target = noise if config.prediction == "epsilon" else wide.sqrt() * noise - (1 - wide).sqrt() * clean
    error = ((predicted - target) ** 2).mean(dim=(1, 2, 3))
    if config.min_snr is not None:
        snr = share / (1 - share)
        weight = snr.clamp(max=config.min_snr)
        error = error * (weight / snr if config.prediction == "epsilon" else weight / (snr + 1))
    return error.mean()


class Diffusion(Model):
    """Base of the conditional and the unconditional model.

    Parameters
    ----------
    **config
        Fields of `DiffusionConfig`.
    """

    Settings = DiffusionConfig
    config: DiffusionConfig
    title = "the generator"

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.alphas = alphas_bar(self.config.schedule)

    def build(self, axes: Axes, classes: Classes) -> SpectrumUNet:
        """Make the network for spectra and conditions."""
        return SpectrumUNet(
            self.config.unet,
            channels=axes.channels,
            shape=(axes.bins_acceleration, axes.bins_jerk),
            classes=[len(values) for values in classes.values()],
        )

    def examples(self, *learnt_from: Any) -> Examples:
        """Spectra, and their conditions if there are any."""
        spectra, labels = (*learnt_from, None)[:2]
        return self.labelled(spectra, labels)

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """`diffusion_loss`, conditions withheld by chance."""
        clean, labels = batch.tensors
        withheld = torch.rand(batch.size, generator=batch.generator)[batch.rows] < self.config.drop_labels
        nothing = torch.tensor([len(values) for values in classes.values()], device=labels.device)
        return diffusion_loss(
            network,
            clean,
            torch.where(withheld.to(labels.device)[:, None], nothing, labels) if classes else None,
            config=self.config,
            alphas=self.alphas,
            generator=batch.generator,
            rows=batch.rows,
            batch_size=batch.size,
        )


class ConditionalDiffusion(Diffusion):
    """A diffusion model of spectra that makes more of each class (the paper's eq. 21-26).

    Parameters
    ----------
    **config
        Fields of `DiffusionConfig`.

    Examples
    --------
    >>> import numpy as np, dira
    >>> spectra, labels = np.random.default_rng(0).random((8, 16, 16)), [3, 4] * 4
    >>> model = dira.ConditionalDiffusion(unet={"blocks": (16, 32)}).fit(spectra, labels, steps=2, batch_size=4)
    >>> model.sample([3, 4, 4], seed=1, sampler="ddim", steps=2).shape
    (3, 16, 16)
    """

    def fit(
        self,
        spectra: Any = None,
        labels: Labels | None = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on spectra.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes.
        labels : array_like or mapping of names to array_like, optional
            Conditions: one array is the number of targets; several by name.
        steps : int
            Optimiser steps.
        **options
            device : {"auto", "cpu", "cuda", "mps"}
                Where.
            checkpoints : path, optional
                Folder to save to every so many steps, and to go on from.
            every : int
                Steps between checkpoints, 1000 without other wishes.
            progress : callable, optional
                Called with steps done, steps in all, running loss.
            batch_size, learning_rate, precision, seed, and so on
                Other fields of `dira.training.train.Training`.

        Raises
        ------
        InputError
            If spectra, labels or an argument are not what they should be, or the checkpoints are of another training.
        """
        return self.learn((spectra, labels), steps=steps, **options)

    @torch.no_grad()
    def sample(
        self,
        labels: Labels | None = None,
        *,
        n: int | None = None,
        seed: int,
        sampler: str = "ddpm",
        steps: int | None = None,
        guidance: float = 1.0,
        batch_size: int = 64,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """Generate spectra from pure noise.

        Parameters
        ----------
        labels : array_like or mapping, optional
            The conditions of each spectrum wanted.
        n : int, optional
            How many, of a model without conditions.
        seed : int
            Sample i depends on (seed, i) alone, up to the rounding of other batch sizes.
        sampler : {"ddpm", "ddim", "dpm"}
            Ancestral, DDIM, DPM-Solver++.
        steps : int, optional
            Network evaluations a spectrum; default 1000, 50, 20.
        guidance : float
            Weight of classifier-free guidance (Ho and Salimans 2022); 1: none. Others need a model trained with
            ``drop_labels``.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.
        progress : callable, optional
            Called with spectra done, spectra in all, nan.

        Returns
        -------
        numpy.ndarray, float32, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes between 0 and 1.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If a label is none of the model's or an argument is out of range.
        """
        _, axes = self.fitted()
        if not np.isfinite(guidance):
            raise InputError(f"guidance must be a finite number, got {guidance!r}.")
        if guidance != 1 and not (self.classes and self.config.drop_labels):
            raise InputError(
                "guidance must be 1 for a model that was trained without withheld conditions (drop_labels), "
                f"got {guidance:g}."
            )
        count = count_of(labels, n)
        numbers, _ = read_labels(labels, count, self.classes)
        check_integer("batch_size", batch_size, least=1)
        with self.running(device) as (network, place):
            values = generate(
                network,  # type: ignore[arg-type]  # what `build` made
                axes,
                numbers if self.classes else None,
                count,
                walk=lambda: scheduler(
                    sampler, self.config.schedule, prediction=self.config.prediction, steps=steps
                ),
                seed=seed,
                guidance=guidance,
                batch_size=batch_size,
                device=place,
                progress=progress,
            )
        return unstacked(self.scaling.projected(values))
