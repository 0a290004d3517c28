"""The common error out by projection on the static channel of all receivers of a device.

A packet of a device is ``g exp(-j2π(f - f̄)τ) (M + m)``: one factor g (phase, gain) and one delay τ for all its receivers,
the static channel M and what moves. The delay is the slope that best lines up neighbouring subcarriers with M, g the
projection on M; M is their mean, found anew until it stands. All receivers are divided by the same factor, so that
their relative phases stay what they are.

The projection holds what moves too: with N = receivers x delay cells that the static channel fills, a path of
amplitude A moves it by A/(N^½ |M|), along its own phase and across. What is across is taken for an error and subtracted
from every receiver: an image at the path's negative speed, acceleration and jerk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["image_share", "project"]

_ROUNDS = 4
_TINY = float(np.finfo(np.float32).tiny)
# A path's image on one antenna of 20, 40, 80 MHz has this share of its amplitude; it falls with the root of cells.
_ONE_CELL = 0.52
_CELL_HZ = 17e6


def image_share(array: xr.DataArray) -> float:
    """About which share of a path's amplitude its image has after alignment to the static channel.

    Parameters
    ----------
    array : xarray.DataArray, dims (receiver, subcarrier, packet)
        With the coordinate ``frequency`` in Hz. The share is that of a static channel which fills all delays; one of a
        few delays leaves more.
    """
    width = float(np.ptp(array.coords["frequency"].values))
    return float(_ONE_CELL / np.sqrt(array.sizes["receiver"] * max(width / _CELL_HZ, 1.0)))


def project(array: xr.DataArray) -> xr.DataArray:
    """Divide each packet by its projection on the static channel of all receivers.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
        Of one device, jumps of single receivers undone (`isacsim.conditioning.tones.undo_jumps`).

    Returns
    -------
    xarray.DataArray, complex64
        In the scale of the static channel's mean; of one dimension order, (receiver, subcarrier, packet).
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    f = array.coords["frequency"].values
    offset = f - f.mean()
    step = np.diff(f)
    spacing = float(np.median(step)) if step.size else 0.0
    common = np.abs(step - spacing) < 0.25 * abs(spacing)
    out = array.values.astype(np.complex128)
    power = (np.abs(out) ** 2).sum(axis=(0, 1))
    mean = out[..., int(np.argsort(power, kind="stable")[power.size // 2])]
    factor = np.ones(power.size, complex)
    for _ in range(_ROUNDS):
        z = (out * mean.conj()[..., np.newaxis]).sum(axis=0)
        if common.any():
            slope = np.angle((z[1:] * z[:-1].conj())[common].sum(axis=0)) / spacing
            out *= np.exp(-1j * offset[:, np.newaxis] * slope)
        factor = (out * mean.conj()[..., np.newaxis]).sum(axis=(0, 1)) / max((np.abs(mean) ** 2).sum(), _TINY)
        # Least squares: strong packets know the channel better.
        mean = (out * factor.conj()).sum(axis=-1) / max((np.abs(factor) ** 2).sum(), _TINY)
    # A packet whose projection is nearly zero is no measurement of this channel: it is turned, not blown up.
    size = np.maximum(np.abs(factor), 0.1 * np.median(np.abs(factor)))
    out *= np.exp(-1j * np.angle(factor)) / np.maximum(size, _TINY) * float(np.median(size))
    return array.copy(data=out.astype(np.complex64))
