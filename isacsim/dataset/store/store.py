"""The zarr store of a data set: made, filled chunk by chunk, and opened only as far as it is complete.

Every variable over ``sample`` has the same chunk length, and what is written is one whole chunk by its number, so no
two writers ever share an object. Each object is replaced atomically (a file by rename, an object store by its PUT).
The record of a chunk is written only after all its variables are in the store. It is in the group ``record`` that
plain xarray does not see: a row of digests, one a variable, of the decoded values. A chunk without a record does not
count.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.checks import differences
from isacsim.dataset.store.opening import exists, open_record
from isacsim.dataset.store.record import (
    CREATING,
    EXTENDING,
    FORMAT,
    READY,
    StorePath,
    StoreRecord,
    digest,
    location,
)
from isacsim.dataset.store.replacing import MEMBERS, emptied
from isacsim.dataset.store.soundness import axis_faults, check_present
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr
    import zarr

__all__ = [
    "StorePath",
    "StoreRecord",
    "create_store",
    "default_chunk",
    "digest",
    "exists",
    "extend_store",
    "location",
    "open_dataset",
    "open_if_same",
    "open_record",
    "usual_chunk",
    "write_chunk",
]

_WRITES_AT_ONCE = 4


# Chosen by `python -m isacsim.validation.storage` (docs/datasets.md).
_COMPRESSION: dict[str, Any] = {
    "name": "blosc",
    "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle"},
}
# Incomplete samples that someone reads all the same are unlabelled, not of class 0.
_FILL: dict[str, Any] = {"f": np.nan, "c": complex(np.nan, np.nan), "i": -1, "u": 0, "T": "", "b": False}


def create_store(
    path: StorePath,
    template: xr.Dataset,
    n_samples: int,
    *,
    chunk: int,
    attrs: Mapping[str, str | int | float],
) -> StoreRecord:
    """Make an empty store, in place of what is there.

    Parameters
    ----------
    path : str or path-like
        Folder or URL. Whether something there may go is for the caller to decide.
    template : xarray.Dataset
        One or more samples with all variables of docs/datasets.md: their dimensions, types, attributes and coordinates
        become the store's.
    n_samples : int
        Samples it will hold.
    chunk : int
        Samples a chunk, of every variable.
    attrs : mapping
        Attributes of the data set: what made it.
    """
    import zarr

    local = "://" not in str(path)
    root: dict[str, Any] = {"isacsim_format": FORMAT, "state": CREATING}
    over = [str(name) for name, v in template.data_vars.items() if v.dims[:1] == ("sample",)]
    # xarray replaces the group's attributes: it is given ours, so that there is no moment without them.
    made = [*map(str, template.variables), "record"]
    if there := exists(path):
        emptied(path, root, made)
    root[MEMBERS] = json.dumps(made)
    # Not with mode "w" where something is, which would take away whatever else is in the folder.
    replaced = zarr.open_group(
        location(path), mode="a" if local else "w", zarr_format=3, attributes=root, use_consolidated=False
    )
    if there and local:
        replaced.attrs.put(root)
    rest = template.drop_vars(over).drop_attrs(deep=False).assign_attrs(root)
    # Text of fixed length has no specification in format 3.
    text = {name: c.astype(np.dtypes.StringDType()) for name, c in rest.coords.items() if c.dtype.kind == "U"}
    rest = rest.assign_coords(text)
    # An axis of zeros lies there too, so that one that is not there was lost.
    with warnings.catch_warnings():
        # Other people's files in the folder.
        warnings.filterwarnings("ignore", message="Object at .* is not recognized as a component")
        rest.to_zarr(location(path), mode="a", zarr_format=3, consolidated=False, write_empty_chunks=True)
    group = zarr.open_group(location(path), mode="r+", use_consolidated=False)
    for name in over:
        variable = template[name]
        dtype = np.dtypes.StringDType() if variable.dtype.kind in "UOT" else variable.dtype
        group.create_array(
            name,
            shape=(n_samples, *variable.shape[1:]),
            dtype=dtype,
            chunks=(chunk, *variable.shape[1:]),
            compressors=None if dtype.kind == "T" else [_COMPRESSION],
            fill_value=_FILL[dtype.kind],
            dimension_names=[str(d) for d in variable.dims],
            attributes={str(k): v for k, v in variable.attrs.items()},
        )
    # By name: a listing would trip over whatever else is in the folder.
    stored: dict[str, Any] = {str(name): group[str(name)] for name in rest.variables}
    axes = {name: f"{digest(rest[name].values.astype(array.dtype)):016x}" for name, array in stored.items()}
    group.create_group("record").create_array(
        "digest",
        shape=(-(-n_samples // chunk), len(over)),
        dtype="uint64",
        chunks=(1, len(over)),
        compressors=None,
        fill_value=0,
        attributes={
            "long_name": "BLAKE2b-64 of each variable's values in a chunk; 0: not complete",
            "axes": axes,
        },
    )
    group.attrs.update({**attrs, "n_samples": n_samples, "chunk": chunk, "variables": json.dumps(over)})
    _finish(group)
    return open_record(path, mode="r+")


def open_if_same(store: StorePath, attrs: Mapping[str, Any], *, overwrite: bool) -> StoreRecord | None:
    """Open a store to go on with it.

    Parameters
    ----------
    store : str or path-like
        Folder or URL.
    attrs : mapping
        What is to be made: attributes that the store must have.
    overwrite : bool
        Whatever is there is to be replaced.

    Returns
    -------
    StoreRecord or None
        None if a new one is to be made.

    Raises
    ------
    InputError
        If the store holds something else, naming the attribute that differs.
    """
    if not exists(store) or overwrite:
        return None
    record = open_record(store, mode="r+")
    if not record.created:
        return None
    recorded_attrs = {name: record.attrs.get(name) for name in attrs}
    for difference in differences(recorded_attrs, attrs):
        raise InputError(
            f"{store}: another data set is there, it differs in {difference.field}; choose another name, or "
            "--overwrite replaces it."
        )
    return record


def extend_store(record: StoreRecord, n_samples: int, attrs: Mapping[str, str | int | float]) -> StoreRecord:
    """Make room for more samples; safe to repeat after a kill.

    A last chunk that was not full loses its record first: it has to be made again.
    """
    last = record.n_samples // record.chunk
    if record.n_samples % record.chunk and n_samples > record.n_samples and last < record.digests.shape[0]:
        record.digests[last] = 0
    record.group.attrs.update({**attrs, "n_samples": n_samples, "state": EXTENDING})
    for name in record.variables:
        array = record.array(name)
        array.resize((n_samples, *array.shape[1:]))
    record.digests.resize((-(-n_samples // record.chunk), len(record.variables)))
    _finish(record.group)
    return open_record(record.path, mode="r+")


def _finish(group: zarr.Group) -> None:
    """Declare the store ready, with consolidated metadata, in one write."""
    import zarr

    with warnings.catch_warnings():
        # Consolidated metadata, which xarray looks for first, is no part of zarr's specification yet.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        # The data card.
        warnings.filterwarnings("ignore", message="Object at .* is not recognized as a component")
        consolidated = zarr.consolidate_metadata(group.store)
        consolidated.attrs["state"] = READY


def write_chunk(record: StoreRecord, number: int, samples: Mapping[str, ArrayLike]) -> None:
    """Write one chunk, whole, and then its record.

    Parameters
    ----------
    record : StoreRecord
        Opened with mode "r+".
    number : int
        Which chunk.
    samples : mapping of str to array
        Every variable over ``sample``, for all samples of the chunk.

    Raises
    ------
    InputError
        If a variable is missing, unknown, or of another shape than the chunk.
    """
    start, stop = record.bounds(number)
    names = record.variables
    if strange := set(samples) ^ set(names):
        raise InputError(
            f"{record.path}: chunk {number} differs in the variables {', '.join(sorted(strange))}."
        )
    digests = np.empty(len(names), np.uint64)
    writes = []
    for k, name in enumerate(names):
        array = record.array(name)
        given = np.asarray(samples[name])
        if given.shape != (stop - start, *array.shape[1:]):
            raise InputError(
                f"{record.path}: {name} of chunk {number} must have the shape {(stop - start, *array.shape[1:])}, "
                f"got {given.shape}."
            )
        values = given.astype(array.dtype)
        digests[k] = digest(values)
        writes.append((array, values))

    def write(one: tuple[zarr.Array[Any], NDArray[Any]]) -> None:
        one[0][start:stop] = one[1]

    # zarr hands each write to threads of its own and waits: several at once wait together.
    with ThreadPoolExecutor(_WRITES_AT_ONCE) as pool:
        list(pool.map(write, writes))
    record.digests[number] = digests


def open_dataset(path: StorePath, *, incomplete: bool = False) -> xr.Dataset:
    """Open a data set lazily.

    Parameters
    ----------
    path : str or path-like
        Folder or URL of a store that isacsim made.
    incomplete : bool
        Open a store that is not finished too, with the samples of its complete chunks only.

    Returns
    -------
    xarray.Dataset
        The variables of docs/datasets.md as dask arrays, one block a chunk.

    Raises
    ------
    InputError
        If there is no such store, it is not isacsim's, it is incomplete, or a chunk was lost.
    """
    import xarray as xr

    record = open_record(path)
    recorded = record.recorded()
    done = recorded[:, 0] != 0
    if not record.ready or not done.all():
        if not incomplete:
            raise InputError(
                f"{path}: incomplete, {record.count(done)} of {record.n_samples} samples are there; "
                f"the same {record.command} finishes it, and incomplete=True opens the present part."
            )
        if not record.ready:
            raise InputError(
                f"{path}: its making or extension was interrupted; the same {record.command} finishes it."
            )
    check_present(record, recorded)
    try:
        dataset = xr.open_zarr(location(path), chunks={}, consolidated=True)
    except OSError:
        raise
    except Exception as error:  # whatever zarr and xarray stumble over
        if wrong := axis_faults(record):
            raise InputError(f"{path}: {wrong[0].sentence}; {record.mending}.") from error
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: the descriptions in zarr.json are damaged ({why}); --overwrite makes the data set again."
        ) from error
    if not done.all():
        dataset = dataset.isel(sample=_samples(record, done))
    # What captures' labels say besides: session, person, room.
    own = json.loads(record.attrs.get("columns", "[]"))
    return dataset.set_coords([name for name in own if name in dataset])


def _samples(record: StoreRecord, done: NDArray[np.bool_]) -> NDArray[np.int64]:
    ranges = [np.arange(*record.bounds(int(number))) for number in np.flatnonzero(done)]
    return np.concatenate([np.arange(0), *ranges])


# By default a chunk of one spectrum has about this size, and no variable of it more than the other (docs/datasets.md).
_CHUNK_BYTES = 2**20


_MOST_BYTES = 2**26


_MOST_SAMPLES = 1024


def default_chunk(template: xr.Dataset, n_samples: int) -> int:
    """Samples a chunk: about 1 MiB of a spectrum, at most 64 MiB of any variable, never more than there are."""
    largest = max(
        v.dtype.itemsize * v[0].size for v in template.data_vars.values() if v.dims[:1] == ("sample",)
    )
    return usual_chunk(template["aj_noisy"][0].nbytes, largest, n_samples)


def usual_chunk(spectrum: int, largest: int, n_samples: int) -> int:
    """Samples a chunk, from the bytes of a sample's spectrum and of its largest variable."""
    most = min(_CHUNK_BYTES // spectrum, _MOST_BYTES // max(spectrum, largest))
    return int(np.clip(most, 1, min(_MOST_SAMPLES, n_samples)))
