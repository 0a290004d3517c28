"""The fair order of classes: Tijdeman's solution of the chairman assignment problem."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.jit import CACHE

__all__ = ["chairmen"]


@njit(cache=CACHE)
def chairmen(weights: NDArray[np.int64]) -> NDArray[np.int8]:
    """Put classes in an order in which every prefix holds each one's share, rounded up or down.

    R. Tijdeman, The chairman assignment problem, Discrete Mathematics 32 (1980): of the classes that are due, take the
    one whose deadline is first. No count then departs from its share by more than 1 - 1/(2k - 2), for k classes.

    Parameters
    ----------
    weights : ndarray of int64, shape (class,)
        Sizes of the classes, positive.

    Returns
    -------
    ndarray of int8, shape (sum of weights,)
        Class at each place; class c occurs weights[c] times.
    """
    total = weights.sum()
    k = weights.size
    out = np.zeros(total, np.int8)
    if k == 1:
        return out
    count = np.zeros(k, np.int64)
    step = 2 * k - 2
    for place in range(total):
        best, best_deadline = -1, 0.0
        for c in range(k):
            # How far the class lags behind its share, in units of 1 / total: integers, so no rounding decides.
            lag = weights[c] * (place + 1) - total * count[c]
            if lag * step >= total:
                deadline = (total * (step - 1) - step * lag) / weights[c]
                if best < 0 or deadline < best_deadline:
                    best, best_deadline = c, deadline
        out[place] = best
        count[best] += 1
    return out
