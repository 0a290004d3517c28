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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from pydantic import Field
from torch import nn

from dira.config import Config, at_least_one
from dira.training.checkpoint import Checkpoints
from isacsim.errors import InputError

__all__ = ["Loss", "Progress", "Training", "accelerator", "batches", "digest_of", "follow", "train"]

# (network, the batch's tensors, generator of the step for the whole batch, which rows of it are here) -> mean loss
Loss = Callable[[nn.Module, Sequence[torch.Tensor], torch.Generator, slice], torch.Tensor]
# (steps done, steps in all, running mean of the loss)
Progress = Callable[[int, int, float], None]
# Share of the past in the running mean of the loss.
_MEMORY = 0.98


class Training(Config):
    """How a model is trained."""

    steps: int = Field(ge=1)
    """Optimiser steps."""
    batch_size: int = Field(default=64, ge=1)
    """Samples a step, over all processes together."""
    learning_rate: float = Field(default=2e-4, gt=0)
    warmup: int = Field(default=100, ge=0)
    """Steps over which the rate rises from zero."""
    decay: Literal["none", "cosine"] = "cosine"
    """How the rate falls afterwards: not at all, or to zero at the last step."""
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    average: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is kept; 0: the last weights."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Of the forward pass."""
    seed: int = Field(default=0, ge=0)

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        fall = 1.0 if self.decay == "none" else 0.5 * (1 + np.cos(np.pi * step / self.steps))
        return float(self.learning_rate * rise * fall)


def accelerator(device: str, precision: str) -> Accelerator:
    """Accelerate's view of devices and processes (those of ``accelerate launch``, else one).

    Raises
    ------
    InputError
        If there is no such device.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise InputError(f"device must be auto, cpu, cuda or mps, got {device!r}.")
    cpu = device == "cpu"
    if PartialState._shared_state and AcceleratorState._shared_state:
        # Accelerate keeps the first precision of the process for all; each training has its own.
        AcceleratorState._reset_state(reset_partial_state=PartialState().num_processes == 1)
    made = Accelerator(cpu=cpu, mixed_precision=precision)
    if device not in ("auto", made.device.type):
        raise InputError(f"device {device!r} is not there; this machine has {made.device.type}.")
    return made


def batches(n: int, batch_size: int, seed: int, first: int, last: int) -> Iterator[np.ndarray]:
    """Rows of each step's batch: epochs, each a permutation of its own, run on into one another."""
    size, epoch, order = batch_size, -1, np.empty(0, np.int64)
    for step in range(first, last):
        rows = []
        for place in range(step * size, (step + 1) * size):
            if place // n != epoch:
                epoch = place // n
                order = np.random.default_rng([seed, 1, epoch]).permutation(n)
            rows.append(order[place % n])
        yield np.array(rows)


def train(
    network: nn.Module,
    loss: Loss,
    data: Sequence[torch.Tensor],
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
    data : sequence of torch.Tensor
        Of equal length, in memory.
    training : Training
        How.
    device : {"auto", "cpu", "cuda", "mps"}
        Where; several processes under ``accelerate launch``.
    checkpoints : Path, optional
        Folder of checkpoints: written every so many steps, and gone on from if there are any.
    every : int
        Steps between them.
    progress : callable, optional
        See `Progress`.
    more : dict, optional
        What else a checkpoint must agree in (the model's configuration).

    Raises
    ------
    InputError
        If the batch can't be shared among the processes, or the checkpoints are of another training.
    """
    here = accelerator(device, training.precision)
    if training.batch_size % here.num_processes:
        raise InputError(
            f"batch_size {training.batch_size} can't be shared among {here.num_processes} processes; make it a "
            "multiple."
        )
    at_least_one(every, name="every")
    network.train().to(here.device)
    average = copy.deepcopy(network).eval().requires_grad_(False) if training.average else None
    optimiser = torch.optim.AdamW(
        network.parameters(), training.learning_rate, weight_decay=training.weight_decay
    )
    stored = None
    first, running, before, begun = 0, float("nan"), 0.0, time.perf_counter()
    if checkpoints is not None:
        identity = {"training": training.model_dump(mode="json"), "data": digest_of(data), **(more or {})}
        stored = Checkpoints(checkpoints, json.loads(json.dumps(identity)))
        state = stored.load(network, average, optimiser)
        first, running = state.get("step", 0), state.get("loss", running)
        before = state.get("seconds", 0.0)
    wrapped, optimiser = here.prepare(network, optimiser)
    devices = [here.device] if here.device.type == "cuda" else []
    share = training.batch_size // here.num_processes
    mine = slice(here.process_index * share, (here.process_index + 1) * share)
    rows = batches(len(data[0]), training.batch_size, training.seed, first, training.steps)
    for step, batch in enumerate(rows, start=first):
        for group in optimiser.param_groups:
            group["lr"] = training.rate(step)
        chosen = torch.from_numpy(batch[mine])
        inputs = [tensor[chosen].to(here.device) for tensor in data]
        seed = _seed(training.seed, step)
        generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=devices), here.autocast():
            torch.manual_seed(seed + here.process_index)  # what dropout draws from
            value = loss(wrapped, inputs, generator, mine)
        here.backward(value)
        here.clip_grad_norm_(wrapped.parameters(), training.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if average is not None:
            follow(average, network, min(training.average, (1 + step) / (10 + step)))
        now = float(value.detach())
        if not np.isfinite(now):
            raise InputError(
                f"the loss became {now} at step {step}: lower learning_rate, or use precision='no'."
            )
        running = now if np.isnan(running) else _MEMORY * running + (1 - _MEMORY) * now
        if (
            stored is not None
            and here.is_main_process
            and ((step + 1) % every == 0 or step + 1 == training.steps)
        ):
            seconds = before + time.perf_counter() - begun
            stored.save(step + 1, running, seconds, network, average, optimiser)
        if progress is not None and here.is_main_process:
            progress(step + 1, training.steps, running)
    kept = network if average is None else average
    return kept.cpu().eval(), before + time.perf_counter() - begun


def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move a moving average of the weights towards the network's."""
    with torch.no_grad():
        ours = [p.data for p in average.parameters()]
        theirs = [p.data for p in network.parameters()]
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mine, other in zip(average.buffers(), network.buffers(), strict=True):
            mine.copy_(other)


def _seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, 2, step]).generate_state(1, np.uint64)[0] >> 1)


def digest_of(data: Sequence[torch.Tensor]) -> str:
    """Which data a training is of."""
    made = hashlib.blake2b(digest_size=16)
    for tensor in data:
        made.update(str((tuple(tensor.shape), tensor.dtype)).encode())
        made.update(tensor.contiguous().numpy().tobytes())
    return made.hexdigest()
