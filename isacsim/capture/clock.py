"""From a chip's clock to a strictly increasing time axis."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.packets import malformed

__all__ = ["strictly_increasing", "unwrap"]

# Beyond this share the clock isn't glitching: it was restarted, or the field isn't a clock.
MAX_BACKWARD = 0.1


def unwrap(ticks: NDArray[np.integer], wrap: int | None) -> tuple[NDArray[np.int64], int]:
    """Undo the wraps of a counter.

    Parameters
    ----------
    ticks : ndarray, integer, (packet,)
        Counter values.
    wrap : int or None
        The counter's range; None if it does not wrap. A fall by more than half of it counts as a wrap.

    Returns
    -------
    ticks : ndarray, int64, (packet,)
        Counted from the first packet.
    n_wraps : int
    """
    # Differences modulo 2^64 are exact for any 64-bit counter.
    from_first = (ticks.astype(np.uint64) - ticks[:1].astype(np.uint64)).view(np.int64)
    if wrap is None:
        return from_first, 0
    wraps = np.concatenate([[0], np.cumsum(np.diff(from_first) < -(wrap // 2))])
    return from_first + wrap * wraps, int(wraps[-1])


def strictly_increasing(ticks: NDArray[np.int64], path: Path, warnings: list[str]) -> NDArray[np.int64]:
    """Choose the packets whose times strictly increase.

    The rule: keep the largest set of packets, in file order, whose times strictly increase (the longest
    increasing subsequence); drop the others. So of packets with one and the same time the last stays, and a
    single wrong time costs a single packet. No time is invented. One sentence in `warnings` says what was
    dropped.

    Parameters
    ----------
    ticks : ndarray, int64, (packet,)
        Unwrapped times.
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
        If more than a tenth of the packets that don't repeat a time would have to go.
    """
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
    kept.reverse()

    n_distinct = np.unique(ticks).size
    n_repeated, n_backward = ticks.size - n_distinct, n_distinct - len(kept)
    if n_backward > MAX_BACKWARD * n_distinct:
        first = int(np.flatnonzero(np.diff(ticks) < 0)[0]) + 1
        raise malformed(
            path,
            f"{n_backward} of {n_distinct} times out of order, the first at packet {first}",
            "times that increase; split the capture where its clock restarts",
        )
    if n_repeated:
        warnings.append(f"dropped {n_repeated} packets that repeat another packet's timestamp")
    if n_backward:
        warnings.append(f"dropped {n_backward} packets whose timestamps go back")
    return np.array(kept, dtype=np.int64)
