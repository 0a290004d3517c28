"""Damaged and lost chunks of a store, made again to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isacsim.dataset.generate import make_chunks
from isacsim.dataset.inspection import check_remakable
from isacsim.dataset.plan import plan_of, template_of
from isacsim.dataset.soundness import Fault, faults, lost_axes
from isacsim.dataset.store import StorePath, StoreRecord, open_record
from isacsim.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Repaired", "repair"]

Progress = Callable[[int, int], None]


class Repaired(NamedTuple):
    """What was wrong with a store, and what became of it."""

    faults: list[Fault]
    """In the order of the chunks."""
    axes: list[str]
    """Coordinates that were lost."""
    left: str
    """What is still to do, a sentence; empty if all was made again, with the bits of before."""


def repair(
    path: StorePath,
    *,
    client: Client | str | None = None,
    workers: int | None = None,
    tell: Progress = lambda done, total: None,
) -> Repaired:
    """Verify a store and make damaged and lost chunks again.

    Their records go first: a kill meanwhile leaves a store that the command which made it finishes. The chunks of real
    and mixed stores can't be made of the store alone; with their records gone, that command makes them.

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
        If there is no store, its making was cut short, or other versions of isacsim or NumPy made it; then nothing is
        changed.
    """
    record = open_record(path, mode="r+")
    if not record.ready:
        raise InputError(
            f"{path}: its making or extension was cut short; the same isacsim generate finishes it."
        )
    found, axes = faults(record, tell=tell), lost_axes(record)
    of_scenarios = "scenarios" in record.attrs
    if axes and not of_scenarios:
        raise InputError(
            f"{path}: the values of {axes[0]} are lost, and only scenarios give them back; {_again(record)} "
            "--overwrite makes the data set again."
        )
    if not found and not axes:
        return Repaired([], [], "")
    if of_scenarios:
        check_remakable(record)
    if axes:
        template = template_of(plan_of(record.attrs))
        for name in axes:
            record.array(name)[...] = template[name].values.astype(record.array(name).dtype)
    before = record.recorded()
    numbers = np.unique(np.array([fault.number for fault in found], np.int64))
    for number in numbers:
        record.digests[int(number)] = 0
    if not of_scenarios:
        return Repaired(found, [], f"the records of these chunks are gone, and {_again(record)} makes them")
    for _ in make_chunks(path, numbers, client, workers) if numbers.size else ():
        pass
    after = open_record(path).recorded()
    other = [int(number) for number in numbers if (after[number] != before[number]).any()]
    left = f"chunks {', '.join(map(str, other))} came out with other bits than before: another kind of CPU made them"
    return Repaired(found, axes, left if other else "")


def _again(record: StoreRecord) -> str:
    if "captures" in record.attrs:
        return f"the isacsim generate --capture -o {record.path} that made it, with the same files,"
    return f"the isacsim mix -o {record.path} that made it, of the same two stores,"
