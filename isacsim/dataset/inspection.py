"""What a data set holds, whether it is whole, whether its splits leak, and whether a sample is what its record says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim import __version__
from isacsim.dataset.parts import Part, check_leaks
from isacsim.dataset.plan import plan_of, samples_of
from isacsim.dataset.store import StorePath, StoreRecord, digest, open_record
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["class_counts", "damage", "recorded_parts", "regenerate", "snr_histogram"]

Progress = Callable[[int, int], None]
# Variables that say which sample is which.
_IDENTITY = ("scenario", "seed", "split", "index", "source")


def class_counts(dataset: xr.Dataset) -> Counter[tuple[str, str, str, int]]:
    """Count samples by (domain, scenario, split, n_targets)."""
    columns = [dataset[name].values.tolist() for name in ("domain", "scenario", "split", "n_targets")]
    return Counter(zip(*columns, strict=True))


def snr_histogram(dataset: xr.Dataset, bins: int = 10) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count samples by SNR; counts (bin,) and edges (bin + 1,) in dB. Samples without one are left out."""
    snr = dataset["snr_db"].values
    counts, edges = np.histogram(snr[np.isfinite(snr)], bins)
    return counts, edges.astype(np.float64)


def damage(path: StorePath, *, tell: Progress = lambda done, total: None) -> list[str]:
    """Recompute every digest and check the splits for leaks, from what is stored.

    Parameters
    ----------
    path : str or path-like
        The store.
    tell : callable
        Told how many chunks are checked, and of how many.

    Returns
    -------
    list of str
        What is wrong, one sentence each; empty for a whole store. Chunks not yet made are not wrong.
    """
    record = open_record(path)
    if not record.ready:
        return ["its making or extension was cut short; the same isacsim generate finishes it"]
    out = []
    done = np.flatnonzero(record.complete())
    for count, number in enumerate(done):
        start, stop = record.bounds(int(number))
        where = f"chunk {number} (samples {start} to {stop - 1})"
        for name, wanted in zip(record.variables, record.row(int(number)), strict=True):
            try:
                values = record.read(name, start, stop)
            except Exception as error:  # every codec has its own for damaged data
                out.append(
                    f"{name} of {where} can't be read: {' '.join(str(error).split()) or type(error).__name__}"
                )
                continue
            if digest(values) != wanted:
                out.append(f"{name} of {where} is not what was written")
        tell(count + 1, len(done))
    if out:
        return out  # parts read from damaged chunks would mean nothing
    found = recorded_parts(record, done)
    try:
        check_leaks(found)
    except InputError as error:
        out.append(str(error))
    if (
        "scenarios" in record.attrs
        and len(done) == record.n_chunks
        and found != _merged(plan_of(record.attrs).parts)
    ):
        out.append("its samples are not those of the parts in its attributes")
    return out


def recorded_parts(record: StoreRecord, chunks: Iterable[int]) -> list[Part]:
    """Read the parts off the samples themselves, chunk by chunk."""
    out: list[Part] = []
    for number in chunks:
        start, stop = record.bounds(int(number))
        columns = [record.read(name, start, stop).tolist() for name in _IDENTITY]
        rows = zip(*columns, strict=True)
        out = _merged(
            [
                *out,
                *(Part(scenario, seed, split, index, 1, src) for scenario, seed, split, index, src in rows),
            ]
        )
    return out


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Join neighbours that run on."""
    out: list[Part] = []
    for part in parts:
        if out and part == replace(out[-1], first=out[-1].first + out[-1].n, n=part.n):
            out[-1] = replace(out[-1], n=out[-1].n + part.n)
        else:
            out.append(part)
    return out


def regenerate(path: StorePath, sample: int) -> dict[str, bool]:
    """Make one sample again from its record (scenario, seed, index) and compare bit by bit.

    Returns
    -------
    dict of str to bool
        Variable to whether it is the same.

    Raises
    ------
    InputError
        If there is no such sample, its chunk is incomplete, it is real, or other versions made it.
    """
    record = open_record(path)
    if not 0 <= sample < record.n_samples:
        raise InputError(f"{path}: no sample {sample}; it has samples 0 to {record.n_samples - 1}.")
    if not record.complete()[sample // record.chunk]:
        raise InputError(
            f"{path}: sample {sample} is not made yet; the same isacsim generate finishes the data set."
        )
    stored: dict[str, Any] = {name: record.read(name, sample, sample + 1) for name in record.variables}
    if stored["domain"][0] != "synthetic":
        raise InputError(
            f"{path}: sample {sample} is of a real capture; only synthetic ones can be made again."
        )
    for what, here in (("isacsim", __version__), ("numpy", np.__version__)):
        if record.attrs[what] != here:
            raise InputError(f"{path}: made with {what} {record.attrs[what]}, this is {what} {here}.")
    scenario, seed, split, index, source = (stored[name].tolist()[0] for name in _IDENTITY)
    plan = replace(plan_of(record.attrs), parts=(Part(scenario, seed, split, index, 1, source),))
    made = samples_of(plan, 0, 1)
    return {
        name: digest(np.asarray(made[name]).astype(values.dtype)) == digest(values)
        for name, values in stored.items()
    }
