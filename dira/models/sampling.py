"""From pure noise to spectra by any of diffusers' schedulers, each sample with a generator of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dira.config import Axes, at_least_one
from dira.data.spectra import Labels, count_of, read_labels
from dira.models.model import Model
from dira.networks.unet import SpectrumUNet
from dira.training.train import Progress, accelerator
from isacsim.errors import InputError

__all__ = ["generate", "generators", "sample_latent"]


def generators(seed: int, first: int, last: int) -> list[torch.Generator]:
    """Generator of each sample, by (seed, sample) alone.

    Raises
    ------
    InputError
        If the seed is no integer from 0 on.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be an integer of at least 0, got {seed!r}.")
    states = [
        np.random.SeedSequence([int(seed), 3, i]).generate_state(1, np.uint64)[0] for i in range(first, last)
    ]
    return [torch.Generator().manual_seed(int(state >> 1)) for state in states]


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
    device: str,
    progress: Progress | None,
) -> NDArray[np.float32]:
    """Sample n spectra on the model's scale; arguments as `ConditionalDiffusion.sample`'s, walk makes a scheduler."""
    at_least_one(batch_size, name="batch_size")
    where = accelerator(device, "no").device
    network = network.to(where).eval()
    shape = (axes.channels, axes.bins_acceleration, axes.bins_jerk)
    out = np.empty((n, *shape), np.float32)
    for first in range(0, n, batch_size):
        last = min(n, first + batch_size)
        own = generators(seed, first, last)
        values = torch.stack([torch.randn(shape, generator=g) for g in own]).to(where)
        numbers = None if labels is None else torch.from_numpy(labels[first:last]).to(where)
        scheduler = walk()
        values = values * scheduler.init_noise_sigma
        for step in scheduler.timesteps:
            predicted = guided(network, scheduler.scale_model_input(values, step), step, numbers, guidance)
            more = {} if type(scheduler).__name__ == "DPMSolverMultistepScheduler" else {"generator": own}
            values = scheduler.step(predicted, step, values, **more).prev_sample
        out[first:last] = values.cpu().numpy()
        if progress is not None:
            progress(last, n, float("nan"))
    network.cpu()
    return out


def guided(
    network: SpectrumUNet,
    values: torch.Tensor,
    step: torch.Tensor,
    labels: torch.Tensor | None,
    guidance: float,
) -> torch.Tensor:
    """Prediction with classifier-free guidance: w · (with labels) + (1 - w) · (without)."""
    steps = step.to(values.device).expand(len(values))
    predicted = network(values, steps, labels)
    if labels is None or guidance == 1:
        return predicted
    nothing = torch.tensor(network.nothing, device=values.device).expand_as(labels)
    without = network(values, steps, nothing)
    return without + guidance * (predicted - without)


def sample_latent(
    model: Model,
    make: nn.Module,
    config: Any,
    labels: Labels | None,
    n: int | None,
    seed: int,
    batch_size: int,
    device: str,
) -> NDArray[np.float32]:
    """Spectra of a network that makes them from noise vectors, each with a generator of its own."""
    _, axes = model.fitted()
    count = count_of(labels, n)
    at_least_one(batch_size, name="batch_size")
    numbers, _ = read_labels(labels, count, model.classes)
    where = accelerator(device, "no").device
    make.to(where).eval()
    out = np.empty((count, axes.channels, axes.bins_acceleration, axes.bins_jerk), np.float32)
    for first in range(0, count, batch_size):
        last = min(count, first + batch_size)
        noise = torch.stack([torch.randn(config.latent, generator=g) for g in generators(seed, first, last)])
        made = make(noise.to(where), torch.from_numpy(numbers[first:last]).to(where))
        out[first:last] = config.scaling.projected(made.cpu().numpy())
    make.cpu()
    return out[:, 0] if axes.channels == 1 else out
