"""Spectra in zarr stores: data sets of isacsim and what the commands here write, by split, class and variable."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from isacsim import __version__
from isacsim.dataset.store.store import exists, open_dataset
from isacsim.errors import InputError
from isacsim.files import check_output

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_store", "load", "write"]


def load(
    store: str | PathLike[str],
    variable: str,
    *,
    split: str | None = None,
    labelled: bool = False,
    also: Sequence[str] = ("aj_clean",),
) -> xr.Dataset:
    """Read samples into memory.

    Parameters
    ----------
    store : path
        A data set of isacsim, or what `write` left.
    variable : str
        The spectra wanted, e.g. ``aj_noisy``; other spectra stay where they are.
    split : str, optional
        Only samples of this one.
    labelled : bool
        Only samples with a label.
    also : sequence of str
        Further spectra that come along if there are such.

    Returns
    -------
    xarray.Dataset
        The variable, and all that is no spectrum.

    Raises
    ------
    InputError
        If the store, the variable or such samples are not there.
    """
    import xarray as xr

    if _is_ours(Path(store)):
        whole = xr.open_zarr(Path(store), consolidated=False)
    elif exists(store):
        whole = open_dataset(store)
    else:
        raise InputError(f"{store} is no zarr store of spectra.")
    spectra = [str(name) for name in whole.data_vars if str(name).startswith("aj_")]
    if variable not in spectra:
        raise InputError(f"{store} has no spectra {variable!r}; it has {', '.join(spectra) or 'none'}.")
    keep = np.ones(whole.sizes["sample"], bool)
    if split is not None:
        if "split" not in whole:
            raise InputError(f"{store} has no splits, so none of its samples is of split {split!r}.")
        values = np.array([str(x) for x in whole["split"].values.tolist()])
        if split not in values:
            there = ", ".join(sorted(set(values.tolist())))
            raise InputError(f"{store} has no samples of split {split!r}; it has {there}.")
        keep &= values == split
    if labelled:
        keep &= whole["n_targets"].values >= 0
    if not keep.any():
        raise InputError(f"{store}: no samples with a label are left of {keep.size}; ask for another split.")
    dropped = [name for name in spectra if name not in (variable, *also)]
    dropped += [name for name in ("csi", "csi_noiseless", "csi_time") if name in whole]
    return whole.drop_vars(dropped).isel(sample=np.flatnonzero(keep)).load()


def _is_ours(path: Path) -> bool:
    try:
        root = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        return "dira" in root["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_store(store: str | PathLike[str], *, overwrite: bool) -> Path:
    """Refuse to write over what is there, before the work starts.

    Raises
    ------
    InputError
        If something is there and must not be overwritten, or no store can be written there.
    """
    path = Path(store)
    if path.exists() and not overwrite:
        raise InputError(f"{path} is there already; choose another name or pass --overwrite.")
    if path.exists() and not _is_ours(path):
        raise InputError(f"{path} was not written by dira and is not overwritten; choose another name.")
    check_output(path / "zarr.json")
    return path


def write(samples: xr.Dataset, store: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Write samples to a zarr store, whole or not at all.

    Raises
    ------
    InputError
        As `check_store`, or if another process is writing the same store.
    """
    path, samples = check_store(store, overwrite=overwrite), samples.copy()
    # One name for all runs: what a killed one left there, the next one removes.
    work = path.with_name(f".{path.name}-writing")
    work.mkdir(parents=True, exist_ok=True)
    for name, values in samples.variables.items():
        if values.dtype.kind in "UO":  # text of any length, which zarr specifies
            samples[name] = samples[name].astype(np.dtypes.StringDType())
    samples.attrs["dira"] = __version__
    try:
        with FileLock(work / "lock", timeout=0):
            try:
                _put_back(work / "old", path)
                for part in ("old", "new"):
                    shutil.rmtree(work / part, ignore_errors=True)
                # Encodings of the store that it was read from, chunks for one, don't fit the samples chosen.
                samples.drop_encoding().to_zarr(work / "new", mode="w", zarr_format=3, consolidated=False)
                # Deleting takes time: the old store goes under another name first.
                if path.exists():
                    os.replace(path, work / "old")
                os.replace(work / "new", path)
            finally:
                _put_back(work / "old", path)
                shutil.rmtree(work, ignore_errors=True)
    except Timeout:
        raise InputError(f"{path}: another process is writing it.") from None
    return path


def _put_back(old: Path, path: Path) -> None:
    """A kill between two renames leaves the old store under its other name alone."""
    if old.exists() and not path.exists():
        os.replace(old, path)
