"""The torch data set of `isacsim.to_torch`; the one module here that imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from isacsim.checks import check_integer
from isacsim.dataset.loading.stream import SampleStream

__all__ = ["TorchSamples", "handed_out"]


class TorchSamples(IterableDataset[Any]):
    """Samples for a `torch.utils.data.DataLoader`; made by :func:`~isacsim.dataset.loading.torch_data.to_torch`.

    ``len()`` is the number of samples of this rank an epoch, all workers together.
    """

    def __init__(
        self,
        stream: SampleStream,
        *,
        transform: Callable[..., Any] | None,
        rank: int,
        world_size: int,
        equal: bool,
    ) -> None:
        super().__init__()
        self._stream, self._transform = stream, transform
        self.rank, self.world_size, self._equal = rank, world_size, equal
        # Shared: persistent workers keep their copy of this object over the epochs and must see the number change.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration takes, as with torch's DistributedSampler."""
        self._epoch.fill_(check_integer("epoch", epoch, least=0))

    def __len__(self) -> int:
        first, last = self._stream.bounds(self.rank, self.world_size, equal=self._equal)
        return last - first

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        blocks = self._stream.blocks(
            int(self._epoch),
            rank=self.rank,
            world_size=self.world_size,
            equal=self._equal,
            worker=number,
            workers=workers,
        )
        for inputs, targets in blocks:
            for n in range(len(inputs)):
                # A copy: a worker that sends a view sends the whole buffer with it.
                item: list[Any] = [
                    torch.from_numpy(inputs[n].copy()),
                    *(torch.from_numpy(np.array(t[n])) for t in targets),
                ]
                yield handed_out(item, self._transform)


def handed_out(parts: list[Any], transform: Callable[..., Any] | None) -> Any:
    """Give an item as torch's collation takes it: inputs alone, or inputs and one target or a tuple of targets."""
    if len(parts) > 2:
        parts = [parts[0], tuple(parts[1:])]
    if transform is not None:
        return transform(*parts)
    return parts[0] if len(parts) == 1 else tuple(parts)
