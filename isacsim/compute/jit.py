"""Compilation of this package's kernels by Numba."""

from __future__ import annotations

import warnings
from typing import Any

from numba import njit
from numba.core import types
from numba.extending import intrinsic

__all__ = ["CACHE", "JIT", "fma"]


def _finds_a_cache() -> bool:
    """Tell whether Numba finds a folder to keep compiled kernels in; where it finds none, `cache=True` is an error."""
    try:
        njit(cache=True)(lambda: None)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        warnings.warn(
            "compiled kernels can't be kept, as neither the installation nor the home folder can be written: each "
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


def _fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """Compute a · b + c rounded once, by one instruction: what is fused is what is written so, in every process."""
    if not isinstance(a, types.Float) or not a == b == c:
        raise TypeError(f"fma takes three floats of one type, got {a}, {b}, {c}")
    return a(a, b, c), lambda context, builder, signature, values: builder.fma(*values)


fma: Any = intrinsic(_fma)
