"""How Numba compiles this package's kernels."""

from __future__ import annotations

from typing import Any

__all__ = ["JIT"]

# Of fast math only what leaves every rounding alone. Were additions regrouped or contracted to fused ones, the bits
# would depend on how a loop happens to be compiled: a parallel function does so differently in the process that
# compiles it and in those that load it from the cache.
JIT: dict[str, Any] = {"cache": True, "error_model": "numpy", "fastmath": {"nnan", "ninf", "nsz"}}
