"""Windows of conditioned CSI, checked against those that a counter of bodies learned from, as its delay cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dira.data.delay_cells import WINDOW_S, delay_cells
from isacsim.conditioning.resampling import LONGEST_GAP
from isacsim.errors import InputError
from isacsim.spectrum.chains import chain_turns

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["UnlikeTraining", "cells_of_window"]

# A window may be so much longer or shorter than those that were learned from; so may the band.
_TOLERANCE = 0.08
_CARRIER_HZ = 4.9e9, 6.5e9
_FEWEST_PACKETS_S = 450.0


class UnlikeTraining(InputError):
    """A window is not like those that a counter learned from."""


def cells_of_window(
    csi: xr.DataArray, antennas: tuple[int, int], bandwidth_hz: float
) -> NDArray[np.complex64]:
    """Delay cells (pair, cell, time) of one window.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)
        Conditioned, with ``time`` in s and ``frequency`` in Hz; packets at their own times.
    antennas : (int, int)
        Receiving and transmitting elements that there must be.
    bandwidth_hz : float
        Bandwidth that there must be.

    Raises
    ------
    UnlikeTraining
        If antennas, bandwidth, length, carrier, packet rate or gaps are others than learned from.
    InputError
        If a dimension or coordinate is missing, or a value is not finite.
    """
    if not {"subcarrier", "packet"} <= set(csi.dims) <= {"receiver", "subcarrier", "packet"}:
        got = ", ".join(map(str, csi.dims))
        raise InputError(f"a window must have the dimensions ([receiver,] subcarrier, packet), got {got}.")
    if lacking := [name for name in ("time", "frequency") if name not in csi.coords]:
        raise InputError(f"a window must have the coordinate {lacking[0]}.")
    csi = csi if "receiver" in csi.dims else csi.expand_dims("receiver")
    csi = csi.transpose("receiver", "subcarrier", "packet").sortby("frequency")
    elements = [n for n in ("rx_element", "tx_element") if n in csi.coords and csi[n].dims == ("receiver",)]
    csi = csi.sortby(elements) if len(elements) == 2 else csi
    time, frequency = csi.coords["time"].values, csi.coords["frequency"].values
    pairs = int(np.prod(antennas))
    if wrong := _unlike(csi.sizes["receiver"], time, frequency, pairs, bandwidth_hz):
        raise UnlikeTraining(f"the counter of people does not fit: {wrong}.")
    timed = str(csi.attrs.get("conditioning", "none")) == "none"
    cells = delay_cells(csi.values, time, frequency, timed=timed)
    turns = chain_turns(np.ascontiguousarray(cells.transpose(1, 2, 0)), antennas)
    return np.asarray(cells * turns[:, np.newaxis, np.newaxis])


def _unlike(
    streams: int, time: NDArray[np.float64], frequency: NDArray[np.float64], pairs: int, bandwidth_hz: float
) -> str:
    """Say in what a window is unlike those that were learned from; empty if it is like them."""
    n, most = time.size, frequency.size
    steps = np.diff(time)
    if not n or not most:
        return f"a window must hold packets and subcarriers, got {n} and {most}"
    if (steps <= 0).any():
        return "time must ascend strictly from packet to packet"
    span = (time[-1] - time[0]) * n / max(1, n - 1)
    band = (frequency[-1] - frequency[0]) * most / max(1, most - 1)
    carrier = float(frequency.mean())
    said = {
        "pairs of antennas": (streams, pairs, 0.0, 1.0, ""),
        "window": (span, WINDOW_S, _TOLERANCE, 1.0, " s"),
        "bandwidth": (band, bandwidth_hz, _TOLERANCE, 1e6, " MHz"),
    }
    for name, (got, wanted, tolerance, unit, in_units) in said.items():
        if abs(got - wanted) > tolerance * wanted:
            return f"{name} must be {wanted / unit:g}{in_units}, got {got / unit:.4g}{in_units}"
    if not _CARRIER_HZ[0] <= carrier <= _CARRIER_HZ[1]:
        return f"carrier must be from 4.9 to 6.5 GHz, got {carrier / 1e9:.4g} GHz"
    if n / span < _FEWEST_PACKETS_S:
        return f"there must be at least {_FEWEST_PACKETS_S:g} packets/s, got {n / span:.4g}"
    if steps.max() > LONGEST_GAP * span:
        return f"no gap may hold more than a tenth of the window, got one of {steps.max():.3g} s"
    return ""
