"""A damaged store mended: what is unsound counts as missing, and what is missing is made as after an interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isacsim.dataset.store.files import write_file
from isacsim.dataset.store.lock import locked
from isacsim.dataset.store.soundness import axis_faults, damaged_descriptions, faults
from isacsim.dataset.store.store import StorePath, StoreRecord, exists, open_record
from isacsim.dataset.synthetic.generate import make_missing
from isacsim.dataset.synthetic.plan import Plan, plan_of, template_of
from isacsim.dataset.synthetic.resume import open_or_create
from isacsim.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Repaired", "repair"]

Progress = Callable[[int, int], None]


class Repaired(NamedTuple):
    """Result of a repair: the faults of a store, and what became of them."""

    wrong: list[str]
    """Faults that were found, one sentence each."""
    chunks: list[int]
    """Chunks that were damaged or missing, made."""
    written: list[str]
    """Coordinates and descriptions, written anew."""
    left: str
    """Work that is still to do, a sentence; empty if all is as it was."""


def repair(
    path: StorePath,
    *,
    client: Client | str | None = None,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Repaired:
    """Verify a store, take the records of unsound chunks away, and go on as :func:`isacsim.generate` does.

    A kill leaves a store that a second repair, or the command which made it, finishes. The chunks of real and mixed
    stores cannot be made of the store alone; with their records gone, that command makes them. What dira wrote is only
    looked through: its commands make a data set as a whole.

    Parameters
    ----------
    path : str or path-like
        Folder or URL.
    client, workers
        As for :func:`isacsim.generate`.
    progress : callable
        Told how many chunks are verified, and of how many.

    Raises
    ------
    InputError
        If there is no store, or its making was interrupted before it had a plan. Also if its list of arrays or its plan
        is damaged, or other versions of isacsim or NumPy made it. Then no sample is changed.
    """
    if not exists(path):
        open_record(path)  # refuses it
    with locked(path):
        return _repaired(path, client, workers, progress)


def _repaired(
    path: StorePath, client: Client | str | None, workers: int | None, progress: Progress
) -> Repaired:
    record = open_record(path, mode="r+")
    plan = plan_of(record.attrs, record.path) if record.created and "scenarios" in record.attrs else None
    if plan is not None:
        record = open_or_create(plan, path)
    if not record.ready:
        raise InputError(f"{path}: its making was interrupted; the command that made it makes it again.")
    descriptions = damaged_descriptions(record)
    for file, content in descriptions.items():
        write_file(path, file, content)
    record = open_record(path, mode="r+")
    found = [*faults(record, progress=progress), *axis_faults(record)]
    wrong = [*(f"{file} was lost or changed" for file in descriptions), *(fault.sentence for fault in found)]
    axes = [fault.name for fault in found if fault.number is None]
    if plan is None and axes and record.goes_on:
        raise InputError(
            f"{path}: the values of {axes[0]} are damaged, and only scenarios can make them again; "
            f"{_how_again(record)}, with --overwrite, makes the data set again."
        )
    if not record.goes_on:
        left = f"nothing was changed of its chunks, and {record.mending}" if found else ""
        return Repaired(wrong, [], list(descriptions), left)
    before = record.recorded()
    for number in sorted({fault.number for fault in found if fault.number is not None}):
        record.digests[number] = 0
    missing = np.flatnonzero(~record.complete()).tolist()
    if plan is None:
        left = f"{len(missing)} chunks are to be made, and {_how_again(record)} makes them" if missing else ""
        return Repaired(wrong, [], list(descriptions), left)
    _write_axes(record, axes, plan)
    if missing:
        make_missing(plan, path, client=client, workers=workers)
    after = open_record(path).recorded()
    damaged = {(fault.number, fault.name) for fault in found}
    # What was sound in an unsound chunk has to come out as it was.
    other = [
        f"{name} of chunk {number}"
        for number in missing
        for k, name in enumerate(record.variables)
        if (number, name) not in damaged and before[number, k] not in (0, after[number, k])
    ]
    other += [fault.name for fault in axis_faults(record)]
    left = f"other bits than before came out in {', '.join(other)}: another kind of CPU made them"
    return Repaired(wrong, missing, [*axes, *descriptions], left if other else "")


def _write_axes(record: StoreRecord, names: list[str], plan: Plan) -> None:
    """Write coordinates as the plan has them."""
    template = template_of(plan) if names else {}
    if not all(name in template for name in names):
        raise record.no_list()
    for name in names:
        array = record.array(name)
        array[...] = template[name].values.astype(array.dtype)


def _how_again(record: StoreRecord) -> str:
    inputs = "with the same files" if "captures" in record.attrs else "of the same two stores"
    return f"the {record.command} -o {record.path} that made it, {inputs},"
