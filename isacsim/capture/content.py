"""A file's bytes, where it is one that can be read: no pipe, no device, nothing larger than memory."""

from __future__ import annotations

import os
import stat
from os import PathLike
from pathlib import Path

from isacsim.errors import CaptureError

__all__ = ["available_memory", "check_readable", "content"]

_KINDS = {
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# Reading and decoding holds the bytes, the records cut from them and complex numbers: int8 pairs become 8 bytes.
_BYTES_A_BYTE = 12
_SMALL = 64 * 2**20


def check_readable(path: str | PathLike[str], *, factor: float = _BYTES_A_BYTE) -> Path:
    """Refuse what is no file, is empty, or needs more memory than there is.

    Parameters
    ----------
    path : str or path-like
        The file.
    factor : float
        Bytes of memory that a byte of the file needs; 0 for files that are not read whole.

    Raises
    ------
    CaptureError
        With the reason, before a byte is read.
    """
    if "\0" in os.fspath(path):
        raise CaptureError(f"{os.fspath(path)!r}: a path cannot hold the character NUL")
    path = Path(path)
    try:
        status = path.stat()
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror or error})") from error
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise CaptureError(f"{path}: this is a directory, expected a capture file")
    if kind != stat.S_IFREG:
        raise CaptureError(f"{path}: this is {_KINDS.get(kind, 'no file')}, expected a capture file")
    if not status.st_size:
        raise CaptureError(f"{path}: the file is empty, expected a capture")
    needed, free = factor * status.st_size, available_memory()
    if status.st_size > _SMALL and free is not None and needed > free:
        raise CaptureError(
            f"{path}: a file of {status.st_size / 2**30:.3g} GiB takes about {needed / 2**30:.3g} GiB of memory to "
            f"read, but {free / 2**30:.3g} GiB are free; cut it into parts"
        )
    # A hole of that size was never written by a logger.
    if status.st_size > _SMALL and 512 * getattr(status, "st_blocks", status.st_size) < status.st_size // 100:
        raise CaptureError(
            f"{path}: a file of {status.st_size / 2**30:.3g} GiB with almost no data (sparse), "
            "expected a capture"
        )
    return path


def content(path: Path) -> bytes:
    """Return the bytes of a file that :func:`check_readable` takes.

    Raises
    ------
    CaptureError
        If it cannot be read.
    """
    check_readable(path)
    try:
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        raise CaptureError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not enough memory'})"
        ) from error


def available_memory() -> int | None:
    """Bytes that a process may still take, by the system and its own limit; None where the system does not say."""
    free: list[int] = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free.append(1024 * int(line.split()[1]))
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf(
                "SC_PAGE_SIZE"
            )
            free.append(max(limit - used, 0))
    except (ImportError, OSError, ValueError, IndexError):
        pass
    return min(free) if free else None
