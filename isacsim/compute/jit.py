"""How Numba compiles this package's kernels."""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

__all__ = ["JIT", "fma"]

# Of fast math only what leaves every rounding alone. Were additions regrouped or contracted to fused ones, the bits
# would depend on how a loop happens to be compiled: a parallel function does so differently in the process that
# compiles it and in those that load it from the cache.
JIT: dict[str, Any] = {"cache": True, "error_model": "numpy", "fastmath": {"nnan", "ninf", "nsz"}}


def _fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """Compute a · b + c rounded once, by one instruction: what is fused is what is written so, in every process."""
    if not isinstance(a, types.Float) or not a == b == c:
        raise TypeError(f"fma takes three floats of one type, got {a}, {b}, {c}")
    return a(a, b, c), lambda context, builder, signature, values: builder.fma(*values)


fma: Any = intrinsic(_fma)
