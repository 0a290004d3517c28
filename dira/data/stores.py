"""Data sets of isacsim: read by split, class and variable, and written as isacsim writes them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from isacsim import __version__
from isacsim.dataset.card import write_card
from isacsim.dataset.parts import SPLITS
from isacsim.dataset.real.labels import UNLABELLED
from isacsim.dataset.store.replacing import strangers
from isacsim.dataset.store.soundness import readable
from isacsim.dataset.store.store import create_store, default_chunk, exists, open_dataset, write_chunk
from isacsim.errors import InputError
from isacsim.files import check_output
from isacsim.schema import DATASET, attributes, described, unknown_truth

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SPECTRA", "check_store", "load", "write"]

SPECTRA = ("aj_noisy", "aj_noiseless", "aj_clean")
"""Spectra that every data set has."""


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
        A data set of isacsim, what `write` left, or what earlier versions of dira wrote.
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
        If the store, the variable or such samples are not there, or something of them is damaged.
    """
    import xarray as xr

    earlier = _is_earlier(_attributes(Path(store)))
    if earlier:
        whole = xr.open_zarr(Path(store), consolidated=False)
    elif exists(store):
        whole = open_dataset(store)
    else:
        raise InputError(
            f"{store}: no zarr store of spectra there; isacsim generate and isacsim import make them."
        )
    spectra = [str(name) for name in whole.data_vars if str(name).startswith("aj_")]
    if variable not in spectra:
        raise InputError(f"{store} has no spectra {variable!r}; it has {', '.join(spectra) or 'none'}.")
    keep = np.ones(whole.sizes["sample"], bool)
    if split is not None:
        if "split" not in whole:
            raise InputError(f"{store} has no splits, so none of its samples is of split {split!r}.")
        splits = np.array([str(x) for x in whole["split"].values.tolist()])
        if split not in splits:
            present = ", ".join(sorted(set(splits.tolist())))
            raise InputError(f"{store} has no samples of split {split!r}; it has {present}.")
        keep &= splits == split
    if labelled:
        keep &= whole["n_targets"].values >= 0
    if not keep.any():
        raise InputError(f"{store}: no samples with a label are left of {keep.size}; ask for another split.")
    dropped = [name for name in spectra if name not in (variable, *also)]
    dropped += [name for name in ("csi", "csi_noiseless", "csi_time") if name in whole]
    wanted = whole.drop_vars(dropped).isel(sample=np.flatnonzero(keep))
    with readable(None if earlier else store):
        return wanted.load()


def _attributes(path: Path) -> dict[str, Any]:
    """Attributes of a store, none if they cannot be read."""
    try:
        return dict(json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_earlier(attributes: Mapping[str, Any]) -> bool:
    """Tell what dira wrote before its stores were data sets of isacsim: a plain zarr store."""
    return "dira" in attributes and "isacsim_format" not in attributes


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
    if path.exists() and "dira" not in _attributes(path):
        raise InputError(f"{path} was not written by dira and is not overwritten; choose another name.")
    check_output(path / "zarr.json")
    return path


def write(
    samples: xr.Dataset,
    store: str | PathLike[str],
    *,
    domain: str | None = None,
    attrs: Mapping[str, str | int | float] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write samples as a data set of isacsim, whole or not at all.

    Parameters
    ----------
    samples : xarray.Dataset
        In memory, with spectra over (sample, [receiver,] [delay,] acceleration, jerk). What docs/datasets.md names and
        they do not have is NaN, -1 for labels and seeds, or an empty text.
    store : path
        Folder.
    domain : {"synthetic", "real", "generated", "enhanced"}, optional
        Where they come from; default: as the samples say.
    attrs : mapping, optional
        How they were made.
    overwrite : bool
        Replace what dira wrote there.

    Raises
    ------
    InputError
        As `check_store`, or if another process is writing the same store.
    """
    path = check_store(store, overwrite=overwrite)
    samples = _with_columns(samples, domain)
    # One name for all runs: what a killed one left there, the next one removes.
    work = path.with_name(f".{path.name}-writing")
    work.mkdir(parents=True, exist_ok=True)
    new = work / "new" / path.name  # by its last part the data card names it
    try:
        with FileLock(work / "lock", timeout=0):
            try:
                _put_back(work / "old", path)
                for part in ("old", "new"):
                    shutil.rmtree(work / part, ignore_errors=True)
                _fill(samples, new, attrs or {})
                # Deleting takes time: the old store goes under another name first.
                if path.exists():
                    os.replace(path, work / "old")
                os.replace(new, path)
                for entry in strangers(work / "old"):
                    if not (path / entry.name).exists():
                        os.replace(entry, path / entry.name)
            finally:
                _put_back(work / "old", path)
                shutil.rmtree(work, ignore_errors=True)
    except Timeout:
        raise InputError(f"{path}: another process is writing it.") from None
    return path


def _fill(samples: xr.Dataset, path: Path, attrs: Mapping[str, str | int | float]) -> None:
    """Make the store, chunk by chunk, and its data card."""
    template, n_samples = _with_spectra(samples.isel(sample=slice(0, 1))), samples.sizes["sample"]
    about = {
        "title": "acceleration-jerk spectra written by dira",
        "isacsim": __version__,
        "numpy": np.__version__,
        "dira": __version__,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    chunk = default_chunk(template, n_samples)
    record = create_store(path, template, n_samples, chunk=chunk, attrs=about | dict(attrs))
    for number in range(record.n_chunks):
        block = _with_spectra(samples.isel(sample=slice(*record.bounds(number))))
        write_chunk(record, number, {name: block[name].values for name in record.variables})
    write_card(path)


def _with_columns(samples: xr.Dataset, domain: str | None) -> xr.Dataset:
    """Give samples every variable of a data set but the spectra."""
    # Encodings of the store that they were read from, chunks for one, are not those of the one to be written.
    samples, n = samples.drop_encoding(), samples.sizes["sample"]
    spectrum = samples[_spectra(samples)[0]]
    columns: dict[str, Any] = unknown_truth({"target": samples.sizes.get("target", 1), **spectrum.sizes})
    numbers: dict[str, Any] = {
        "n_targets": np.full(n, UNLABELLED, np.int16),
        "snr_db": np.full(n, np.nan, np.float32),
        "seed": np.full(n, -1, np.int64),
        "index": np.arange(n),
    }
    columns |= {name: described(DATASET, name, values) for name, values in numbers.items()}
    texts = {"scenario": "", "room": "", "domain": "synthetic", "split": SPLITS[0], "source": ""}
    if domain is not None:
        samples = samples.drop_vars("domain", errors="ignore")
        texts["domain"] = domain
    columns |= {
        name: described(DATASET, name, np.full(n, text, np.dtypes.StringDType()))
        for name, text in texts.items()
    }
    return samples.assign({name: values for name, values in columns.items() if name not in samples})


def _with_spectra(samples: xr.Dataset) -> xr.Dataset:
    """Give samples the spectra that every data set has, NaN where they are not known."""
    spectrum = samples[_spectra(samples)[0]]
    nan = np.full(spectrum.shape, np.nan, np.float32)
    missing = {
        name: spectrum.copy(data=nan).assign_attrs(attributes(DATASET[name]))
        for name in SPECTRA
        if name not in samples
    }
    return samples.assign(missing)


def _spectra(samples: xr.Dataset) -> list[str]:
    """Names of the spectra that there are, the noisy ones first."""
    names = [str(name) for name in samples.data_vars if str(name).startswith("aj_")]
    return sorted(names, key=lambda name: name != "aj_noisy")


def _put_back(old: Path, path: Path) -> None:
    """A kill between two renames leaves the old store under its other name alone."""
    if old.exists() and not path.exists():
        os.replace(old, path)
