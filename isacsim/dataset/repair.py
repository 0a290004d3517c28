"""Damaged and lost chunks of a store, made again to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isacsim.dataset.card import write_card
from isacsim.dataset.inspection import check_remakable
from isacsim.dataset.store.descriptions import damaged_descriptions
from isacsim.dataset.store.files import write_file
from isacsim.dataset.store.soundness import Fault, axis_digests, axis_faults, chunk_digests, faults
from isacsim.dataset.store.store import StorePath, StoreRecord, digest, extend_store, open_record
from isacsim.dataset.synthetic.generate import make_chunks
from isacsim.dataset.synthetic.plan import plan_of, template_of
from isacsim.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Repaired", "repair"]

Progress = Callable[[int, int], None]


class Repaired(NamedTuple):
    """What was wrong with a store, and what became of it."""

    wrong: list[str]
    """What was damaged, one sentence each."""
    chunks: list[int]
    """Damaged chunks, made again."""
    records: list[int]
    """Those of them whose values were right: their record was damaged."""
    missing: list[int]
    """Chunks that were not there yet, made."""
    axes: list[str]
    """Coordinates written anew."""
    files: list[str]
    """Descriptions written anew."""
    left: str
    """What is still to do, a sentence; empty if all was made again, with the bits of before."""


def repair(
    path: StorePath,
    *,
    client: Client | str | None = None,
    workers: int | None = None,
    tell: Progress = lambda done, total: None,
) -> Repaired:
    """Verify a store, make damaged and lost chunks again, and those that are missing.

    A damaged chunk loses its record when it is about to be written again: a kill leaves a store that a second repair,
    or the command which made it, finishes. The chunks of real and mixed stores can't be made of the store alone; with
    their records gone, that command makes them.

    Parameters
    ----------
    path : str or path-like
        Folder or URL.
    client, workers
        As for :func:`isacsim.generate`.
    tell : callable
        Told how many chunks are verified, and of how many.

    Raises
    ------
    InputError
        If there is no store, its making was cut short before it had a plan, its list of arrays or its plan is damaged,
        or other versions of isacsim or NumPy made it; then no sample is changed.
    """
    record = open_record(path, mode="r+")
    of_scenarios = "scenarios" in record.attrs
    if not record.created or not (record.ready or of_scenarios):
        raise InputError(f"{path}: its making was cut short; the command that made it makes it again.")
    if not record.ready:
        check_remakable(record)
        record = extend_store(record, record.n_samples, {})
    files = damaged_descriptions(record)
    for file, content in files.items():
        write_file(path, file, content)
    record = open_record(path, mode="r+")
    found = [*faults(record, tell=tell), *axis_faults(record)]
    wrong = [*(f"{file} was lost or changed" for file in files), *(fault.sentence for fault in found)]
    chunks = sorted({fault.number for fault in found if fault.number is not None})
    axes = [fault.name for fault in found if fault.number is None]
    missing = sorted(set(np.flatnonzero(~record.complete()).tolist()) - set(chunks))
    if not of_scenarios:
        left = _left_to_others(record, found, chunks, missing)
        return Repaired(wrong, [], [], [], [], list(files), left)
    if chunks or missing or axes:
        check_remakable(record)
    other = _write_axes(record, axes)
    before, there = record.recorded(), {number: chunk_digests(record, number) for number in chunks}
    if numbers := sorted([*chunks, *missing]):
        for _ in make_chunks(path, np.array(numbers, np.int64), client, workers, again=True):
            pass
    if missing:
        write_card(path)
    record = open_record(path)
    after = record.recorded()
    records = []
    for number in chunks:
        if (chunk_digests(record, number) != after[number]).any():
            raise InputError(f"{path}: {record.where(number)} was made again and is still damaged.")
        same, kept = after[number] == before[number], after[number] == there[number]
        # Neither record nor values can be read: nothing to compare with.
        unknown = (before[number] == 0) & (there[number] == 0)
        if not (same | kept | unknown).all():
            other.append(f"chunk {number}")
        elif kept.all():
            records.append(number)
    left = f"with other bits than before came out {', '.join(other)}: another kind of CPU made them"
    return Repaired(wrong, chunks, records, missing, axes, list(files), left if other else "")


def _write_axes(record: StoreRecord, names: list[str]) -> list[str]:
    """Write coordinates as the plan has them; gives those whose values were others when the store was made."""
    if not names:
        return []
    template = template_of(plan_of(record.attrs, record.path))
    wanted = axis_digests(record)
    other = []
    for name in names:
        array = record.array(name)
        values = template[name].values.astype(array.dtype)
        array[...] = values
        if wanted.get(name, made := f"{digest(values):016x}") != made:
            other.append(name)
    return other


def _left_to_others(record: StoreRecord, found: list[Fault], chunks: list[int], missing: list[int]) -> str:
    """Take away the records of a real or mixed store's damaged chunks; says what makes them."""
    if axes := [fault for fault in found if fault.number is None]:
        raise InputError(
            f"{record.path}: {axes[0].sentence}, and only scenarios give them back; {_again(record)} "
            "--overwrite makes the data set again."
        )
    for number in chunks:
        record.digests[number] = 0
    if chunks:
        return f"the records of these chunks are gone, and {_again(record)} makes them"
    if missing:
        return f"{len(missing)} chunks are not made yet, and {_again(record)} makes them"
    return ""


def _again(record: StoreRecord) -> str:
    if "captures" in record.attrs:
        return f"the isacsim generate --capture -o {record.path} that made it, with the same files,"
    return f"the isacsim mix -o {record.path} that made it, of the same two stores,"
