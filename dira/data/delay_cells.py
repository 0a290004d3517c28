"""Windows of conditioned CSI as delay cells over time: the form in which bodies are counted.

A cell is the mean of the subcarriers, turned back by a path length: ``sum_k w_k H(f_k, t) exp(j 2π f_k L / c)``. It is
linear in the CSI, so the cells of several bodies are the sum of each one's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light

from isacsim.errors import InputError

__all__ = ["LENGTHS_M", "TIMES", "WINDOW_S", "cell_factors", "delay_cells", "on_times", "static_length"]

LENGTHS_M = np.linspace(3.0, 24.0, 8)
"""Path lengths of the cells, m."""
TIMES, WINDOW_S = 512, 1.024
"""Times of a window, and its length in s: a time holds 2 ms."""
_WIDTH = 17 / 16
_STATIC_M = 4.0
# Path lengths at which the static part may be strongest, m: timing errors of up to 250 ns either way.
_SOUGHT_M = np.linspace(-75.0, 75.0, 601)


def cell_factors(
    frequency: NDArray[np.float64], lengths_m: NDArray[np.float64] = LENGTHS_M
) -> NDArray[np.complex64]:
    """Factors (cell, subcarrier) that make cells of CSI.

    The weights sum to 1. They are those of a Hann window of 17/16 of the band, whatever the number of subcarriers: so
    few of them give the same cells as many.
    """
    n = frequency.size
    band = (frequency[-1] - frequency[0]) * n / max(1, n - 1)
    weights = 0.5 * (1 + np.cos(2 * np.pi * (frequency - frequency.mean()) / max(_WIDTH * band, 1.0)))
    turns = np.exp(2j * np.pi / speed_of_light * np.outer(lengths_m, frequency - frequency.mean()))
    return np.asarray(weights / weights.sum() * turns, np.complex64)


def on_times(values: NDArray[np.complexfloating], time: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Mean of the packets in each of the window's times, (..., time); times without one are interpolated."""
    interval = float(np.median(np.diff(time)))
    span = time[-1] - time[0] + interval
    # A packet stands in the middle of its interval: on an edge, jitter would leave its time empty.
    place = np.minimum(((time - time[0] + interval / 2) / span * TIMES).astype(int), TIMES - 1)
    number = np.bincount(place, minlength=TIMES)
    into = np.asarray(place[:, np.newaxis] == np.arange(TIMES), np.float32)
    mean = values @ into / np.maximum(number, 1)
    if number.all():
        return np.asarray(mean, np.complex64)
    known, flat = np.flatnonzero(number), mean.reshape(-1, TIMES)
    full = [np.interp(np.arange(TIMES), known, row[known]) for row in flat]
    return np.asarray(full, np.complex64).reshape(mean.shape)


def static_length(csi: NDArray[np.complexfloating], frequency: NDArray[np.float64]) -> float:
    """Path length in m at which the static part of CSI (pair, subcarrier, packet) is strongest."""
    power = np.square(np.abs(cell_factors(frequency, _SOUGHT_M) @ csi.mean(axis=-1).T)).sum(axis=1)
    return float(_SOUGHT_M[power.argmax()])


def delay_cells(
    csi: ArrayLike, time: ArrayLike, frequency: ArrayLike, *, timed: bool = True
) -> NDArray[np.complex64]:
    """Bring one window into the counter's form.

    Parameters
    ----------
    csi : array_like, complex, shape (pair, subcarrier, packet)
        Conditioned CSI, static part included.
    time : array_like, shape (packet,)
        s, ascending.
    frequency : array_like, shape (subcarrier,)
        Hz, ascending.
    timed : bool
        False where packets are aligned to each other or to a reference alone, so that all path lengths hold the same
        unknown offset. The static part is then taken to be strongest at 4 m, the direct path of those learned from.

    Returns
    -------
    numpy.ndarray, complex64, shape (pair, cell, time)
        Without the static part: the mean over time.

    Raises
    ------
    InputError
        If shapes do not fit, or a value is not finite.
    """
    values, t, f = np.asarray(csi), np.asarray(time, np.float64), np.asarray(frequency, np.float64)
    if values.ndim != 3 or values.shape[1:] != (f.size, t.size) or t.size < 2:
        raise InputError(
            f"csi must have the shape (pair, subcarrier, packet) with {f.size} frequencies and {t.size} times, got "
            f"{values.shape}."
        )
    if not np.isfinite(values).all():
        raise InputError("csi holds values that are not finite.")
    later = 0.0 if timed else static_length(values, f) - _STATIC_M
    cells = on_times(cell_factors(f, LENGTHS_M + later) @ values.astype(np.complex64), t)
    return np.asarray(cells - cells.mean(axis=-1, keepdims=True))
