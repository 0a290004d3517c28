"""Jumps of single antennas' phases between packets, by half and quarter-turns (Intel 5300 and others).

An antenna may change its phase by π or a quarter-turn from one packet to the next, for itself. The phase difference
that it has to the first antenna then takes four values, a quarter-turn apart, which independent oscillators do not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["jump_turns", "turned", "undo_jumps"]

Complex = NDArray[np.complex64]

# Share of the packets whose difference must lie within an eighth of a turn's half of one of four: 0.5 by chance.
_AGREED = 0.9


def undo_jumps(csi: Complex) -> tuple[Complex, int]:
    """Undo jumps of an antenna's phase by π or quarter-turns against the first antenna.

    Parameters
    ----------
    csi : numpy.ndarray, complex, shape (receiver, subcarrier, packet)

    Returns
    -------
    csi : numpy.ndarray, complex64
    count : int
        Packets of antennas that were turned. 0, and the CSI as it was, where the phase difference of antennas is no
        steadier after it (independent oscillators).
    """
    if len(csi) < 2:
        return csi.copy(), 0
    turns = jump_turns(lambda: [csi])
    return turned(csi, turns), int((turns != 0).sum())


def turned(csi: Complex, turns: NDArray[np.int8]) -> Complex:
    """Take quarter-turns (receiver, packet) back; a copy."""
    out = csi.copy()
    for row, quarter in zip(out, turns, strict=True):
        if quarter.any():
            row *= np.exp(-0.5j * np.pi * quarter).astype(np.complex64)
    return out


def jump_turns(blocks: Callable[[], Iterable[Complex]]) -> NDArray[np.int8]:
    """Find the jumps that :func:`undo_jumps` undoes, in CSI that comes in blocks.

    Parameters
    ----------
    blocks : callable
        Gives the blocks (receiver, subcarrier, packet), in order; called twice.

    Returns
    -------
    numpy.ndarray, int8, shape (receiver, packet)
        Quarter-turns of each antenna, 0 to 3. None of an antenna whose phase difference is no steadier without them.
    """
    # The fourth power knows no quarter-turns: its mean is the static difference, up to one.
    total: list[Complex] = []
    at_first: list[Complex] = []
    for csi in blocks():
        for n, row in enumerate(csi[1:]):
            unit, power = _difference(row, csi[0])
            fourth = (unit**4 * power).sum(axis=-1, keepdims=True)
            if n < len(total):
                total[n] = total[n] + fourth
            else:
                total.append(fourth)
                at_first.append(unit[:, :1].copy())
    usual = [np.exp(1j * np.angle(one) / 4) for one in total]
    # Each subcarrier's usual difference is known up to a quarter-turn: the packet most like the others decides.
    for n, one in enumerate(usual):
        first = np.exp(0.5j * np.pi * np.round(2 / np.pi * np.angle(at_first[n] * one.conj())))
        usual[n] = (one * first).conj()
    off: list[list[NDArray[np.floating]]] = [[] for _ in usual]
    packets = 0
    for csi in blocks():
        packets += csi.shape[-1]
        for n, row in enumerate(csi[1:]):
            unit, power = _difference(row, csi[0])
            off[n].append(np.angle((unit * usual[n] * power).sum(axis=0)))
    return np.stack([np.zeros(packets, np.int8), *(_turns(np.concatenate(row)) for row in off)])


def _difference(row: Complex, first: Complex) -> tuple[Complex, NDArray[np.float32]]:
    """Phase difference of an antenna to the first one as unit phasors, and its power; (subcarrier, packet)."""
    cross = row * first.conj()
    power = np.abs(cross)
    return np.where(power > 0, cross / np.maximum(power, np.finfo(np.float32).tiny), 0), power


def _turns(off: NDArray[np.floating]) -> NDArray[np.int8]:
    """Quarter-turns of an antenna's phase difference (packet,); none if it is no steadier without them."""
    quarter = np.round(2 / np.pi * off).astype(int) % 4
    common = int(np.bincount(quarter, minlength=4).argmax())
    quarter = (quarter - common) % 4
    none = np.zeros(off.size, np.int8)
    if np.mean(np.abs(off - np.pi / 2 * np.round(2 / np.pi * off)) < np.pi / 8) < _AGREED:
        return none
    # Motion before a weak static part turns the difference too, little by little: undoing that makes jumps.
    return none if _unrest(off - np.pi / 2 * quarter) >= _unrest(off) else quarter.astype(np.int8)


def _unrest(angle: NDArray[np.floating]) -> float:
    """Sum of the steps of an angle (packet,), rad."""
    return float(np.abs(np.angle(np.exp(1j * np.diff(angle)))).sum())
