"""Base of the baselines for expansion: spectra of each class made from noise vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from dira.config import Config, Scaling
from dira.data.spectra import Labels, count_of, read_labels, unstacked
from dira.models.model import Examples, Model
from dira.models.sampling import normals, seeded_batches
from isacsim.checks import check_integer

__all__ = ["LatentConfig", "LatentModel"]


class LatentConfig(Config):
    """Configuration of a model that makes spectra from noise vectors."""

    latent: int = Field(default=128, ge=1, le=65_536)
    """Length of the noise vector."""
    width: int = Field(default=64, ge=8, le=1024)
    """Channels at the full resolution; each halving doubles them, up to eight times."""
    scaling: Scaling = Scaling()


class LatentModel(Model):
    """A model that makes spectra from noise vectors.

    Parameters
    ----------
    **config
        Fields of the model's configuration, `Settings`.
    """

    config: LatentConfig
    title = "the generator"

    def examples(self, *learnt_from: Any) -> Examples:
        """Spectra, and their conditions if there are any."""
        spectra, labels = learnt_from
        return self.labelled(spectra, labels)

    @abstractmethod
    def decoder(self, network: nn.Module) -> nn.Module:
        """The part of the network that makes spectra of noise vectors and class numbers."""

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
        _, axes = self.fitted()
        count = count_of(labels, n)
        check_integer("batch_size", batch_size, least=1)
        numbers, _ = read_labels(labels, count, self.classes)
        out = np.empty((count, axes.channels, axes.bins_acceleration, axes.bins_jerk), np.float32)
        with self.running(device) as (network, place):
            decode = self.decoder(network)
            for rows, own in seeded_batches(count, batch_size, seed):
                noise = normals([self.config.latent], own).to(place)
                spectra = decode(noise, torch.from_numpy(numbers[rows]).to(place))
                out[rows] = self.scaling.projected(spectra.cpu().numpy())
        return unstacked(out)
