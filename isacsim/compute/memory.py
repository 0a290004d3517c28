"""Free memory, and the sentence for work that would need more: reported before the work, not by a kill in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from isacsim.errors import InputError

__all__ = ["LIMIT", "check_memory", "free_memory", "parse_size", "size_words"]

LIMIT = "ISACSIM_MEMORY_LIMIT"
"""Environment variable that says how much may be used, in place of what is free; ``--memory-limit`` sets it."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def parse_size(text: str) -> int:
    """Read a size: ``8GB``, ``500 MB``, ``2GiB``, or a number of bytes.

    Raises
    ------
    InputError
        If it is none, or nothing.
    """
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if match is None or not float(match[1]):
        raise InputError(f"the memory limit must be a size such as 8GB or 500MB, got {text!r}.")
    units = _BINARY if match[3] and match[2] else _UNITS
    return int(float(match[1]) * units[match[2]])


def free_memory() -> int | None:
    """Bytes that this process can still take: of the machine, its control group and its own limit; None: unknown."""
    if text := os.environ.get(LIMIT):
        return parse_size(text)
    found = [free for free in (_of_machine(), _of_group(), _of_process()) if free is not None]
    return min(found) if found else None


def check_memory(need: float, what: str, *, how: str = "") -> None:
    """Refuse work that would need more memory than there is.

    Parameters
    ----------
    need : float
        Bytes.
    what : str
        What needs them, in the plural, naming the fields or arguments.
    how : str
        What to do about it.

    Raises
    ------
    InputError
        With what is needed and what there is.
    """
    free = free_memory()
    if free is None or need <= free:
        return
    there = "the memory limit is" if os.environ.get(LIMIT) else "free are"
    raise InputError(
        f"{what} need about {size_words(need)} of memory, and {there} {size_words(free)}"
        f"{f'; {how}' if how else ''}."
    )


def size_words(size: float) -> str:
    """Say a number of bytes."""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} bytes"


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):  # none, or "max"
        return None


def _of_machine() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _of_group() -> int | None:
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        limit, now = _number(most), _number(used)
        if limit is not None and now is not None and limit < 2**60:
            # What files hold in memory counts as used and is given back: at most half of it is believed to be that.
            return max(limit - now, limit // 2)
    return None


def _of_process() -> int | None:
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else max(0, limit - pages * resource.getpagesize())
