"""Choice of the streams of conditioned CSI that are used together: one, or all antenna pairs of an array."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from isacsim.conditioning.conditioning import ALIGNED_ARRAY
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

# "ap rx0-tx1" of a simulated array, "rx0-tx1" of a file.
_ELEMENTS = re.compile(r" ?rx\d+-tx\d+$")

__all__ = ["array_of", "pairs_together", "receiver_of"]


def receiver_of(csi: xr.DataArray, receiver: int) -> xr.DataArray:
    """Take one of the analysed receivers.

    Raises
    ------
    InputError
        If there is none of that number.
    """
    if not 0 <= receiver < csi.sizes["receiver"]:
        names = ", ".join(f"{i} = {name}" for i, name in enumerate(csi.coords["receiver"].values))
        raise InputError(f"receiver= must be one of {names}; got {receiver}.")
    return csi.isel(receiver=receiver)


def array_of(csi: xr.DataArray, receiver: int) -> xr.DataArray:
    """Take all antenna pairs of the array that one of the analysed receivers belongs to, in the order of its elements.

    Raises
    ------
    InputError
        If there is no receiver of that number.
    """
    one = receiver_of(csi, receiver)
    if "device" not in csi.coords:
        return csi.isel(receiver=[receiver])
    same = csi.coords["device"].values == one.coords["device"].values
    # Two arrays may share a device, that is an oscillator: the name before the elements tells them apart.
    arrays = np.array([_ELEMENTS.sub("", str(name)) for name in csi.coords["receiver"].values])
    pairs = np.flatnonzero(same & (arrays == _ELEMENTS.sub("", str(one.coords["receiver"].values))))
    order = np.lexsort([csi.coords[name].values[pairs] for name in ("tx_element", "rx_element")])
    return csi.isel(receiver=pairs[order])


def pairs_together(csi: xr.DataArray, receiver: int) -> xr.DataArray:
    """Take all antenna pairs of a receiver's array where conditioning left their phases as they are, else one receiver.

    Returns
    -------
    xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)

    Raises
    ------
    InputError
        If there is no receiver of that number.
    """
    one = receiver_of(csi, receiver)
    done = str(csi.attrs["conditioning"])
    if done != "none" and not done.startswith(ALIGNED_ARRAY):
        return one
    pairs = array_of(csi, receiver)
    if pairs.sizes["receiver"] == 1:
        return one
    elements = np.stack([pairs.coords[name].values for name in ("rx_element", "tx_element")])
    # Antennas that stand apart share a device too, but see other paths.
    return pairs if np.unique(elements, axis=1).shape[1] == pairs.sizes["receiver"] else one
