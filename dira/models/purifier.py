"""Quality enhancement: guided purification by a diffusion model of clean spectra (the paper's eq. 27-39, algorithm 1).

The scheme is that of Wang et al., "Guided diffusion model for adversarial purification", 2022, moved to AJ spectra.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self, Unpack, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from dira.data.spectra import shaped_as
from dira.models.diffusion import Diffusion, add_noise
from dira.models.sampling import normals, seeded_batches
from dira.models.ssim import ssim
from dira.training.options import FitOptions
from dira.training.train import Progress
from isacsim.checks import check_choice, check_integer, check_number

__all__ = ["Purifier"]

Distance = Literal["ssim", "mse"]
Reference = Literal["diffused", "input"]
# (first sample of the batch, round from 1, t, linear magnitudes)
Watch = Callable[[int, int, int, NDArray[np.float32]], None]


class Purifier(Diffusion):
    """An unconditional diffusion model of clean spectra that pulls noisy ones towards what it knows.

    Parameters
    ----------
    **config
        Fields of `dira.models.diffusion.DiffusionConfig`.

    Examples
    --------
    >>> import numpy as np, dira
    >>> clean = np.random.default_rng(0).random((8, 16, 16))
    >>> purifier = dira.Purifier(unet={"blocks": (16, 32)}).fit(clean, steps=2, batch_size=4)
    >>> purifier.enhance(clean[:2], t_star=2, rounds=1, seed=0).shape
    (2, 16, 16)
    """

    title = "the purifier"
    variables = ("aj_clean",)

    def fit(
        self,
        clean: Any = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on clean spectra (eq. 21-26, without conditions).

        Parameters
        ----------
        clean : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes, e.g. ``aj_clean``.
        steps, **options
            As `dira.ConditionalDiffusion.fit`'s.

        Raises
        ------
        InputError
            If an argument is out of range, or the checkpoints are of another training.
        """
        return self.learn((clean, None), steps=steps, **options)

    @property
    def chosen(self) -> dict[str, Any]:
        """Arguments of `enhance` (t_star, rounds, scale) that a validation set chose, by name; empty if none did."""
        return dict(self.history.get("enhance", {}))

    def enhance(
        self,
        spectra: Any,
        t_star: int = 50,
        rounds: int = 2,
        distance: Distance = "ssim",
        *,
        reference: Reference = "diffused",
        scale: float = 1.0,
        gamma: float = 1.0,
        seed: int,
        batch_size: int = 64,
        device: str = "auto",
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> NDArray[np.float32]:
        """Purify spectra (algorithm 1).

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes.
        t_star : int
            Step T* to which a spectrum is diffused (eq. 27) before the reverse steps.
        rounds : int
            Number of rounds W; each round starts from the result of the last one.
        distance : {"ssim", "mse"}
            D of eq. (37): 1 - SSIM or squared error, summed over pixels.
        reference : {"diffused", "input"}
            Reference of D: the round's input with fresh noise of the same step (algorithm 1), or as it is (the text).
        scale : float
            a of eq. (39); 0 switches guidance off.
        gamma : float
            γ of eq. (39), the bound of the spectrum's magnitude on the model's scale.
        seed : int
            Sample i depends on (seed, i) alone, up to the rounding of other batch sizes.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.
        progress : callable, optional
            Called with spectra done, spectra in all, nan.
        watch : callable, optional
            Function that is called after each step. Its arguments are the first sample of the batch, the round, the
            step's t and the batch as linear magnitudes (sample, channel, acceleration, jerk). t = T* is the diffused
            input, t = 0 a round's result.

        Returns
        -------
        numpy.ndarray, float32, of the spectra's shape
            Linear magnitudes between 0 and 1, the highest 1.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's, or an argument is out of range.

        Notes
        -----
        With x the spectrum on the model's scale, μ and σ² the mean and variance of the reverse step, each step does
        ``x ← μ - s'(t) σ² ∇D(μ, reference) + σ z``, ``s'(t) = 3 a √(1-ᾱ_t) / (γ √ᾱ_t)`` (eq. 31-33, 37, 39).
        """
        values = self.spectra_of_its_axes(spectra)
        check_integer("t_star", t_star, least=1, most=len(self.alphas))
        check_integer("rounds", rounds, least=1, most=1000)
        check_integer("batch_size", batch_size, least=1, most=2**31)
        check_choice("distance", distance, get_args(Distance))
        check_choice("reference", reference, get_args(Reference))
        check_number("scale", scale, least=0)
        check_number("gamma", gamma, above=0)
        inputs, out = self.scaled(values), np.empty_like(values)
        with self.running(device) as (_, place):
            for rows, own in seeded_batches(len(values), batch_size, seed):
                batch = inputs[rows].to(place)
                for number in range(1, rounds + 1):
                    see = self._seeing(watch, rows.start, number)
                    batch = self._round(batch, own, t_star, distance, reference, scale / gamma, see)
                out[rows] = self.scaling.projected(batch.cpu().numpy())
                if progress is not None:
                    progress(rows.stop, len(values), float("nan"))
        return shaped_as(out, spectra)

    def _seeing(self, watch: Watch | None, first: int, number: int) -> Callable[[int, torch.Tensor], None]:
        """Return a callback that tells a watcher of a round's steps."""

        def see(t: int, x: torch.Tensor) -> None:
            if watch is not None:
                magnitude = self.scaling.projected if t == 0 else self.scaling.from_model
                watch(first, number, t, magnitude(x.cpu().numpy()))

        return see

    def _round(
        self,
        start: torch.Tensor,
        own: list[torch.Generator],
        t_star: int,
        distance: Distance,
        reference: Reference,
        strength: float,
        see: Callable[[int, torch.Tensor], None],
    ) -> torch.Tensor:
        """Diffuse to T* and walk back, pulled towards the start."""

        def fresh() -> torch.Tensor:
            return normals(start.shape[1:], own).to(start)

        # ᾱ_0 = 1: nothing is added yet.
        alphas = torch.cat([torch.ones(1, dtype=torch.float64), self.alphas])
        x = add_noise(start, fresh(), alphas[t_star].expand(len(start)))
        see(t_star, x)
        for t in range(t_star, 0, -1):
            now, before = float(alphas[t]), float(alphas[t - 1])
            clean = self._denoised(x, t, now)
            # Mean and variance of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, eq. 7).
            alpha = now / before
            mean = (before**0.5 * (1 - alpha) * clean + alpha**0.5 * (1 - before) * x) / (1 - now)
            variance = (1 - before) / (1 - now) * (1 - alpha)
            if strength > 0 and variance > 0:
                near = start
                if reference == "diffused":
                    near = add_noise(start, fresh(), alphas[t - 1].expand(len(start)))
                pull = 3 * strength * ((1 - now) / now) ** 0.5
                mean = mean - pull * variance * gradient(mean, near, distance)
            x = mean + variance**0.5 * fresh() if t > 1 else mean
            see(t - 1, x)
        return x

    @torch.no_grad()
    def _denoised(self, x: torch.Tensor, t: int, share: float) -> torch.Tensor:
        """The clean spectra that the network sees in those of step t, with share ᾱ_t."""
        network, _ = self.fitted()
        step = torch.full((len(x),), t - 1, device=x.device)
        predicted = network(x, step)
        if self.config.prediction == "epsilon":
            clean = (x - (1 - share) ** 0.5 * predicted) / share**0.5
        else:
            clean = share**0.5 * x - (1 - share) ** 0.5 * predicted
        return clean.clamp(-1, 1)


def gradient(values: torch.Tensor, reference: torch.Tensor, distance: Distance) -> torch.Tensor:
    """∇D by the first argument, D summed over pixels: a mean would make any guidance vanish among thousands of them."""
    pixels = values[0].numel()
    with torch.enable_grad():
        x = values.detach().requires_grad_(True)
        if distance == "mse":
            total = ((x - reference) ** 2).sum()
        else:
            # SSIM compares brightness by its product, which tells nothing about zero: from 0 to 2, black is none.
            total = pixels * (1 - ssim(x + 1, reference + 1, data_range=2.0)).sum()
        (slope,) = torch.autograd.grad(total, x)
    return slope
