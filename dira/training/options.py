"""Options of every model's `fit`."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from dira.training.train import Progress

if TYPE_CHECKING:
    from isacsim.dataset.loading.reuse import ReusedSamples
    from isacsim.dataset.synthetic.endless import EndlessSamples

__all__ = ["FitOptions", "Whereabouts"]


class FitOptions(TypedDict, total=False):
    """Options of every model's `fit` besides steps: where and how it is trained.

    ``stream`` is a stream of `isacsim.stream` in place of all other examples. ``checkpoints`` is a folder for
    checkpoints, from which a run continues, and ``every`` the number of steps between them. ``progress`` is called
    with steps done, steps in all, running loss. The others are ``device`` and the fields of
    `dira.training.train.Training`.
    """

    stream: EndlessSamples | ReusedSamples | None
    device: str
    checkpoints: str | PathLike[str] | None
    every: int
    progress: Progress | None
    batch_size: int
    learning_rate: float
    warmup: int
    decay: Literal["none", "cosine"]
    weight_decay: float
    clip: float
    average: float
    precision: Literal["no", "bf16", "fp16"]
    threads: int
    seed: int


class Whereabouts(NamedTuple):
    """Where a training runs and what it leaves on the way."""

    device: str
    checkpoints: Path | None
    every: int
    progress: Progress | None
    best_by: Callable[[Any], float] | None
    """Value that chooses the weights to keep, in a model that is judged during training: the lowest one."""
