"""How commands talk: results on standard output, progress and remarks on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

__all__ = ["number", "output", "progress", "remark", "sample_progress", "show_table"]

# A pipe has no width; wide enough for every table here.
_PIPE_WIDTH = 140


def output() -> Console:
    """Console of standard output."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, markup=False)


def remark(text: str) -> None:
    """Print a remark that is no result."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(text, style="yellow")


def progress() -> Progress:
    """Progress bar on standard error that goes away when done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def sample_progress(
    name: str, *, unit: str = "samples", shown: bool = True
) -> Iterator[Callable[[int, int], None]]:
    """Bar with rate and time left on standard error; gives a function to tell (units made, units in all)."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not shown,
        # Chunks come seldom and several at a time.
        speed_estimate_period=300,
    )
    first: int | None = None
    with bar:
        task = bar.add_task(name, total=None, rate="")

        def tell(made: int, total: int) -> None:
            nonlocal first
            first = made if first is None else first
            bar.update(task, completed=made, total=total)
            elapsed = bar.tasks[0].elapsed
            if made > first and elapsed:
                bar.update(task, rate=f"{(made - first) / elapsed:.1f} {unit}/s")

        yield tell


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True
) -> None:
    """Print a table; columns of numbers, all but the first, are set flush right."""
    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
    for n, name in enumerate(columns):
        table.add_column(name, justify="right" if numbers and n else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    output().print(table)


@cache
def _minus() -> str:
    return "−" if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else "-"


def number(value: float, digits: int = 2) -> str:
    """Write a number for a table; a dash where there is none."""
    if value != value:
        return "–" if _minus() == "−" else "-"
    return f"{value:.{digits}f}".replace("-", _minus())
