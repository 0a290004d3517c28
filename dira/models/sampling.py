"""From pure noise to spectra by any of diffusers' schedulers, each sample with a generator of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dira.config import Axes
from dira.networks.unet import SpectrumUNet
from dira.training.train import Progress
from isacsim.checks import check_integer

__all__ = ["generate", "generators", "normals", "seeded_batches"]


def generators(seed: int, first: int, last: int) -> list[torch.Generator]:
    """Generator of each sample, by (seed, sample) alone.

    Raises
    ------
    InputError
        If the seed is no integer from 0 on.
    """
    check_integer("seed", seed, least=0)
    states = [
        np.random.SeedSequence([int(seed), 3, i]).generate_state(1, np.uint64)[0] for i in range(first, last)
    ]
    return [torch.Generator().manual_seed(int(state >> 1)) for state in states]


def seeded_batches(n: int, batch_size: int, seed: int) -> Iterator[tuple[slice, list[torch.Generator]]]:
    """Rows of each batch and their generators, whatever the batches' size."""
    for first in range(0, n, batch_size):
        last = min(n, first + batch_size)
        yield slice(first, last), generators(seed, first, last)


def normals(shape: Sequence[int], own: Sequence[torch.Generator]) -> torch.Tensor:
    """Standard normal numbers, (sample, ...), each sample's of its own generator."""
    return torch.stack([torch.randn(tuple(shape), generator=one) for one in own])


def generate(
    network: SpectrumUNet,
    axes: Axes,
    labels: NDArray[np.int64] | None,
    n: int,
    *,
    walk: Callable[[], Any],
    seed: int,
    guidance: float,
    batch_size: int,
    device: torch.device | str,
    progress: Progress | None,
    given: torch.Tensor | None = None,
) -> NDArray[np.float32]:
    """Sample n spectra on the model's scale.

    Arguments are those of `ConditionalDiffusion.sample`. ``walk`` makes a scheduler; ``given`` (sample, channel,
    acceleration, jerk) are spectra that the network is shown.
    """
    shape = (axes.channels, axes.bins_acceleration, axes.bins_jerk)
    out = np.empty((n, *shape), np.float32)
    for rows, own in seeded_batches(n, batch_size, seed):
        values = normals(shape, own).to(device)
        numbers = None if labels is None else torch.from_numpy(labels[rows]).to(device)
        shown = None if given is None else given[rows].to(device)
        scheduler = walk()
        values = values * scheduler.init_noise_sigma
        for step in scheduler.timesteps:
            scaled = scheduler.scale_model_input(values, step)
            predicted = guided(network, scaled, step, numbers, guidance, shown)
            # Every sample has its own generator; a solver that draws nothing leaves them alone.
            values = scheduler.step(predicted, step, values, generator=own).prev_sample
        out[rows] = values.cpu().numpy()
        if progress is not None:
            progress(rows.stop, n, float("nan"))
    return out


def guided(
    network: SpectrumUNet,
    values: torch.Tensor,
    step: torch.Tensor,
    labels: torch.Tensor | None,
    guidance: float,
    given: torch.Tensor | None = None,
) -> torch.Tensor:
    """Prediction with classifier-free guidance: w · (with labels) + (1 - w) · (without)."""
    steps = step.to(values.device).expand(len(values))
    predicted = network(values, steps, labels, given)
    if labels is None or guidance == 1:
        return predicted
    nothing = torch.tensor(network.nothing, device=values.device).expand_as(labels)
    without = network(values, steps, nothing, given)
    return without + guidance * (predicted - without)
