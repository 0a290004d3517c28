"""Which machine this is, for results that depend on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["machine", "processor"]


def processor() -> str:
    """Name of the processor, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict[str, str | int | None]:
    """Processor, number of cores and system."""
    return {"processor": processor(), "cores": os.cpu_count(), "system": platform.system()}
