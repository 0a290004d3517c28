"""The points of a study, each computed on its own: in several processes, and kept on disk until the study is whole."""

from __future__ import annotations

import json
import time as clock
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

from isacsim.errors import InputError

__all__ = ["Compute", "Point", "Progress", "compute_points"]

Progress = Callable[[str, int, int], None]
"""Told what has been done, how many points are done, and of how many."""


class Point(NamedTuple):
    """One point of a study; nothing it gives depends on another."""

    name: str
    """Unlike any other of its study; it is shown, and finds the point again in the file of finished ones."""
    function: Callable[..., Any]
    """Returns what JSON can hold. Of a module, not a closure: it goes to other processes."""
    arguments: dict[str, Any]


Compute = Callable[[dict[str, Any], Sequence[Point]], list[Any]]
"""Told a study's opening and its points, gives what they return, in their order."""


def compute_points(
    opening: dict[str, Any],
    points: Sequence[Point],
    *,
    finished_file: Path,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Any]:
    """Compute points, except those that an interrupted run has left in a file.

    Parameters
    ----------
    opening : dict
        What decides every number besides the points; gets ``core_seconds``, the processor time of all points.
    points : sequence of Point
        What to do.
    finished_file : Path
        JSON lines: the opening, then every finished point. A run that is killed goes on from there.
    jobs : int
        Processes. They do not change the results: every point is computed on one thread.
    progress : callable, optional
        Called after every point.

    Returns
    -------
    list
        What each point returned, as JSON gives it back.

    Raises
    ------
    InputError
        If the file was left by a run with other settings, another seed or other code, or cannot be written.
    """
    if len({point.name for point in points}) < len(points):
        raise ValueError("two points of a study have one name")
    done = _read(finished_file, opening)
    missing = [point for point in points if point.name not in done]
    if not done:
        finished_file.parent.mkdir(parents=True, exist_ok=True)
        finished_file.write_text(_line(opening), encoding="utf-8")
    n_finished = len(points) - len(missing)
    with finished_file.open("a", encoding="utf-8") as file:
        for name, seconds, result in _computed(missing, jobs):
            line = _line({"point": name, "seconds": seconds, "result": result})
            file.write(line)
            file.flush()
            done[name] = json.loads(line)
            n_finished += 1
            if progress is not None:
                progress(name, n_finished, len(points))
    opening["core_seconds"] = round(sum(done[point.name]["seconds"] for point in points), 1)
    return [done[point.name]["result"] for point in points]


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _read(finished_file: Path, opening: dict[str, Any]) -> dict[str, Any]:
    """Finished points by name; the file is cut back to its last whole line."""
    if not finished_file.exists():
        return {}
    content = finished_file.read_bytes()
    # A kill in the middle of a line leaves a part of it at the end.
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = [json.loads(line) for line in whole.splitlines()]
    except ValueError as error:
        raise InputError(
            f"{finished_file}: this is not a study's file of finished points; remove it."
        ) from error
    if not lines:
        return {}
    if other := _differences(lines[0], json.loads(_line(opening))):
        raise InputError(
            f"{finished_file}: an unfinished run with other {', '.join(other)}; repeat it, remove the file, or choose "
            "another folder."
        )
    finished_file.write_bytes(whole)
    return {line["point"]: line for line in lines[1:]}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say which settings of an opening differ, and how."""
    out = []
    for key in dict.fromkeys([*now, *before]):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            out += _differences(old, new)
        elif old != new:
            out.append(f"{key} ({shorten(repr(old), 60)}, now {shorten(repr(new), 60)})")
    return out


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for matrix products and numba: their number may change the last digits."""
    import numba
    from threadpoolctl import threadpool_limits

    before = numba.get_num_threads()
    with threadpool_limits(1):
        numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(before)


def _one(point: Point) -> tuple[str, float, Any]:
    """Compute a point; name, processor seconds, result."""
    with _one_thread():
        started = clock.process_time()
        result = point.function(**point.arguments)
        return point.name, round(clock.process_time() - started, 2), result


def _computed(points: Sequence[Point], jobs: int) -> Iterator[tuple[str, float, Any]]:
    """Points as they are finished."""
    if jobs == 1 or len(points) < 2:
        yield from map(_one, points)
        return
    # joblib with loky does the same with more: measured on 20 short points in two processes, the first result comes
    # after 2.2 s instead of 1.3 s, and where a point fails, its manager thread dies of a KeyError one time in two.
    # Not forked: the progress bar is a thread of its own.
    pool = ProcessPoolExecutor(min(jobs, len(points)), get_context("spawn"))
    try:
        for future in as_completed([pool.submit(_one, point) for point in points]):
            yield future.result()
    finally:  # once: the `with` of a pool shuts it down again, and that takes the cancelling back
        pool.shutdown(cancel_futures=True)
