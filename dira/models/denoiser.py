"""Denoiser of a spectrum, trained on pairs of noisy and clean ones."""

from __future__ import annotations

from typing import Any, Self, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dira.config import Axes, Config, Scaling, UNetConfig
from dira.data.spectra import read_spectra, shaped_as
from dira.models.model import Classes, Examples, Model
from dira.networks.unet import SpectrumUNet
from dira.training.options import FitOptions
from dira.training.train import Batch
from isacsim.errors import InputError

__all__ = ["PairedDenoiser", "paired"]


class DenoiserConfig(Config):
    """Configuration of a paired denoiser."""

    unet: UNetConfig = UNetConfig()
    scaling: Scaling = Scaling()


class PairedDenoiser(Model):
    """A network that maps a noisy spectrum to its clean one, trained on pairs.

    Measurements have no such pairs, simulations do: this is what the unpaired purifier has to be compared with. Trained
    to the least squared error, it gives the mean of all clean spectra that a noisy one may come from.

    Parameters
    ----------
    **config
        Fields of `DenoiserConfig`: unet, scaling.

    Examples
    --------
    >>> import numpy as np, dira
    >>> noisy, clean = np.random.default_rng(0).random((2, 8, 16, 16))
    >>> dira.PairedDenoiser(unet={"blocks": (16, 32)}).fit(noisy, clean, steps=2, batch_size=4).enhance(noisy).shape
    (8, 16, 16)
    """

    Settings = DenoiserConfig
    config: DenoiserConfig
    title = "the denoiser"
    variables = ("aj_noisy", "aj_clean")

    def build(self, axes: Axes, classes: Classes) -> SpectrumUNet:
        """Make the network."""
        shape = (axes.bins_acceleration, axes.bins_jerk)
        return SpectrumUNet(self.config.unet, channels=axes.channels, shape=shape)

    def fit(
        self,
        noisy: Any = None,
        clean: Any = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on pairs, to the least squared error on the model's scale.

        Parameters
        ----------
        noisy, clean : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes, of the same samples.
        steps, **options
            As `dira.ConditionalDiffusion.fit`'s.

        Raises
        ------
        InputError
            If shapes or axes of the two differ, an argument is out of range, or the checkpoints are of another
            training.
        """
        return self.learn((noisy, clean), steps=steps, **options)

    def examples(self, *learnt_from: Any) -> Examples:
        """Pairs of one shape, on the same axes."""
        noisy, clean = learnt_from
        return paired(self, noisy, clean, names=("noisy", "clean"))

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """Mean squared error."""
        noisy, clean = batch.tensors
        return ((_cleaned(network, noisy).float() - clean) ** 2).mean()

    def enhance(self, spectra: Any, *, batch_size: int = 256, device: str = "auto") -> NDArray[np.float32]:
        """Take noise and cross-terms out.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        numpy.ndarray, float32, of the spectra's shape
            Linear magnitudes between 0 and 1, the highest 1.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's.
        """
        cleaned = self.run(_cleaned, spectra, batch_size=batch_size, device=device)
        return shaped_as(self.scaling.projected(cleaned), spectra)


def paired(model: Model, first: Any, second: Any, *, names: tuple[str, str]) -> Examples:
    """Take spectra of the same samples as a model's examples.

    Raises
    ------
    InputError
        If shapes or axes of the two differ.
    """
    (inputs, axes), (wanted, other) = read_spectra(first, name=names[0]), read_spectra(second, name=names[1])
    if inputs.shape != wanted.shape:
        raise InputError(
            f"{names[0]} and {names[1]} must be pairs of one shape, got {inputs.shape} and {wanted.shape}."
        )
    axes.check(other, model=f"their {names[0]} ones")
    return Examples(axes, {}, [model.scaled(inputs), model.scaled(wanted)])


def _cleaned(network: nn.Module, noisy: torch.Tensor) -> torch.Tensor:
    """One pass: the network knows one step alone."""
    cleaned: torch.Tensor = network(noisy, torch.zeros(len(noisy), dtype=torch.long, device=noisy.device))
    return cleaned
