"""Files of the folder that the explorer was started in; nothing outside it, and nothing hidden."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isacsim.compute.memory import size_words
from isacsim.errors import InputError

__all__ = ["MOST_BYTES", "Folder"]

MOST_BYTES = 2**28
"""Larger files are not read."""
_MOST_ENTRIES = 1000
_MOST_LETTERS = 4096


class Folder:
    """A folder, by whose names alone its files are found.

    Parameters
    ----------
    root : path-like
        The folder.
    most_bytes : int
        Larger files are refused before they are read.
    """

    def __init__(self, root: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES) -> None:
        self.root = Path(root).resolve(strict=True)
        self.most_bytes = most_bytes

    def name_of(self, path: str | os.PathLike[str]) -> str:
        """Name in this folder of a path, relative to it or absolute.

        Raises
        ------
        InputError
            If it lies outside.
        """
        given = Path(path)
        if not given.is_absolute() and ".." not in given.parts:
            return str(self.find(str(given))[0])
        if (there := given.resolve()).is_relative_to(self.root):
            return str(self.find(str(there.relative_to(self.root)))[0])
        raise InputError(
            f"{path}: outside {self.root}, where the explorer was started; start it in a folder that holds the file."
        )

    def file(self, name: str) -> Path:
        """File of this folder, small enough to be read.

        Raises
        ------
        InputError
            If it is none, lies outside, is hidden or too large.
        """
        shown, path = self.find(name)
        try:
            found = path.stat()
        except OSError as error:
            raise InputError(f"{shown}: {error.strerror or error}.") from error
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{shown}: this is a folder, expected a file.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{shown}: no regular file (a pipe, a device or a socket).")
        if found.st_size > self.most_bytes:
            raise InputError(
                f"{shown}: {size_words(found.st_size)}; the explorer reads files of at most "
                f"{size_words(self.most_bytes)}, the commands of isacsim read any."
            )
        return path

    def store(self, name: str) -> Path:
        """Folder of a data set within this folder, none of whose files lies outside.

        Raises
        ------
        InputError
            If it is none, lies outside, is hidden, or a link in it leads outside.
        """
        shown, path = self.find(name)
        if not path.is_dir():
            raise InputError(
                f"{shown}: no folder; a data set is a folder that isacsim generate or import made."
            )
        for link in _links(path):
            if not Path(link).resolve().is_relative_to(path):
                raise InputError(
                    f"{shown}: {os.path.relpath(link, path)} is a link that leads out of the data set."
                )
        return path

    def find(self, name: str) -> tuple[Path, Path]:
        """Name within the folder, and the path that it stands for.

        Raises
        ------
        InputError
            If it is no such name, or leads outside or to what is hidden.
        """
        if not isinstance(name, str) or not name or len(name) > _MOST_LETTERS or "\0" in name:
            raise InputError(
                f"the name of a file must be a text of 1 to {_MOST_LETTERS} letters, got {name!r:.60}."
            )
        relative = Path(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise InputError(
                f"{name}: only names within {self.root} are allowed, without a leading / or '..'."
            )
        try:
            path = (self.root / relative).resolve(strict=True)
        except (OSError, RuntimeError) as error:  # a link that leads to itself is a RuntimeError
            raise InputError(f"{name}: no such file in {self.root}.") from error
        if not path.is_relative_to(self.root):
            raise InputError(f"{name}: a link that leads out of {self.root}, where the explorer was started.")
        if any(part.startswith(".") for part in (*relative.parts, *path.relative_to(self.root).parts)):
            raise InputError(f"{name}: hidden files are not shown.")
        return relative, path

    def listed(self, under: str = "") -> dict[str, Any]:
        """Entries of a folder: name, kind (folder, scenario, store or file) and size in bytes; nothing hidden.

        Links that lead outside are left out.
        """
        folder = self.find(under)[1] if under else self.root
        if not folder.is_dir():
            raise InputError(f"{under}: no folder.")
        try:
            names = sorted(os.listdir(folder), key=str.lower)
        except OSError as error:
            raise InputError(f"{under or '.'}: {error.strerror or error}.") from error
        entries: list[dict[str, Any]] = []
        for name in names:
            if name.startswith("."):
                continue
            inner = str(Path(under, name))
            try:
                path = self.find(inner)[1]
                found = path.stat()
            except (InputError, OSError):
                continue
            if stat.S_ISDIR(found.st_mode):
                kind = "store" if (path / "zarr.json").is_file() else "folder"
            elif stat.S_ISREG(found.st_mode):
                kind = "scenario" if path.suffix.lower() in (".yaml", ".yml") else "file"
            else:
                continue
            size = found.st_size if kind in ("file", "scenario") else None
            entries.append({"name": name, "path": inner, "kind": kind, "bytes": size})
        return {
            "folder": under,
            "above": str(Path(under).parent).removeprefix(".") if under else None,
            "entries": entries[:_MOST_ENTRIES],
            "left_out": max(0, len(entries) - _MOST_ENTRIES),
        }


def _links(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Symbolic links in a folder and all below it; a data set may have a hundred thousand files."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield entry.path
            elif entry.is_dir():
                yield from _links(entry.path)
