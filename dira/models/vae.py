"""A baseline for expansion: a class-conditional variational autoencoder (Kingma and Welling 2014, Sohn et al. 2015)."""

from __future__ import annotations

from os import PathLike
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from dira.config import Axes, Config, Scaling, validated
from dira.data.spectra import Labels, read_labels, read_spectra
from dira.models.model import Model
from dira.models.sampling import sample_latent
from dira.networks.decoder import Generator, stages, widths
from dira.training.train import Progress, Training

__all__ = ["ConditionalVAE", "VAEConfig"]


class VAEConfig(Config):
    """Configuration of a variational autoencoder."""

    latent: int = Field(default=128, ge=1)
    """Length of the latent vector."""
    width: int = Field(default=64, ge=8)
    """Channels at the full resolution; each halving doubles them, up to eight times."""
    scaling: Scaling = Scaling()
    beta: float = Field(default=1.0, gt=0)
    """Weight of the latent's divergence from a normal one (Higgins et al. 2017)."""
    noise: float = Field(default=0.1, gt=0)
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


class ConditionalVAE(Model):
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

    def build(self, axes: Axes, classes: dict[str, list[int | str]]) -> _AutoEncoder:
        """Make encoder and decoder."""
        return _AutoEncoder(self.config, axes, [len(c) for c in classes.values()])

    def fit(
        self,
        spectra: Any,
        labels: Labels | None = None,
        *,
        steps: int,
        device: str = "auto",
        checkpoints: str | PathLike[str] | None = None,
        every: int = 1000,
        progress: Progress | None = None,
        **training: Any,
    ) -> Self:
        """Train on spectra, to the evidence's lower bound (Kingma and Welling 2014).

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes.
        labels, steps, device, checkpoints, every, progress, **training
            As `dira.ConditionalDiffusion.fit`'s; without other wishes the rate is 1e-3, and no average is taken over
            the weights.

        Raises
        ------
        InputError
            If the spectra can't be halved to about 4 x 4 bins, an argument is out of range, or the checkpoints are of
            another training.
        """
        given = {"learning_rate": 1e-3, "average": 0.0, **training, "steps": steps}
        how = validated(Training, given, what="fit")
        values, axes = read_spectra(spectra)
        numbers, classes = read_labels(labels, len(values), None)

        def loss(net: nn.Module, batch: Any, generator: torch.Generator, rows: slice) -> torch.Tensor:
            clean, of = batch
            noise = torch.randn((how.batch_size, self.config.latent), generator=generator)[rows].to(
                clean.device
            )
            made, divergence = net(clean, of, noise)
            error = ((made - clean) ** 2).sum(dim=(1, 2, 3)) / (2 * self.config.noise**2)
            # Minus the evidence's lower bound, a pixel.
            total: torch.Tensor = (error + self.config.beta * divergence).mean() / clean[0].numel()
            return total

        data = [torch.from_numpy(self.config.scaling.to_model(values)), torch.from_numpy(numbers)]
        self.learn(
            axes,
            classes,
            loss,
            data,
            how,
            device=device,
            checkpoints=checkpoints,
            every=every,
            progress=progress,
        )
        return self

    @torch.no_grad()
    def sample(
        self,
        labels: Labels | None = None,
        *,
        n: int | None = None,
        seed: int,
        batch_size: int = 256,
        device: str = "auto",
    ) -> NDArray[np.float32]:
        """Generate spectra.

        Parameters
        ----------
        labels : array_like, shape (sample,), or dict of such, optional
            Conditions, as those of `fit`.
        n : int, optional
            How many, for a model without conditions.
        seed : int
            Seed; each spectrum has noise of its own, whatever the batch.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        numpy.ndarray, float32, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes relative to the highest bin, 0 to 1.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If a condition is none of the training's, or it is not said how many.
        """
        network: Any = self.fitted()[0]
        return sample_latent(self, network.decoder, self.config, labels, n, seed, batch_size, device)
