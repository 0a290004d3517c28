"""Scenario to data set: chunks made by workers, written by those who made them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim import __version__
from isacsim.checks import check_integer
from isacsim.dataset.card import has_card, write_card
from isacsim.dataset.parts import Splits
from isacsim.dataset.store.files import remove_leftovers
from isacsim.dataset.store.lock import locked
from isacsim.dataset.store.store import StorePath, location, open_dataset, open_record, write_chunk
from isacsim.dataset.synthetic.plan import Plan, make_plan, plan_of, samples_of
from isacsim.dataset.synthetic.resume import open_or_create
from isacsim.dataset.synthetic.size import check_size
from isacsim.dataset.synthetic.workers import check_workers, map_unordered
from isacsim.errors import InputError
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.schema import LABELS

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

__all__ = ["generate", "make_chunk", "make_missing"]

Progress = Callable[[int, int], None]
"""Told how many samples there are, and of how many."""

# A store cannot be here at all: doing the same again would not help.
_NO_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG)


def generate(
    scenario: Scenario | str | Path | Sequence[Scenario | str | Path],
    store: StorePath,
    *,
    n_samples: int | None = None,
    seed: int | None = None,
    client: Client | str | None = None,
    resume: bool = True,
    progress: bool | Progress = True,
    per_class: Mapping[int, int] | None = None,
    splits: Splits | None = None,
    keep_csi: bool = False,
    chunk: int | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    index_range: tuple[int, int] | None = None,
    extend: bool = False,
) -> xr.Dataset:
    """Make a data set, or finish or extend one.

    Sample i depends on (scenario, seed, i) alone, to the bit: not on chunks, workers, order or interruptions. What
    interrupts it (Ctrl-C, a kill, a full disk) leaves a store that the same call finishes.

    Parameters
    ----------
    scenario : Scenario, str or pathlib.Path, or a sequence of them
        What to simulate: Scenarios, shipped ones' names, paths of .yaml files. Several need spectra of one shape and
        axes.
    store : str or path-like
        Folder, or URL of an object store (fsspec), that every worker can reach.
    n_samples : int, optional
        Samples of each scenario; default: as the scenario says.
    seed : int, optional
        Seed of the data set; default: that of the (first) scenario.
    client : distributed.Client or str, optional
        Dask cluster to work on, or its scheduler's address; default: processes on this machine.
    resume : bool
        Go on with a store that is there; otherwise it is refused.
    progress : bool or callable
        Show a bar, or be told (samples made, samples in all).
    per_class : mapping of int to int, optional
        Samples for each number of targets, of each scenario; default: as the scenario says.
    splits : mapping, optional
        Split (train, validation, test) to fraction, or scenario's name to its split or fractions; default: all train.
        See :func:`isacsim.dataset.parts.plan_parts`.
    keep_csi : bool
        Keep the CSI too.
    chunk : int, optional
        Samples a chunk; default: about 1 MiB of each kind of spectrum.
    overwrite : bool
        Replace a store that is there, whatever data set it holds.
    workers : int, optional
        Processes on this machine; 0: this one; default: one a core, and this one alone for a single chunk.
    index_range : (int, int), optional
        Only samples start to stop (exclusive) of the whole, as the whole would hold them.
    extend : bool
        Let a store of a single part that is there grow, if more samples are asked for than it was begun with;
        otherwise another number is refused. Fewer always are.

    Returns
    -------
    xarray.Dataset
        Opened lazily, see :func:`isacsim.dataset.store.store.open_dataset`.

    Raises
    ------
    InputError
        If an argument is out of range, scenarios do not go together, or the store holds something else.
    OSError
        If the store cannot be written; a full disk says how to go on.
    """
    given = (
        [scenario]
        if isinstance(scenario, Scenario | str | Path) or not isinstance(scenario, Iterable)
        else scenario
    )
    scenarios = [load_scenario(one) for one in given]
    if not scenarios:
        raise InputError("scenario must be one or several scenarios; got none.")
    seed = scenarios[0].seed if seed is None else seed
    # Before the store is touched.
    check_workers(client, workers)
    plan = make_plan(scenarios, n_samples, seed, per_class, splits, keep_csi, index_range, extend=extend)
    if chunk is not None:
        check_integer("chunk", chunk, least=1)
    how: dict[str, Any] = {"resume": resume, "chunk": chunk, "overwrite": overwrite, "extend": extend}
    if isinstance(progress, bool):
        from isacsim.terminal import sample_progress

        with sample_progress(", ".join(s.name for s in scenarios), shown=progress) as bar:
            return make_missing(plan, store, client=client, workers=workers, progress=bar, **how)
    return make_missing(plan, store, client=client, workers=workers, progress=progress, **how)


def make_missing(
    plan: Plan,
    store: StorePath,
    *,
    client: Client | str | None = None,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
    **how: Any,
) -> xr.Dataset:
    """Make what of a plan is not in a store; arguments as for :func:`generate`, whose second half this is."""
    n_done = 0
    check_size(plan, store, client, workers, how.get("chunk"))
    try:
        with locked(store):
            record = open_or_create(plan, store, **how)
            done = record.complete()
            n_done = record.count(done)
            progress(n_done, plan.n_samples)
            missing = np.flatnonzero(~done)
            if missing.size:
                for n in _make_chunks(store, missing, client, workers):
                    n_done += n
                    progress(n_done, plan.n_samples)
            if missing.size or not has_card(store):
                remove_leftovers(store)
                write_card(store)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {_how_to_go_on(store, n_done, plan)}") from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "no space left on the disk" if full else f"cannot be written ({error.strerror or error})"
        if error.errno not in _NO_PLACE:
            what = f"{what}; {_how_to_go_on(store, n_done, plan)}"
        raise OSError(error.errno, what, str(store)) from error
    return open_dataset(store)


def _how_to_go_on(store: StorePath, n_done: int, plan: Plan) -> str:
    return f"{n_done} of {plan.n_samples} samples are in {store}, and the same isacsim generate goes on from there."


def _make_chunks(
    store: StorePath, numbers: NDArray[np.int64], client: Client | str | None, workers: int | None
) -> Iterator[int]:
    """Make chunks of a store; yields each one's samples.

    Raises
    ------
    InputError
        If they are not in the store afterwards.
    """
    tasks = ((location(store), int(number)) for number in numbers)
    yield from map_unordered(make_chunk, tasks, client=client, workers=workers)
    if not open_record(store).complete()[numbers].all():
        raise InputError(
            f"{store}: the workers' chunks are not here; every worker needs the same folder under this path."
        )


# Numba's simplest threading layer allows one caller at a time, and a worker may have several threads.
_ONE_AT_A_TIME = Lock()


def make_chunk(path: str, number: int) -> int:
    """Make one chunk of a store and write it: what a worker does. All it needs to know is in the store.

    Returns
    -------
    int
        Number of samples.
    """
    record = open_record(path, mode="r+")
    for what, here in (("isacsim", __version__), ("numpy", np.__version__)):
        if record.attrs[what] != here:
            raise InputError(f"{path}: made with {what} {record.attrs[what]}, but a worker has {here}.")
    start, stop = record.bounds(number)
    with _ONE_AT_A_TIME:
        samples = samples_of(plan_of(record.attrs, record.path), start, stop)
    # A store that was begun before samples had labels is finished as it was begun.
    later = {*LABELS, "room"} - set(record.variables)
    write_chunk(record, number, {name: values for name, values in samples.items() if name not in later})
    return stop - start
