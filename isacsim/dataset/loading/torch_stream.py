"""The torch data set of an endless stream, for `isacsim.to_torch`; imports torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import current_process
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from isacsim.checks import check_names
from isacsim.dataset.loading.reuse import ReusedSamples
from isacsim.dataset.loading.torch_samples import handed_out
from isacsim.errors import InputError

__all__ = ["StreamedSamples"]

# Samples that a reader takes out of the buffer at a time.
_AT_A_TIME = 16


class StreamedSamples(IterableDataset[Any]):
    """Samples of an endless stream for a `torch.utils.data.DataLoader`; it never ends.

    The stream's own processes make the samples: leave the DataLoader's ``num_workers`` at 0. With workers, each makes
    those of its share itself, and has to be spawned. ``rank`` and ``world_size`` share the samples out among processes
    that train together.
    """

    def __init__(
        self,
        samples: ReusedSamples,
        *,
        inputs: str | Sequence[str],
        targets: str | Sequence[str],
        transform: Callable[..., Any] | None,
        rank: int,
        world_size: int,
    ) -> None:
        super().__init__()
        self._samples, self._transform = samples, transform
        self._inputs = check_names("inputs", inputs)
        self._targets = check_names("targets", targets) if targets or isinstance(targets, str) else ()
        samples.check(self._inputs + self._targets)
        self.rank, self.world_size = rank, world_size

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        samples = self._samples
        if worker is not None:  # a worker may not have processes of its own
            if getattr(current_process(), "_start_method", None) == "fork":
                raise InputError(
                    "a stream has worker processes of its own: leave num_workers at 0, or pass "
                    "multiprocessing_context='spawn', since what simulates cannot be forked."
                )
            samples = copy.copy(samples)
            samples.stream = copy.copy(samples.stream)
            samples.stream.workers = 0
        share = (self.rank * workers + number, self.world_size * workers)
        names = tuple(dict.fromkeys(self._inputs + self._targets))
        for batch in samples.batches(names, _AT_A_TIME, share=share):
            tensors = {name: torch.from_numpy(_as_torch_takes(values)) for name, values in batch.items()}
            tensors |= {
                name: values.reshape(len(values), -1, *values.shape[-2:])
                for name, values in tensors.items()
                if name.startswith(("aj_", "doppler_"))
            }
            for i in range(_AT_A_TIME):
                item: list[Any] = [torch.cat([tensors[name][i] for name in self._inputs])]
                item += [tensors[name][i].clone() for name in self._targets]
                yield handed_out(item, self._transform)


def _as_torch_takes(values: Any) -> Any:
    """Integers as int64, floats as float32."""
    return values.astype("int64" if values.dtype.kind in "iub" else "float32", copy=False)
