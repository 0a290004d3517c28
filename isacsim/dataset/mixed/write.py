"""A mix of two stores to a store, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isacsim.dataset.card import write_card
from isacsim.dataset.mixed.mix import mix
from isacsim.dataset.real.samples import Progress
from isacsim.dataset.store.files import remove_leftovers
from isacsim.dataset.store.lock import locked
from isacsim.dataset.store.soundness import readable
from isacsim.dataset.store.store import (
    StorePath,
    create_store,
    default_chunk,
    location,
    open_dataset,
    open_if_same,
    write_chunk,
)
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_mix"]


def write_mix(
    synthetic: StorePath,
    real: StorePath,
    store: StorePath,
    *,
    real_fraction: float,
    seed: int,
    n: int | None = None,
    match_scale: bool = True,
    overwrite: bool = False,
    chunk: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Write what :func:`isacsim.mix` makes; memory holds a chunk at a time.

    What interrupts it leaves a store that the same call finishes.

    Parameters
    ----------
    synthetic, real, real_fraction, seed, n, match_scale
        As for :func:`isacsim.mix`.
    store : str or path-like
        Folder or URL, not that of one of the two.
    overwrite : bool
        Replace a store that is there, whatever data set it holds.
    chunk : int, optional
        Samples a chunk; default as for :func:`isacsim.generate`.
    progress : callable, optional
        Told how many samples there are, and of how many.

    Returns
    -------
    xarray.Dataset
        Opened lazily.

    Raises
    ------
    InputError
        As :func:`isacsim.mix`; if the store holds something else.
    OSError
        If the store cannot be written.
    """
    if location(store) in (location(synthetic), location(real)):
        raise InputError(f"{store}: a mix cannot replace one of the stores that it is made of.")
    with readable(synthetic), readable(real):
        mixed = mix(synthetic, real, real_fraction=real_fraction, seed=seed, n=n, match_scale=match_scale)
    with locked(store):
        record = open_if_same(store, mixed.attrs, overwrite=overwrite)
        if record is None:
            with readable(synthetic), readable(real):
                template = mixed.isel(sample=slice(0, 1)).compute()
            size = default_chunk(template, mixed.sizes["sample"]) if chunk is None else chunk
            record = create_store(store, template, mixed.sizes["sample"], chunk=size, attrs=mixed.attrs)
        done = record.complete()
        for number in np.flatnonzero(~done):
            with readable(synthetic), readable(real):
                block = mixed.isel(sample=slice(*record.bounds(int(number)))).compute()
            write_chunk(record, int(number), {name: block[name].values for name in record.variables})
            done[number] = True
            if progress is not None:
                progress(record.count(done), record.n_samples)
        remove_leftovers(store)
        write_card(store)
    return open_dataset(store)
