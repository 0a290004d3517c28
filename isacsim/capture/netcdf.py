"""Captures on disk: netCDF-4 through h5netcdf, complex64 stored as such."""

from __future__ import annotations

import math
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.capture.content import available_memory, check_readable
from isacsim.capture.formats.guard import run_guarded
from isacsim.errors import CaptureError, InputError
from isacsim.files import check_output, written_whole
from isacsim.schema import STREAM, described, typed_flags

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_capture_path", "load_capture", "looks_saved", "open_capture", "save_capture"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SUFFIXES = (".nc", ".netcdf", ".h5")
_CHILD = Path(__file__).parent / "formats" / "netcdf_child.py"
# A child takes 0.3 s of the processor and reads 100 MB/s: what takes longer hangs. By the clock on the wall a busy
# machine may take so many times as long. Larger files (MB) are gone through when loaded.
_SECONDS, _SECONDS_PER_MB, _WALL, _SMALL = 5.0, 0.1, 20, 256.0


def check_capture_path(path: str | PathLike[str], *, overwrite: bool = True) -> Path:
    """Refuse a path for netCDF that cannot work, before the work starts.

    Raises
    ------
    InputError
        If it does not end in .nc, .netcdf or .h5, or as :func:`isacsim.files.check_output`.
    """
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path}: the name of a netCDF file must end in {', '.join(_SUFFIXES)}.")
    return check_output(path, overwrite=overwrite)


def save_capture(capture: xr.Dataset, path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Write a capture, or spectra, as netCDF.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file.
    path : str or path-like
        Ending in .nc, .netcdf or .h5. The file appears whole or not at all; missing folders are made.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, cannot be one, or has another ending.
    OSError
        If it cannot be written.
    """
    with written_whole(check_capture_path(path), overwrite=overwrite) as temporary:
        # h5netcdf stores complex numbers as the compound type of netCDF-C 4.9.3; older netCDF tools see (r, i).
        typed_flags(capture).to_netcdf(temporary, engine="h5netcdf", encoding=_with_sums(capture))
    _SOUND.add(_state_of(Path(path)))


def load_capture(path: str | PathLike[str]) -> xr.Dataset:
    """Read what :func:`save_capture` wrote, into memory.

    Raises
    ------
    CaptureError
        If the file is missing, no netCDF, damaged, or holds no capture.
    """
    import xarray as xr

    return _read(path, xr.load_dataset, whole=True)


def open_capture(path: str | PathLike[str]) -> xr.Dataset:
    """Open what :func:`save_capture` wrote: CSI is read where it is used, so the file may be larger than memory.

    Raises
    ------
    CaptureError
        As `load_capture`.
    """
    import xarray as xr

    return _read(path, xr.open_dataset, whole=False)


def _with_sums(capture: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Checksums for the arrays of numbers, times and frequencies too, by which a flipped bit is noticed."""
    return {
        name: {"fletcher32": True}
        for name, variable in capture.variables.items()
        if variable.ndim and variable.size and variable.dtype.kind in "fciu"
    }


# Files that were written or gone through by this process, by name, length and time of change.
_SOUND: set[tuple[Path, int, int]] = set()


def _state_of(path: Path) -> tuple[Path, int, int]:
    status = path.stat()
    return path.absolute(), status.st_size, status.st_mtime_ns


def _check_sound(path: Path, *, whole: bool) -> None:
    """Let a child process go through a file first: HDF5 loops for ever, or crashes, on some damaged ones."""
    state = _state_of(path)
    if state in _SOUND:
        return
    megabytes = state[1] / 2**20
    whole = whole or megabytes < _SMALL
    seconds = math.ceil(_SECONDS + (_SECONDS_PER_MB * megabytes if whole else 0.0))
    printed = run_guarded(
        _CHILD,
        [str(path.absolute()), "whole" if whole else "ends", str(seconds)],
        path,
        "HDF5",
        timeout=_WALL * seconds,
    )
    free = available_memory()
    if whole and free is not None and int(printed) > free:
        raise CaptureError(
            f"{path}: the capture takes {int(printed) / 2**30:.3g} GiB of memory, but {free / 2**30:.3g} GiB are free"
        )
    _SOUND.add(state)


def _read(path: str | PathLike[str], how: Callable[..., xr.Dataset], *, whole: bool) -> xr.Dataset:
    path = check_readable(path, factor=2 if whole else 0)
    if not looks_saved(path):
        raise CaptureError(f"{path}: not a netCDF-4 file, or a damaged one.")
    _check_sound(path, whole=whole)
    try:
        capture = how(path, engine="h5netcdf", phony_dims="sort")
    except OSError as error:
        raise CaptureError(f"{path}: not a netCDF-4 file, or a damaged one.") from error
    except (KeyError, ValueError, TypeError, RuntimeError) as error:  # what HDF5 makes of damage inside
        raise CaptureError(f"{path}: damaged netCDF ({str(error).splitlines()[0]}).") from error
    capture.attrs = _plain(capture.attrs)
    for variable in capture.variables.values():
        variable.attrs = _plain(variable.attrs)
    if "csi" not in capture or not {"receiver", "subcarrier", "packet"} <= set(capture["csi"].dims):
        raise CaptureError(
            f"{path}: holds no csi (receiver, subcarrier, packet), so it is no capture; its variables are "
            f"{', '.join(map(str, capture.data_vars)) or 'none'}."
        )
    if lacking := [name for name in ("frequency", "time") if name not in capture["csi"].coords]:
        raise CaptureError(f"{path}: csi has no coordinate {' and no '.join(lacking)}.")
    for name in ("frequency", "time"):
        values = capture.coords[name].values
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            raise CaptureError(f"{path}: its {name} is not finite, so it is damaged or no capture.")
    if (np.diff(capture.coords["time"].values) <= 0).any():
        raise CaptureError(f"{path}: its times do not increase, so it is damaged or no capture.")
    return _with_antennas(capture)


def _with_antennas(capture: xr.Dataset) -> xr.Dataset:
    """Say which antennas a capture's streams are of, where a version before 0.2 or another program saved it."""
    old = {"rx": "rx_element", "tx": "tx_element"}
    capture = capture.rename({name: new for name, new in old.items() if name in capture.coords})
    none = np.zeros(capture.sizes["receiver"], np.int64)
    # Without a word about antennas each stream is a device of its own.
    known = {"device": none if "rx_element" in capture.coords else np.arange(none.size)}
    known |= {"rx_element": none, "tx_element": none}
    lacking = {name: described(STREAM, name, v) for name, v in known.items() if name not in capture.coords}
    return capture.assign_coords(lacking)


def looks_saved(path: Path) -> bool:
    """Tell by its first bytes whether a file is HDF5, which netCDF-4 is."""
    try:
        # Not a pipe: reading it waits for ever.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_HDF5)) == _HDF5
    except (OSError, ValueError):
        return False


def _plain(attributes: dict[Any, Any]) -> dict[Any, Any]:
    """Attributes as they were: HDF5 gives NumPy scalars for Python's numbers."""
    return {
        name: value.item() if isinstance(value, np.generic) else value for name, value in attributes.items()
    }
