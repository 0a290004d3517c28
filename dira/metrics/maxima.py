"""Local maxima of a spectrum, off the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, maximum_filter

from isacsim.estimation.peaks import interpolate_peaks

__all__ = ["VISIBLE_DB", "maxima"]

Real = NDArray[np.float64]

# Lowest maxima that count, 10 log10 P below the highest.
VISIBLE_DB = 20.0
_AROUND = np.ones((3, 3), bool)
_RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


def maxima(spectrum: Real, acceleration: Real, jerk: Real) -> Real:
    """Local maxima of one spectrum down to -20 dB, placed by parabolas: (peak, [acceleration, jerk, level in dB]).

    Neighbouring bins of one height, as where a spectrum is clipped, are one maximum.
    """
    if spectrum.max() <= 0:
        return np.empty((0, 3))
    ring = maximum_filter(spectrum, footprint=_RING, mode="constant", cval=0.0)
    high = (spectrum >= ring) & (spectrum >= spectrum.max() * 10 ** (-VISIBLE_DB / 10))
    bins = [*np.argwhere(high & (spectrum > ring))]
    flat, n = label(high & (spectrum == ring), _AROUND)
    bins += [at for k in range(1, n + 1) if (at := _middle(spectrum, np.argwhere(flat == k))) is not None]
    rows, columns = np.array(bins).reshape(-1, 2).T
    found = interpolate_peaks(spectrum, acceleration, jerk, rows, columns)
    level = 10 * np.log10(spectrum[rows, columns] / spectrum.max())
    return np.array([(p.acceleration, p.jerk, db) for p, db in zip(found, level, strict=True)]).reshape(-1, 3)


def _middle(spectrum: Real, bins: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """The middle of neighbouring bins of one height, none if their plateau rises anywhere at its edge."""
    plateaus, _ = label(spectrum == spectrum[tuple(bins[0])], _AROUND)
    whole = plateaus == plateaus[tuple(bins[0])]
    if spectrum[binary_dilation(whole, _AROUND)].max() > spectrum[tuple(bins[0])]:
        return None
    return bins[np.argmin(np.square(bins - bins.mean(axis=0)).sum(axis=1))]
