"""What the receivers make of a realisation: packets, impairments, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.impairments import Impairment, apply, draw_impairments, packet_times
from isacsim.compute.threads import on_one_thread
from isacsim.scenario.radio import Radio
from isacsim.schema import CAPTURE, STREAM, described
from isacsim.simulation.realisation import Real, Realisation

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Received", "receive", "streams_of"]


@dataclass(frozen=True, eq=False)
class Received:
    """What the receivers make of a realisation."""

    realisation: Realisation
    time: Real
    """s about the window's centre; shape (packet,)."""
    impairments: Impairment
    clean: NDArray[np.complex64]
    """Paths and static part at those packets; shape (receiver, subcarrier, packet)."""
    csi: NDArray[np.complex64]
    """The same with noise and impairments."""

    @property
    def nominal(self) -> bool:
        """Whether every packet came when the radio meant to send it."""
        return np.array_equal(self.time, self.realisation.scenario.radio.time_s)

    def bare_capture(self) -> xr.Dataset:
        """Capture with what conditioning and spectra need and no more: a full one takes as long as a spectrum."""
        import xarray as xr

        radio = self.realisation.scenario.radio
        variables: dict[str, Any] = {"csi": described(CAPTURE, "csi", self.csi, phase_sign=-1)}
        if self.impairments.gain_db.any():
            variables["agc_gain_db"] = described(CAPTURE, "agc_gain_db", self.impairments.gain_db)
        coords = {
            **streams_of(radio),
            "frequency": described(CAPTURE, "frequency", radio.frequency_hz),
            "time": described(CAPTURE, "time", self.time),
        }
        attrs = {"shared_phase_error": int(self.impairments.shared), "packet_rate": radio.packet_rate_hz}
        return xr.Dataset(variables, coords, attrs)


def streams_of(radio: Radio) -> dict[str, Any]:
    """Coordinates over ``receiver``: each receiver of a scenario is a single antenna, a device of its own."""
    none = np.zeros(len(radio.receivers), np.int64)
    values: dict[str, Any] = {
        "receiver": [receiver.name for receiver in radio.receivers],
        "role": [receiver.role for receiver in radio.receivers],
        "device": np.arange(none.size),
        "rx_element": none,
        "tx_element": none,
    }
    return {name: described(STREAM, name, array) for name, array in values.items()}


@on_one_thread
def receive(realisation: Realisation) -> Received:
    """Receive a realisation: packets, impairments, noise; decided by its scenario, seed and index."""
    drawn, seed, index = realisation.drawn, realisation.seed, realisation.index
    time = packet_times(drawn, seed, index)
    impairments = draw_impairments(drawn, time, seed, index)
    clean = realisation.noiseless_csi(time)
    csi = apply(clean, drawn, impairments, seed, index)
    return Received(realisation, time, impairments, clean, csi)
