"""When packets come: the sender's grid, what is lost of it, jitter, gaps, bursts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError

__all__ = ["PacketTiming", "packet_timing"]

Real = NDArray[np.float64]

# An interval is a gap, no burst of losses, from so many times the 95 % quantile on and from 30 median intervals on; of
# slow packets from a quarter of a second on, if that is 10 median intervals.
_GAP_QUANTILES, _GAP_MEDIANS, _GAP_SLOW, _GAP_S = 3.0, 30.0, 10.0, 0.25
# How fast the grid follows a sender's clock that drifts: share of each packet's departure.
_FOLLOW = 0.1
_STRETCH, _STRETCHES, _PERIODIC = 32, 40, 0.3
# Of a normal distribution, half the distance of the 16 % and 84 % quantiles is the deviation.
_ONE_SIGMA = (0.15866, 0.84134)
# Packets come in bursts if the median interval is below this share of the mean one, gaps left out.
_BURSTY = 0.5


@dataclass(frozen=True, eq=False)
class PacketTiming:
    """When the packets of a capture come."""

    packets: int
    duration: float
    """First to last packet, s."""
    median_interval: float
    """s"""
    interval: float
    """Interval of the grid on which packets lie, lost ones included, s."""
    slot: NDArray[np.int64]
    """Place of each packet on that grid, from 0; shape (packet,)."""
    jitter: float
    """Standard deviation of a packet's time about its place, s: of the intervals over √2, by quantiles."""
    lost: float
    """Share of the grid's places that hold no packet, gaps left out."""
    mean_burst: float
    """Mean number of places lost one after the other; 1 where none is."""
    gap_start: Real
    """Last packet before each gap, s on the capture's clock; shape (gap,)."""
    gap_length: Real
    """s; shape (gap,)."""

    @property
    def mean_rate(self) -> float:
        """Packets per second from first to last packet."""
        return (self.packets - 1) / self.duration

    @property
    def bursts(self) -> bool:
        """True if packets come in bursts: half of the intervals are far below the mean one, gaps left out."""
        without = (self.duration - float(self.gap_length.sum())) / max(
            self.packets - 1 - self.gap_length.size, 1
        )
        return self.median_interval < _BURSTY * without


def packet_timing(time: ArrayLike) -> PacketTiming:
    """Measure when packets come.

    Parameters
    ----------
    time : array_like, shape (packet,)
        Packet times in s, strictly ascending; two or more.

    Returns
    -------
    PacketTiming
        The grid's interval is about the median one: the period that stretches of 32 packets share most, refined by the
        packets' places on it. Places are counted with a clock
        that follows the sender's, so that slow drift adds up to nothing. Two packets never share a place.

    Raises
    ------
    InputError
        If there are fewer than two packets, or times do not ascend.
    """
    t = np.asarray(time, np.float64)
    if t.ndim != 1 or t.size < 2 or not np.isfinite(t).all() or (np.diff(t) <= 0).any():
        raise InputError("packet times must be two or more finite numbers of seconds that ascend strictly.")
    step = np.diff(t)
    median = float(np.median(step))
    least = min(_GAP_MEDIANS * median, max(_GAP_SLOW * median, _GAP_S))
    gap = step > max(least, _GAP_QUANTILES * float(np.quantile(step, 0.95)))
    interval = _period(t, median)
    for _ in range(2):
        slot = _places(t, interval)
        taken = np.diff(slot)
        interval = float(step[~gap].sum() / taken[~gap].sum())
    slot = _places(t, interval)
    taken = np.diff(slot)[~gap]
    off = np.quantile(step[~gap] - taken * interval, _ONE_SIGMA)
    missing = taken - 1
    return PacketTiming(
        t.size,
        float(t[-1] - t[0]),
        median,
        interval,
        slot,
        float(np.ptp(off) / 2 / np.sqrt(2)),
        float(missing.sum() / taken.sum()),
        float(missing[missing > 0].mean()) if (missing > 0).any() else 1.0,
        t[:-1][gap],
        step[gap],
    )


def _period(time: Real, around: float) -> float:
    """Period within 15 % of a first guess that the times of short stretches share most, by their mean phasor.

    Losses shift the median interval where there is jitter; they leave the phasors as they are.
    """
    # 32 packets tell 3 % apart, and no sender's clock drifts by that within them.
    starts = np.unique(np.linspace(0, max(time.size - _STRETCH, 0), _STRETCHES).astype(int))
    stretches = [time[s : s + _STRETCH] - time[s] for s in starts]
    tried = around * np.linspace(0.85, 1.15, 121)
    score = np.zeros(tried.size)
    for stretch in stretches:
        score += np.abs(np.exp(2j * np.pi * stretch / tried[:, np.newaxis]).mean(axis=1))
    best = int(score.argmax())
    # Times without a period reach √(π/4 /32) = 0.16 in the mean, and half as much again at the best of all tried.
    return float(tried[best]) if score[best] > _PERIODIC * len(stretches) else around


def _places(time: Real, interval: float) -> NDArray[np.int64]:
    """Place of each packet on a grid of that interval whose clock follows the packets'."""
    places = np.zeros(time.size, np.int64)
    origin, place = float(time[0]), 0
    for i, t in enumerate(time[1:].tolist(), start=1):
        at = (t - origin) / interval
        place = max(place + 1, round(at))
        places[i] = place
        # Half an interval at most: after a gap, or where the grid is none, the clock starts anew.
        origin += interval * (_FOLLOW * (at - place) if abs(at - place) <= 0.5 else at - place)
    return places
