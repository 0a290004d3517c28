"""The script that `isacsim.capture.netcdf` runs first: go through an HDF5 file as HDF5 does. It may hang or crash."""

from __future__ import annotations

import contextlib
import sys

with contextlib.suppress(ImportError, ValueError, OSError):
    import resource

    # Time of the processor, not of the wall: a busy machine is no damaged file.
    _SECONDS = int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 1))

import h5py


def main(path: str, whole: bool) -> None:
    """Read all names and attributes, and all values, if `whole`, else the first and the last; print their bytes."""
    size = 0

    def visit(_: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal size
        for name in item.attrs:
            item.attrs[name]
        if not isinstance(item, h5py.Dataset) or not item.size:  # no target: nothing to read
            return
        size += item.size * item.dtype.itemsize
        if whole:
            # A chunk at a time: what is in the file is bounded by the file, not by what it says of itself.
            for chunk in item.iter_chunks() if item.chunks else ():
                item[chunk]
            if not item.chunks and item.nbytes <= len_of_file:
                item[()]
        else:
            item[(0,) * item.ndim]
            item[(-1,) * item.ndim]

    with open(path, "rb") as opened:
        len_of_file = opened.seek(0, 2)
    with h5py.File(path, "r") as file:
        for name in file.attrs:
            file.attrs[name]
        file.visititems(visit)
    print(size)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "whole")
