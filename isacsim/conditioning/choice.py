"""Choice of the receivers that are conditioned together, over a capture of any length.

Packets are read in blocks. A capture that was opened and not read (`isacsim.capture.netcdf.open_capture`) stays on the
disk; what grows with its length are a few numbers for each packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.coherence import Coherence
from isacsim.conditioning.conditioning import Gain, gain_factor, usable_subcarriers
from isacsim.conditioning.jumps import jump_turns, turned

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["capture_coherence"]

# Values of CSI at once: 32 MiB of complex64. A shorter capture is one block.
_MOST_VALUES = 2**22


def capture_coherence(capture: xr.Dataset, *, gain: Gain = "auto", jumps: bool = True) -> Coherence:
    """Measure the phase coherence of a capture's receivers.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file; perhaps not in memory.
    gain : {"auto", "agc", "rssi", "none"}
        As for :func:`isacsim.conditioning.conditioning.compensate_gain`.
    jumps : bool
        Undo jumps of antennas' phases first, in captures of files.
    """
    read = _Blocks(capture, gain)
    turns = None
    if jumps and capture.sizes["receiver"] > 1 and "scenario" not in capture.attrs:
        turns = jump_turns(lambda: (values for _, values in read))
    found = Coherence()
    for packets, values in read:
        found.add(values if turns is None else turned(values, turns[:, packets]))
    return found


class _Blocks:
    """CSI in blocks of packets, gain undone: slices and arrays (receiver, subcarrier, packet)."""

    def __init__(self, capture: xr.Dataset, gain: Gain) -> None:
        self._csi = usable_subcarriers(capture["csi"].transpose("receiver", "subcarrier", "packet"))
        self._factor: NDArray[np.float32] | None = None
        self._factor = gain_factor(capture, gain=gain, power=self._mean_power)

    def __iter__(self) -> Iterator[tuple[slice, NDArray[np.complex64]]]:
        receivers, subcarriers, packets = self._csi.shape
        many = max(_MOST_VALUES // (receivers * subcarriers), 1)
        for first in range(0, packets, many):
            here = slice(first, min(first + many, packets))
            values = self._csi.isel(packet=here).values
            if self._factor is not None:
                values = values * self._factor[..., here]
            yield here, values

    def _mean_power(self) -> NDArray[np.float64]:
        power = [(np.abs(values) ** 2).mean(axis=(0, 1), dtype=np.float64) for _, values in self]
        return np.concatenate(power)
