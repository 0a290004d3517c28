"""Where the batches of a training come from: tensors in memory, or samples that are made while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

__all__ = ["Data", "Source", "batches", "taken"]


@runtime_checkable
class Source(Protocol):
    """Gives every step its batch, whatever step a training starts from."""

    def identity(self) -> dict[str, Any]:
        """JSON that says which samples it gives."""

    def batches(self, size: int, first: int) -> Iterator[list[torch.Tensor]]:
        """Batches without end, from the step ``first`` on."""

    def about(self) -> dict[str, Any]:
        """Describe the source for a model card."""

    def seen(self, n: int) -> int:
        """Count the different samples among the first n."""


Data = Sequence[torch.Tensor] | Source
"""Tensors of equal length, in memory; or a source."""


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


def taken(
    data: Data, *, size: int, seed: int, first: int, last: int, rows: slice = slice(None)
) -> Iterator[list[torch.Tensor]]:
    """Take the examples of each step from first to last: those rows of its batch that are wanted here."""
    if isinstance(data, Source):
        for _, batch in zip(range(first, last), data.batches(size, first), strict=False):
            yield [tensor[rows] for tensor in batch]
        return
    for chosen in batches(len(data[0]), size, seed, first, last):
        places = torch.from_numpy(chosen[rows])
        yield [tensor[places] for tensor in data]
