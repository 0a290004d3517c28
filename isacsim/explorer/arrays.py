"""Arrays as the page reads them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["array", "numbers"]


def array(values: ArrayLike) -> dict[str, Any]:
    """Shape, and the values as little-endian float32 in base64; not a number stays so."""
    plain = np.ascontiguousarray(values, "<f4")
    return {"shape": list(plain.shape), "data": base64.b64encode(plain.tobytes()).decode("ascii")}


def numbers(values: ArrayLike) -> list[float]:
    """Values of an axis."""
    return [float(value) for value in np.asarray(values, np.float64)]
