"""Diffusion from one spectrum to another of the same targets: noise-free to noisy, or noisy to noise-free.

An image-to-image diffusion model (Saharia et al., "Palette", SIGGRAPH 2022): the network is shown one spectrum while
it walks from pure noise to the other. Shown `isacsim.render_spectrum` of chosen kinematics it makes spectra as a room
and a radio would leave them. Shown noisy spectra it samples clean ones that may have caused them.
"""

from __future__ import annotations

from typing import Any, Literal, Self, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dira.config import Axes, ScheduleConfig
from dira.data.spectra import shaped_as
from dira.models.denoiser import paired
from dira.models.diffusion import LossConfig, diffusion_loss
from dira.models.model import Classes, Examples, Model
from dira.models.sampling import generate
from dira.models.schedule import alphas_bar, scheduler
from dira.networks.unet import SpectrumUNet
from dira.training.options import FitOptions
from dira.training.train import Batch, Progress
from isacsim.checks import check_integer

__all__ = ["PairedDiffusion"]


class PairedDiffusionConfig(LossConfig):
    """Configuration of a paired diffusion model."""

    schedule: ScheduleConfig = ScheduleConfig(kind="cosine")
    prediction: Literal["epsilon", "v_prediction"] = "v_prediction"
    min_snr: float | None = 5.0


class PairedDiffusion(Model):
    """A diffusion model of spectra, given another spectrum of the same targets.

    Parameters
    ----------
    **config
        Fields of `dira.models.diffusion.LossConfig`.

    Examples
    --------
    >>> import numpy as np, dira
    >>> clean, noisy = np.random.default_rng(0).random((2, 8, 16, 16))
    >>> model = dira.PairedDiffusion(unet={"blocks": (16, 32)}).fit(clean, noisy, steps=2, batch_size=4)
    >>> model.sample(clean[:3], seed=1, steps=2).shape
    (3, 16, 16)
    """

    Settings = PairedDiffusionConfig
    config: PairedDiffusionConfig
    title = "the paired diffusion model"
    variables = ("aj_clean", "aj_noisy")

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.alphas = alphas_bar(self.config.schedule)

    def build(self, axes: Axes, classes: Classes) -> SpectrumUNet:
        """Make the network."""
        shape = (axes.bins_acceleration, axes.bins_jerk)
        return SpectrumUNet(self.config.unet, channels=axes.channels, shape=shape, given=axes.channels)

    def fit(
        self,
        given: Any = None,
        wanted: Any = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on pairs.

        Parameters
        ----------
        given, wanted : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes, of the same samples: those that the network is shown, and those that it is to make.
        steps, **options
            As `dira.ConditionalDiffusion.fit`'s. A stream gives ``aj_clean`` and ``aj_noisy``.

        Raises
        ------
        InputError
            If shapes or axes of the two differ, an argument is out of range, or the checkpoints are of another
            training.
        """
        return self.learn((given, wanted), steps=steps, **options)

    def examples(self, *learnt_from: Any) -> Examples:
        """Pairs of one shape, on the same axes."""
        given, wanted = learnt_from
        return paired(self, given, wanted, names=("given", "wanted"))

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """`dira.models.diffusion.diffusion_loss` of the wanted spectra."""
        given, wanted = batch.tensors
        return diffusion_loss(
            network,
            wanted,
            None,
            config=self.config,
            alphas=self.alphas,
            generator=batch.generator,
            rows=batch.rows,
            batch_size=batch.size,
            given=given,
        )

    @torch.no_grad()
    def sample(
        self,
        given: Any,
        *,
        seed: int,
        sampler: str = "dpm",
        steps: int | None = None,
        batch_size: int = 64,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """Generate a spectrum for each that is given, from pure noise.

        Parameters
        ----------
        given : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes, e.g. `isacsim.render_spectrum` of chosen paths.
        seed : int
            Sample i depends on (seed, i) alone, up to the rounding of other batch sizes.
        sampler, steps, batch_size, device, progress
            As `dira.ConditionalDiffusion.sample`'s.

        Returns
        -------
        numpy.ndarray, float32, of the given spectra's shape
            Linear magnitudes between 0 and 1, the highest 1.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's, or an argument is out of range.
        """
        _, axes = self.fitted()
        values = self.spectra_of_its_axes(given)
        check_integer("batch_size", batch_size, least=1)
        with self.running(device) as (network, place):
            made = generate(
                network,  # type: ignore[arg-type]  # what `build` made
                axes,
                None,
                len(values),
                walk=lambda: scheduler(
                    sampler, self.config.schedule, prediction=self.config.prediction, steps=steps
                ),
                seed=seed,
                guidance=1.0,
                batch_size=batch_size,
                device=place,
                progress=progress,
                given=self.scaled(values),
            )
        return shaped_as(self.scaling.projected(made), given)
