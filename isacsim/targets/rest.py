"""Targets at rest: what a radio that takes the static part out cannot see (method.md section 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LEAST_SWING", "at_rest", "moments", "swing_of_cubic"]

LEAST_SWING = 0.25
"""Change of the path length within the window, in wavelengths, below which a target counts as at rest.

Over a quarter of a wavelength the phase turns by π/2. Of a path that does so evenly, the mean over the window takes
``sinc(1/4)² = 0.81`` of the energy; an acceleration-jerk spectrum goes with the energy squared and keeps a 28th.
"""

# Of a window, to find the extremes of a smooth path: a cubic's is missed by less than 1e-3 of its swing.
_MOMENTS = 65


def at_rest(path_length: ArrayLike, wavelength_m: float) -> NDArray[np.bool_]:
    """Tell which paths change too little within a window to be told from the static part.

    Parameters
    ----------
    path_length : array_like, (..., time)
        Over the window, m.
    wavelength_m : float
        Of the carrier, m.

    Returns
    -------
    ndarray of bool, (...)
        Whether the path length stays within `LEAST_SWING` wavelengths.
    """
    return np.asarray(np.ptp(np.asarray(path_length, np.float64), axis=-1) < LEAST_SWING * wavelength_m)


def moments(window_s: float) -> NDArray[np.float64]:
    """Give the times of a window at which a path is looked at, s from its centre; its length from packet to packet."""
    return np.linspace(-window_s / 2, window_s / 2, _MOMENTS)


def swing_of_cubic(
    velocity: ArrayLike, acceleration: ArrayLike, jerk: ArrayLike, window_s: float
) -> NDArray[np.float64]:
    """Give path lengths over a window, less those at its centre, from the truth there.

    Parameters
    ----------
    velocity, acceleration, jerk : array_like, (...)
        At the window's centre, m/s, m/s², m/s³; NaN gives NaN.
    window_s : float
        From the first packet to the last one, s.

    Returns
    -------
    ndarray, (..., time)
        m, at 65 moments from one end to the other.
    """
    t = moments(window_s)
    v, a, r = (np.asarray(x, np.float64)[..., np.newaxis] for x in (velocity, acceleration, jerk))
    return np.asarray(t * (v + t * (a / 2 + t * r / 6)))
