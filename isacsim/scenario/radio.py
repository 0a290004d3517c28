"""The section of a scenario that says carrier, subcarriers, packets and antennas."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, model_validator
from scipy.constants import speed_of_light

from isacsim.scenario.limits import Bandwidth, Carrier, PacketRate, Spacing, SubcarrierIndex
from isacsim.scenario.numbers import Decibels, Int
from isacsim.scenario.section import Section, Vector, refuse

__all__ = ["Radio", "Receiver"]


class Receiver(Section):
    """One receive channel."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the channel, unique in the scenario."""
    role: Literal["surveillance", "reference"] = "surveillance"
    """surveillance: analysed. reference: shares the oscillator and gain, and serves to remove them."""
    position_m: Vector
    """Position [x, y, z], metres."""
    dynamic_gain_db: Decibels = 0.0
    """Gain of the moving paths at this channel, dB (negative at a reference that looks away from them)."""
    static_gain_db: Decibels = 0.0
    """Gain of the static part at this channel, dB."""


class Radio(Section):
    """Carrier, subcarriers, packets, and where the antennas stand."""

    carrier_hz: Carrier
    """Carrier frequency, Hz: the frequency of subcarrier index 0."""
    bandwidth_hz: Bandwidth
    """Bandwidth, Hz."""
    subcarriers: Annotated[
        Annotated[Int, Field(ge=1, le=65536), Tag("count")]
        | Annotated[tuple[SubcarrierIndex, ...], Field(min_length=1), Tag("indices")],
        Discriminator(lambda value: "indices" if isinstance(value, list | tuple) else "count"),
    ]
    """Number n of subcarriers (indices from -(n//2) on), or the list of indices that the receiver reports."""
    subcarrier_spacing_hz: Spacing | None = None
    """Subcarrier spacing, Hz; default bandwidth_hz / subcarriers; required with a list of indices."""
    packet_rate_hz: PacketRate
    """Packets per second, Hz."""
    packets: Annotated[Int, Field(ge=32, le=1_000_000)]
    """Packets in one window."""
    transmitter_m: Vector
    """Position [x, y, z] of the transmitter, metres."""
    receivers: Annotated[tuple[Receiver, ...], Field(min_length=1)]
    """Receive channels: at least one surveillance, at most one reference."""

    @model_validator(mode="after")
    def _consistent(self) -> Radio:
        if isinstance(self.subcarriers, tuple):
            if self.subcarrier_spacing_hz is None:
                raise refuse(
                    "subcarrier_spacing_hz is missing; a list of subcarrier indices needs it",
                    "subcarrier_spacing_hz",
                )
            if any(b <= a for a, b in zip(self.subcarriers, self.subcarriers[1:], strict=False)):
                raise refuse("subcarriers must be strictly increasing indices", "subcarriers")
        frequency = self.frequency_hz
        occupied = float(frequency[-1] - frequency[0])
        if occupied > self.bandwidth_hz * (1 + 1e-9):
            raise refuse(
                f"the subcarriers span {occupied:g} Hz, but bandwidth_hz is {self.bandwidth_hz:g} Hz; lower "
                "subcarrier_spacing_hz or the number of subcarriers",
                "subcarrier_spacing_hz",
            )
        if frequency[0] <= 0:
            raise refuse(
                f"the lowest subcarrier lies at {frequency[0]:g} Hz; every one must be above 0 Hz",
                "carrier_hz",
            )
        self._check_receivers()
        return self

    def _check_receivers(self) -> None:
        roles = [receiver.role for receiver in self.receivers]
        if "surveillance" not in roles:
            raise refuse("receivers must hold at least one with role: surveillance", "receivers")
        if roles.count("reference") > 1:
            raise refuse(
                f"receivers holds {roles.count('reference')} with role: reference; at most one is allowed",
                "receivers",
            )
        names: set[str] = set()
        for i, receiver in enumerate(self.receivers):
            if receiver.name in names:
                raise refuse(
                    f"two receivers are named {receiver.name!r}; names must differ", "receivers", i, "name"
                )
            names.add(receiver.name)
            if receiver.position_m == self.transmitter_m:
                raise refuse(
                    f"receiver {receiver.name!r} stands at the transmitter, {list(self.transmitter_m)}; "
                    "its position must differ",
                    *("receivers", i, "position_m"),
                )

    @property
    def n_subcarriers(self) -> int:
        """Number of subcarriers."""
        return len(self.subcarriers) if isinstance(self.subcarriers, tuple) else self.subcarriers

    @property
    def frequency_hz(self) -> NDArray[np.float64]:
        """Frequencies (subcarrier,), Hz, ascending; index 0 is the carrier, a number n starts at -(n//2)."""
        if isinstance(self.subcarriers, tuple):
            index = np.array(self.subcarriers, dtype=np.float64)
        else:
            index = np.arange(self.subcarriers, dtype=np.float64) - self.subcarriers // 2
        spacing = self.subcarrier_spacing_hz or self.bandwidth_hz / self.n_subcarriers
        return np.asarray(self.carrier_hz + index * spacing, dtype=np.float64)

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Packet times (packet,), s, about the window's centre: (i - (Q - 1)/2) / rate (method.md section 1)."""
        centred = np.arange(self.packets, dtype=np.float64) - (self.packets - 1) / 2
        return np.asarray(centred / self.packet_rate_hz, dtype=np.float64)

    @property
    def wavelength_m(self) -> float:
        """Wavelength at the carrier, m."""
        return speed_of_light / self.carrier_hz
