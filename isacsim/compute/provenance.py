"""Description of this machine and code, for results that depend on them."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

__all__ = ["machine", "processor", "sources"]


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


def sources(*folders: Path) -> str:
    """Fingerprint of the code in some folders: versions stay the same while it is worked on."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
