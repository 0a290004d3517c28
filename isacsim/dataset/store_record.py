"""A data set's store as it lies there: is it one, what does it say of itself, which chunks are complete."""

from __future__ import annotations

import json
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import InputError

if TYPE_CHECKING:
    import zarr

__all__ = [
    "CREATING",
    "EXTENDING",
    "FORMAT",
    "READY",
    "StorePath",
    "StoreRecord",
    "exists",
    "location",
    "open_record",
]


StorePath = str | PathLike[str]

FORMAT = 1
"""Version of this layout, in the attribute ``isacsim_format``."""

CREATING, EXTENDING, READY = "creating", "extending", "ready"


class _Absent(InputError):
    """Nothing is there."""


class StoreRecord:
    """An open store: its attributes, its arrays over ``sample`` and which chunks are complete."""

    def __init__(self, path: str, group: zarr.Group):
        self.path = path
        self.group = group
        self.attrs: dict[str, Any] = dict(group.attrs)
        state = self.attrs.get("state")
        self.created = state in (EXTENDING, READY)
        """Whether its making went through; if not, it holds nothing."""
        self.ready = state == READY
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
