"""The paper's baseline: a class-conditional generative adversarial network of spectra (Mirza and Osindero 2014).

Convolutional (Radford et al. 2016), with a projection discriminator (Miyato and Koyama 2018) and the hinge loss.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, Unpack

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from dira.config import Axes
from dira.data.spectra import Labels
from dira.models.latent import LatentConfig, LatentModel
from dira.models.model import Classes, Examples
from dira.networks.decoder import Generator, stages, widths
from dira.training.options import FitOptions, Whereabouts
from dira.training.source import taken
from dira.training.train import LONGEST_S, Training, checkpoints_of, due, follow, place_for
from isacsim.checks import check_integer
from isacsim.errors import InputError

__all__ = ["ConditionalGAN", "GANConfig"]

# Of a training, what a GAN does without.
_UNUSED = {"precision", "clip", "decay", "warmup", "weight_decay"}


class GANConfig(LatentConfig):
    """Configuration of a GAN."""


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


class _Contest:
    """Generator and discriminator against each other, the generator's average, and the best so far."""

    def __init__(self, players: nn.ModuleDict, latent: int, training: Training) -> None:
        self.generator, self.discriminator = players["generator"], players["discriminator"]
        self.latent, self.training = latent, training
        # One optimiser of both: it leaves alone what has no gradient.
        self.optimiser = torch.optim.Adam(players.parameters(), training.learning_rate, betas=(0.0, 0.9))
        copied = copy.deepcopy(self.generator)
        self.average = copied.eval().requires_grad_(False) if training.average else None
        self.best = copy.deepcopy(self.generator)
        self.state = nn.ModuleDict({**players, "best": self.best})
        """State that checkpoints hold."""
        self.state.register_buffer("lowest", torch.tensor(float("inf"), dtype=torch.float64))
        self.lowest = self.state.get_buffer("lowest")

    def step(self, number: int, spectra: torch.Tensor, labels: torch.Tensor) -> float:
        """One step of the discriminator and one of the generator; the discriminator's loss."""
        chance = torch.Generator().manual_seed(number + 1_000_003 * self.training.seed)
        noise = torch.randn((2, len(spectra), self.latent), generator=chance).to(spectra.device)
        faked = self.generator(noise[0], labels)
        loss = (
            functional.relu(1 - self.discriminator(spectra, labels)).mean()
            + functional.relu(1 + self.discriminator(faked.detach(), labels)).mean()
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        (-self.discriminator(self.generator(noise[1], labels), labels).mean()).backward()
        self.discriminator.zero_grad(set_to_none=True)
        self.optimiser.step()
        if self.average is not None:
            follow(self.average, self.generator, min(self.training.average, (1 + number) / (10 + number)))
        return float(loss.detach())

    def judge(self, value_of: Callable[[nn.Module], float], place: torch.device, steps: int) -> None:
        """Keep the generator or its average as the best if its value is the lowest so far."""
        for candidate in (self.generator,) if self.average is None else (self.generator, self.average):
            value = value_of(candidate)
            candidate.to(place)
            if not np.isfinite(value):
                raise InputError(f"best_by must give a finite number, got {value} after {steps} steps.")
            if value < self.lowest:
                self.best.load_state_dict(candidate.state_dict())
                self.lowest.fill_(value)
        self.generator.train()

    def winner(self, *, judged: bool) -> nn.Module:
        """The generator to keep: the best one, the average, or as it is."""
        if judged:
            return self.best
        return self.generator if self.average is None else self.average.requires_grad_(True)


class ConditionalGAN(LatentModel):
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
    training_defaults: ClassVar = {"decay": "none", "average": 0.0, "warmup": 0}

    def build(self, axes: Axes, classes: Classes) -> Generator:
        """Make the generator, the part that is kept."""
        return Generator(self.config.latent, self.config.width, axes, [len(c) for c in classes.values()])

    def fit(
        self,
        spectra: Any = None,
        labels: Labels | None = None,
        *,
        steps: int,
        best_by: Callable[[ConditionalGAN], float] | None = None,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on spectra, one step of the discriminator and one of the generator at a time.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes.
        labels, steps, **options
            As in `dira.ConditionalDiffusion.fit`. A GAN has no precision, clip, decay, warmup and weight_decay.
            ``every`` is the number of steps between checkpoints, and between calls of ``best_by``.
        best_by : callable, optional
            Function that is called with the model after each ``every`` steps, for the weights and, if ``average`` is
            not 0, for their average. The weights of the lowest value are kept: the last ones of a GAN may be its
            worst.

        Raises
        ------
        InputError
            If the spectra cannot be halved to about 4 x 4 bins, an argument is out of range, the checkpoints are of
            another training, or ``best_by`` gives no finite number.
        """
        return self.learn((spectra, labels), steps=steps, best_by=best_by, **options)

    def training(self, asked: Mapping[str, Any]) -> Training:
        """As every model's, but for what a GAN has not."""
        training = super().training(asked)
        if unused := sorted(_UNUSED & set(asked)):
            raise InputError(f"fit: a ConditionalGAN has no {unused[0]}; leave it out.")
        return training

    def initial(self, axes: Axes, classes: Classes) -> nn.ModuleDict:
        """The generator, and the discriminator that is its opponent while it is trained."""
        generator = self.build(axes, classes)
        discriminator = _Discriminator(self.config, axes, [len(values) for values in classes.values()])
        return nn.ModuleDict({"generator": generator, "discriminator": discriminator})

    def optimise(
        self, network: Any, examples: Examples, training: Training, where: Whereabouts
    ) -> tuple[nn.Module, float, dict[str, Any]]:
        """Let both play; give the generator to keep, seconds, and the lowest value of ``best_by``."""
        check_integer("every", where.every, least=1)
        place, best_by = place_for(where.device).device, where.best_by
        contest = _Contest(network.to(place).train(), self.config.latent, training)
        self.axes, self.classes = examples.axes, examples.classes
        identity = {"every": where.every if best_by else None, **self.identity(self.axes, self.classes)}
        stored = checkpoints_of(where.checkpoints, training, examples.tensors, identity)
        begun = time.perf_counter()
        state = {} if stored is None else stored.load(contest.state, contest.average, contest.optimiser)
        first, before = state.get("step", 0), state.get("seconds", 0.0)

        def value_of(candidate: nn.Module) -> float:
            assert best_by is not None
            self.network = candidate
            return float(best_by(self))

        how = {"size": training.batch_size, "seed": training.seed, "first": first, "last": training.steps}
        saved = begun
        for step, tensors in enumerate(taken(examples.tensors, **how), start=first):
            spectra, labels = (tensor.to(place) for tensor in tensors)
            loss = contest.step(step, spectra, labels)
            now, here = time.perf_counter(), due(step + 1, where.every, training.steps)
            if here and best_by is not None:
                contest.judge(value_of, place, step + 1)
            if stored is not None and (here or now - saved >= LONGEST_S):
                saved, seconds = now, before + now - begun
                stored.save(step + 1, loss, seconds, contest.state, contest.average, contest.optimiser)
            if where.progress is not None:
                where.progress(step + 1, training.steps, loss)
        winner = contest.winner(judged=best_by is not None)
        lowest = None if best_by is None else float(contest.lowest)
        return winner.cpu().eval(), before + time.perf_counter() - begun, {"best": lowest}

    def decoder(self, network: nn.Module) -> nn.Module:
        """The network itself."""
        return network
