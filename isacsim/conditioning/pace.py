"""Packet rate, also where packets come in bursts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pace", "packet_pace"]

# A moment lies in an interval of so many median ones where packets come in bursts. Losses of one packet in two make
# 2 of it, random arrivals 2.4.
_BURSTS = 4.0
# An interval of so much of the time is a gap, which counts for nothing.
_GAP = 0.1


class Pace(NamedTuple):
    """Packet rate and its regularity."""

    interval: float
    """s: the median interval; where packets come in bursts the mean one, as windows hold no more."""
    hole: float
    """Between bursts, s; without bursts the median interval."""
    median: float
    """Median interval, s: that within bursts."""

    @property
    def bursts(self) -> bool:
        """Tell whether packets come in bursts."""
        return self.hole > self.interval

    @property
    def said(self) -> str:
        """The rate in words, and what it is taken from."""
        return f"{1 / self.interval:.4g} packets/s by the {'mean' if self.bursts else 'median'} interval"

    def window(self, shortest: float, packets: int, longest_gap: float) -> float:
        """Length of a window that holds what it needs, s.

        Parameters
        ----------
        shortest : float
            Where that is enough, s.
        packets : int
            That it must hold.
        longest_gap : float
            Share of it that a hole may be.
        """
        holes = 1.125 * self.hole / longest_gap if self.bursts else 0.0
        return max(shortest, packets * self.interval, holes)


def packet_pace(time: NDArray[np.float64]) -> Pace:
    """Measure how often packets come.

    Parameters
    ----------
    time : numpy.ndarray, shape (packet,)
        Strictly ascending, s; two or more.

    Returns
    -------
    Pace
        Packets come in bursts if half of the time, gaps left out, lies in intervals of more than 4 median ones.
    """
    steps = np.sort(np.diff(time))
    median = float(np.median(steps))
    steps = steps[steps <= max(_GAP * float(steps.sum()), median)]
    passed = np.cumsum(steps)
    hole = float(steps[np.searchsorted(passed, passed[-1] / 2)])
    return (
        Pace(float(steps.mean()), hole, median) if hole > _BURSTS * median else Pace(median, median, median)
    )
