"""The paper's baseline: a class-conditional generative adversarial network of spectra (Mirza and Osindero 2014).

Convolutional (Radford et al. 2016), with a projection discriminator (Miyato and Koyama 2018) and the hinge loss.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from dira.config import Axes, Config, Scaling, at_least_one, validated
from dira.data.spectra import Labels, read_labels, read_spectra
from dira.models.model import Model
from dira.models.sampling import sample_latent
from dira.networks.decoder import Generator, stages, widths
from dira.training.checkpoint import Checkpoints
from dira.training.train import Progress, Training, accelerator, batches, digest_of, follow
from isacsim.errors import InputError

__all__ = ["ConditionalGAN", "GANConfig"]


class GANConfig(Config):
    """Configuration of a GAN."""

    latent: int = Field(default=128, ge=1)
    """Length of the noise vector."""
    width: int = Field(default=64, ge=8)
    """Channels at the full resolution; each halving doubles them, up to eight times."""
    scaling: Scaling = Scaling()


class _Discriminator(nn.Module):
    def __init__(self, config: GANConfig, axes: Axes, classes: list[int]) -> None:
        super().__init__()
        n = stages(axes)
        wide = widths(config.width, n)
        layers: list[nn.Module] = [
            spectral_norm(nn.Conv2d(axes.channels, wide[0], 3, padding=1)),
            nn.LeakyReLU(0.2),
        ]
        for i in range(n):
            layers += [spectral_norm(nn.Conv2d(wide[i], wide[i + 1], 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.last = spectral_norm(nn.Linear(wide[n], 1))
        self.conditions = nn.ModuleList(spectral_norm(nn.Embedding(c, wide[n])) for c in classes)

    def forward(self, spectra: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Judge spectra: the higher, the more real; shape (sample,)."""
        seen = self.layers(spectra).sum(dim=(2, 3))
        out: torch.Tensor = self.last(seen)[:, 0]
        for i, table in enumerate(self.conditions):
            out = out + (table(labels[:, i]) * seen).sum(1)
        return out


class ConditionalGAN(Model):
    """A conditional GAN that makes spectra of each class: what the paper compares DiRA with.

    Parameters
    ----------
    **config
        Fields of `GANConfig`.

    Examples
    --------
    >>> import numpy as np, dira
    >>> spectra, labels = np.random.default_rng(0).random((8, 16, 16)), [3, 4] * 4
    >>> gan = dira.ConditionalGAN(width=8).fit(spectra, labels, steps=2, batch_size=4)
    >>> gan.sample([3, 4, 4], seed=1).shape
    (3, 16, 16)
    """

    Settings = GANConfig
    config: GANConfig

    def build(self, axes: Axes, classes: dict[str, list[int | str]]) -> Generator:
        """Make the generator, the part that is kept."""
        return Generator(self.config.latent, self.config.width, axes, [len(c) for c in classes.values()])

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
        best_by: Callable[[ConditionalGAN], float] | None = None,
        **training: Any,
    ) -> Self:
        """Train on spectra, one step of the discriminator and one of the generator at a time.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes.
        labels, steps, device, checkpoints, progress, **training
            As `dira.ConditionalDiffusion.fit`'s, but for what a GAN has not: precision, clip, decay, warmup and
            weight_decay.
        every : int
            Steps between checkpoints, and between calls of ``best_by``.
        best_by : callable, optional
            Called with the model every so many steps, if ``average`` is not 0 for the weights and for their average;
            those of the lowest value are kept (a GAN's last ones may be its worst).

        Raises
        ------
        InputError
            If the spectra can't be halved to about 4 x 4 bins, an argument is out of range, the checkpoints are of
            another training, or ``best_by`` gives no finite number.
        """
        given = {"decay": "none", "average": 0.0, "warmup": 0, **training, "steps": steps}
        how = validated(Training, given, what="fit")
        unused = sorted({"precision", "clip", "decay", "warmup", "weight_decay"} & set(training))
        if unused:
            raise InputError(f"fit: a ConditionalGAN has no {unused[0]}; leave it out.")
        values, axes = read_spectra(spectra)
        numbers, classes = read_labels(labels, len(values), None)
        real = torch.from_numpy(self.config.scaling.to_model(values))
        wanted = torch.from_numpy(numbers)
        where = accelerator(device, "no").device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed)
            generator = self.build(axes, classes).to(where).train()
            discriminator = (
                _Discriminator(self.config, axes, [len(c) for c in classes.values()]).to(where).train()
            )
        # One optimiser of both: it leaves alone what has no gradient.
        optimiser = torch.optim.Adam(
            [*generator.parameters(), *discriminator.parameters()], how.learning_rate, betas=(0.0, 0.9)
        )
        average = copy.deepcopy(generator).eval().requires_grad_(False) if how.average else None
        best, lowest = copy.deepcopy(generator), torch.tensor(float("inf"), dtype=torch.float64)
        kept = nn.ModuleDict({"generator": generator, "discriminator": discriminator, "best": best})
        kept.register_buffer("lowest", lowest)
        at_least_one(every, name="every")
        self.axes, self.classes, self.network = axes, classes, generator
        stored, state, begun = None, dict[str, Any](), time.perf_counter()
        if checkpoints is not None:
            identity = {
                "training": how.model_dump(mode="json"),
                "data": digest_of([real, wanted]),
                "every": every if best_by else None,
                **self.identity(axes, classes),
            }
            stored = Checkpoints(Path(checkpoints), json.loads(json.dumps(identity)))
            state = stored.load(kept, average, optimiser)
        before = state.get("seconds", 0.0)
        rows_of = batches(len(real), how.batch_size, how.seed, state.get("step", 0), how.steps)
        for step, rows in enumerate(rows_of, start=state.get("step", 0)):
            chosen = torch.from_numpy(rows)
            shown, of = real[chosen].to(where), wanted[chosen].to(where)
            chance = torch.Generator().manual_seed(step + 1_000_003 * how.seed)
            noise = torch.randn((2, len(rows), self.config.latent), generator=chance).to(where)
            made = generator(noise[0], of)
            loss = (
                functional.relu(1 - discriminator(shown, of)).mean()
                + functional.relu(1 + discriminator(made.detach(), of)).mean()
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            (-discriminator(generator(noise[1], of), of).mean()).backward()
            discriminator.zero_grad(set_to_none=True)
            optimiser.step()
            if average is not None:
                follow(average, generator, min(how.average, (1 + step) / (10 + step)))
            pause = (step + 1) % every == 0 or step + 1 == how.steps
            if best_by is not None and pause:
                for one in (generator,) if average is None else (generator, average):
                    self.network = one
                    value = float(best_by(self))
                    one.to(where)
                    if not np.isfinite(value):
                        raise InputError(
                            f"best_by must give a finite number, got {value} after {step + 1} steps."
                        )
                    if value < lowest:
                        best.load_state_dict(one.state_dict())
                        lowest.fill_(value)
                generator.train()
            if stored is not None and pause:
                seconds = before + time.perf_counter() - begun
                stored.save(step + 1, float(loss.detach()), seconds, kept, average, optimiser)
            if progress is not None:
                progress(step + 1, how.steps, float(loss.detach()))
        if best_by is not None:
            generator = best
        elif average is not None:
            generator = average.requires_grad_(True)
        self.network = generator.cpu().eval()
        self.history = {
            "samples": len(values),
            **how.model_dump(mode="json"),
            "best": None if best_by is None else float(lowest),
            "seconds": round(before + time.perf_counter() - begun, 1),
        }
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
        return sample_latent(self, self.fitted()[0], self.config, labels, n, seed, batch_size, device)
