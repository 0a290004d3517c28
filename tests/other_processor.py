"""Runs pytest as another processor would: `python -m tests.other_processor`, then pytest's arguments.

Every library is told to leave out the instructions that this processor has beyond its baseline, so sums are added up in
another order and nothing is fused: what a tolerance must allow for. OpenBLAS keeps its kernels, since some processors
need the ones that were chosen for them; Dr.Jit (ray tracing) has no such switch.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

PLAYED = "ISACSIM_GENERIC_CPU"
X86 = platform.machine() in ("x86_64", "AMD64")


def switches() -> dict[str, str]:
    """Environment that makes every library choose what the oldest processor would."""
    # NumPy warns of features that it was not built with or that this processor lacks: they are not named.
    features = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    out = {"ATEN_CPU_CAPABILITY": "default", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    if features:
        out["NPY_DISABLE_CPU_FEATURES"] = " ".join(features)
    if X86:
        out |= {
            "MKL_CBWR": "COMPATIBLE",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
        }
    return out


def main() -> int:
    """Run pytest under the switches, with a cache of compiled kernels of its own."""
    with tempfile.TemporaryDirectory() as cache:
        surroundings = os.environ | switches() | {PLAYED: "1", "NUMBA_CACHE_DIR": cache}
        return subprocess.call([sys.executable, "-m", "pytest", *sys.argv[1:]], env=surroundings)


if __name__ == "__main__":
    sys.exit(main())
