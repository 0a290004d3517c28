"""From a chip's clock to a strictly increasing time axis, or the reason why there is none."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import CaptureError

__all__ = ["Session", "longest_session", "strictly_increasing", "unwrap"]

# Beyond this share the clock is not glitching: the field is not a clock.
MAX_BACKWARD = 0.1
# Nobody records on over such a gap: a clock that leaps as far was set anew, or is wrong.
MOST_SECONDS = 30 * 86400.0
# So many packets on each side of a step tell a clock that was set from single wrong times.
_AROUND = 5


def unwrap(ticks: NDArray[np.integer], wrap: int | None) -> tuple[NDArray[np.int64], int]:
    """Undo the wraps of a counter.

    Parameters
    ----------
    ticks : ndarray, integer, (packet,)
        Counter values.
    wrap : int or None
        The counter's range; None if it does not wrap. 64-bit values whose upper halves are all zeros or all ones are a
        signed or unsigned 32-bit counter, which wraps. A fall counts as a wrap under two conditions: continuing
        past the range is a step of less than a quarter of it, and the packets around the step agree. A single wrong
        time is no wrap.

    Returns
    -------
    ticks : ndarray, int64, (packet,)
        Counted from the first packet.
    n_wraps : int
    """
    values = ticks.astype(np.uint64)
    if wrap is None and np.isin(values >> np.uint64(32), (0, 2**32 - 1)).all():
        wrap = 2**32
        values = values & np.uint64(2**32 - 1)
    elif wrap is not None:
        values = values % np.uint64(wrap)
    # Differences modulo 2^64 are exact for any 64-bit counter.
    from_first = (values - values[:1]).view(np.int64)
    if wrap is None:
        return from_first, 0
    step = np.diff(from_first)
    usual = int(np.median(step[step > 0])) if (step > 0).any() else 0
    wraps = np.zeros(from_first.size, np.int64)
    for k in np.flatnonzero(step < 0).tolist():
        before, after = _levels(from_first, k)
        # A packet alone at an end cannot tell a wrap from a wrong time but by how near it comes.
        most = 1000 * usual if k in (0, step.size - 1) and step.size > 1 else wrap // 4
        if after < before and (after - before) % wrap < min(most, wrap // 4):
            wraps[k + 1 :] += 1
    return from_first + wrap * wraps, int(wraps[-1]) if wraps.size else 0


@dataclass(frozen=True)
class Session:
    """Packets between two settings of the clock: positions first to stop - 1."""

    first: int
    stop: int


def longest_session(
    ticks: NDArray[np.int64], tick: float, warnings: list[str]
) -> tuple[Session, list[Session]]:
    """Find where the clock was set anew, and the longest stretch between.

    Parameters
    ----------
    ticks : ndarray, int64, (packet,)
        Unwrapped times.
    tick : float
        Seconds a tick.
    warnings : list of str
        Gets a sentence if there are several sessions: they are not spliced, the others are dropped.

    Returns
    -------
    longest : Session
        The one with most packets.
    all : list of Session
    """
    step = np.diff(ticks.astype(np.float64))
    starts = [0]
    for k in np.flatnonzero((step < 0) | (step * tick > MOST_SECONDS)).tolist():
        before, after = _levels(ticks[starts[-1] :], k - starts[-1])
        # A few packets that go back at either end are wrong times, which `strictly_increasing` leaves out.
        long_enough = min(k + 1 - starts[-1], ticks.size - k - 1) >= _AROUND
        if (after < before and long_enough) or (after - before) * tick > MOST_SECONDS:
            starts.append(k + 1)
    sessions = [Session(a, b) for a, b in zip(starts, [*starts[1:], ticks.size], strict=True)]
    longest = max(sessions, key=lambda s: s.stop - s.first)
    if len(sessions) > 1:
        shown = ", ".join(str(s.first) for s in sessions[1:6]) + (", ..." if len(sessions) > 6 else "")
        lost = ticks.size - longest.stop + longest.first
        warnings.append(
            f"the clock was set anew at packet{'s' * (len(sessions) > 2)} {shown}: kept the longest of "
            f"{len(sessions)} sessions, packets {longest.first} to {longest.stop - 1}, and dropped {lost} packets of "
            "the others; split the file to have them"
        )
    return longest, sessions


def _levels(ticks: NDArray[np.int64], k: int) -> tuple[int, int]:
    """Median times of the packets up to position k and of those after it."""
    before, after = np.sort(ticks[max(k + 1 - _AROUND, 0) : k + 1]), np.sort(ticks[k + 1 : k + 1 + _AROUND])
    return int(before[before.size // 2]), int(after[(after.size - 1) // 2])


def strictly_increasing(ticks: NDArray[np.int64], path: Path, warnings: list[str]) -> NDArray[np.int64]:
    """Choose the packets whose times strictly increase.

    The rule: keep the largest set of packets, in file order, whose times strictly increase (the longest
    increasing subsequence); drop the others. So of packets with one and the same time the last stays, and a
    single wrong time costs a single packet. No time is invented. One sentence in `warnings` says what was
    dropped.

    Parameters
    ----------
    ticks : ndarray, int64, (packet,)
        Unwrapped times, of one session.
    path : Path
        For the error.
    warnings : list of str
        Gets a sentence if packets are dropped.

    Returns
    -------
    ndarray, int, (kept packet,)
        Positions of the packets kept.

    Raises
    ------
    CaptureError
        If the clock stands still, or more than a tenth of the packets that do not repeat a time would have to go.
    """
    n_distinct = np.unique(ticks).size
    if ticks.size > 1 and 2 * n_distinct <= ticks.size:
        what = (
            f"all {ticks.size} packets have the same time"
            if n_distinct == 1
            else f"{ticks.size} packets have {n_distinct} times only"
        )
        raise CaptureError(
            f"{path}: the file's clock stands still ({what}); pass packet_rate= in packets/s, e.g. packet_rate=1000"
        )
    kept = _longest_increasing(ticks)
    n_repeated, n_backward = ticks.size - n_distinct, n_distinct - kept.size
    if n_backward > MAX_BACKWARD * n_distinct:
        first = int(np.flatnonzero(np.diff(ticks) < 0)[0]) + 1
        raise CaptureError(
            f"{path}: found {n_backward} of {n_distinct} times out of order, the first at packet {first}, expected "
            "times that increase; pass packet_rate= in packets/s, e.g. packet_rate=1000, to ignore the clock"
        )
    gone = np.setdiff1d(np.arange(ticks.size), kept)
    shown = ", ".join(map(str, gone[:5].tolist())) + (", ..." if gone.size > 5 else "")
    places = f" (packet{'s' * (gone.size > 1)} {shown})"
    if n_repeated:
        warnings.append(
            f"dropped {n_repeated} packets that repeat another packet's timestamp{places if not n_backward else ''}"
        )
    if n_backward:
        warnings.append(
            f"dropped {n_backward} packets whose timestamps go back{places if not n_repeated else ''}"
        )
    return kept


def _longest_increasing(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the longest strictly increasing subsequence."""
    tails: list[int] = []
    tail_positions: list[int] = []
    previous = np.full(ticks.size, -1)
    for position, tick in enumerate(ticks.tolist()):
        length = bisect_left(tails, tick)
        previous[position] = tail_positions[length - 1] if length else -1
        if length == len(tails):
            tails.append(tick)
            tail_positions.append(position)
        else:
            tails[length] = tick
            tail_positions[length] = position
    kept = []
    position = tail_positions[-1]
    while position >= 0:
        kept.append(position)
        position = int(previous[position])
    return np.array(kept[::-1], dtype=np.int64)
