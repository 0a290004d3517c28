"""A store's objects as bytes: what zarr would take long to read, or would believe and ask memory for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["implausible", "known", "read_rows"]


def read_rows(folder: Path, rows: int, width: int) -> tuple[NDArray[np.uint64], list[int]]:
    """Read an array of uncompressed uint64 of one row a chunk, far faster than zarr does.

    Parameters
    ----------
    folder : Path
        Of the array.
    rows, width : int
        Its shape.

    Returns
    -------
    (ndarray of uint64, shape (row, width)), list of int
        Zeros where there is no chunk; rows whose chunk cannot be read.
    """
    out, damaged = np.zeros((rows, width), np.uint64), []
    try:
        there = [int(entry.name) for entry in os.scandir(folder / "c") if entry.name.isdecimal()]
    except (FileNotFoundError, NotADirectoryError):
        return out, []
    for row in there:
        if row >= rows:
            continue
        try:
            content = (folder / "c" / str(row) / "0").read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except IsADirectoryError:
            content = b""
        if len(content) != 8 * width:
            damaged.append(row)
            continue
        out[row] = np.frombuffer(content, "<u8")
    return out, sorted(damaged)


def implausible(content: bytes, items: int, itemsize: int, *, text: bool) -> str:
    """Say what of a chunk's header cannot be, before a codec asks for as much memory as it claims.

    Parameters
    ----------
    content : bytes
        The chunk as it lies there.
    items : int
        Values that it holds.
    itemsize : int
        Bytes of each; of text nothing is known.
    text : bool
        Whether they are texts: a number of items, then the length of each before it (numcodecs' vlen-utf8). Otherwise
        Blosc's header of 16 bytes tells the size before compression.

    Returns
    -------
    str
        What is wrong; empty if nothing is.
    """
    if len(content) < (4 if text else 16):
        return f"{len(content)} bytes are too few"
    if text:
        claimed = int.from_bytes(content[:4], "little")
        return "" if claimed == items else f"it claims {claimed} texts where {items} were written"
    claimed = int.from_bytes(content[4:8], "little")
    return (
        ""
        if claimed == items * itemsize
        else f"it claims {claimed} bytes where {items * itemsize} were written"
    )


def known(array: Any) -> bool:
    """Tell whether an array's chunks have a header that `implausible` knows: as isacsim writes those over samples."""
    names = [type(codec).__name__ for codec in array.compressors]
    return names == ["BloscCodec"] or (not names and array.dtype.kind == "T")
