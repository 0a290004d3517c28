"""Estimate of the time of a training on this machine, measured before it starts."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isacsim.dataset.synthetic.endless import BLOCK, make_block
from isacsim.errors import InputError

__all__ = ["measured"]

# The first step brings compilation and memory; the median of the rest is taken.
_STEPS = 6
_OTHER = {"no": "bf16", "bf16": "no"}


def measured(
    model: Any, examples: Sequence[Any], training: dict[str, Any], *, checkpoints: Path, device: str
) -> str:
    """Time a few steps of a model like this one, and the making of a few samples of its stream if it has one.

    Parameters
    ----------
    model : dira.models.model.Model
        Not trained yet; it stays as it is.
    examples : sequence
        What its `fit` is to learn from; empty for a stream.
    training : dict
        Arguments of `fit`.
    checkpoints : pathlib.Path
        Where a training that is gone on with has its checkpoints.
    device : str
        Where.

    Returns
    -------
    str
        A sentence: samples a second, and the time left.
    """
    settings, reused = dict(training), training.get("stream")
    settings.pop("stream", None)
    cores = os.cpu_count() or 1
    making = 0.0
    parts = []
    if reused is not None:
        stream = reused.stream
        workers = 1 if stream.workers == 0 else (stream.workers or cores)
        block, seconds = _made(stream)
        making = seconds / BLOCK / reused.uses
        parts.append(f"{BLOCK / seconds:.0f} samples/s are made by each of {workers} processes")
        labelled = stream.labelled(block)
        examples = [labelled[n] if n.startswith("aj_") else block[n] for n in model.variables]
    step = _step_s(model, examples, settings, device)
    batch = settings["batch_size"]
    said = f"{batch / step:.0f} samples/s are learnt from"
    if other := _OTHER.get(settings.get("precision", "")):
        try:
            there = _step_s(model, examples, settings | {"precision": other}, device)
        except InputError:  # torch's half precision makes NaN of small convolutions on some processors
            said += f" (precision {other} gives no finite loss here)"
        else:
            said += f" ({batch / there:.0f} with precision {other})"
    parts.append(said)
    left = settings["steps"] - _done(checkpoints)
    if reused is None:
        each = step
    else:  # what is slower holds the other up, and the cores are shared
        each = max(step, batch * making / workers, (step + batch * making) / cores)
        parts.append(f"each is used {reused.uses} times")
    return (
        f"budget: {', '.join(parts)}; {left} of {settings['steps']} steps are left, {_in_words(left * each)} "
        f"on {cores} cores."
    )


def _made(stream: Any) -> tuple[dict[str, Any], float]:
    """Samples of a stream, and the seconds that a process takes for a block of them."""
    make_block(stream, range(len(stream.scenarios)))  # compiled, and every scenario's static parts are known
    begun = time.process_time()
    block = make_block(stream, range(BLOCK))
    return block, max(time.process_time() - begun, 1e-6)


def _step_s(model: Any, examples: Sequence[Any], settings: dict[str, Any], device: str) -> float:
    """Seconds a step."""
    at: list[float] = []
    another = type(model)(**model.config.model_dump())
    another.fit(
        *examples,
        device=device,
        progress=lambda done, total, loss: at.append(time.perf_counter()),
        **settings | {"steps": _STEPS},
    )
    return float(np.median(np.diff(at)))


def _done(checkpoints: Path) -> int:
    steps = [p.name.partition("-")[2] for p in checkpoints.glob("step-*")] if checkpoints.is_dir() else []
    return max((int(step) for step in steps if step.isdecimal()), default=0)


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
