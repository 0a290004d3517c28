"""Unit phasors without the cost of sine and cosine."""

from __future__ import annotations

import numpy as np
from numba import njit

from isacsim.compute.jit import JIT


@njit(inline="always", **JIT)
def cis(turns: float) -> tuple[float, float]:
    """Cosine and sine of 2π·turns (Taylor series at half the reduced angle; error below 1e-10).

    Branch-free so that the loop around it becomes SIMD code; the C library's sincos would keep it scalar.
    """
    x = np.pi * (turns - np.rint(turns))
    y = x * x
    s = 1.0 / 1307674368000.0
    s = s * y - 1.0 / 6227020800.0
    s = s * y + 1.0 / 39916800.0
    s = s * y - 1.0 / 362880.0
    s = s * y + 1.0 / 5040.0
    s = s * y - 1.0 / 120.0
    s = s * y + 1.0 / 6.0
    s = x - x * y * s
    c = 1.0 / 20922789888000.0
    c = c * y - 1.0 / 87178291200.0
    c = c * y + 1.0 / 479001600.0
    c = c * y - 1.0 / 3628800.0
    c = c * y + 1.0 / 40320.0
    c = c * y - 1.0 / 720.0
    c = c * y + 1.0 / 24.0
    c = 1.0 - 0.5 * y + y * y * c
    return 1.0 - 2.0 * s * s, 2.0 * s * c
