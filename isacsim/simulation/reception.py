"""What the receivers make of a realisation: packets, impairments, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.channel import impairments
from isacsim.compute.threads import on_one_thread

if TYPE_CHECKING:
    import xarray as xr
from isacsim.simulation.realisation import Real, Realisation

__all__ = ["Received", "receive"]


@dataclass(frozen=True, eq=False)
class Received:
    """What the receivers make of a realisation."""

    drawn: Realisation
    time: Real
    """s about the window's centre; shape (packet,)."""
    damage: impairments.Impairment
    clean: NDArray[np.complex64]
    """Paths and static part at those packets; shape (receiver, subcarrier, packet)."""
    csi: NDArray[np.complex64]
    """The same with noise and impairments."""

    @property
    def nominal(self) -> bool:
        """Whether every packet came when the radio meant to send it."""
        return np.array_equal(self.time, self.drawn.scenario.radio.time_s)

    def bare_capture(self) -> xr.Dataset:
        """Capture with what conditioning and spectra need and no more: a full one takes as long as a spectrum."""
        import xarray as xr

        receivers = self.drawn.scenario.radio.receivers
        dims = ("receiver", "subcarrier", "packet")
        variables = {"csi": (dims, self.csi, {"phase_sign": -1})}
        if self.damage.gain_db.any():
            variables["agc_gain_db"] = ("packet", self.damage.gain_db, {})  # type: ignore[assignment]
        coords = {
            "receiver": [r.name for r in receivers],
            "role": ("receiver", [r.role for r in receivers]),
            "frequency": ("subcarrier", self.drawn.scenario.radio.frequency_hz),
            "time": ("packet", self.time),
        }
        rate = self.drawn.scenario.radio.packet_rate_hz
        attrs = {"shared_phase_error": int(self.damage.shared), "packet_rate": rate}
        return xr.Dataset(variables, coords, attrs)


@on_one_thread
def receive(drawn: Realisation) -> Received:
    """Receive a realisation: packets, impairments, noise; decided by its scenario, seed and index."""
    time = impairments.packet_times(drawn.scenario, drawn.seed, drawn.index)
    damage = impairments.draw_impairments(drawn.scenario, time, drawn.seed, drawn.index)
    clean = drawn.undamaged(time)
    csi = impairments.apply(clean, drawn.scenario, damage, drawn.seed, drawn.index)
    return Received(drawn, time, damage, clean, csi)
