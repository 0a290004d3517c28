"""Number of paths: a likelihood criterion with the largest gain of pure noise as its penalty.

With Gaussian noise of unknown variance, adding a path lowers ``N ln(rss)`` (N complex degrees of freedom) by
its matched energy over the noise variance. Under noise alone, at one state, that fall is exponentially
distributed with mean one; the search takes the largest over all states, so a count-based penalty (AIC, BIC)
is far too small. The penalty here is the level u that the maximum over the search range passes with
probability ``false_alarm``. That probability is the expected number of maxima above u of the squared magnitude
of a smooth complex Gaussian field over a box, faces of every dimension included. Source: Adler and Taylor,
*Random Fields and Geometry*, 2007, chapters 11 and 15, leading term of each face:

    n(u) = exp(-u) sum_S (u / pi)^(|S| / 2) sqrt(det M_S) prod_{i in S} range_i

over all subsets S of the parameters. M is the field's metric: the covariance over the capture of the phase's
derivatives, which is also the shape of the Fisher matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.optimize import brentq

from isacsim.errors import InputError
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid

__all__ = ["path_penalty"]


def path_penalty(grid: SamplingGrid, ranges: Mapping[str, float], false_alarm: float) -> float:
    """Return the fall of N ln(rss) that one more path must bring to be believed.

    Parameters
    ----------
    grid : SamplingGrid
        Packet times and subcarrier frequencies.
    ranges : mapping
        Widths of the search in ``path_length``, ``velocity``, ``acceleration`` and ``jerk`` (m, m/s, m/s^2,
        m/s^3).
    false_alarm : float
        Probability that noise alone brings a path, in (0, 1).

    Returns
    -------
    float

    Raises
    ------
    InputError
        Where `false_alarm` is not a probability.
    """
    if not 0 < false_alarm < 1:
        raise InputError(f"false_alarm must lie between 0 and 1, not {false_alarm!r}")
    t = grid.time
    motion = 2 * np.pi * grid.centre / SPEED_OF_LIGHT * np.stack([t, t**2 / 2, t**3 / 6])
    metric = np.zeros((4, 4))
    metric[0, 0] = (2 * np.pi / SPEED_OF_LIGHT * grid.offset.std()) ** 2
    metric[1:, 1:] = np.cov(motion, bias=True)
    width = np.array([ranges[name] for name in ("path_length", "velocity", "acceleration", "jerk")])
    metric *= np.outer(width, width)
    volumes = np.zeros(5)
    for size in range(5):
        for face in combinations(range(4), size):
            volumes[size] += np.sqrt(max(np.linalg.det(metric[np.ix_(face, face)]), 0.0))

    def excess(u: float) -> float:
        return float(np.log(volumes @ (u / np.pi) ** (np.arange(5) / 2)) - u - np.log(false_alarm))

    # Below u = D / 2 the expected number may still rise; the level sought lies beyond.
    return float(brentq(excess, 2.0, 1e4)) if excess(2.0) > 0 else 2.0
