"""Samples that are made while a model trains on them, as the examples that it learns from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isacsim.dataset.loading.reuse import ReusedSamples
from isacsim.dataset.synthetic.endless import EndlessSamples
from isacsim.errors import InputError

if TYPE_CHECKING:
    from dira.config import Axes
    from dira.models.model import Examples

__all__ = ["StreamedExamples"]

# Samples from which a model takes axes.
_FIRST = 2


class StreamedExamples:
    """The batches of a stream, checked and scaled as a model wants them.

    Parameters
    ----------
    stream : EndlessSamples or ReusedSamples
        From `isacsim.stream`.
    variables : sequence of str
        What the model learns from, in the order of its `examples`.
    examples : callable
        The model's `examples`.

    Raises
    ------
    InputError
        If the stream is none, or its samples have no such variable.
    """

    def __init__(self, stream: Any, variables: Sequence[str], examples: Callable[..., Examples]) -> None:
        if isinstance(stream, EndlessSamples):
            stream = stream.reused(1)
        if not isinstance(stream, ReusedSamples):
            raise InputError(f"stream must be what isacsim.stream gives, got {type(stream).__name__}.")
        self.samples, self.variables, self._examples = stream, stream.check(variables), examples
        template = stream.stream.template
        first = self._made(
            {name: np.repeat(template[name].values, _FIRST, axis=0) for name in self.variables}
        )
        self.axes: Axes = first.axes
        self.classes: dict[str, list[int | str]] = {}
        """All values that the labels may have."""
        if first.classes:
            self.classes = {"n_targets": list(stream.stream.counts)}

    def about(self) -> dict[str, Any]:
        """Describe the stream for a model card."""
        stream = self.samples.stream
        return {
            "scenarios": [scenario.name for scenario in stream.scenarios],
            "seed": stream.seed,
            "uses": self.samples.uses,
        }

    def identity(self) -> dict[str, Any]:
        """JSON that says which samples it gives."""
        return self.samples.identity() | {"variables": list(self.variables)}

    def seen(self, n: int) -> int:
        """Count the different samples among the first n."""
        return self.samples.fresh(n)

    def batches(self, size: int, first: int) -> Iterator[list[torch.Tensor]]:
        """Batches without end, from the step ``first`` on."""
        for batch in self.samples.batches(self.variables, size, first=first):
            made = self._made(batch)
            if self.classes:  # numbers of the values that occur here become numbers of all
                known = self.classes["n_targets"]
                places = torch.tensor([known.index(value) for value in made.classes["n_targets"]])
                made.tensors[-1] = places[made.tensors[-1]]
            yield made.tensors

    def _made(self, batch: dict[str, np.ndarray]) -> Examples:
        labelled = self.samples.stream.labelled(batch)
        return self._examples(*(labelled[n] if n.startswith("aj_") else batch[n] for n in self.variables))
