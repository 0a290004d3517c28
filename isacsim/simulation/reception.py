"""Reception of a realisation: packets, impairments, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.impairments import (
    ChainErrors,
    Impairment,
    apply,
    draw_chains,
    draw_impairments,
    packet_times,
)
from isacsim.compute.threads import on_one_thread
from isacsim.scenario.radio import Radio
from isacsim.schema import CAPTURE, STREAM, attributes, described
from isacsim.simulation.realisation import Real, Realisation

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Received", "receive", "receiver_number", "streams_of"]


@dataclass(frozen=True, eq=False)
class Received:
    """Packets of a realisation as the receivers report them."""

    realisation: Realisation
    time: Real
    """s about the window's centre; shape (packet,)."""
    impairments: Impairment
    """Impairments of the first device."""
    clean: NDArray[np.complex64]
    """Paths and static part at those packets; shape (stream, subcarrier, packet)."""
    csi: NDArray[np.complex64]
    """The same with noise and impairments."""
    further: tuple[Impairment, ...] = ()
    """Impairments of the devices after the first."""
    chains: ChainErrors | None = None
    """Errors of single chains."""

    @property
    def shared(self) -> bool:
        """True if there is a phase or timing error that all channels of a device share."""
        return any(one.shared for one in (self.impairments, *self.further))

    @property
    def plain(self) -> bool:
        """True if there is nothing to condition."""
        turned = self.chains is not None and bool(self.chains.turned.any())
        steps = any(one.gain_db.any() for one in (self.impairments, *self.further))
        return not (self.shared or steps or turned)

    def over_packets(self, name: str) -> dict[str, Any]:
        """Variable of a capture that an impairment is, by its name there; over receivers too, of several devices."""
        field = {"agc_gain_db": "gain_db"}.get(name, name)
        rows = [getattr(one, field) for one in (self.impairments, *self.further)]
        if len(rows) == 1:
            return {name: described(CAPTURE, name, rows[0])}
        of_stream = [rows[one.device] for one in self.realisation.scenario.radio.streams]
        return {name: (("receiver", "packet"), np.array(of_stream), attributes(CAPTURE[name]))}

    @property
    def nominal(self) -> bool:
        """True if every packet came when the radio meant to send it."""
        return np.array_equal(self.time, self.realisation.scenario.radio.time_s)

    def bare_capture(self) -> xr.Dataset:
        """Capture with what conditioning and spectra need and no more: a full one takes as long as a spectrum."""
        import xarray as xr

        radio = self.realisation.scenario.radio
        variables: dict[str, Any] = {"csi": described(CAPTURE, "csi", self.csi, phase_sign=-1)}
        if any(one.gain_db.any() for one in (self.impairments, *self.further)):
            variables |= self.over_packets("agc_gain_db")
        if self.chains is not None:
            variables["chain_turned"] = described(CAPTURE, "chain_turned", self.chains.turned)
        coords = {
            **streams_of(radio),
            "frequency": described(CAPTURE, "frequency", radio.frequency_hz),
            "time": described(CAPTURE, "time", self.time),
        }
        attrs = {"shared_phase_error": int(self.shared), "packet_rate": radio.packet_rate_hz}
        return xr.Dataset(variables, coords, attrs)


def streams_of(radio: Radio) -> dict[str, Any]:
    """Coordinates over ``receiver``, one a pair of elements; a single antenna without a device is one of its own."""
    streams, receivers = radio.streams, radio.receivers
    n_tx, elements = len(radio.transmitter_elements_m), [len(places) for places in radio.receiver_elements_m]
    device, element = [one.receiver for one in streams], [0] * len(streams)
    if radio.has_arrays or any(receiver.device is not None for receiver in receivers):
        # A device's elements are counted on from receiver to receiver.
        device = [one.device for one in streams]
        before = [
            sum(n for n, of in zip(elements[:i], radio.devices, strict=False) if of == radio.devices[i])
            for i in range(len(receivers))
        ]
        element = [before[one.receiver] + one.element for one in streams]
    values: dict[str, Any] = {
        "receiver": [
            receivers[one.receiver].name
            if n_tx == elements[one.receiver] == 1
            else f"{receivers[one.receiver].name} rx{one.element}-tx{one.tx_element}"
            for one in streams
        ],
        "role": [receivers[one.receiver].role for one in streams],
        "device": np.array(device, np.int64),
        "rx_element": np.array(element, np.int64),
        "tx_element": np.array([one.tx_element for one in streams], np.int64),
    }
    return {name: described(STREAM, name, array) for name, array in values.items()}


def receiver_number(radio: Radio, name: str) -> int:
    """Number of the radio's receiver that a capture's receiver, a pair of elements of theirs, belongs to."""
    names: list[str] = streams_of(radio)["receiver"][1]
    return radio.streams[names.index(name)].receiver


@on_one_thread
def receive(realisation: Realisation) -> Received:
    """Receive a realisation: packets, impairments, noise; decided by its scenario, seed and index."""
    drawn, seed, index = realisation.drawn, realisation.seed, realisation.index
    time = packet_times(drawn, seed, index)
    impairments = draw_impairments(drawn, time, seed, index)
    further = tuple(
        draw_impairments(drawn, time, seed, index, device=device, sections=sections)
        for device, sections in enumerate(realisation.further, start=1)
    )
    chains = draw_chains(drawn, time.size, seed, index)
    clean = realisation.noiseless_csi(time)
    csi = apply(clean, drawn, impairments, seed, index, further=further, chains=chains)
    return Received(realisation, time, impairments, clean, csi, further, chains)
