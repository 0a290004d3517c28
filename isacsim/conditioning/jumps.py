"""Jumps of single antennas' phases between packets, by half and quarter-turns (Intel 5300 and others).

An antenna may change its phase by π or a quarter-turn from one packet to the next, for itself. The phase difference
that it has to the first antenna then takes four values, a quarter-turn apart, which independent oscillators do not do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["undo_jumps"]

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
    out, count = csi.copy(), 0
    for row in out[1:]:
        cross = row * csi[0].conj()
        # The fourth power knows no quarter-turns: its mean is the static difference, up to one.
        power = np.abs(cross)
        unit = np.where(power > 0, cross / np.maximum(power, np.finfo(np.float32).tiny), 0)
        usual = np.exp(1j * np.angle((unit**4 * power).sum(axis=-1, keepdims=True)) / 4)
        # Each subcarrier's usual difference is known up to a quarter-turn: the packet most like the others decides.
        first = np.exp(0.5j * np.pi * np.round(2 / np.pi * np.angle(unit[:, :1] * usual.conj())))
        off = np.angle((unit * (usual * first).conj() * power).sum(axis=0))
        quarter = np.round(2 / np.pi * off).astype(int) % 4
        common = int(np.bincount(quarter, minlength=4).argmax())
        quarter = (quarter - common) % 4
        if np.mean(np.abs(off - np.pi / 2 * np.round(2 / np.pi * off)) < np.pi / 8) < _AGREED:
            continue
        # Motion before a weak static part turns the difference too, little by little: undoing that makes jumps.
        if _unrest(off - np.pi / 2 * quarter) >= _unrest(off):
            continue
        row *= np.exp(-0.5j * np.pi * quarter).astype(np.complex64)
        count += int((quarter != 0).sum())
    return out, count


def _unrest(angle: NDArray[np.float64]) -> float:
    """Sum of the steps of an angle (packet,), rad."""
    return float(np.abs(np.angle(np.exp(1j * np.diff(angle)))).sum())
