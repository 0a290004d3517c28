"""Compilation of this package's kernels by Numba."""

from __future__ import annotations

import os
import platform
import warnings
from typing import Any

from llvmlite.binding import get_host_cpu_features
from numba import njit
from numba.core import types
from numba.extending import intrinsic

__all__ = ["CACHE", "FUSED", "JIT", "fma", "multiply_add"]


def _finds_a_cache() -> bool:
    """Tell whether Numba finds a folder to keep compiled kernels in; where it finds none, `cache=True` is an error."""
    try:
        njit(cache=True)(lambda: None)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        warnings.warn(
            "compiled kernels cannot be kept, as neither the installation nor the home folder can be written: each "
            "process compiles its own; NUMBA_CACHE_DIR names a folder for them",
            stacklevel=2,
        )
        return False
    return True


CACHE = _finds_a_cache()

# Of fast math only what leaves every rounding alone. Were additions regrouped or contracted to fused ones, the bits
# would depend on how a loop happens to be compiled: a parallel function does so differently in the process that
# compiles it and in those that load it from the cache.
JIT: dict[str, Any] = {"cache": CACHE, "error_model": "numpy", "fastmath": {"nnan", "ninf", "nsz"}}


def _processor_fuses() -> bool:
    """Tell whether Numba compiles for a processor with an instruction for a · b + c."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return True  # all that Numba runs on else have it
    asked = os.environ.get("NUMBA_CPU_FEATURES")
    return "+fma" in asked.split(",") if asked is not None else bool(get_host_cpu_features().get("fma"))


FUSED = _processor_fuses()
"""True where a · b + c is one instruction; elsewhere `fma` is a call of a function for every element."""


def _multiply_add(a: Any, b: Any, c: Any, *, fused: bool) -> Any:
    """Type and code of a · b + c: what is fused is what is written so, in every process."""
    if not isinstance(a, types.Float) or not a == b == c:
        raise TypeError(f"fma takes three floats of one type, got {a}, {b}, {c}")

    def made(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, y, z = values
        return builder.fma(x, y, z) if fused else builder.fadd(builder.fmul(x, y), z)

    return a(a, b, c), made


fma: Any = intrinsic(lambda context, a, b, c: _multiply_add(a, b, c, fused=True))
"""Compute a · b + c rounded once, on every processor."""

multiply_add: Any = intrinsic(lambda context, a, b, c: _multiply_add(a, b, c, fused=FUSED))
"""Compute a · b + c, rounded once where that is one instruction, so that it is fast on every processor."""
