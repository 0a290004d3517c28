"""From a detector's maps to paths, and how found paths are matched with true ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["GATE", "Peaks", "false_scores", "peaks_of"]

GATE = (0.45, 2.0)
"""m/s² and m/s³ within which a path counts as found."""

# A target near the border of two bins has its probability in both.
_AROUND = np.ones((3, 3), np.int64)


class Peaks(NamedTuple):
    """Maxima of one probability map, the most probable first."""

    bins: NDArray[np.int64]
    """(peak, 2)"""
    score: NDArray[np.float64]
    """Probability that a target lies in the bin or one beside it."""


def peaks_of(probability: NDArray[np.floating], *, least: float, most: int) -> Peaks:
    """Local maxima of a map (acceleration, jerk): of two within a bin of each other only the higher one."""
    score = np.minimum(1.0, ndimage.convolve(probability.astype(np.float64), _AROUND, mode="constant"))
    highest = ndimage.maximum_filter(probability, footprint=_AROUND, mode="constant") == probability
    # A plateau is one maximum.
    regions, n = ndimage.label(highest & (score >= least), structure=_AROUND)
    if n == 0:
        return Peaks(np.empty((0, 2), np.int64), np.empty(0))
    places = np.array(ndimage.maximum_position(score, regions, np.arange(1, n + 1)), np.int64).reshape(-1, 2)
    scores = score[places[:, 0], places[:, 1]]
    order = np.argsort(-scores, kind="stable")[:most]
    return Peaks(places[order], scores[order])


def false_scores(
    found: NDArray[np.float64], score: NDArray[np.float64], truth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores of those found (detection, 2) that no true path (target, 2) accounts for, best ones matched first."""
    free: NDArray[np.bool_] = np.asarray(np.isfinite(truth).all(axis=1))
    wrong = []
    for place, value in zip(found, score, strict=True):
        distance = np.abs(truth - place) / GATE
        near = np.flatnonzero(free & (distance <= 1).all(axis=1))
        if near.size:
            free[near[np.argmin((distance[near] ** 2).sum(axis=1))]] = False
        else:
            wrong.append(value)
    return np.array(wrong, np.float64)
