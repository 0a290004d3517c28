"""A data set's store as it lies there: what it says of itself, which chunks are complete, what its arrays hold."""

from __future__ import annotations

import hashlib
import json
import math
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.compute.memory import check_memory
from isacsim.dataset.store.raw import implausible, known, read_rows
from isacsim.errors import InputError

if TYPE_CHECKING:
    import zarr

__all__ = [
    "CREATING",
    "EXTENDING",
    "FORMAT",
    "MOST_SAMPLES",
    "READY",
    "StorePath",
    "StoreRecord",
    "digest",
    "location",
    "plain_name",
]


StorePath = str | PathLike[str]

FORMAT = 2
"""Version of this layout, in the attribute ``isacsim_format``."""

MOST_SAMPLES = 2**31 - 1
"""In one store: readers count samples in 32 bits."""

# Far above what isacsim writes in one chunk.
_MOST_CHUNK_BYTES = 2**33

CREATING, EXTENDING, READY = "creating", "extending", "ready"


class StoreRecord:
    """An open store: its attributes, its arrays over ``sample`` and which chunks are complete."""

    def __init__(self, path: str, group: zarr.Group):
        self.path = path
        self.group = group
        self.attrs: dict[str, Any] = dict(group.attrs)
        state = self.attrs.get("state")
        self.created = state in (EXTENDING, READY)
        """True if it was made completely; if not, it holds nothing."""
        self.ready = state == READY
        """True if its last extension was completed too."""

    @property
    def digests(self) -> zarr.Array[Any]:
        """Digests, uint64 (chunk, variable); zeros where a chunk is incomplete."""
        array = self.array("record/digest")
        if array.ndim != 2 or array.shape[1] != len(self.variables):
            raise InputError(
                f"{self.path}: damaged, it names {len(self.variables)} variables and has digests of shape "
                f"{array.shape}; --overwrite makes the data set again."
            )
        return array

    @property
    def variables(self) -> list[str]:
        """Names of the variables over ``sample``, in the order of the digests."""
        return list(json.loads(self.attrs["variables"]))

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
        done: NDArray[np.bool_] = self.recorded()[:, 0] != 0
        return done

    def recorded(self) -> NDArray[np.uint64]:
        """All digests, (chunk, variable); zeros where a chunk is incomplete or its record is damaged."""
        return self._rows()[0]

    def damaged_records(self) -> list[int]:
        """Chunks whose record is there and cannot be read."""
        return self._rows()[1]

    def _rows(self) -> tuple[NDArray[np.uint64], list[int]]:
        if not self.created:
            return np.zeros((self.n_chunks, 1), np.uint64), []
        digests, n = self.digests, len(self.variables)
        check_memory(8 * self.n_chunks * (n + 1), f"{self.path}: records of {self.n_chunks} chunks")
        out = np.zeros((self.n_chunks, n), np.uint64)
        rows = min(self.n_chunks, digests.shape[0])  # an extension cut short leaves fewer
        damaged: list[int] = []
        if "://" not in self.path:
            out[:rows], damaged = read_rows(Path(location(self.path), "record", "digest"), rows, n)
        else:
            try:
                out[:rows] = digests[:rows]
            except Exception:  # a damaged row, which every codec says in its own way
                for row in range(rows):
                    try:
                        out[row] = digests[row]
                    except Exception:
                        damaged.append(row)
        # A digest is never 0.
        partly = (out == 0).any(axis=1) & (out != 0).any(axis=1)
        out[partly] = 0
        return out, sorted([*damaged, *np.flatnonzero(partly).tolist()])

    def count(self, done: NDArray[np.bool_]) -> int:
        """Samples in the chunks marked."""
        return sum(stop - start for start, stop in (self.bounds(int(k)) for k in np.flatnonzero(done)))

    def array(self, name: str) -> zarr.Array[Any]:
        """Array of a variable.

        Raises
        ------
        InputError
            If it is gone, or its description is damaged.
        """
        import zarr

        try:
            array = self.group[name]
        except OSError:
            raise
        except Exception as error:  # whatever zarr stumbles over
            raise self._no_array(name) from error
        if not isinstance(array, zarr.Array):
            raise self._no_array(name)
        # Of a shape that cannot be nothing may be made, not even to compare with.
        if math.prod(array.chunks) * array.dtype.itemsize > _MOST_CHUNK_BYTES or array.ndim != len(
            array.chunks
        ):
            raise self._no_array(name)
        return array

    def axes(self) -> list[str]:
        """Names of the arrays that are not over ``sample``.

        Raises
        ------
        InputError
            If the store's list of its arrays is damaged.
        """
        import zarr

        try:
            listed = zarr.open_group(location(self.path), mode="r", use_consolidated=True)
            return sorted(set(listed.array_keys()) - set(self.variables))
        except OSError:
            raise
        except Exception as error:  # whatever zarr stumbles over
            raise self.no_list() from error

    def no_list(self) -> InputError:
        """Give the error for a damaged list of the arrays."""
        return InputError(
            f"{self.path}: the list of its arrays in zarr.json is gone or damaged; --overwrite makes the data set "
            "again."
        )

    def _no_array(self, name: str) -> InputError:
        return InputError(
            f"{self.path}: the description of {name} ({name}/zarr.json) is gone or damaged; {self.mending}."
        )

    def read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Values of a variable for samples start to stop (exclusive).

        Raises
        ------
        InputError
            If they cannot be decoded.
        """
        array = self.array(name)
        try:
            self._check_headers(array, name, start, stop)
            return np.asarray(array[start:stop])
        except OSError:
            raise
        except (
            Exception
        ) as error:  # every codec has its own for damaged data; what it claims may not fit into memory
            why = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"{self.path}: {name} of {self.where(start // self.chunk)} cannot be read ({why}); {self.mending}."
            ) from error

    def _check_headers(self, array: zarr.Array[Any], name: str, start: int, stop: int) -> None:
        if "://" in self.path or array.ndim == 0 or not known(array):
            return
        tail = ["0"] * (array.ndim - 1)
        for number in range(start // array.chunks[0], -(-stop // array.chunks[0])):
            file = Path(location(self.path), name, "c", str(number), *tail)
            if file.is_file():
                text, size = array.dtype.kind == "T", math.prod(array.chunks)
                with file.open("rb") as opened:
                    header = opened.read(16)
                if why := implausible(header, size, array.dtype.itemsize, text=text):
                    raise ValueError(why)

    def where(self, number: int) -> str:
        """Say which samples a chunk holds."""
        start, stop = self.bounds(number)
        return f"chunk {number} (samples {start} to {stop - 1})"

    @property
    def command(self) -> str:
        """Command that made it, and finishes it."""
        made_by = {"scenarios": "isacsim generate", "captures": "isacsim import", "mix": "isacsim mix"}
        made_by |= {"enhanced_from": "dira enhance", "dira": "dira expand"}
        return next((command for name, command in made_by.items() if name in self.attrs), "command")

    @property
    def goes_on(self) -> bool:
        """True if the command that made it makes single chunks again; dira's make a data set whole or not at all."""
        return "dira" not in self.attrs

    @property
    def mending(self) -> str:
        """Advice on what to do about damage, as the end of a sentence."""
        if not self.goes_on:
            return f"the {self.command} that made it, with --overwrite, makes it again"
        return f"isacsim inspect {self.path} --repair mends it"


def digest(values: NDArray[Any]) -> int:
    """BLAKE2b-64 of an array's values, type and shape; never 0."""
    kind = "string" if values.dtype.kind == "T" else values.dtype.newbyteorder("<").str
    made = hashlib.blake2b(f"{kind}{values.shape}".encode(), digest_size=8)
    if values.dtype.kind == "T":
        made.update("\0".join(values.ravel().tolist()).encode())
    else:
        made.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data.cast("B"))
    return int.from_bytes(made.digest(), "little") or 1


def plain_name(name: str) -> bool:
    """Tell whether a name is one of an array within the store: it leads nowhere else."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def location(path: StorePath) -> str:
    """Absolute path, or the URL as it is, so that it means the same to every worker."""
    text = str(path)
    return text if "://" in text else str(Path(text).absolute())
