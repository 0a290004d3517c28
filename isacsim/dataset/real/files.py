"""Capture files of a data set: which, and how they are labelled and split."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from isacsim.capture.content import check_readable
from isacsim.checks import refusal
from isacsim.dataset.real.labels import UNLABELLED, LabelRow, rows_of
from isacsim.errors import CaptureError, InputError

__all__ = ["CaptureFile", "FilePath", "capture_files"]

FilePath = str | PathLike[str]


@dataclass(frozen=True)
class CaptureFile:
    """One capture file of a data set."""

    path: Path
    source: str
    """Its path from the folder that all the files share: the name, where they lie in one folder."""
    sha256: str
    split: str
    rows: tuple[LabelRow, ...] = field(repr=False)
    """Its labels; none: unlabelled."""

    def label(self, start: float, end: float) -> int:
        """Label of a window, s after the first packet: of the row that holds all of it, else -1."""
        inside = [row.label for row in self.rows if row.start <= start and end <= row.end]
        return inside[0] if inside else UNLABELLED

    def column(self, name: str, start: float, end: float) -> str:
        """Value of a column of the labels for a window: its row's, or that of all rows if they agree; else empty."""
        said = [
            (row.start <= start and end <= row.end, value)
            for row in self.rows
            for key, value in row.columns
            if key == name
        ]
        inside = [value for within, value in said if within] or sorted({value for _, value in said})
        return inside[0] if len(inside) == 1 else ""

    def group(self, name: str) -> str:
        """The one thing that a column says of the whole file, or the file itself for "file".

        Raises
        ------
        InputError
            If the column says two things of it, or nothing.
        """
        if name == "file":
            return self.source
        values = sorted({value for row in self.rows for key, value in row.columns if key == name})
        if len(values) != 1 or not values[0]:
            said = f"has {name} {' and '.join(values)}" if any(values) else f"has no {name}"
            raise InputError(
                f"{self.source} {said}; to split by it, all windows of a capture must be of one {name}."
            )
        return values[0]


def capture_files(
    files: Sequence[FilePath],
    rows: list[LabelRow] | None,
    label: int | None,
    split: str,
    skipped: dict[str, str] | None = None,
) -> Iterator[CaptureFile]:
    """Check capture files and give each its labels and split; those that are no files go to `skipped`, where given.

    Raises
    ------
    InputError
        If there is none, one is missing or there twice, or a CSV row is in doubt.
    """
    if isinstance(files, str | PathLike):
        raise refusal("files", "a list of paths", files)
    paths = [Path(path) for path in files]
    if not paths:
        raise InputError("there is no capture file.")
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: {_why_no_file(path)}.")
    # As they are called here: what a link leads to may have another name.
    called = [Path(os.path.abspath(path)) for path in paths]
    folder = os.path.commonpath([path.parent for path in called])
    seen: dict[str, Path] = {}
    taken: dict[str, Path] = {}
    for path, name in zip(paths, called, strict=True):
        try:
            check_readable(path)
        except CaptureError as error:
            if skipped is None:
                raise
            skipped[str(path)] = str(error)
            continue
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        # A copy under another name, in another split, would leak.
        if digest in seen:
            raise InputError(f"{path} and {seen[digest]} hold the same capture; give it once.")
        seen[digest] = path
        source = name.relative_to(folder).as_posix()
        own: tuple[LabelRow, ...] = () if label is None or label == UNLABELLED else (LabelRow(source, label),)
        if rows is not None:
            own = tuple(rows_of(rows, path.resolve().as_posix(), link=name.as_posix()))
            for row in own:
                if taken.setdefault(row.where, path) != path:
                    raise InputError(
                        f"{row.where}: {row.file} names both {taken[row.where]} and {path}; give more of the path."
                    )
        of_rows = own[0].split if own else None
        yield CaptureFile(path, source, digest, of_rows or split, own)


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "this is a directory"
    if path.is_symlink():
        return f"this is a link to {os.readlink(path)}, where no file is"
    return "no such file"
