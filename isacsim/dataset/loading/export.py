"""Data sets and captures for other programs: netCDF, MATLAB's .mat, NumPy's .npz.

Each file appears whole or not at all. Only the requested parts are read: netCDF and .npz chunk by chunk, .mat
variable by variable. So memory does not grow with the number of samples (.mat: with the largest variable, of which
SciPy makes copies).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_names
from isacsim.dataset.loading.stream import positions_of_split
from isacsim.dataset.store.soundness import readable
from isacsim.dataset.store.store import open_dataset
from isacsim.errors import InputError
from isacsim.files import written_whole
from isacsim.schema import typed_flags

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["EXPORTERS", "export_mat", "export_netcdf", "export_npz"]

Progress = Callable[[int, int], None]

# MATLAB's limit for a variable of a level 5 file.
_MAT_BYTES = 2**31
# Read at once of a variable that is not in chunks.
_BLOCK_BYTES = 2**24


def export_netcdf(
    ds: xr.Dataset | str | PathLike[str],
    path: str | PathLike[str],
    *,
    split: str | None = None,
    variables: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write a data set as netCDF-4, by chunk.

    Complex numbers are the compound type of netCDF-C 4.9.3, as in captures; tools that do not know it see pairs r, i.

    Parameters
    ----------
    ds : xarray.Dataset or path
        A data set, or the store it is in.
    path : str or path-like
        File to write.
    split : str, optional
        Only the samples of this split.
    variables : sequence of str, optional
        Only these, with their coordinates; default: all.
    overwrite : bool
        Replace an existing file.
    progress : callable
        Told how many pieces are written, and of how many.

    Raises
    ------
    InputError
        If the data set does not have what is asked for, cannot be read, or the file exists or cannot be one.
    OSError
        If it cannot be written.
    """
    import dask
    from dask.callbacks import Callback

    chosen = typed_flags(_chosen(ds, split, variables).drop_encoding())
    done = 0

    def count(*_: Any) -> None:
        nonlocal done
        done += 1

    class Told(Callback):
        def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
            count()
            progress(done, done + len(state["waiting"]) + len(state["ready"]) + len(state["running"]))

    # One piece after the other: HDF5 takes one writer, and readers ahead of it would only fill the memory.
    with (
        readable(ds),
        written_whole(path, overwrite=overwrite) as temporary,
        dask.config.set(scheduler="synchronous"),
        Told(),
    ):
        chosen.to_netcdf(temporary, engine="h5netcdf")


def export_mat(
    ds: xr.Dataset | str | PathLike[str],
    path: str | PathLike[str],
    *,
    split: str | None = None,
    variables: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write a data set as a level 5 .mat file, which MATLAB, Octave and SciPy read.

    Names are those of the data set, dimensions in its order: ``aj_noisy(sample, acceleration, jerk)``. Vectors are
    columns, text is a cell array. Two structures describe the rest: ``dims.aj_noisy`` names a variable's dimensions,
    ``units.aj_noisy`` its unit.

    Parameters
    ----------
    ds, path, split, variables, overwrite, progress
        As for :func:`export_netcdf`.

    Raises
    ------
    InputError
        As :func:`export_netcdf`, and if a variable has 2 GiB or more, which the format cannot hold.
    OSError
        If it cannot be written.
    """
    from scipy.io import savemat

    chosen = _chosen(ds, split, variables)
    for name, variable in chosen.variables.items():
        if variable.dtype.kind in "biufc" and variable.nbytes >= _MAT_BYTES:
            raise InputError(
                f"{path}: {name} has {variable.nbytes / 2**30:.1f} GiB, and a .mat file holds less than 2 GiB a "
                "variable; export netCDF (.nc), which MATLAB reads with ncread, or fewer samples or variables."
            )
    names = [str(name) for name in chosen.variables]
    described = {
        "dims": {name: _cells(chosen[name].dims) for name in names},
        "units": {name: str(chosen[name].attrs.get("units", "")) for name in names},
    }
    with (
        readable(ds),
        written_whole(path, overwrite=overwrite) as temporary,
        temporary.open("wb") as handle,
    ):
        file: Any = handle  # scipy-stubs knows file names only
        for number, name in enumerate(names):
            values = chosen[name].load().values
            text = values.dtype.kind not in "biufc"
            savemat(file, {name: _cells(values.tolist()) if text else values}, oned_as="column")
            progress(number + 1, len(names))
        savemat(file, described, oned_as="column", long_field_names=True)


def export_npz(
    ds: xr.Dataset | str | PathLike[str],
    path: str | PathLike[str],
    *,
    split: str | None = None,
    variables: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write a data set as an uncompressed .npz, which ``numpy.load`` opens without pickle; by chunk.

    One array a variable, coordinates too, dimensions in the data set's order; units are in docs/datasets.md.

    Parameters
    ----------
    ds, path, split, variables, overwrite, progress
        As for :func:`export_netcdf`.

    Raises
    ------
    InputError
        As :func:`export_netcdf`.
    OSError
        If it cannot be written.
    """
    chosen = _chosen(ds, split, variables)
    names = [str(name) for name in chosen.variables]
    with (
        readable(ds),
        written_whole(path, overwrite=overwrite) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
    ):
        for number, name in enumerate(names):
            # The data set may have 10^8 samples: no array of it is ever whole in memory.
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                _write_npy(file, chosen[name])
            progress(number + 1, len(names))


EXPORTERS: Mapping[str, Callable[..., None]] = {
    ".nc": export_netcdf,
    ".mat": export_mat,
    ".npz": export_npz,
}
"""Name's ending to the function that writes it."""


def _chosen(
    ds: xr.Dataset | str | PathLike[str], split: str | None, variables: Sequence[str] | None
) -> xr.Dataset:
    opened = open_dataset(ds) if isinstance(ds, str | PathLike) else ds
    names = list(opened.variables) if variables is None else list(check_names("variables", variables))
    if unknown := [name for name in names if name not in opened.variables]:
        raise InputError(
            f"variables: the data set has no {unknown[0]!r}; it has {', '.join(map(str, opened.data_vars))}."
        )
    chosen = opened if variables is None else opened[names]
    with readable(ds):
        return chosen if split is None else chosen.isel(sample=positions_of_split(opened, split))


def _cells(texts: Sequence[Any]) -> NDArray[Any]:
    """Texts as a cell array: a column of objects."""
    out = np.empty((len(texts), 1), object)
    out[:, 0] = [str(text) for text in texts]
    return out


def _write_npy(file: Any, array: xr.DataArray) -> None:
    """Write one array in NumPy's format, block after block along its first dimension."""
    if array.dtype.kind not in "biufc":
        # Text of variable length would need pickle.
        np.lib.format.write_array(file, np.array(array.load().values.tolist(), dtype=str), allow_pickle=False)
        return
    header = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": array.shape,
    }
    np.lib.format.write_array_header_2_0(file, header)
    for block in _blocks(array):
        file.write(np.ascontiguousarray(block).tobytes())


def _blocks(array: xr.DataArray) -> Iterator[NDArray[Any]]:
    if not array.ndim:
        yield array.values
        return
    first = array.dims[0]
    if array.chunks is not None:
        sizes: Sequence[int] = array.chunks[0]
    else:
        rows = max(1, _BLOCK_BYTES * len(array) // max(1, array.nbytes))
        sizes = [min(rows, len(array) - start) for start in range(0, len(array), rows)]
    start = 0
    for size in sizes:
        yield array.isel({first: slice(start, start + size)}).load(scheduler="synchronous").values
        start += size
