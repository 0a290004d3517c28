"""Number of threads that a training computes on: its bits depend on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["default_threads", "on_threads"]


def default_threads() -> int:
    """``OMP_NUM_THREADS`` where it is set, else the cores that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdecimal() and int(asked) > 0:
        return min(int(asked), 1024)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def on_threads(n: int) -> Iterator[None]:
    """Let torch compute on so many threads, whatever was set before, in this process or by other libraries."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
