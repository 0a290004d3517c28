"""Subcarriers that carry no channel, and block rotations of wide frames.

**Null subcarriers.** A subcarrier that is zero in, or the same to the last bit over, all packets was never measured: guard
bands, DC, pilots that a chip leaves out. `carried` finds them.

**Rotation.** A 40 MHz frame is sent with its upper half turned by 90°; an 80 MHz one with its three upper 20 MHz blocks times
-1 (IEEE 802.11-2020, 21.3.7.5), and some chips leave that in their CSI. An echo can't do that: a channel of short
delays turns smoothly from one subcarrier to the next. `rotation` finds a turn of just that size at the block's edge,
after the slope over frequency is taken out, and `unrotated` undoes it.

**Jumps.** An antenna may change its phase by π or a quarter-turn between packets, for itself (Intel 5300). `undo_jumps`
finds them against the phase difference that it has to the first antenna.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["carried", "rotation", "undo_jumps", "unrotated"]

Complex = NDArray[np.complex64]

# The factor of the upper subcarriers and where they begin, in spacings from the centre, by the band's width in Hz.
_BLOCKS = {40e6: (0, 1j), 80e6: (-64, -1.0)}
_SPACING = 312.5e3
# Subcarriers on either side of a block's edge whose phases are compared, and how near the turn must be, rad.
_BESIDE = 12
_NEAR = 0.5
# Where phases scatter by more about their slope, a turn says nothing.
_SMOOTH = 0.35
# Share of a packet's antenna that must agree on a jump.
_AGREED = 0.9


def carried(csi: Complex) -> NDArray[np.bool_]:
    """Which subcarriers carry a channel: not zero, not constant to the last bit, in any receiver.

    Parameters
    ----------
    csi : numpy.ndarray, complex, shape (..., subcarrier, packet)
        One packet alone can't be constant.

    Returns
    -------
    numpy.ndarray, bool, shape (subcarrier,)
    """
    rows = np.moveaxis(csi, -2, 0).reshape(csi.shape[-2], -1, csi.shape[-1])
    zero = (rows == 0).all(axis=-1)
    still = (rows == rows[..., :1]).all(axis=-1) & (csi.shape[-1] > 1)
    moving = ~still & ~zero
    # Without noise and motion all are constant: then only zero says anything.
    return np.asarray((moving if moving.any() else ~zero).any(axis=1))


def rotation(csi: Complex, frequency: NDArray[np.float64], carrier: float, bandwidth: float) -> complex | None:
    """Find the factor by which the subcarriers above a block's edge were multiplied.

    Parameters
    ----------
    csi : numpy.ndarray, complex, shape (receiver, subcarrier, packet)
        Of valid subcarriers only.
    frequency : numpy.ndarray, shape (subcarrier,)
        Hz, ascending.
    carrier, bandwidth : float
        Centre and width of the band, Hz.

    Returns
    -------
    complex or None
        None where there is no such turn, or the channel is too rough to tell.
    """
    expected = _BLOCKS.get(float(bandwidth))
    if expected is None:
        return None
    edge, factor = expected
    number = (frequency - carrier) / _SPACING
    low, high = (number < edge).nonzero()[0][-_BESIDE:], (number >= edge).nonzero()[0][:_BESIDE]
    if min(low.size, high.size) < _BESIDE // 2 or number[high[0]] - number[low[-1]] > 8:
        return None
    at = np.concatenate([low, high])
    part = csi[:, at].astype(np.complex128)
    # Products of neighbours know no phase of the packet: their mean over packets is the turn from one to the next.
    turn = (part[:, 1:] * part[:, :-1].conj()).sum(axis=-1)
    steps = np.diff(number[at])
    inside = np.arange(turn.shape[1]) != low.size - 1
    slope = np.angle(turn[:, inside][:, steps[inside] == 1].sum(axis=1))
    left = turn * np.exp(-1j * slope[:, np.newaxis] * steps)
    if np.sqrt((np.angle(left[:, inside]) ** 2).mean()) > _SMOOTH:
        return None
    jump = left[:, ~inside].sum() / factor
    return complex(factor) if np.abs(np.angle(jump)) < _NEAR else None


def unrotated(array: xr.DataArray, carrier: float, bandwidth: float) -> tuple[xr.DataArray, str]:
    """Undo the block rotation where its signature is there; what was done in words, empty for nothing.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
        With the coordinate ``frequency``.
    carrier, bandwidth : float
        Hz.
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    frequency = array.coords["frequency"].values
    factor = rotation(array.values, frequency, carrier, bandwidth)
    if factor is None:
        return array, ""
    edge = _BLOCKS[float(bandwidth)][0]
    turned = np.where((frequency - carrier) / _SPACING >= edge, np.conj(factor), 1).astype(np.complex64)
    said = f"rotation of the subcarriers above {edge} undone (factor {factor:.0f})"
    return array.copy(data=array.values * turned[:, np.newaxis]), said


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
        row *= np.exp(-0.5j * np.pi * quarter).astype(np.complex64)
        count += int((quarter != 0).sum())
    return out, count
