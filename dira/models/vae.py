"""A baseline for expansion: a class-conditional variational autoencoder (Kingma and Welling 2014, Sohn et al. 2015)."""

from __future__ import annotations

from typing import Any, ClassVar, Self, Unpack

import torch
from pydantic import Field
from torch import nn

from dira.config import Axes
from dira.data.spectra import Labels
from dira.models.latent import LatentConfig, LatentModel
from dira.models.model import Classes
from dira.networks.decoder import Generator, stages, widths
from dira.training.options import FitOptions
from dira.training.train import Batch

__all__ = ["ConditionalVAE", "VAEConfig"]


class VAEConfig(LatentConfig):
    """Configuration of a variational autoencoder."""

    beta: float = Field(default=1.0, gt=0, le=1e9)
    """Weight of the latent's divergence from a normal one (Higgins et al. 2017)."""
    noise: float = Field(default=0.1, ge=1e-9, le=1e9)
    """Standard deviation of the pixels about the decoder's, on the model's scale from -1 to 1."""


class _AutoEncoder(nn.Module):
    def __init__(self, config: VAEConfig, axes: Axes, classes: list[int]) -> None:
        super().__init__()
        n = stages(axes)
        wide = widths(config.width, n)
        layers: list[nn.Module] = [nn.Conv2d(axes.channels, wide[0], 3, padding=1), nn.LeakyReLU(0.2)]
        for i in range(n):
            layers += [
                nn.Conv2d(wide[i], wide[i + 1], 4, 2, 1),
                nn.BatchNorm2d(wide[i + 1]),
                nn.LeakyReLU(0.2),
            ]
        self.encoder = nn.Sequential(*layers, nn.Flatten())
        seen = wide[n] * (axes.bins_acceleration // 2**n) * (axes.bins_jerk // 2**n)
        self.conditions = nn.ModuleList(nn.Embedding(c, config.latent) for c in classes)
        self.last = nn.Linear(seen + config.latent * len(classes), 2 * config.latent)
        self.decoder = Generator(config.latent, config.width, axes, classes)

    def forward(
        self, spectra: torch.Tensor, labels: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the decoded spectra and the divergence of each one's latent."""
        parts = [self.encoder(spectra), *(table(labels[:, i]) for i, table in enumerate(self.conditions))]
        mean, log_variance = self.last(torch.cat(parts, 1)).float().chunk(2, 1)
        log_variance = log_variance.clamp(-10, 10)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        return self.decoder(mean + (log_variance / 2).exp() * noise, labels), divergence


class ConditionalVAE(LatentModel):
    """A conditional VAE that makes spectra of each class.

    Parameters
    ----------
    **config
        Fields of `VAEConfig`.

    Examples
    --------
    >>> import numpy as np, dira
    >>> spectra, labels = np.random.default_rng(0).random((8, 16, 16)), [3, 4] * 4
    >>> vae = dira.ConditionalVAE(width=8).fit(spectra, labels, steps=2, batch_size=4)
    >>> vae.sample([3, 4, 4], seed=1).shape
    (3, 16, 16)
    """

    Settings = VAEConfig
    config: VAEConfig
    training_defaults: ClassVar = {"learning_rate": 1e-3, "average": 0.0}

    def build(self, axes: Axes, classes: Classes) -> _AutoEncoder:
        """Make encoder and decoder."""
        return _AutoEncoder(self.config, axes, [len(c) for c in classes.values()])

    def fit(
        self,
        spectra: Any = None,
        labels: Labels | None = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on spectra, to the evidence's lower bound (Kingma and Welling 2014).

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes.
        labels, steps, **options
            As `dira.ConditionalDiffusion.fit`'s; without other wishes the rate is 1e-3, and no average is taken over
            the weights.

        Raises
        ------
        InputError
            If the spectra cannot be halved to about 4 x 4 bins, an argument is out of range, or the checkpoints are of
            another training.
        """
        return self.learn((spectra, labels), steps=steps, **options)

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """Minus the evidence's lower bound, a pixel."""
        clean, labels = batch.tensors
        decoded, divergence = network(clean, labels, batch.normals(self.config.latent))
        error = ((decoded - clean) ** 2).sum(dim=(1, 2, 3)) / (2 * self.config.noise**2)
        total: torch.Tensor = (error + self.config.beta * divergence).mean() / clean[0].numel()
        return total

    def decoder(self, network: Any) -> nn.Module:
        """The decoder alone: sampling has no use for the encoder."""
        decoder: nn.Module = network.decoder
        return decoder
