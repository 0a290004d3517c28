"""Labels of real captures: a CSV of file, [start, end], label, [split] and own columns, checked line by line."""

from __future__ import annotations

import csv
import difflib
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from pathlib import Path, PurePosixPath

from isacsim.dataset.parts import SPLITS
from isacsim.errors import InputError
from isacsim.schema import AXES, DATASET, STREAM

__all__ = ["UNLABELLED", "LabelRow", "read_labels", "rows_of"]

UNLABELLED = -1

_COLUMNS = ("file", "start", "end", "label", "split")
_MOST = 32767  # int16


@dataclass(frozen=True)
class LabelRow:
    """One line of the CSV."""

    file: str
    """Capture file, as the CSV names it."""
    label: int
    """Number of targets."""
    start: float = -math.inf
    """From here on, s after the file's first packet."""
    end: float = math.inf
    """Up to here, s after the file's first packet."""
    split: str | None = None
    """train, validation or test; None: not said."""
    where: str = field(default="", compare=False)
    """Path and line, for messages."""
    columns: tuple[tuple[str, str], ...] = ()
    """The columns of your own and what they say: session, person, room, ..."""
    folder: str = field(default=".", compare=False)
    """Folder of the CSV, from which paths with .. start."""


def read_labels(path: str | PathLike[str]) -> list[LabelRow]:
    """Read a CSV of labels.

    Parameters
    ----------
    path : str or path-like
        Comma-separated with a header: ``file`` and ``label``, both needed; ``start`` and ``end`` in s after the first
        packet, empty for the whole file; ``split``. Any other column (session, person, room, ...) is kept as text; with
        such, an empty label is unlabelled (-1).

    Raises
    ------
    InputError
        Naming the line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    header = [str(name).strip() for name in reader.fieldnames or ()]
    if not {"file", "label"} <= set(header) or len(set(header)) < len(header):
        raise InputError(
            f"{path}, line 1: the columns are {', '.join(header) or 'none'}; they must be file and label, each once, "
            "and may be start, end, split and others of your own."
        )
    for name in header:
        _check_own(name, f"{path}, line 1")
    if ("start" in header) != ("end" in header):
        raise InputError(f"{path}, line 1: start and end go together.")
    reader.fieldnames = header
    folder = os.path.abspath(path.parent)
    rows = [_row(row, f"{path}, line {reader.line_num}", folder) for row in reader]
    if not rows:
        raise InputError(f"{path}: there is no label below the header.")
    return rows


def _check_own(name: str, where: str) -> None:
    """Refuse a column that is meant for another one, or cannot be a name in the data set."""
    if name in _COLUMNS:
        return
    if close := difflib.get_close_matches(name.lower(), _COLUMNS, 1, 0.8):
        raise InputError(f"{where}: there is a column {name!r}; did you mean {close[0]}?")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise InputError(f"{where}: a column's name must be letters, digits and _, got {name!r}.")
    if name != "room" and (name in DATASET or name in STREAM or name in AXES):
        raise InputError(f"{where}: {name} is a variable of data sets already; give the column another name.")


def _row(row: dict[str, str], where: str, folder: str) -> LabelRow:
    if None in row or None in row.values():
        raise InputError(f"{where}: the number of fields differs from the header's.")
    value = {name: text.strip() for name, text in row.items()}
    if not value["file"]:
        raise InputError(f"{where}: file is empty.")
    columns = tuple((name, text) for name, text in value.items() if name not in _COLUMNS)
    unlabelled = bool(columns) and value["label"] in ("", str(UNLABELLED))
    if not unlabelled and (not value["label"].isdecimal() or int(value["label"]) > _MOST):
        raise InputError(
            f"{where}: label is {value['label']!r}; it must be a number of targets, 0 or more (leave the row out "
            "where it is not known)."
        )
    start, end = (_seconds(value.get(name, ""), name, where) for name in ("start", "end"))
    if (start is None) != (end is None):
        raise InputError(f"{where}: start and end go together; leave both empty for the whole file.")
    if start is not None and end is not None and not start < end:
        raise InputError(f"{where}: end is {end:g} s; it must be above start, {start:g} s.")
    split = value.get("split") or None
    if split is not None and split not in SPLITS:
        raise InputError(f"{where}: split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    return LabelRow(
        value["file"],
        UNLABELLED if unlabelled else int(value["label"]),
        -math.inf if start is None else start,
        math.inf if end is None else end,
        split,
        where,
        columns,
        folder,
    )


def _seconds(text: str, name: str, where: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InputError(f"{where}: {name} is {text!r}; it must be a number of seconds.")
    return seconds


def rows_of(rows: Sequence[LabelRow], source: str, *, link: str | None = None) -> list[LabelRow]:
    """Rows of one capture file, in the order of their starts.

    Parameters
    ----------
    rows : sequence of LabelRow
        All of them.
    source : str
        The file's path, links followed. A row matches it by its last part or parts (``walk.dat``, ``day1/walk.dat``).
        A row that goes up (``../data/walk.dat``) or is absolute matches by its target, seen from the CSV's folder,
        else from the current one.
    link : str, optional
        The path as it was given, if that goes through links: a row may name either.

    Raises
    ------
    InputError
        If there is none, if two overlap, or if they name two splits.
    """
    names = [PurePosixPath(path).parts for path in (source, link) if path is not None]
    found = [row for row in rows if _fits(row, source, names)]
    if not found:
        raise InputError(f"{link or source}: the labels hold no row for this file{_nearest(rows, names)}.")
    found.sort(key=lambda row: row.start)
    for first, second in pairwise(found):
        if second.start < first.end:
            raise InputError(
                f"{second.where}: overlaps the row at {first.where.rpartition(', ')[2]} of the same file."
            )
    for row in found:
        if row.split != found[0].split:
            raise InputError(
                f"{row.where}: {row.file} is in split {row.split or 'none'}, at "
                f"{found[0].where.rpartition(', ')[2]} in {found[0].split or 'none'}; the windows of one capture must "
                "be in one split."
            )
    return found


def _fits(row: LabelRow, source: str, names: Sequence[tuple[str, ...]]) -> bool:
    named = PurePosixPath(row.file.replace("\\", "/"))
    if named.is_absolute() or ".." in named.parts:
        return any(os.path.realpath(os.path.join(folder, named)) == source for folder in (row.folder, "."))
    return bool(named.parts) and any(parts[-len(named.parts) :] == named.parts for parts in names)


def _nearest(rows: Sequence[LabelRow], names: Sequence[tuple[str, ...]]) -> str:
    """Say where a row leads that names a file of the same name."""
    for row in rows:
        named = PurePosixPath(row.file.replace("\\", "/"))
        if named.name in {parts[-1] for parts in names if parts}:
            leads = os.path.realpath(os.path.join(row.folder, named))
            return f"; {row.where} names {row.file}, which from the labels' folder is {leads}"
    return ""
