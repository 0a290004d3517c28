"""The torch data sets of `isacsim.to_torch` on a store: iterated over, or read by number; imports torch."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from isacsim.checks import check_integer
from isacsim.dataset.loading.stream import Block, SampleStream

__all__ = ["MapSamples", "TorchSamples", "handed_out"]


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
        for block in blocks:
            for n in range(len(block[0])):
                yield _item(block, n, self._transform)


class MapSamples(Dataset[Any]):
    """Samples by number; made by :func:`~isacsim.dataset.loading.torch_data.to_torch` with ``map_style=True``.

    The last chunks read are kept, as many as `buffer_chunks` says, in each worker.
    """

    def __init__(self, stream: SampleStream, *, transform: Callable[..., Any] | None, kept: int) -> None:
        self._stream, self._transform, self._kept = stream, transform, kept
        self._chunks: OrderedDict[int, tuple[int, Block]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_chunks": OrderedDict()}

    def __len__(self) -> int:
        return len(self._stream)

    def __getitem__(self, number: int) -> Any:
        place = operator.index(number)
        if not -len(self) <= place < len(self):
            raise IndexError(f"sample {place} is out of range: there are {len(self)}.")
        place %= len(self)
        first, block = self._chunk(self._stream.chunk_of(place))
        return _item(block, place - first, self._transform)

    def __getitems__(self, numbers: list[int]) -> list[Any]:
        """Give a batch, as a DataLoader asks for it; no chunk is read twice for it, however few are kept."""
        order = sorted(range(len(numbers)), key=lambda n: numbers[n] % len(self))
        items = {n: self[numbers[n]] for n in order}
        return [items[n] for n in range(len(numbers))]

    def _chunk(self, number: int) -> tuple[int, Block]:
        if number not in self._chunks:
            self._chunks[number] = self._stream.chunk(number)
            if len(self._chunks) > self._kept:
                self._chunks.popitem(last=False)
        self._chunks.move_to_end(number)
        return self._chunks[number]


def _item(block: Block, n: int, transform: Callable[..., Any] | None) -> Any:
    """Give one sample of a block; a copy, for a worker that sends a view sends the whole block with it."""
    inputs, targets = block
    tensors = [torch.from_numpy(inputs[n].copy()), *(torch.from_numpy(np.array(t[n])) for t in targets)]
    return handed_out(tensors, transform)


def handed_out(parts: list[Any], transform: Callable[..., Any] | None) -> Any:
    """Give an item as torch's collation takes it: inputs alone, or inputs and one target or a tuple of targets."""
    if len(parts) > 2:
        parts = [parts[0], tuple(parts[1:])]
    if transform is not None:
        return transform(*parts)
    return parts[0] if len(parts) == 1 else tuple(parts)
