"""The zarr store of a data set: made, filled chunk by chunk, and opened only as far as it is complete.

Every variable over ``sample`` has the same chunk length, and what is written is one whole chunk by its number, so no
two writers ever share an object. Each object is replaced atomically (a file by rename, an object store by its PUT).
Only when all variables of a chunk lie in the store is its record written, in the group ``record`` that plain xarray
does not see: a row of digests, one a variable, of the decoded values. A chunk without a record does not count.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr
    import zarr

__all__ = [
    "StoreRecord",
    "create_store",
    "digest",
    "exists",
    "extend_store",
    "location",
    "open_dataset",
    "open_record",
    "write_chunk",
]


class _Absent(InputError):
    """Nothing is there."""


StorePath = str | PathLike[str]

FORMAT = 1
"""Version of this layout, in the attribute ``isacsim_format``."""

# Chosen by `python -m isacsim.validation.storage` (docs/datasets.md).
_COMPRESSION: dict[str, Any] = {
    "name": "blosc",
    "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle"},
}
# Incomplete samples that someone reads all the same are unlabelled, not of class 0.
_FILL: dict[str, Any] = {"f": np.nan, "c": complex(np.nan, np.nan), "i": -1, "T": "", "b": False}
_CREATING, _EXTENDING, _READY = "creating", "extending", "ready"


class StoreRecord:
    """An open store: its attributes, its arrays over ``sample`` and which chunks are complete."""

    def __init__(self, path: str, group: zarr.Group):
        self.path = path
        self.group = group
        self.attrs: dict[str, Any] = dict(group.attrs)
        state = self.attrs.get("state")
        self.created = state in (_EXTENDING, _READY)
        """Whether its making went through; if not, it holds nothing."""
        self.ready = state == _READY
        """Whether its last extension went through too."""

    @property
    def digests(self) -> zarr.Array[Any]:
        """Digests, uint64 (chunk, variable); zeros where a chunk is incomplete."""
        return self.group["record/digest"]  # type: ignore[return-value]

    @property
    def variables(self) -> list[str]:
        """Names of the variables over ``sample``, in the order of the digests."""
        return [str(name) for name in json.loads(self.attrs["variables"])]

    @property
    def chunk(self) -> int:
        """Samples a chunk."""
        return int(self.attrs.get("chunk", 1))

    @property
    def n_samples(self) -> int:
        """Samples in all, complete or not; 0 if its making did not go through."""
        return int(self.attrs.get("n_samples", 0))

    @property
    def n_chunks(self) -> int:
        """Number of chunks."""
        return -(-self.n_samples // self.chunk)

    def bounds(self, number: int) -> tuple[int, int]:
        """First sample of a chunk and the one after its last."""
        if not 0 <= number < self.n_chunks:
            raise InputError(f"{self.path}: no chunk {number}; it has chunks 0 to {self.n_chunks - 1}.")
        return number * self.chunk, min((number + 1) * self.chunk, self.n_samples)

    def complete(self) -> NDArray[np.bool_]:
        """Tell which chunks are complete; shape (chunk,)."""
        done = np.zeros(self.n_chunks, bool)
        if self.created:
            got = self._recorded()
            done[: got.size] = got[: done.size]  # an extension cut short leaves fewer rows
        return done

    def _recorded(self) -> NDArray[np.bool_]:
        digests = self.digests
        try:
            return np.not_equal(digests[:, 0], 0)
        except Exception:  # a damaged row, which every codec says in its own way; it counts as none
            out = np.zeros(digests.shape[0], bool)
            for row in range(out.size):
                with suppress(Exception):
                    out[row] = digests[row, 0] != 0
            return out

    def count(self, done: NDArray[np.bool_]) -> int:
        """Samples in the chunks marked."""
        return sum(stop - start for start, stop in (self.bounds(int(k)) for k in np.flatnonzero(done)))

    def array(self, name: str) -> zarr.Array[Any]:
        """Array of a variable."""
        return self.group[name]  # type: ignore[return-value]

    def read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Values of a variable for samples start to stop (exclusive)."""
        return np.asarray(self.array(name)[start:stop])

    def row(self, number: int) -> list[int]:
        """Digests of a chunk."""
        return [int(value) for value in np.asarray(self.digests[number])]


def location(path: StorePath) -> str:
    """Absolute path, or the URL as it is, so that it means the same to every worker."""
    text = str(path)
    return text if "://" in text else str(Path(text).absolute())


def open_record(path: StorePath, *, mode: Any = "r") -> StoreRecord:
    """Open a store that isacsim made, complete or not.

    Raises
    ------
    InputError
        If there is none, or it is another's, or of a later version of the layout.
    """
    import zarr
    from zarr.errors import GroupNotFoundError, NodeTypeValidationError

    where = location(path)
    try:
        group = zarr.open_group(where, mode=mode, use_consolidated=False)
    except (GroupNotFoundError, FileNotFoundError) as error:
        here = Path(where)
        if "://" not in where and here.exists() and not (here.is_dir() and not any(here.iterdir())):
            raise InputError(f"{path}: not a zarr group, so no data set of isacsim.") from error
        raise _Absent(f"{path}: no data set there; isacsim generate makes one.") from error
    except (NodeTypeValidationError, NotADirectoryError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a zarr group, so no data set of isacsim.") from error
    record = StoreRecord(str(path), group)
    made = record.attrs.get("isacsim_format")
    if made is None or "state" not in record.attrs:
        raise InputError(f"{path}: a zarr store, but not one that isacsim made.")
    if made != FORMAT:
        raise InputError(f"{path}: layout {made} of isacsim's data sets; this version reads layout {FORMAT}.")
    return record


def exists(path: StorePath) -> bool:
    """Tell whether a store of isacsim is there; nothing, or an empty folder, is none.

    Raises
    ------
    InputError
        If something else is there.
    """
    try:
        open_record(path)
    except _Absent:
        return False
    return True


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

    root: dict[str, Any] = {"isacsim_format": FORMAT, "state": _CREATING}
    if exists(path):
        # Deleting takes time; a kill meanwhile must not leave records without their data.
        zarr.open_group(location(path), mode="r+").attrs.update(root)
    zarr.open_group(location(path), mode="w", zarr_format=3, attributes=root)
    over = [str(name) for name, v in template.data_vars.items() if v.dims[:1] == ("sample",)]
    # xarray replaces the group's attributes: it is given ours, so that there is no moment without them.
    rest = template.drop_vars(over).drop_attrs(deep=False).assign_attrs(root)
    rest.to_zarr(location(path), mode="a", zarr_format=3, consolidated=False)
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
    group.create_group("record").create_array(
        "digest",
        shape=(-(-n_samples // chunk), len(over)),
        dtype="uint64",
        chunks=(1, len(over)),
        compressors=None,
        fill_value=0,
        attributes={"long_name": "BLAKE2b-64 of each variable's values in a chunk; 0: not complete"},
    )
    group.attrs.update({**attrs, "n_samples": n_samples, "chunk": chunk, "variables": json.dumps(over)})
    _finish(group)
    return open_record(path, mode="r+")


def extend_store(record: StoreRecord, n_samples: int, attrs: Mapping[str, str | int | float]) -> StoreRecord:
    """Make room for more samples; safe to repeat after a kill.

    A last chunk that was not full loses its record first: it has to be made again.
    """
    last = record.n_samples // record.chunk
    if record.n_samples % record.chunk and n_samples > record.n_samples and last < record.digests.shape[0]:
        record.digests[last] = 0
    record.group.attrs.update({**attrs, "n_samples": n_samples, "state": _EXTENDING})
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
        consolidated = zarr.consolidate_metadata(group.store)
        consolidated.attrs["state"] = _READY


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
    values = {}
    for k, name in enumerate(names):
        array = record.array(name)
        given = np.asarray(samples[name])
        if given.shape != (stop - start, *array.shape[1:]):
            raise InputError(
                f"{record.path}: {name} of chunk {number} must have the shape {(stop - start, *array.shape[1:])}, "
                f"got {given.shape}."
            )
        values[name] = given.astype(array.dtype)
        digests[k] = digest(values[name])
    for name in names:
        record.array(name)[start:stop] = values[name]
    record.digests[number] = digests


def digest(values: NDArray[Any]) -> int:
    """BLAKE2b-64 of an array's values, type and shape; never 0."""
    kind = "string" if values.dtype.kind == "T" else values.dtype.newbyteorder("<").str
    made = hashlib.blake2b(f"{kind}{values.shape}".encode(), digest_size=8)
    if values.dtype.kind == "T":
        made.update("\0".join(values.ravel().tolist()).encode())
    else:
        made.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data.cast("B"))
    return int.from_bytes(made.digest(), "little") or 1


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
        If there is no such store, it is not isacsim's, or it is incomplete.
    """
    import xarray as xr

    record = open_record(path)
    done = record.complete()
    if not record.ready or not done.all():
        if not incomplete:
            raise InputError(
                f"{path}: incomplete, {record.count(done)} of {record.n_samples} samples are there; "
                "the same isacsim generate finishes it, incomplete=True opens what there is."
            )
        if not record.ready:
            raise InputError(
                f"{path}: its making or extension was cut short; the same isacsim generate finishes it."
            )
    dataset = xr.open_zarr(location(path), chunks={}, consolidated=True)
    if not done.all():
        dataset = dataset.isel(sample=_samples(record, done))
    return dataset


def _samples(record: StoreRecord, done: NDArray[np.bool_]) -> NDArray[np.int64]:
    ranges = [np.arange(*record.bounds(int(number))) for number in np.flatnonzero(done)]
    return np.concatenate([np.arange(0), *ranges])
