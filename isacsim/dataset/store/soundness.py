"""Search for lost, unreadable or changed parts of a store: by listing, after a failure, or by reading everything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isacsim.dataset.store.files import read_file
from isacsim.dataset.store.opening import open_record
from isacsim.dataset.store.record import StoreRecord, digest, location, plain_name
from isacsim.errors import InputError

__all__ = [
    "Fault",
    "axis_faults",
    "axis_values",
    "check_present",
    "damaged_descriptions",
    "faults",
    "lost_axes",
    "lost_chunks",
    "readable",
]


class Fault(NamedTuple):
    """Part of a store that differs from what was written."""

    number: int | None
    """Number of the chunk; None for a coordinate."""
    name: str
    """Name of the variable or coordinate; "record" for the chunk's record itself."""
    sentence: str
    """Description of the fault."""


def lost_chunks(record: StoreRecord, recorded: NDArray[np.uint64]) -> list[tuple[int, str]]:
    """Find chunks that the record calls complete and whose objects are gone: one listing a variable, nothing read.

    A chunk of nothing but fill values has no object; the record tells it from a lost one, which reads the same.

    Parameters
    ----------
    record : StoreRecord
        The store.
    recorded : numpy.ndarray, uint64, shape (chunk, variable)
        From :meth:`StoreRecord.recorded`.

    Returns
    -------
    list of (int, str)
        Chunk and variable.
    """
    out = []
    done = recorded[:, 0] != 0
    for column, name in enumerate(record.variables if done.any() else []):
        array = record.array(name)
        keys = _keys(record, name)
        tail = "/0" * (array.ndim - 1)
        present = np.array([f"{k}{tail}" in keys for k in range(done.size)])
        absent = np.flatnonzero(done & ~present)
        empty: dict[int, int] = {}
        for number in absent.tolist():
            start, stop = record.bounds(number)
            if stop - start not in empty:
                fill: Any = np.full((stop - start, *array.shape[1:]), array.fill_value, array.dtype)
                empty[stop - start] = digest(fill)
            if int(recorded[number, column]) != empty[stop - start]:
                out.append((number, name))
    return sorted(out)


def lost_axes(record: StoreRecord) -> list[str]:
    """Find coordinates whose values are gone."""
    # Each is in one chunk.
    return [name for name in record.axes() if not _keys(record, name)]


def axis_values(record: StoreRecord, name: str) -> NDArray[Any]:
    """Values of an array that is not over ``sample``.

    Raises
    ------
    InputError
        If they cannot be decoded.
    """
    array = record.array(name)
    try:
        return np.asarray(array[...])
    except OSError:
        raise
    except Exception as error:  # every codec has its own for damaged data
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{record.path}: the values of {name} cannot be read ({why}); {record.mending}."
        ) from error


def axis_faults(record: StoreRecord) -> list[Fault]:
    """Find coordinates whose values are lost, cannot be read, or are not those that the store was made with."""
    # Hexadecimal, of when the store was made.
    digests: Any = record.digests.attrs.asdict().get("axes", {})
    lost = set(lost_axes(record))
    out = []
    for name in record.axes():
        if name in lost:
            out.append(Fault(None, name, f"the values of {name} are lost"))
            continue
        try:
            values = axis_values(record, name)
        except InputError as error:
            out.append(Fault(None, name, f"the values of {name} cannot be read: {error.__cause__ or error}"))
            continue
        if name in digests and f"{digest(values):016x}" != digests[name]:
            out.append(Fault(None, name, f"the values of {name} are not what was written"))
    return out


def damaged_descriptions(record: StoreRecord) -> dict[str, bytes]:
    """Find descriptions (NAME/zarr.json) that are lost, or not as the list in the store's own zarr.json has them.

    Parameters
    ----------
    record : StoreRecord
        Of a store that is ready: while it is extended, the list is that of before.

    Returns
    -------
    dict of str to bytes
        File to what it has to hold.

    Raises
    ------
    InputError
        If the list is damaged.
    """
    try:
        root: Any = json.loads(read_file(record.path, "zarr.json") or b"")
        listed = {f"{k}/zarr.json": _own(v) for k, v in root["consolidated_metadata"]["metadata"].items()}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise record.no_list() from error
    if not all(plain_name(name) for file in listed for name in file.split("/")):
        raise record.no_list()  # what is written anew lies within the store
    out = {}
    for file, wanted in listed.items():
        try:
            # As text, in which NaN equals NaN.
            same = json.dumps(_own(json.loads(read_file(record.path, file) or b""))) == json.dumps(wanted)
        except (AttributeError, RecursionError, TypeError, ValueError):
            same = False
        if not same:
            out[file] = json.dumps(wanted, indent=2).encode()
    return out


def _own(description: Any) -> dict[str, Any]:
    """Content of a group's list about itself, without the arrays within; sorted for comparison."""
    return {name: value for name, value in description.items() if name != "consolidated_metadata"}


def _keys(record: StoreRecord, name: str) -> set[str]:
    """Keys of a variable's chunks that are there."""
    where = f"{location(record.path).rstrip('/')}/{name}/c"
    if "://" in where:
        import fsspec

        file_system, root = fsspec.core.url_to_fs(where)
        file_system.invalidate_cache(root)
        files: Iterable[str] = file_system.find(root)
    else:
        files = (f"{folder}/{file}" for folder, _, found in os.walk(where) for file in found)
    return {file.replace(os.sep, "/").rpartition(f"/{name}/c/")[2] for file in files}


def check_present(record: StoreRecord, recorded: NDArray[np.uint64]) -> None:
    """Refuse a store of which a complete chunk was lost.

    Raises
    ------
    InputError
        Naming the first chunk and variable, and what to do.
    """
    if lost := lost_chunks(record, recorded):
        number, name = lost[0]
        more = f" (and {len(lost) - 1} more like it)" if len(lost) > 1 else ""
        raise InputError(f"{record.path}: {name} of {record.where(number)} is lost{more}; {record.mending}.")
    if axes := lost_axes(record):
        raise InputError(f"{record.path}: the values of {axes[0]} are lost; {record.mending}.")


@contextmanager
def readable(source: Any) -> Iterator[None]:
    """Turn what codecs throw at damaged data into a sentence that names variable and chunk.

    Only then is the store gone through, so it costs nothing where nothing is wrong.

    Parameters
    ----------
    source : path, or anything else
        The store read from; with anything else errors pass as they are.

    Raises
    ------
    InputError
        If the error came from a chunk that cannot be read.
    """
    try:
        yield
    except (InputError, OSError):
        raise
    except Exception:
        if isinstance(source, str | os.PathLike):
            record = open_record(source)
            for number in np.flatnonzero(record.complete()).tolist():
                for name in record.variables:
                    record.read(name, *record.bounds(number))
        raise


def faults(
    record: StoreRecord, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Fault]:
    """Recompute every chunk's digests; chunks not yet made are not wrong."""
    recorded = record.recorded()
    lost = set(lost_chunks(record, recorded))
    done = np.flatnonzero(recorded[:, 0])
    out = [
        Fault(number, "record", f"the record of {record.where(number)} cannot be read")
        for number in record.damaged_records()
    ]
    for count, number in enumerate(done.tolist()):
        for name, wanted in zip(record.variables, recorded[number].tolist(), strict=True):
            what = f"{name} of {record.where(number)}"
            if (number, name) in lost:
                out.append(Fault(number, name, f"{what} is lost"))
                continue
            try:
                values = record.read(name, *record.bounds(number))
            except InputError as error:
                out.append(Fault(number, name, f"{what} cannot be read: {error.__cause__ or error}"))
                continue
            if digest(values) != wanted:
                out.append(Fault(number, name, f"{what} is not what was written"))
        progress(count + 1, len(done))
    return out
