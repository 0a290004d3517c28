"""Where tasks are worked off: in processes of this machine (loky), or on any dask cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from isacsim import __version__
from isacsim.checks import check_integer
from isacsim.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_workers", "map_ordered", "map_unordered", "processes"]

Task = tuple[Any, ...]
"""Arguments of one call."""

_ANSWER_S = 15
_PACKAGE = "isacsim"
# Tasks on their way for each worker: one at work, one waiting.
_AHEAD = 2
# So many deaths without a result between them are no accident.
_DEATHS = 3
_ENVIRONMENT = {
    **dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # A sample takes and frees megabytes several times: glibc is to keep them, not to fault them in anew.
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    # A worker that is killed leaves locks, which Python clears away, and says so.
    "PYTHONWARNINGS": ",".join(
        filter(
            None, (os.environ.get("PYTHONWARNINGS"), "ignore::UserWarning:multiprocessing.resource_tracker")
        )
    ),
}


def map_unordered(
    function: Callable[..., Any], tasks: Iterable[Task], *, client: Client | str | None, workers: int | None
) -> Iterator[Any]:
    """Call a function for every tuple of arguments; results as they come, a bounded number of tasks on their way.

    Parameters
    ----------
    function : callable
        Of a module: workers import it.
    tasks : iterable of tuple
        Arguments of each call.
    client : distributed.Client or str or None
        Dask cluster, or its scheduler's address; None: processes on this machine.
    workers : int or None
        Processes on this machine; 0: this one; default: one a core, and never more than there are tasks. By default a
        single task is done in this process: starting another takes longer than twenty samples do.

    Raises
    ------
    InputError
        If no scheduler answers, it has no worker, one has no isacsim or another version, ``workers`` is given with a
        cluster, or workers died several times over one task.
    """
    check_workers(client, workers)
    if client is None:
        given = list(tasks)
        if workers == 0 or (workers is None and len(given) == 1):
            yield from (function(*task) for task in given)
        else:
            yield from _on_this_machine(function, given, processes(workers))
        return
    with _connected(client) as cluster:
        yield from _on_cluster(cluster, function, tasks)


def check_workers(client: Client | str | None, workers: int | None) -> None:
    """Refuse a number of workers that cannot be.

    Raises
    ------
    InputError
        If it is none, or given with a cluster.
    """
    if workers is not None:
        check_integer("workers", workers, least=0)
        if client is not None:
            raise InputError("workers is for processes on this machine; a cluster has its own.")


def processes(workers: int | None) -> int:
    """Number of processes that work on this machine, this one included; default: one a core."""
    return _cores() if workers is None else max(1, workers)


def _cores() -> int:
    from loky import cpu_count

    return int(cpu_count())


def _on_this_machine(function: Callable[..., Any], tasks: list[Task], limit: int) -> Iterator[Any]:
    """Work in processes that are started anew, not forked, and do not import the script that called.

    It was measured against dask's LocalCluster, 2 workers on 2 cores, from the start of Python to its end. 8 samples
    of `default` take 2.5 s, not 3.9; 200 samples take 3.8 s, not 5.1 (152 a second once it runs, not 135).
    """
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    waiting, size, deaths = deque(tasks), max(1, min(limit, len(tasks))), 0
    while waiting:
        pool = ProcessPoolExecutor(
            size, env=_ENVIRONMENT, initializer=_set_up_worker, initargs=(os.getpid(),)
        )
        under_way: dict[Future[Any], Task] = {}
        try:
            while waiting or under_way:
                with (
                    nullcontext() if under_way else _ignoring_sigint()
                ):  # the first tasks start the processes
                    while waiting and len(under_way) < _AHEAD * size:
                        future = pool.submit(function, *waiting[0])
                        under_way[future] = waiting.popleft()
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    del under_way[future]
                    deaths = 0
                    yield result
        except TerminatedWorkerError as error:  # takes the others down with it
            deaths += 1
            if deaths == _DEATHS:
                raise _died() from error
            waiting.extendleft(under_way.values())
        finally:
            # All they did is in the store: to let them go in order would take a second.
            pool.shutdown(kill_workers=True)


def map_ordered(
    function: Callable[..., Any], tasks: Iterable[Task], *, workers: int | None, ahead: int
) -> Iterator[Any]:
    """Call a function for every tuple of arguments in processes of this machine; results in the order of the tasks.

    Parameters
    ----------
    function : callable
        Of a module: workers import it.
    tasks : iterable of tuple
        Arguments of each call; may be endless.
    workers : int or None
        Processes; 0: this one; default: one a core.
    ahead : int
        At most so many results of each process are made before they are asked for.

    Raises
    ------
    InputError
        If ``workers`` is none, or they died several times over one task.
    """
    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    check_workers(None, workers)
    if workers == 0:
        yield from (function(*task) for task in tasks)
        return
    size, waiting, deaths = processes(workers), iter(tasks), 0
    under_way = deque[tuple[Task, Any]]()
    while True:
        pool = ProcessPoolExecutor(
            size, env=_ENVIRONMENT, initializer=_set_up_worker, initargs=(os.getpid(),)
        )
        try:
            with _ignoring_sigint():  # the first tasks start the processes
                again = [task for task, _ in under_way]
                under_way = deque((task, pool.submit(function, *task)) for task in again)
                for task in islice(waiting, max(0, ahead * size - len(under_way))):
                    under_way.append((task, pool.submit(function, *task)))
            while under_way:
                result = under_way[0][1].result()
                deaths = 0
                under_way.popleft()
                for task in islice(waiting, 1):
                    under_way.append((task, pool.submit(function, *task)))
                yield result
            return
        except TerminatedWorkerError as error:  # takes the others down with it
            deaths += 1
            if deaths == _DEATHS:
                raise _died() from error
        finally:
            pool.shutdown(kill_workers=True)


def _died() -> InputError:
    return InputError(
        "a worker died several times over one chunk, probably because memory ran out; take fewer workers or smaller "
        "chunks."
    )


def _set_up_worker(parent: int) -> None:
    """Let a worker end without a word: with the process that started it, and not by Ctrl-C, which reaches it too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # Its locks (Numba's, Blosc's) are cleared away by a process of its own, which _ENVIRONMENT keeps from telling.
    resource_tracker._resource_tracker._fd = None  # type: ignore[attr-defined]


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@contextmanager
def _ignoring_sigint() -> Iterator[None]:
    """Let processes started here ignore Ctrl-C from their first moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _connected(client: Client | str) -> Iterator[Client]:
    """Give a dask client: the one passed, or one of the scheduler at an address.

    Raises
    ------
    InputError
        If distributed is missing, no scheduler answers, it has no worker, or one has no isacsim or another version.
    """
    if not isinstance(client, str):
        _check_workers(client)
        yield client
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            f"the dask scheduler at {client} needs distributed, which is not installed: pip install 'isacsim[cluster]'."
        ) from error
    try:
        connection = Client(client, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler answers at {client}: {error}.") from error
    with connection:
        try:
            connection.wait_for_workers(1, timeout=_ANSWER_S)
        except TimeoutError as error:
            raise InputError(f"the scheduler at {client} has no workers; start dask worker.") from error
        _check_workers(connection)
        yield connection


def _check_workers(client: Client) -> None:
    """Refuse a cluster whose workers or scheduler cannot import isacsim, or another version: tasks would hang or fail.

    Raises
    ------
    InputError
        Naming one of them and what it has.
    """

    def version(package: str) -> str:
        # A function within one travels by value: the other side need not have this module to say that it has none.
        import importlib

        try:
            return f"isacsim {importlib.import_module(package).__version__}"
        except Exception as error:
            return f"no isacsim ({error})"

    versions: dict[str, str] = {}
    asking = threading.Thread(target=lambda: versions.update(_versions(client, version)), daemon=True)
    asking.start()
    asking.join(_ANSWER_S)
    if asking.is_alive():
        raise InputError(
            f"the dask workers do not answer within {_ANSWER_S} s; check that they run and have this version of dask."
        )
    for address, installed in versions.items():
        if installed != f"isacsim {__version__}":
            raise InputError(
                f"{address} of the dask cluster has {installed}, and here is isacsim {__version__}; install the same "
                "version everywhere."
            )


def _versions(client: Client, version: Callable[[str], str]) -> dict[str, str]:
    on_workers = client.run(version, _PACKAGE)
    of_scheduler = client.run_on_scheduler(version, _PACKAGE)
    return {**{f"worker {k}": v for k, v in on_workers.items()}, "the scheduler": of_scheduler}


def _on_cluster(client: Client, function: Callable[..., Any], tasks: Iterable[Task]) -> Iterator[Any]:
    from distributed import KilledWorker, as_completed

    waiting = iter(tasks)
    name = f"isacsim-{uuid.uuid4().hex}"
    numbers = iter(range(2**62))
    on_their_way = as_completed([], loop=client.loop)

    def top_up() -> None:
        # Asked anew each time: clusters grow and shrink.
        room = _AHEAD * max(1, sum(client.nthreads().values())) - on_their_way.count()
        for arguments in islice(waiting, max(0, room)):
            key = f"{name}-{next(numbers)}"
            on_their_way.add(client.submit(function, *arguments, key=key, pure=False))

    top_up()
    try:
        for future in on_their_way:
            try:
                result = future.result()
            except KilledWorker as error:
                raise _died() from error
            future.release()
            top_up()
            yield result
    finally:
        client.cancel(list(on_their_way.futures), force=True)
