"""Gain control: steps of the power that all subcarriers and receivers share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GainSteps", "gain_steps"]

# Packets on either side whose medians are compared: one odd packet moves no median.
_SIDE = 8
_LEAST_DB = 0.4
# A step stands out of what the power does from packet to packet by this many deviations (by the median, which steps
# do not move), and the medians of its sides differ by about as much.
_DEVIATIONS = 5.0
_STAYS = (0.5, 1.7)
_TO_DEVIATION = 1.4826


@dataclass(frozen=True, eq=False)
class GainSteps:
    """Steps of the gain."""

    position: NDArray[np.int64]
    """First packet after each step."""
    step_db: NDArray[np.float64]
    """dB, with sign."""
    rate_hz: float
    """Steps per second."""
    size_db: float
    """Median size, dB; 0 without steps."""


def gain_steps(power_db: ArrayLike, time: ArrayLike) -> GainSteps:
    """Find the steps in the power of packets.

    Parameters
    ----------
    power_db : array_like, shape (packet,)
        Mean power of each packet over receivers and subcarriers, dB.
    time : array_like, shape (packet,)
        s.

    Notes
    -----
    Motion fades smoothly from packet to packet; a gain steps between two of them and stays. Steps closer together than
    eight packets are taken as one.
    """
    power, t = np.asarray(power_db, np.float64), np.asarray(time, np.float64)
    none = GainSteps(np.zeros(0, np.int64), np.zeros(0), 0.0, 0.0)
    if power.size < 2 * _SIDE + 1:
        return none
    median = np.median(np.lib.stride_tricks.sliding_window_view(power, _SIDE), axis=-1)
    # before[i] and after[i] are the sides of the boundary in front of packet i + _SIDE.
    change = median[_SIDE:] - median[: power.size - 2 * _SIDE + 1]
    jump = np.diff(power)[_SIDE - 1 : power.size - _SIDE]
    sharp = max(_LEAST_DB, _DEVIATIONS * _deviation(np.diff(power)))
    found: list[int] = []
    # What jumps and does not stay is an odd packet, what changes without a jump is fading.
    stays = np.divide(change, jump, out=np.zeros_like(jump), where=jump != 0)
    ready = (np.abs(jump) > sharp) & (stays > _STAYS[0]) & (stays < _STAYS[1])
    for i in np.flatnonzero(ready)[np.argsort(-np.abs(jump[ready]))]:
        if all(abs(int(i) - j) >= _SIDE for j in found):
            found.append(int(i))
    if not found:
        return none
    at = np.sort(np.array(found))
    return GainSteps(
        at + _SIDE, jump[at], len(found) / float(t[-1] - t[0]), float(np.median(np.abs(jump[at])))
    )


def _deviation(values: NDArray[np.float64]) -> float:
    return float(_TO_DEVIATION * np.median(np.abs(values - np.median(values))))
