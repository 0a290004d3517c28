"""What else takes noise out of a spectrum: a denoiser trained on pairs, and two methods that are not trained."""

from __future__ import annotations

from os import PathLike
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn

from dira.config import Axes, Config, Scaling, UNetConfig, at_least_one, validated
from dira.data.spectra import read_spectra, shaped_as
from dira.models.model import Model
from dira.networks.unet import SpectrumUNet
from dira.training.train import Progress, Training, accelerator
from isacsim.errors import InputError

__all__ = ["PairedDenoiser"]


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

    def build(self, axes: Axes, classes: dict[str, list[int | str]]) -> SpectrumUNet:
        """Make the network."""
        shape = (axes.bins_acceleration, axes.bins_jerk)
        return SpectrumUNet(self.config.unet, channels=axes.channels, shape=shape)

    def fit(
        self,
        noisy: Any,
        clean: Any,
        *,
        steps: int,
        device: str = "auto",
        checkpoints: str | PathLike[str] | None = None,
        every: int = 1000,
        progress: Progress | None = None,
        **training: Any,
    ) -> Self:
        """Train on pairs, to the least squared error on the model's scale.

        Parameters
        ----------
        noisy, clean : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes, of the same samples.
        steps, device, checkpoints, every, progress, **training
            As `dira.ConditionalDiffusion.fit`'s.

        Raises
        ------
        InputError
            If shapes or axes of the two differ, an argument is out of range, or the checkpoints are of another
            training.
        """
        how = validated(Training, {**training, "steps": steps}, what="fit")
        (inputs, axes), (wanted, other) = read_spectra(noisy, name="noisy"), read_spectra(clean, name="clean")
        if inputs.shape != wanted.shape:
            raise InputError(
                f"noisy and clean must be pairs of one shape, got {inputs.shape} and {wanted.shape}."
            )
        axes.check(other, model="their noisy ones")

        def loss(net: nn.Module, batch: Any, generator: torch.Generator, rows: slice) -> torch.Tensor:
            given, aim = batch
            at = torch.zeros(len(given), dtype=torch.long, device=given.device)
            return ((net(given, at).float() - aim) ** 2).mean()

        data = [torch.from_numpy(self.config.scaling.to_model(x)) for x in (inputs, wanted)]
        self.learn(
            axes, {}, loss, data, how, device=device, checkpoints=checkpoints, every=every, progress=progress
        )
        return self

    @torch.no_grad()
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
        network, axes = self.fitted()
        at_least_one(batch_size, name="batch_size")
        values, given = read_spectra(spectra)
        axes.check(given, model="the denoiser")
        where = accelerator(device, "no").device
        network = network.to(where).eval()
        made = []
        for part in torch.from_numpy(self.config.scaling.to_model(values)).split(batch_size):
            at = torch.zeros(len(part), dtype=torch.long, device=where)
            made.append(network(part.to(where), at).cpu())
        network.cpu()
        return shaped_as(self.config.scaling.projected(torch.cat(made).numpy()), spectra)


def _beam(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian of the main lobe, by least squares of the logarithm of what is above a third of the peak."""
    middle = (response.shape[0] // 2, response.shape[1] // 2)
    regions, _ = ndimage.label(response > 1 / 3)
    lobe = regions == regions[middle]
    # A lobe of one bin has no width: its neighbours tell it.
    lobe[middle[0] - 1 : middle[0] + 2, middle[1] - 1 : middle[1] + 2] = True
    a, r = (at - half for at, half in zip(np.indices(response.shape), middle, strict=True))
    fall = -np.log(np.maximum(response[lobe], 1e-6))
    terms = np.stack([a * a, 2 * a * r, r * r], axis=-1)
    weight = response[lobe]
    form, *_ = np.linalg.lstsq(terms[lobe] * weight[:, None], fall * weight, rcond=None)
    return np.asarray(np.exp(-(terms @ form)), np.float32)
