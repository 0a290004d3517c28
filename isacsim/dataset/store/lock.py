"""One process at a time makes or extends a store; the others are told who.

The lock is the folder itself (flock): the system lets it go with the process that holds it, however that ends, and
nothing is left behind. Stores behind a URL have none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isacsim.dataset.store.record import StorePath, location
from isacsim.errors import InputError

__all__ = ["locked"]

# Folders locked by this process, and by which of its threads: what makes a store may call what makes its chunks.
_HELD: dict[str, int] = {}
_GUARD = threading.Lock()


@contextmanager
def locked(store: StorePath) -> Iterator[None]:
    """Hold a store's lock; its folder is made if need be, and goes again if it stays empty.

    Raises
    ------
    InputError
        If another process, or another thread of this one, holds it.
    """
    path = location(store)
    if "://" in path or not _claim(path):
        yield
        return
    made = []
    folder = Path(path)
    try:
        if folder.exists() and not folder.is_dir():
            yield  # refused by whoever looks at it
            return
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        handle = _flock(folder)
        try:
            yield
        finally:
            if handle is not None:
                os.close(handle)
    finally:
        with _GUARD:
            del _HELD[path]
        for one in made:
            with suppress(OSError):  # not empty: there is a store now
                one.rmdir()


def _claim(path: str) -> bool:
    """Note that this thread locks a folder; False if it does already."""
    me = threading.get_ident()
    with _GUARD:
        if path in _HELD:
            if _HELD[path] != me:
                raise InputError(f"{path}: another thread of this process is making or extending it.")
            return False
        _HELD[path] = me
    return True


def _flock(folder: Path) -> int | None:
    """Lock a folder; None where the system cannot."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(folder, os.O_RDONLY)  # closed in processes that this one starts
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(handle)
        os.close(handle)
        raise InputError(
            f"{folder}: {holder} is making or extending it; wait until it is done, or choose another name."
        ) from None
    except OSError:  # some file systems lock no folders
        os.close(handle)
        return None
    return handle


def _holder(handle: int) -> str:
    """Say which process holds the lock, as far as the system tells."""
    inode = os.fstat(handle).st_ino
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            # 1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
                return _named(int(fields[4]))
    return "another process"


def _named(pid: int) -> str:
    command = ""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        command = f" ({' '.join(words.split()):.80})"
    return f"process {pid}{command}"
