"""Wi-Fi channels and subcarrier layouts: what the readers need to put a frequency on a subcarrier.

Source: IEEE Std 802.11-2016, 17.3.8.4.2 (channel numbers), 19.3.7 and 21.3.7 (subcarriers in use); for the
guard lists also the README of https://github.com/seemoo-lab/nexmon_csi ("Parts of extracted CSI are empty").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["channel_frequency", "guards", "occupied", "used_indices"]

# Outermost and innermost subcarrier in use, by bandwidth [MHz] (HT, VHT); non-HT 20 MHz ends at 26.
EDGES = {20: (28, 1), 40: (58, 2), 80: (122, 2)}


def channel_frequency(channel: int, *, band: int) -> float | None:
    """Centre frequency [Hz] of a channel number in the 2 (2.4 GHz) or 5 GHz band; None if there is none."""
    if band == 2:
        if channel == 14:
            return 2484e6
        return 2407e6 + 5e6 * channel if 1 <= channel <= 13 else None
    return 5000e6 + 5e6 * channel if 7 <= channel <= 196 else None


def used_indices(bandwidth: int) -> NDArray[np.int64]:
    """Subcarriers in use (k,) of an HT or VHT frame of 20, 40 or 80 MHz, ascending."""
    outer, inner = EDGES[bandwidth]
    return np.r_[-outer : -inner + 1, inner : outer + 1].astype(np.int64)


def guards(index: NDArray[np.int64], bandwidth: int, *, legacy: bool = False) -> NDArray[np.bool_]:
    """True (subcarrier,) where the standard puts neither data nor pilot; `legacy` is the non-HT layout."""
    outer, inner = EDGES[bandwidth]
    return (np.abs(index) < inner) | (np.abs(index) > (26 if legacy else outer))


def occupied(index: NDArray[np.int64], magnitude: NDArray[np.floating], bandwidth: int) -> NDArray[np.bool_]:
    """Find the subcarriers that the received frames really use.

    A chip set to 80 MHz also reports 20 MHz frames (three quarters of the CSI is then noise) and duplicated
    legacy frames (gaps between the 20 MHz blocks). The standard's guard list alone would call that noise CSI.

    Parameters
    ----------
    index : ndarray, int, (subcarrier,)
        Subcarrier numbers -N/2 .. N/2-1.
    magnitude : ndarray, float, (subcarrier,)
        Typical magnitude, e.g. the median over packets.
    bandwidth : {20, 40, 80}
        Of the channel [MHz].

    Returns
    -------
    ndarray, bool, (subcarrier,)
    """
    n_blocks = bandwidth // 20
    centres = 64 * np.arange(n_blocks) - 32 * (n_blocks - 1)

    def level(centre: float, inner: int, outer: int) -> float:
        distance = np.abs(index - centre)
        return float(np.median(magnitude[(distance >= inner) & (distance <= outer)]))

    levels = np.array([level(c, 1, 26) for c in centres.tolist()])
    # -16 dB: real 20 MHz blocks differ less, empty ones were 22 dB and more below in every capture tried.
    in_use = levels > 0.15 * levels.max()

    def mask(first: int, count: int) -> NDArray[np.bool_]:
        inside = slice(first, first + count)
        if not in_use[inside].any():
            return np.zeros(index.shape, dtype=bool)
        centre = int(centres[inside].mean())
        if count == 1:
            high_throughput = level(centre, 27, 28) > 0.3 * levels[first]
            return ~guards(index - centre, 20, legacy=not high_throughput)
        # A frame as wide as this fills the borders between its 20 MHz blocks; duplicated frames leave them
        # empty.
        borders = (centres[inside][:-1] + 32).tolist()
        if in_use[inside].all() and all(level(b, 2, 5) > 0.3 * levels[inside].min() for b in borders):
            return ~guards(index - centre, 20 * count)
        return mask(first, count // 2) | mask(first + count // 2, count // 2)

    return mask(0, n_blocks)
