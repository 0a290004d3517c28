"""Terminal output of the commands: results on standard output, progress and remarks on standard error.

What users can get wrong ends in one sentence and exit code 2, Ctrl-C in 130.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
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
from typer.core import TyperGroup

from isacsim.errors import InputError

__all__ = [
    "Guarded",
    "Json",
    "Seed",
    "number",
    "output",
    "progress",
    "remark",
    "sample_progress",
    "sentences_of",
    "show_json",
    "show_table",
]

Seed = Annotated[
    int | None, typer.Option(help="Seed of the simulation; default: the scenario's.", show_default=False)
]
"""Option of the commands that simulate."""

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object, numbers at full precision and with their units, in place of tables.",
    ),
]
"""Option of all commands that print tables; they hand the same content to :func:`show_json`."""

# A pipe has no width; wide enough for every table here.
_PIPE_WIDTH = 180
_MEMORY_LIMIT = "--memory-limit"


class Guarded(TyperGroup):
    """Turns what users can get wrong into one sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let the memory limit, an option of all commands, stand anywhere before a ``--``."""
        end = args.index("--") if "--" in args else len(args)
        front: list[str] = []
        rest: list[str] = []
        words = iter(args[:end])
        for word in words:
            if word == _MEMORY_LIMIT:
                front += [word, *([value] if (value := next(words, None)) is not None else [])]
            else:
                (front if word.startswith(f"{_MEMORY_LIMIT}=") else rest).append(word)
        return super().parse_args(ctx, [*front, *rest, *args[end:]])

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        debug = bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            typer.echo(f"{self.name}: {str(error) or 'interrupted.'}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # `isacsim scenarios | head`: typer ends quietly
        except (InputError, OSError, ValueError) as error:
            sentence = _sentence(error)
            if debug or sentence is None:
                raise
            typer.echo(f"{self.name}: {sentence}", err=True)
            raise typer.Exit(2) from None
        except (ArithmeticError, MemoryError) as error:
            if debug:
                raise
            what = "not enough memory" if isinstance(error, MemoryError) else "numbers too large or too small"
            typer.echo(
                f"{self.name}: {what} ({error or type(error).__name__}); lower the sizes or values asked for, and see "
                "--debug for where.",
                err=True,
            )
            raise typer.Exit(2) from None


def _sentence(error: Exception) -> str | None:
    """Say what the user can mend, all of it; None for an error that is ours."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        about = f"{error.filename}: " if error.filename else ""
        return f"{about}{error.strerror or error}"
    pydantic = sys.modules.get("pydantic_core")
    if pydantic is not None and isinstance(error, pydantic.ValidationError):
        return "\n".join(sentences_of(error.errors()))
    return None


def sentences_of(details: Iterable[Any]) -> Iterator[str]:
    """Say each of pydantic's errors in a sentence."""
    for detail in details:
        # One of a scenario file names file, line and field itself.
        field = "" if "field" in detail.get("ctx", {}) else ".".join(map(str, detail["loc"]))
        yield (f"{field}: " if field else "") + detail["msg"]


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


def show_json(**content: Any) -> None:
    """Print one JSON object on standard output.

    Keys end in their unit (``start_s``, ``packet_rate_hz``); variables of data sets have theirs in ``attrs.units``.
    """
    from isacsim.files import strict_json  # loads NumPy, which --help need not

    typer.echo(strict_json(content), nl=False)


def show_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: bool = True,
    together: Sequence[int] = (),
) -> None:
    """Print a table; columns of numbers, all but the first, are set flush right, and a row of them is one line.

    Words are never broken, unless one alone is wider than the terminal. Columns that do not fit beside each other come
    in further tables, below, with the first column again.

    Parameters
    ----------
    title, columns, rows
        Texts.
    numbers : bool
        False for cells of words, which may take several lines.
    together : sequence of int
        How many columns after the first one belong together and stay in one table, group by group; default: each alone.
    """
    console, rows = output(), list(rows)
    cells = [[name, *(row[n] for row in rows)] for n, name in enumerate(columns)]
    least = [_least_width(column, whole=numbers) for column in cells]
    for part in _parts(least, console.width, together or [1] * (len(columns) - 1)):
        widths = _shared_out([cells[n] for n in part], [least[n] for n in part], console.width)
        table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
        for n, width in zip(part, widths, strict=True):
            side: Any = "right" if numbers and n else "left"
            table.add_column(columns[n], justify=side, overflow="fold", width=width)
        for row in rows:
            table.add_row(*(row[n] for n in part))
        console.print(table)
        title = ""


def _longest_word(cells: Sequence[str]) -> int:
    return max(cell_len(word) for text in cells for word in (text.split() or [""]))


def _least_width(column: Sequence[str], *, whole: bool) -> int:
    """Width that breaks no word, and no cell below the heading if they are to stay whole."""
    return max(_longest_word(column), *(map(cell_len, column[1:]) if whole else ()), 0)


def _taken(widths: Sequence[int]) -> int:
    """Width of a table with columns so wide: each has a blank on both sides, and one lies between and around them."""
    return sum(widths) + 3 * len(widths) + 1


def _parts(least: Sequence[int], room: int, together: Sequence[int]) -> list[list[int]]:
    """Columns that fit beside each other, the first one in each part; a group that never fits is taken apart."""

    def fits(*columns: int) -> bool:
        return _taken([least[n] for n in columns]) <= room

    parts, first = [[0]], 1
    for size in together:
        group = list(range(first, first + size))
        first += size
        for some in [group] if fits(0, *group) else [[n] for n in group]:
            if len(parts[-1]) > 1 and not fits(*parts[-1], *some):
                parts.append([0])
            parts[-1] += some
    return parts


def _shared_out(cells: Sequence[Sequence[str]], least: Sequence[int], room: int) -> list[int]:
    """Widths of columns: as wide as their text where that fits, else the widest narrowed down to their least width.

    Where that is too wide for the terminal, cells are broken between words, and then within words.
    """
    widths = [max(map(cell_len, column)) for column in cells]
    for floor in (least, [_longest_word(column) for column in cells], [1] * len(cells)):
        while _taken(widths) > room and (spare := [n for n, width in enumerate(widths) if width > floor[n]]):
            widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


@cache
def _minus() -> str:
    return "−" if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else "-"


def number(value: float, digits: int = 2) -> str:
    """Write a number for a table; a dash where there is none."""
    if value != value:
        return "–" if _minus() == "−" else "-"
    return f"{value:.{digits}f}".replace("-", _minus())
