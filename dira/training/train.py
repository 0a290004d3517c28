"""The training loop of every model: stateless in its chance, so that a run stopped and resumed has the same bits.

What happens at a step depends on (seed, step) alone: which samples, and the generator that the loss draws from. So a
checkpoint needs weights, the optimiser's moments and the step's number, and several processes share a batch without
changing what is drawn.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import PartialState
from pydantic import Field
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dira.config import Config
from dira.training.checkpoint import Checkpoints
from dira.training.source import Data, Source, taken
from dira.training.threads import default_threads
from isacsim.checks import check_integer
from isacsim.errors import InputError

__all__ = [
    "Batch",
    "Loss",
    "Place",
    "Progress",
    "Training",
    "checkpoints_of",
    "digest_of",
    "follow",
    "place_for",
    "train",
]

# (steps done, steps in all, running mean of the loss)
Progress = Callable[[int, int, float], None]
# Share of the past in the running mean of the loss.
_MEMORY = 0.98
LONGEST_S = 600.0
"""Seconds after which a checkpoint is written whatever the step, so that no more is lost."""


@dataclass(frozen=True)
class Batch:
    """Batch of a step in this process; random numbers are drawn for the whole batch, and cut to its rows."""

    tensors: list[torch.Tensor]
    """Tensors of equal length: the rows that are here."""
    generator: torch.Generator
    """Generator of the step."""
    rows: slice
    """Rows of the whole batch that are here."""
    size: int
    """Size of the whole batch."""

    def normals(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers for the rows that are here, (row, ...), where these are."""
        drawn = torch.randn((self.size, *shape), generator=self.generator)
        return drawn[self.rows].to(self.tensors[0].device)


# Mean loss of a network on a batch.
Loss = Callable[[nn.Module, Batch], torch.Tensor]


class Training(Config):
    """Settings of a training."""

    steps: int = Field(ge=1, le=10**9)
    """Optimiser steps."""
    batch_size: int = Field(default=64, ge=1, le=2**20)
    """Samples a step, over all processes together."""
    learning_rate: float = Field(default=2e-4, gt=0)
    warmup: int = Field(default=100, ge=0)
    """Steps over which the rate rises from zero."""
    decay: Literal["none", "cosine"] = "cosine"
    """Decay of the rate afterwards: not at all, or to zero at the last step."""
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    average: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is kept; 0: the last weights."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Precision of the forward pass."""
    threads: int = Field(default_factory=default_threads, ge=1, le=1024)
    """Threads of the processor: other bits come out on another number, so checkpoints hold it."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)

    def rate(self, step: int) -> float:
        """Learning rate at a step.

        By hand: diffusers' cosine schedule rises from a rate of 0, which loses the first step. It also falls only after
        the rise. With 1000 steps and 100 of warmup it is above this one by up to 10 % of the highest rate.
        """
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        fall = 1.0 if self.decay == "none" else 0.5 * (1 + np.cos(np.pi * step / self.steps))
        return float(self.learning_rate * rise * fall)


@dataclass(frozen=True)
class Place:
    """Where this process computes, and which one of how many that share a training it is."""

    device: torch.device
    process: int
    processes: int

    def shared(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over the processes if there are several."""
        if self.processes == 1:
            return network
        return DistributedDataParallel(
            network, device_ids=[self.device] if self.device.type == "cuda" else None
        )


def place_for(device: str) -> Place:
    """Find a device, and the processes of ``accelerate launch`` or ``torchrun``, else this one alone.

    Raises
    ------
    InputError
        If there is no such device.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise InputError(f"device must be auto, cpu, cuda or mps, got {device!r}.")
    # What is first asked of it holds for the whole process: with several, the device is the launcher's.
    state = PartialState(cpu=device == "cpu")
    if state.num_processes > 1:
        found = state.device
    else:
        found = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
        found = torch.device("cpu") if device == "cpu" else found
    if device not in ("auto", found.type):
        raise InputError(f"device {device!r} is not there; this machine has {found.type}.")
    return Place(found, state.process_index, state.num_processes)


def train(
    network: nn.Module,
    loss: Loss,
    data: Data,
    training: Training,
    *,
    device: str = "auto",
    checkpoints: Path | None = None,
    every: int = 1000,
    progress: Progress | None = None,
    more: dict[str, Any] | None = None,
) -> tuple[nn.Module, float]:
    """Train a network in place; return what to keep, the average of its weights, on the CPU, and the seconds it took.

    Parameters
    ----------
    network : nn.Module
        Initialised already.
    loss : callable
        See `Loss`.
    data : sequence of torch.Tensor or Source
        Of equal length, in memory; or what gives each step its batch.
    training : Training
        How.
    device : {"auto", "cpu", "cuda", "mps"}
        Where; several processes under ``accelerate launch``.
    checkpoints : Path, optional
        Folder of checkpoints: written every so many steps, at least every ten minutes, and gone on from if there are
        any.
    every : int
        Steps between them.
    progress : callable, optional
        See `Progress`.
    more : dict, optional
        What else a checkpoint must agree in (the model's configuration).

    Raises
    ------
    InputError
        If the batch cannot be shared among the processes, or the checkpoints are of another training.
    """
    place = place_for(device)
    if training.batch_size % place.processes:
        raise InputError(
            f"batch_size {training.batch_size} cannot be shared among {place.processes} processes; make it a multiple."
        )
    check_integer("every", every, least=1)
    autocast, scaler = _precision(training.precision, place.device)
    network.train().to(place.device)
    average = copy.deepcopy(network).eval().requires_grad_(False) if training.average else None
    optimiser = torch.optim.AdamW(
        network.parameters(), training.learning_rate, weight_decay=training.weight_decay
    )
    begun = time.perf_counter()
    stored = checkpoints_of(checkpoints, training, data, more or {})
    state = {} if stored is None else stored.load(network, average, optimiser)
    first, running, before = state.get("step", 0), state.get("loss", float("nan")), state.get("seconds", 0.0)
    wrapped = place.shared(network)
    devices = [place.device] if place.device.type == "cuda" else []
    share = training.batch_size // place.processes
    mine = slice(place.process * share, (place.process + 1) * share)
    how = {"size": training.batch_size, "seed": training.seed, "first": first, "last": training.steps}
    saved = begun
    for step, mine_of_step in enumerate(taken(data, rows=mine, **how), start=first):
        for group in optimiser.param_groups:
            group["lr"] = training.rate(step)
        tensors = [tensor.to(place.device) for tensor in mine_of_step]
        seed = _seed(training.seed, step)
        here = Batch(tensors, torch.Generator().manual_seed(seed), mine, training.batch_size)
        with torch.random.fork_rng(devices=devices), autocast:
            torch.manual_seed(seed + place.process)  # what dropout draws from
            value = loss(wrapped, here)
        scaler.scale(value).backward()
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(wrapped.parameters(), training.clip)
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)
        if average is not None:
            follow(average, network, min(training.average, (1 + step) / (10 + step)))
        now = float(value.detach())
        if not np.isfinite(now):
            raise InputError(
                f"the loss became {now} at step {step}: lower learning_rate, or use precision='no'."
            )
        running = now if np.isnan(running) else _MEMORY * running + (1 - _MEMORY) * now
        if place.process:
            continue
        now_s = time.perf_counter()
        if stored is not None and (due(step + 1, every, training.steps) or now_s - saved >= LONGEST_S):
            saved = now_s
            stored.save(step + 1, running, before + now_s - begun, network, average, optimiser)
        if progress is not None:
            progress(step + 1, training.steps, running)
    trained = network if average is None else average
    return trained.cpu().eval(), before + time.perf_counter() - begun


def due(step: int, every: int, last: int) -> bool:
    """Tell whether a checkpoint is due after so many steps, however long they took."""
    return step % every == 0 or step == last


def _precision(precision: str, device: torch.device) -> tuple[torch.autocast, torch.amp.GradScaler]:
    """The forward pass's context, and the scale of the loss that fp16 needs."""
    if precision == "fp16" and device.type == "cpu":
        raise InputError("precision 'fp16' needs a GPU, and this trains on the cpu; use 'bf16' or 'no'.")
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    autocast = torch.autocast(device.type, dtype, enabled=precision != "no")
    return autocast, torch.amp.GradScaler(device.type, enabled=precision == "fp16")


def checkpoints_of(
    folder: Path | None, training: Training, data: Data, more: dict[str, Any]
) -> Checkpoints | None:
    """The checkpoints of a training of some data, if there is to be a folder of them."""
    if folder is None:
        return None
    of_data = data.identity() if isinstance(data, Source) else digest_of(data)
    identity = {"training": training.model_dump(mode="json"), "data": of_data, **more}
    return Checkpoints(folder, json.loads(json.dumps(identity)))


def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move a moving average of the weights towards the network's.

    By hand: diffusers' EMAModel gives the same bits at the same decay. But it omits buffers (the batch norm's) and
    takes the first step's weights whole (decay 0, here 0.1). It takes 27 ms per step of the default network, and this
    takes 20 (one thread).
    """
    with torch.no_grad():
        ours = [p.data for p in average.parameters()]
        theirs = [p.data for p in network.parameters()]
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mine, other in zip(average.buffers(), network.buffers(), strict=True):
            mine.copy_(other)


def _seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, 2, step]).generate_state(1, np.uint64)[0] >> 1)


def digest_of(data: Sequence[torch.Tensor]) -> str:
    """Digest of the data of a training."""
    digest = hashlib.blake2b(digest_size=16)
    for tensor in data:
        digest.update(str((tuple(tensor.shape), tensor.dtype)).encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
