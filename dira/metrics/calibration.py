"""Simulation-based calibration: ranks of the truth among draws, whether they are uniform, and what regions cover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chisquare

from isacsim.errors import InputError

__all__ = ["QUANTITIES", "coverage", "quantities", "ranks", "uniformity"]

F64 = NDArray[np.float64]


def ranks(draws: ArrayLike, truth: ArrayLike, chance: np.random.Generator) -> F64:
    """Ranks of the truth among draws from the posterior, from 0 to 1.

    Parameters
    ----------
    draws : array_like, shape (window, draw)
        A quantity of every draw.
    truth : array_like, shape (window,)
        The same quantity of the truth.
    chance : numpy.random.Generator
        Breaks ties, and spreads each rank over its cell.

    Returns
    -------
    numpy.ndarray, shape (window,)
        Uniform over 0 to 1 if the posterior is the true one, for counts too.

    Raises
    ------
    InputError
        If shapes do not fit.

    References
    ----------
    Talts et al., "Validating Bayesian inference algorithms with simulation-based calibration", arXiv:1804.06788.
    """
    values, true = np.asarray(draws, np.float64), np.asarray(truth, np.float64)
    if values.ndim != 2 or true.shape != values.shape[:1]:
        raise InputError(
            f"draws (window, draw) and truth (window,) must fit, got {values.shape} and {true.shape}."
        )
    below = (values < true[:, np.newaxis]).sum(axis=1)
    ties = (values == true[:, np.newaxis]).sum(axis=1)
    rank = below + chance.integers(0, ties + 1)
    return np.asarray((rank + chance.random(len(true))) / (values.shape[1] + 1))


def uniformity(rank: ArrayLike, bins: int = 20) -> tuple[list[int], float]:
    """Histogram of ranks from 0 to 1, and the probability of one as uneven by chance (chi-square)."""
    counts, _ = np.histogram(np.asarray(rank), bins, (0, 1))
    return counts.tolist(), float(chisquare(counts).pvalue)


def coverage(rank: ArrayLike, share: float) -> float:
    """Share of the truths within the central region that holds a share of the posterior."""
    return float((np.abs(np.asarray(rank) - 0.5) <= share / 2).mean())


def _most(values: F64) -> F64:
    return np.asarray(np.where(np.isfinite(values), values, -np.inf).max(axis=-1))


def _least(values: F64) -> F64:
    return np.asarray(np.where(np.isfinite(values), values, np.inf).min(axis=-1))


def _of_strongest(values: F64) -> F64:
    first = values[..., 0]
    return np.asarray(np.where(np.isfinite(first), first, -np.inf))


QUANTITIES: dict[str, Callable[[xr.Dataset], F64]] = {
    "count": lambda sets: np.isfinite(sets["amplitude"].values).sum(axis=-1).astype(np.float64),
    "power": lambda sets: np.nansum(sets["amplitude"].values ** 2, axis=-1),
    "largest_a": lambda sets: _most(sets["acceleration"].values),
    "smallest_a": lambda sets: _least(sets["acceleration"].values),
    "strongest_a": lambda sets: _of_strongest(sets["acceleration"].values),
    "strongest_r": lambda sets: _of_strongest(sets["jerk"].values),
}
"""Quantities of sets of paths, strongest first; of a set without paths ±∞, so that all windows count."""


def quantities(sets: xr.Dataset) -> dict[str, F64]:
    """All `QUANTITIES`, and ``delay_spread`` and ``static_power`` where there are some.

    Parameters
    ----------
    sets : xarray.Dataset
        ``amplitude``, ``acceleration`` and ``jerk`` over (..., path), strongest first, as `dira.PathPosterior.sample`
        gives them.

    Returns
    -------
    dict of str to numpy.ndarray
    """
    out: dict[str, Any] = {name: of(sets) for name, of in QUANTITIES.items()}
    for name in ("delay_spread", "static_power"):
        if name in sets:
            out[name] = sets[name].values
    return out
