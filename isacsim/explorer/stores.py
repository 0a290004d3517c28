"""Samples of a data set, one at a time, filtered by class, split and SNR."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_integer, check_number
from isacsim.compute.memory import size_words
from isacsim.dataset.inspection import sample_of
from isacsim.dataset.store.opening import open_record
from isacsim.dataset.store.record import StoreRecord
from isacsim.dataset.store.soundness import axis_values
from isacsim.errors import InputError
from isacsim.explorer.arrays import array, numbers

__all__ = ["StoreBrowser"]

_KINDS = ("noisy", "noiseless", "clean")
_SPECTRA = {f"aj_{kind}": kind for kind in _KINDS} | {"aj_enhanced": "enhanced"}
_COLUMNS = ("n_targets", "split", "snr_db", "scenario", "domain")
_TRUTH = ("target_path_length", "target_velocity", "target_acceleration", "target_jerk", "target_amplitude")
# Read at once: a chunk of each variable that is shown, and the columns of all samples.
_MOST_CHUNK, _MOST_SAMPLES = 2**28, 2_000_000


@dataclass(frozen=True, eq=False)
class _Index:
    """Index of the samples, without their spectra."""

    state: tuple[int, int]
    record: StoreRecord
    columns: dict[str, NDArray[Any]]
    made: NDArray[np.bool_]
    """Samples of complete chunks."""


class StoreBrowser:
    """Finds samples, and reads one; keeps the columns of the data set that was asked for last."""

    def __init__(self) -> None:
        self._kept: tuple[Path, _Index] | None = None

    def sample(self, path: Path, shown: str, asked: dict[str, Any]) -> dict[str, Any]:
        """One sample, and how many there are.

        Parameters
        ----------
        path : pathlib.Path
            The store.
        shown : str
            What messages and page call it.
        asked : dict
            ``n_targets`` and ``split``, None for all; ``snr_least`` and ``snr_most`` in dB, None for no limit;
            ``position`` among the samples that fit, from 0.

        Returns
        -------
        dict
            As JSON has it: ``classes``, ``splits``, ``matching``, ``total``, ``position``; and, where a sample fits,
            ``sample`` (its number), ``about``, ``spectra`` by kind, ``acceleration``, ``jerk``, ``truth``.

        Raises
        ------
        InputError
            If there is no such data set, it is damaged, or an argument is none of those allowed.
        """
        try:
            return self._sample(path, shown, asked)
        except InputError as error:
            # Where the folder lies is nothing that a page need know.
            raise type(error)(str(error).replace(str(path), shown)) from error

    def _sample(self, path: Path, shown: str, asked: dict[str, Any]) -> dict[str, Any]:
        index = self._index(path, shown)
        which = _matching(index, asked)
        position = check_integer("position", asked.get("position", 0), least=0)
        labels = index.columns["n_targets"]
        out: dict[str, Any] = {
            "store": shown,
            "classes": sorted(set(labels[index.made].tolist())),
            "splits": sorted(set(index.columns["split"][index.made].tolist())),
            "matching": int(which.size),
            "total": index.record.n_samples,
            "made": int(index.made.sum()),
            "position": min(position, max(0, int(which.size) - 1)),
        }
        if which.size:
            out |= _shown(index, int(which[out["position"]]))
        return out

    def _index(self, path: Path, shown: str) -> _Index:
        found = (path / "zarr.json").stat() if (path / "zarr.json").is_file() else None
        state = (0, 0) if found is None else (found.st_mtime_ns, found.st_size)
        if self._kept is not None and self._kept[0] == path and self._kept[1].state == state:
            return self._kept[1]
        record = open_record(path)
        if not record.ready:
            raise InputError(f"{shown}: its making was interrupted; the same {record.command} finishes it.")
        if record.n_samples > _MOST_SAMPLES:
            raise InputError(
                f"{shown}: {record.n_samples} samples; the explorer shows data sets of at most {_MOST_SAMPLES}."
            )
        _check_chunks(record, shown)
        made = np.repeat(record.complete(), record.chunk)[: record.n_samples]
        columns = {
            name: record.read(name, 0, record.n_samples) for name in _COLUMNS if name in record.variables
        }
        if missing := [name for name in ("n_targets", "split") if name not in columns]:
            raise InputError(f"{shown}: damaged, it has no {' and no '.join(missing)}.")
        columns["split"] = np.array([str(one) for one in columns["split"]])
        index = _Index(state, record, columns, made)
        if made.all():
            self._kept = path, index  # one that grows is read anew
        return index


def _check_chunks(record: StoreRecord, shown: str) -> None:
    """Refuse chunks that are too large, before one is read."""
    for name in record.variables:
        if name not in (*_SPECTRA, *_COLUMNS, *_TRUTH):
            continue
        found = record.array(name)
        size = math.prod(found.chunks) * max(1, found.dtype.itemsize)
        if size > _MOST_CHUNK:
            raise InputError(
                f"{shown}: a chunk of {name} is {size_words(size)}; the explorer reads chunks of at most "
                f"{size_words(_MOST_CHUNK)}."
            )


def _matching(index: _Index, asked: dict[str, Any]) -> NDArray[np.intp]:
    """Numbers of the samples that fit."""
    fits = index.made.copy()
    if asked.get("n_targets") is not None:
        fits &= index.columns["n_targets"] == check_integer("n_targets", asked["n_targets"])
    if asked.get("split") is not None:
        fits &= index.columns["split"] == str(asked["split"])
    limits = {name: asked.get(name) for name in ("snr_least", "snr_most")}
    if any(value is not None for value in limits.values()):
        snr = index.columns.get("snr_db")
        if snr is None:
            raise InputError("snr_least and snr_most must be left out: the data set has no snr_db.")
        with np.errstate(invalid="ignore"):
            if limits["snr_least"] is not None:
                fits &= snr >= check_number("snr_least", limits["snr_least"])
            if limits["snr_most"] is not None:
                fits &= snr <= check_number("snr_most", limits["snr_most"])
    return np.flatnonzero(fits)


def _shown(index: _Index, number: int) -> dict[str, Any]:
    """Spectra and truth of one sample; of several receivers the first, of delay bins the mean."""
    record = index.record
    kinds = {name: kind for name, kind in _SPECTRA.items() if name in record.variables}
    truth = [name for name in _TRUTH if name in record.variables]
    values = sample_of(record, number, names=[*kinds, *truth])
    spectra = {}
    for name, kind in kinds.items():
        dims = list(record.array(name).metadata.dimension_names or ())  # type: ignore[union-attr]
        spectrum = values[name][0]
        if "receiver" in dims:
            spectrum = spectrum[0]
        if "delay" in dims:
            spectrum = spectrum.mean(axis=0)
        if spectrum.ndim != 2:
            raise InputError(f"{record.path}: damaged, {name} has dimensions {', '.join(map(str, dims))}.")
        spectra[kind] = array(spectrum) if np.isfinite(spectrum).all() else None
    of_targets = {
        name.removeprefix("target_"): np.atleast_2d(values[name][0])[0].astype(float) for name in truth
    }
    count = len(next(iter(of_targets.values()), ()))
    listed = [
        {name: float(v[n]) if np.isfinite(v[n]) else None for name, v in of_targets.items()}
        for n in range(count)
        if any(np.isfinite(v[n]) for v in of_targets.values())
    ]
    about = {
        name: column[number].item() if hasattr(column[number], "item") else column[number]
        for name, column in index.columns.items()
    }
    snr = about.get("snr_db")
    return {
        "sample": number,
        "about": about | {"snr_db": snr if isinstance(snr, float) and math.isfinite(snr) else None},
        "spectra": spectra,
        "acceleration": numbers(axis_values(record, "acceleration")),
        "jerk": numbers(axis_values(record, "jerk")),
        "truth": listed,
    }
