"""Capture files to a store, some windows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.dataset.card import write_card
from isacsim.dataset.real.files import FilePath
from isacsim.dataset.real.samples import Progress, each_block, plan_captures
from isacsim.dataset.store.files import remove_leftovers
from isacsim.dataset.store.lock import locked
from isacsim.dataset.store.store import (
    StorePath,
    create_store,
    default_chunk,
    exists,
    open_dataset,
    open_if_same,
    write_chunk,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_captures"]


def write_captures(
    files: Sequence[FilePath],
    store: StorePath,
    *,
    overwrite: bool = False,
    chunk: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> xr.Dataset:
    """Make a store of capture files. Saved captures stay on the disk, and memory holds some of their windows at a time.

    All files are checked before anything is written. What interrupts it leaves a store that the same call finishes.

    Parameters
    ----------
    files : sequence of path
        As for :func:`isacsim.dataset.real.samples.capture_dataset`.
    store : str or path-like
        Folder or URL.
    overwrite : bool
        Replace a store that is there, whatever data set it holds.
    chunk : int, optional
        Samples a chunk; default as for :func:`isacsim.generate`.
    progress, **options
        As for :func:`isacsim.dataset.real.samples.capture_dataset`.

    Returns
    -------
    xarray.Dataset
        Opened lazily.

    Raises
    ------
    InputError
        As :func:`isacsim.dataset.real.samples.capture_dataset`; if the store holds something else.
    OSError
        If the store cannot be written.
    """
    if not overwrite:
        exists(store)  # refuses what is no store before the files are gone through
    plan = plan_captures(files, **options)
    with locked(store):
        record = open_if_same(store, plan.attrs(), overwrite=overwrite)
        if record is None:
            template = next(plan.samples_of(0, most=1))
            size = default_chunk(template, plan.n_samples) if chunk is None else chunk
            record = create_store(store, template, plan.n_samples, chunk=size, attrs=plan.attrs())
        done = record.complete()
        stops = np.cumsum([one.n for one in plan.summaries])
        starts = stops - [one.n for one in plan.summaries]
        # A file is needed if any chunk that it reaches into is missing.
        needed = [
            k
            for k in range(len(plan.files))
            if not done[starts[k] // record.chunk : (stops[k] - 1) // record.chunk + 1].all()
        ]
        held: dict[str, np.ndarray] = {}
        position = until = 0
        before = -1
        for k, samples in each_block(plan, needed):
            if k != before:
                before, until = k, int(starts[k])
            if not held or position + len(held["seed"]) != until:
                held, position = {}, until
            arrays = {name: samples[name].values for name in record.variables}
            held = {name: np.concatenate([held[name], new]) if held else new for name, new in arrays.items()}
            until += samples.sizes["sample"]
            for number in range(position // record.chunk, record.n_chunks):
                first, last = record.bounds(number)
                if last > until:
                    break
                if not done[number]:
                    write_chunk(
                        record, number, {n: v[first - position : last - position] for n, v in held.items()}
                    )
                    done[number] = True
                held, position = {name: v[last - position :] for name, v in held.items()}, last
                if progress is not None:
                    progress(record.count(done), plan.n_samples)
        remove_leftovers(store)
        write_card(store)
    return open_dataset(store)
