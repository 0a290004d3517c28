"""Antenna pairs of one device among the streams of an array of CSI."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.spectrum.settings import SpectrumSettings

__all__ = ["antennas_of"]


def antennas_of(array: CsiArray, settings: SpectrumSettings) -> tuple[SpectrumSettings, tuple[str, ...]]:
    """Settings with the arrays' sizes, and the dimensions that are left once their pairs are combined.

    Raises
    ------
    InputError
        If the streams are not those of the arrays that were asked for, or the coordinates tell no whole array.
    """
    streams = array.values.shape[-3] if array.values.ndim > 2 else 1
    antennas = settings.antennas
    if antennas is None:
        antennas = _from_coordinates(array, streams)
        if antennas == (1, 1) and streams > 1:
            return replace(settings, antennas=antennas), array.dims
    if math.prod(antennas) != streams:
        raise InputError(
            f"antennas is ({antennas[0]}, {antennas[1]}), {math.prod(antennas)} pairs, but csi of shape "
            f"{array.values.shape} has {streams} before its subcarriers."
        )
    return replace(settings, antennas=antennas), array.dims[:-1]


def _from_coordinates(array: CsiArray, streams: int) -> tuple[int, int]:
    """Sizes of the one array whose pairs the streams are; (1, 1) where every stream is a device of its own."""
    names = ("device", "rx_element", "tx_element")
    if not all(name in array.coords for name in names):
        if streams > 1:
            raise InputError(
                f"antennas must be given as (receiving, transmitting) for csi with {streams} streams that has no "
                "coordinates device, rx_element and tx_element."
            )
        return 1, 1
    device, rx, tx = (np.atleast_1d(array.coords[name].values) for name in names)
    if len(set(device.tolist())) == device.size:
        return 1, 1
    sizes = len(set(rx.tolist())), len(set(tx.tolist()))
    order = np.lexsort((tx, rx))
    whole = len(set(device.tolist())) == 1 and math.prod(sizes) == device.size
    if not whole or (order != np.arange(order.size)).any():
        raise InputError(
            "combine='resolved' takes the pairs of one device, every receiving element with every transmitting one, "
            f"in that order; got devices {device.tolist()}, rx_element {rx.tolist()}, tx_element {tx.tolist()}."
        )
    return sizes
