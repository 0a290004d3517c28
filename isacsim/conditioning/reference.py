"""The common phase error out: by another receive channel (conjugate product, CSI ratio), or by the channel's own mean.

Which of these when: :mod:`isacsim.conditioning`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.static_channel import StaticChannel
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "align_phase",
    "project",
    "reference_factor",
    "reference_product",
]

Complex = NDArray[np.complex64]

# Subcarriers that are needed to tell what moves from phase, timing and gain of a packet.
_FEWEST = 4
# Regularisation of the CSI ratio, as a share of the reference's rms on each subcarrier (-20 dB).
_FADE = 0.1


def reference_product(
    array: xr.DataArray, surveillance: list[int], reference: int, *, ratio: bool = False
) -> xr.DataArray:
    """Conjugate product (the paper's eq. 1) or regularised ratio of receivers with a reference.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
    surveillance : list of int
        Receivers to keep, by position.
    reference : int
        The reference, by position.
    ratio : bool
        Ratio instead of product; both in the scale of the surveillance channel (module docstring).
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    factor = reference_factor(array.values[reference], ratio=ratio)
    out = array.isel(receiver=surveillance)
    return out.copy(data=(out.values * factor).astype(np.complex64))


def reference_factor(reference: Complex, *, ratio: bool) -> Complex:
    """Factor by which the product or ratio multiplies a surveillance channel.

    Parameters
    ----------
    reference : numpy.ndarray, complex, shape (subcarrier, packet)
        The reference channel.
    ratio : bool
        ``rms_k conj(H) / (|H|² + (0.1 rms_k)²)`` instead of ``conj(H) / rms``.

    Raises
    ------
    InputError
        If the reference is all zero.
    """
    power = np.abs(reference) ** 2
    if not power.any():
        raise InputError(
            "the reference channel is all zero: a real antenna is dead, a simulated one has no static part "
            "(the scenario's environment is none; every other kind has one)."
        )
    if ratio:
        rms = np.sqrt(power.mean(axis=-1, keepdims=True))
        return np.asarray(
            rms * reference.conj() / np.maximum(power + (_FADE * rms) ** 2, np.finfo(np.float32).tiny)
        )
    return np.asarray(reference.conj() / np.sqrt(power.mean()))


def project(array: xr.DataArray) -> xr.DataArray:
    """Take each packet's phase, timing and gain out by projecting it on the capture's static channel, by receiver.

    What moves is kept only where it is no such error: across the static channel S and across (f - f̄) S. So to first
    order no mirror image is left, unlike by :func:`align_phase`; the price is a part of what moves
    (:mod:`isacsim.conditioning.static_channel`; ``isacsim validate mirror``). With fewer than four subcarriers hardly
    anything would be left: they are aligned by :func:`align_phase`.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)

    Returns
    -------
    xarray.DataArray
        Static channel and what moves. A packet of which the static channel is less than a tenth is no measurement of
        this channel, and becomes the static channel.
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    if array.sizes["subcarrier"] < _FEWEST:
        return align_phase(array)
    frequency = np.asarray(array.coords["frequency"].values, np.float64)
    out = np.empty(array.shape, np.complex64)
    for row, channel in zip(out, array.values.astype(np.complex64, copy=False), strict=True):
        static = StaticChannel(frequency, ((0,),), aligned=True)
        static.fit(channel[np.newaxis])
        size = np.float32(np.sqrt((np.abs(static.mean) ** 2).sum()))
        row[:] = static.moving(channel[np.newaxis]).values.T * size + static.mean[0][:, np.newaxis]
    return array.copy(data=out)


def align_phase(array: xr.DataArray, rounds: int = 3) -> xr.DataArray:
    """Align each packet's phase and its slope over frequency to the capture's mean channel, receiver by receiver.

    The phase sanitisation of single-antenna sensing (Sen et al., "You are facing the Mona Lisa", MobiSys 2012; Kotaru
    et al., SpotFi, SIGCOMM 2015), against the mean channel instead of a straight line. For each packet it finds the
    slope that best aligns neighbouring subcarriers with the mean, then the phase. The mean is made anew ``rounds``
    times.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
    rounds : int
        Alignments; the mean channel starts as the first packet.
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    f = array.coords["frequency"].values
    offset = (f - f.mean())[:, np.newaxis]
    out = array.values.astype(np.complex128)
    # Neighbours at the most common spacing (grouped subcarriers have a few odd ones) give the slope.
    step = np.diff(f)
    spacing = float(np.median(step)) if f.size > 1 else 0.0
    common = np.abs(step - spacing) < 0.25 * abs(spacing)
    for channel in out:
        mean = channel[:, :1]
        for _ in range(rounds):
            z = channel * mean.conj()
            if common.any():
                pairs = (z[1:] * z[:-1].conj())[common]
                slope = np.angle(pairs.sum(axis=0)) / spacing
                z *= np.exp(-1j * offset * slope)
                channel *= np.exp(-1j * offset * slope)
            channel *= np.exp(-1j * np.angle(z.sum(axis=0)))
            mean = channel.mean(axis=1, keepdims=True)
    return array.copy(data=out.astype(np.complex64))
