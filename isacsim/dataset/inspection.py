"""Inspection of a data set: content, completeness, leaks between splits, and agreement of samples with records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim import __version__
from isacsim.dataset.parts import Part, check_leaks
from isacsim.dataset.store.soundness import (
    axis_faults,
    axis_values,
    check_present,
    damaged_descriptions,
    faults,
)
from isacsim.dataset.store.store import StorePath, StoreRecord, digest, open_record
from isacsim.dataset.synthetic.plan import plan_of, samples_of, template_of
from isacsim.errors import InputError

__all__ = ["damage", "recorded_parts", "regenerate", "sample_of"]

Progress = Callable[[int, int], None]
# Variables that say which sample is which.
_IDENTITY = ("scenario", "seed", "split", "index", "source")


def damage(path: StorePath, *, progress: Progress = lambda done, total: None) -> list[str]:
    """Recompute every digest and check the splits for leaks, from what is stored.

    Parameters
    ----------
    path : str or path-like
        The store.
    progress : callable
        Told how many chunks are checked, and of how many.

    Returns
    -------
    list of str
        What is wrong, one sentence each; empty for a whole store. Chunks not yet made are not wrong.
    """
    record = open_record(path)
    if not record.ready:
        return [f"its making or extension was interrupted; the same {record.command} finishes it"]
    if files := damaged_descriptions(record):
        return [f"{file} is lost or not what was written" for file in files]
    if out := [fault.sentence for fault in (*faults(record, progress=progress), *axis_faults(record))]:
        return out  # parts read from damaged chunks would mean nothing
    done = np.flatnonzero(record.complete())
    found = recorded_parts(record, done)
    try:
        check_leaks(found)
    except InputError as error:
        out.append(str(error))
    if (
        "scenarios" in record.attrs
        and len(done) == record.n_chunks
        and found != _merged(plan_of(record.attrs, record.path).parts)
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


def sample_of(
    record: StoreRecord, sample: int, *, names: Iterable[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Read one sample, all variables or some; each with shape (1, ...).

    Raises
    ------
    InputError
        If there is no such sample, its chunk is incomplete, or it cannot be read.
    """
    if not 0 <= sample < record.n_samples:
        raise InputError(f"{record.path}: no sample {sample}; it has samples 0 to {record.n_samples - 1}.")
    recorded = record.recorded()
    if not recorded[sample // record.chunk, 0]:
        raise InputError(
            f"{record.path}: sample {sample} is not made yet; the same command finishes the data set."
        )
    check_present(record, recorded)
    chosen = record.variables if names is None else names
    return {name: record.read(name, sample, sample + 1) for name in chosen}


def regenerate(path: StorePath, sample: int) -> dict[str, bool]:
    """Make one sample again from the data set's plan (scenarios, seed and parts) and compare bit by bit.

    What the sample says of itself is compared too, not believed; and so are the coordinates.

    Returns
    -------
    dict of str to bool
        Variable or coordinate to whether it is the same.

    Raises
    ------
    InputError
        If there is no such sample, its chunk is incomplete, scenarios did not make it, or other versions did.
    """
    record = open_record(path)
    stored = sample_of(record, sample)
    _check_remakable(record)
    stored |= {name: axis_values(record, name) for name in record.axes()}
    plan = plan_of(record.attrs, record.path)
    template = template_of(plan)
    sample_anew = {name: template[name].values for name in record.axes()} | samples_of(
        plan, sample, sample + 1
    )
    return {
        name: digest(np.asarray(sample_anew[name]).astype(values.dtype)) == digest(values)
        for name, values in stored.items()
    }


def _check_remakable(record: StoreRecord) -> None:
    """Refuse a store that isacsim cannot make again by what it says of itself.

    Raises
    ------
    InputError
        If scenarios did not make it, or other versions did.
    """
    if "scenarios" not in record.attrs:
        raise InputError(
            f"{record.path}: captures, a mix or a model made it; only samples of scenarios can be made again."
        )
    for what, here in (("isacsim", __version__), ("numpy", np.__version__)):
        if record.attrs.get(what) != here:
            raise InputError(
                f"{record.path}: made with {what} {record.attrs.get(what)}, this is {what} {here}."
            )
