"""Packets brought in line with a channel: the phase and the delay of each, as its receiver has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Aligned", "align_to", "blocks", "reference_channel"]

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Complex numbers held at once: 16 MiB in single precision.
_MOST_VALUES = 2**21
# Packets, spread over the capture, of which the channel is made that all are aligned to.
_PILOT = 1024


@dataclass(frozen=True, eq=False)
class Aligned:
    """Packets in line with a channel, receiver by receiver."""

    csi: Complex
    """(receiver, subcarrier, packet)"""
    phase: Real
    """Phase that was removed, rad at the mean frequency; (receiver, packet)."""
    delay: Real
    """Delay that was removed, s, later is positive where the phase sign is -1; (receiver, packet)."""


def blocks(packets: int, values_a_packet: int, most: int = _MOST_VALUES) -> Iterator[slice]:
    """Stretches of packets that hold at most ``most`` values each."""
    length = max(1, most // max(values_a_packet, 1))
    for first in range(0, packets, length):
        yield slice(first, min(first + length, packets))


def align_to(csi: NDArray[np.complexfloating], frequency: Real, channel: Complex) -> Aligned:
    """Turn each packet by a phase and a slope over frequency so that it is most like a channel.

    Parameters
    ----------
    csi : array, complex, shape (receiver, subcarrier, packet)
    frequency : array, shape (subcarrier,)
        Hz.
    channel : array, complex, shape (receiver, subcarrier)

    Notes
    -----
    The method of `isacsim.conditioning.reference.align_phase`: neighbours give the slope, then all the phase.
    """
    z = csi.astype(np.complex128)
    offset = (frequency - frequency.mean())[:, np.newaxis]
    like = z * channel[..., np.newaxis].conj()
    delay = np.zeros((z.shape[0], z.shape[2]))
    if frequency.size > 1:
        step = np.diff(frequency)
        spacing = float(np.median(step))
        common = np.abs(step - spacing) < 0.25 * spacing
        turn = (like[:, 1:] * like[:, :-1].conj())[:, common].sum(axis=1)
        delay = -np.angle(turn) / (2 * np.pi * spacing)
        back = np.exp(2j * np.pi * offset * delay[:, np.newaxis])
        like *= back
        z *= back
    phase = np.angle(like.sum(axis=1))
    return Aligned(z * np.exp(-1j * phase)[:, np.newaxis], phase, delay)


def reference_channel(array: xr.DataArray, rounds: int = 3) -> Complex:
    """Mean channel (receiver, subcarrier) of packets spread over a capture, each aligned to it.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
        May be lazy.
    rounds : int
        The channel starts as the packet of median power.
    """
    n, f = array.sizes["packet"], array.coords["frequency"].values
    most = max(8, min(_PILOT, _MOST_VALUES // max(array.sizes["receiver"] * array.sizes["subcarrier"], 1)))
    # Short runs, not single packets: a file on disk is read by stretches.
    run = 8
    starts = np.unique(np.linspace(0, max(n - run, 0), max(1, min(most, n) // run)).astype(int))
    pilot = np.concatenate(
        [array.isel(packet=slice(s, s + run)).values for s in starts.tolist()], axis=-1
    ).astype(np.complex128)
    power = (np.abs(pilot) ** 2).mean(axis=(0, 1))
    channel = pilot[..., int(np.argsort(power)[power.size // 2])]
    for _ in range(rounds):
        channel = align_to(pilot, f, channel).csi.mean(axis=-1)
    return channel
