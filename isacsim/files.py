"""Files written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from isacsim.errors import InputError

__all__ = ["check_file", "check_output", "read_json", "running", "strict_json", "written_whole"]


def read_json(path: Path) -> dict[str, Any]:
    """Read what `written_whole` left there as JSON.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: this file is damaged ({error}).") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: this file is damaged (it holds no table of names).")
    return content


def check_output(path: str | PathLike[str], *, overwrite: bool = True) -> Path:
    """Refuse an output path that cannot work, before the work starts.

    Raises
    ------
    InputError
        If the path is a directory, lies under a file, or exists and must not be overwritten.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: this is a directory, expected the name of a file to write.")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: the file exists; choose another name or pass --overwrite.")
    parent = next(p for p in path.absolute().parents if p.exists())
    if not parent.is_dir():
        raise InputError(f"{path}: {parent} is not a directory.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: no permission to write in {parent}.")
    return path


def check_file(path: str | PathLike[str], *, most_bytes: int | None = None) -> Path:
    """Refuse what cannot be read as a file, before it is opened: a pipe would wait for ever, a device never end.

    Raises
    ------
    InputError
        If there is nothing, it is no regular file, its name cannot be one, or it is larger than ``most_bytes``.
    """
    path = Path(path)
    try:
        found = path.stat()
    except ValueError as error:
        raise InputError(f"{str(path)!r}: no name of a file ({error}).") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: this is a directory, expected a file.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: no regular file (a pipe, a device or a socket).")
    if most_bytes is not None and found.st_size > most_bytes:
        raise InputError(f"{path}: {found.st_size} bytes, expected at most {most_bytes}.")
    return path


@contextmanager
def written_whole(path: str | PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary file beside `path` to write; it takes that name on success and vanishes on any failure.

    Missing folders are made.

    Raises
    ------
    InputError
        As :func:`check_output`.
    OSError
        If the file cannot be written.
    """
    path = check_output(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    # The suffix stays: matplotlib and others choose the format by it.
    temporary = path.with_name(f".{path.stem}-{_writer(os.getpid())}{secrets.token_hex(4)}{path.suffix}")
    name = str(temporary)
    try:
        # Not by tempfile, whose files are private: whoever may read what open() makes is to read this too.
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    try:
        yield temporary
        if overwrite:
            temporary.replace(path)
        else:
            # Unlike rename, link fails if the name has come into being meanwhile.
            try:
                os.link(temporary, path)
            except FileExistsError as error:
                raise InputError(
                    f"{path}: the file exists; choose another name or pass --overwrite."
                ) from error
    except OSError as error:
        # Nobody has heard of the temporary file: speak of the one that was asked for.
        if name not in str(error):
            raise
        if error.filename == name:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise type(error)(str(error).replace(name, str(path))) from error
    finally:
        temporary.unlink(missing_ok=True)


def running(pid: int) -> bool:
    """Tell whether a process of this machine exists."""
    if os.name == "nt":
        return True  # there, asking would end it
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _writer(pid: int) -> str:
    """Mark of a process in the names of files it writes: where its number holds, and the number."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        space = 0
    host = hashlib.blake2b(f"{platform.node()}/{space}".encode(), digest_size=4).hexdigest()
    return f"{host}{pid & 0xFFFFFFFF:08x}"


def _remove_leftovers(path: Path) -> None:
    """Remove what processes of this machine that were killed left of the same file."""
    here = _writer(0)[:8]
    pattern = re.compile(
        rf"\.{re.escape(path.stem)}-{here}([0-9a-f]{{8}})[0-9a-f]{{8}}{re.escape(path.suffix)}"
    )
    for entry in path.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match is not None and not running(int(match[1], 16)):
            entry.unlink(missing_ok=True)


def strict_json(content: Any) -> str:
    """JSON as its standard has it, at full precision.

    What is not a number or not finite becomes null. Data sets of xarray become what their ``to_dict`` gives, with dims
    and units; ``xarray.Dataset.from_dict`` reads that.
    """

    def plain(value: Any) -> Any:
        if hasattr(value, "to_dict"):
            value = value.to_dict()
        elif isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        if isinstance(value, dict):
            return {str(key): plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        if isinstance(value, Path):
            return str(value)
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return json.dumps(plain(content), indent=1, allow_nan=False) + "\n"
