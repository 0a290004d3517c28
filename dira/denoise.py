"""What else takes noise out of a spectrum: a denoiser trained on pairs, and two methods that are not trained."""

from __future__ import annotations

from os import PathLike
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from torch import nn

from dira.config import Axes, Config, Scaling, UNetConfig, at_least_one, validated
from dira.model import Model
from dira.spectra import read_spectra, shaped_as
from dira.training import Progress, Training, accelerator
from dira.unet import SpectrumUNet
from isacsim.errors import InputError

__all__ = ["PairedDenoiser", "clean_deconvolution", "soft_threshold"]


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


def soft_threshold(spectra: Any, *, quantile: float = 0.9) -> NDArray[np.float32]:
    """Take off each spectrum the magnitude below which the given share of its bins lies; what is left, not below zero.

    Parameters
    ----------
    spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
        Linear magnitudes.
    quantile : float
        That share, from 0 to below 1.

    Returns
    -------
    numpy.ndarray, float32, of the spectra's shape
        Linear magnitudes.

    Raises
    ------
    InputError
        If the quantile is below 0, or 1 or more.
    """
    if not 0 <= quantile < 1:
        raise InputError(f"quantile must be at least 0 and below 1, got {quantile!r}.")
    values, _ = read_spectra(spectra)
    level = np.quantile(values, quantile, axis=(2, 3), keepdims=True)
    return shaped_as(np.asarray(np.maximum(values - level, 0), np.float32), spectra)


def clean_deconvolution(
    spectra: Any,
    response: ArrayLike,
    *,
    gain: float = 0.3,
    floor_db: float = -20.0,
    iterations: int = 200,
    restore: Literal["response", "beam"] = "response",
) -> NDArray[np.float32]:
    """CLEAN (Högbom 1974): take scaled responses off at the highest bin again and again, and put them back on nothing.

    Parameters
    ----------
    spectra : array_like, shape (sample, acceleration, jerk)
        Linear magnitudes.
    response : array_like, shape (2 · acceleration - 1, 2 · jerk - 1)
        Magnitude of one path's spectrum, with its peak in the middle: `isacsim.dataset.response.response_of` gives it
        for a data set or a scenario, `isacsim.point_response` for any settings.
    gain : float
        Share of the highest bin that is taken at once, above 0 up to 1.
    floor_db : float
        Stop where the highest bin left is this far below the first one, 10 log10 P.
    iterations : int
        At most so many.
    restore : {"response", "beam"}
        What is put back: the response, whose side lobes the clean spectra of a data set have too, or a Gaussian of its
        main lobe without any, which is what shows peaks.

    Returns
    -------
    numpy.ndarray, float32, of the spectra's shape
        Linear magnitudes.

    Raises
    ------
    InputError
        If the response has another shape or an argument is out of range.

    Notes
    -----
    Magnitudes do not add; paths that interfere leave residues, and cross-terms are taken for paths unless ``floor_db``
    is above them. That is the method's limit here.
    """
    if restore not in ("response", "beam"):
        raise InputError(f"restore must be response or beam, got {restore!r}.")
    if not 0 < gain <= 1 or not floor_db < 0 or iterations < 1:
        raise InputError(
            f"gain must lie in (0, 1], floor_db below 0 and iterations be at least 1; got {gain!r}, {floor_db!r}, "
            f"{iterations!r}."
        )
    values, axes = read_spectra(spectra)
    n_a, n_r = axes.bins_acceleration, axes.bins_jerk
    unit = np.asarray(response, np.float32)
    if unit.shape != (2 * n_a - 1, 2 * n_r - 1):
        raise InputError(
            f"response must have the shape {(2 * n_a - 1, 2 * n_r - 1)} for spectra of {(n_a, n_r)}, got "
            f"{unit.shape}."
        )
    unit = unit / unit[n_a - 1, n_r - 1]
    back = unit if restore == "response" else _beam(unit)
    out = np.zeros_like(values)
    for left, made in zip(values.copy().reshape(-1, n_a, n_r), out.reshape(-1, n_a, n_r), strict=True):
        least = left.max() * 10 ** (floor_db / 10)
        for _ in range(iterations):
            i, j = np.unravel_index(left.argmax(), left.shape)
            if left[i, j] <= least or left[i, j] <= 0:
                break
            here = slice(n_a - 1 - i, 2 * n_a - 1 - i), slice(n_r - 1 - j, 2 * n_r - 1 - j)
            taken = gain * left[i, j]
            left -= taken * unit[here]
            made += taken * back[here]
    return shaped_as(out, spectra)


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
