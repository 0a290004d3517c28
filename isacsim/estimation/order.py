"""How many paths: a likelihood criterion whose penalty is the largest value that noise alone reaches in the search.

With Gaussian noise of unknown variance, adding a path lowers ``N ln(rss)`` (N complex degrees of freedom) by its matched
energy over the noise variance. Under noise alone, at one state, that fall is exponentially distributed with mean one; the
search takes the largest over all states, so a count-based penalty (AIC, BIC) is far too small. The penalty here is the level u
that the maximum over the search range passes with probability ``false_alarm``: the expected number of maxima above u of the squared
magnitude of a smooth complex Gaussian field (Adler and Taylor, *Random Fields and Geometry*, 2007, ch. 11 and 15, leading
term), in D parameters with volume V in units of the field's metric,

    n(u) = V (u / pi)^(D / 2) exp(-u).

The metric is the covariance of the phase's derivatives over the capture, which is also the shape of the Fisher matrix.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from isacsim.errors import InputError
from isacsim.estimation.candidates import Limits
from isacsim.estimation.grid import SPEED_OF_LIGHT, Grid

__all__ = ["path_penalty"]


def path_penalty(grid: Grid, limits: Limits, false_alarm: float) -> float:
    """Return the fall of N ln(rss) that one more path must bring to be believed.

    Parameters
    ----------
    grid : Grid
        Packet times and subcarrier frequencies.
    limits : Limits
        The search range.
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
    velocity = min(limits.velocity, grid.nyquist_velocity)
    motion = 2 * np.pi * grid.centre / SPEED_OF_LIGHT * np.stack([t, t**2 / 2, t**3 / 6])
    log_volume = 0.5 * np.linalg.slogdet(np.cov(motion, bias=True))[1]
    log_volume += np.log([2 * velocity, 2 * limits.acceleration, 2 * limits.jerk]).sum()
    dimensions = 3
    if grid.spacing:
        log_volume += np.log(2 * np.pi / SPEED_OF_LIGHT * grid.offset.std())
        log_volume += np.log(min(limits.path_length, grid.unambiguous_length))
        dimensions += 1

    def excess(u: float) -> float:
        return log_volume + dimensions / 2 * np.log(u / np.pi) - u - np.log(false_alarm)

    # Below its maximum at u = D / 2 the expression rises; the level sought lies beyond.
    low = dimensions / 2
    return float(brentq(excess, low, 1e4)) if excess(low) > 0 else low
