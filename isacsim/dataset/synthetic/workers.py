"""Work on dask.distributed: processes of this machine, or any cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isacsim import __version__
from isacsim.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connected", "each", "refuse_unguarded"]

_ANSWER_S = 15
_PACKAGE = "isacsim"
# Tasks in the scheduler's hands for each thread: one at work, one waiting.
_AHEAD = 2
# Names the file by which a worker that runs the user's script says so to the process that started it.
_MARK = "ISACSIM_UNGUARDED"
_GUARD = (
    "isacsim.generate starts processes that import your script, and each would call it again; put the script's main "
    'part under `if __name__ == "__main__":`, or pass client=.'
)


def refuse_unguarded() -> None:
    """Refuse to go on in a process that is only about to import the script of the one that started it.

    Raises
    ------
    InputError
        Saying how to guard the script. A worker started by :func:`connected` ends at once: the process that started it
        says so.
    """
    if not getattr(multiprocessing.current_process(), "_inheriting", False):
        return
    if mark := os.environ.get(_MARK):
        Path(mark).touch()
        raise SystemExit(1)
    raise InputError(_GUARD)


@contextmanager
def connected(client: Client | str | None, workers: int | None, most: int) -> Iterator[Client]:
    """Give a dask client: the one passed, one of the scheduler at an address, or one of processes on this machine.

    Parameters
    ----------
    client : distributed.Client or str or None
        Client, or a scheduler's address.
    workers : int or None
        Processes on this machine; default: one a core.
    most : int
        No more processes than this: there is not more to do.

    Raises
    ------
    InputError
        If no scheduler answers, it has no worker, one has no isacsim or another version, ``workers`` is given with a
        cluster, or the script has no ``if __name__ == "__main__":``.
    """
    from distributed import Client

    if workers is not None and (client is not None or workers < 1):
        raise InputError(
            f"workers must be at least 1, got {workers}."
            if client is None
            else "workers is for processes on this machine; a cluster has its own."
        )
    if client is None:
        with _this_machine(workers, most) as made:
            yield made
    elif isinstance(client, str):
        try:
            made = Client(client, timeout=_ANSWER_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"no dask scheduler answers at {client}: {error}.") from error
        with made:
            try:
                made.wait_for_workers(1, timeout=_ANSWER_S)
            except TimeoutError as error:
                raise InputError(f"the scheduler at {client} has no workers; start dask worker.") from error
            _check_workers(made)
            yield made
    else:
        _check_workers(client)
        yield client


def _check_workers(client: Client) -> None:
    """Refuse a cluster whose workers or scheduler can't import isacsim, or another version: tasks would hang or fail.

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

    asked = threading.Thread(target=lambda: found.update(_asked(client, version)), daemon=True)
    found: dict[str, str] = {}
    asked.start()
    asked.join(_ANSWER_S)
    if asked.is_alive():
        raise InputError(
            f"the dask workers don't answer within {_ANSWER_S} s; see whether they live and have this version of dask."
        )
    for address, there in found.items():
        if there != f"isacsim {__version__}":
            raise InputError(
                f"{address} of the dask cluster has {there}, and here is isacsim {__version__}; install the same "
                "version everywhere."
            )


def _asked(client: Client, version: Callable[[str], str]) -> dict[str, str]:
    on_workers = client.run(version, _PACKAGE)
    of_scheduler = client.run_on_scheduler(version, _PACKAGE)
    return {**{f"worker {k}": v for k, v in on_workers.items()}, "the scheduler": of_scheduler}


@contextmanager
def _this_machine(workers: int | None, most: int) -> Iterator[Client]:
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    environment: dict[str, int | str] = {
        # dask keeps BLAS to one thread a process; Numba has to be told the same.
        "NUMBA_NUM_THREADS": 1,
        # A sample takes and frees megabytes several times: glibc is to keep them, not to fault them in anew.
        "MALLOC_TRIM_THRESHOLD_": 2**28,
        "MALLOC_MMAP_THRESHOLD_": 2**28,
    }
    with ExitStack() as while_starting, ExitStack() as throughout:
        mark = Path(while_starting.enter_context(tempfile.TemporaryDirectory()), "unguarded")
        environment[_MARK] = str(mark)
        settings = {f"distributed.nanny.pre-spawn-environ.{k}": v for k, v in environment.items()}
        throughout.enter_context(dask.config.set(settings))
        while_starting.enter_context(_deaf_to_interrupts())
        try:
            cluster = LocalCluster(
                n_workers=max(1, min(workers or CPU_COUNT, most)),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs="CRITICAL",
            )
        except RuntimeError:
            if mark.exists():
                raise InputError(_GUARD) from None
            raise
        while_starting.close()
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes started here ignore Ctrl-C, which reaches them too: they end with the one that started them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def each(client: Client, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Call a function for every tuple of arguments; results as they come, a bounded number on their way.

    Raises
    ------
    InputError
        If a task took its worker down several times.
    """
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
                raise InputError(
                    "a worker died several times over one chunk, as it does when memory runs out; take fewer "
                    "workers or smaller chunks."
                ) from error
            future.release()
            top_up()
            yield result
    finally:
        client.cancel(list(on_their_way.futures), force=True)
