"""The section of a scenario that says carrier, subcarriers, packets and antennas."""

from __future__ import annotations

from math import dist
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, model_validator
from scipy.constants import speed_of_light

from isacsim.scenario.arrays import Array, element_places
from isacsim.scenario.limits import Bandwidth, Carrier, PacketRate, Spacing, SubcarrierIndex
from isacsim.scenario.numbers import Decibels, Int
from isacsim.scenario.section import Section, Vector, refuse

__all__ = ["AntennaPair", "Radio", "Receiver"]


class AntennaPair(NamedTuple):
    """One element of a receiver and one of the transmitter: a stream of a capture."""

    receiver: int
    """Index of the radio's receiver."""
    device: int
    """That shares oscillator, clock and gain."""
    element: int
    """Index in the receiver's array."""
    tx_element: int
    """Index in the transmitter's array."""


class Receiver(Section):
    """One receive channel, or an array of them."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the channel, unique in the scenario."""
    role: Literal["surveillance", "reference"] = "surveillance"
    """surveillance: analysed. reference: shares the oscillator and gain, and serves to remove them."""
    position_m: Vector
    """Position [x, y, z], metres; of an array its centre."""
    array: Array | None = None
    """Elements of an array; null: a single isotropic antenna."""
    device: Annotated[str, Field(min_length=1)] | None = None
    """Receivers of one device share oscillator, clock and gain. null: single antennas share those of one device; an
    array has its own, unless there is a reference, which shares with all."""
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
    """Position [x, y, z] of the transmitter, metres; of an array its centre."""
    transmitter_array: Array | None = None
    """Elements of the transmitter; null: a single isotropic antenna."""
    wavefront: Literal["spherical", "plane"] | None = None
    """Over arrays. null or spherical: every pair of elements has its exact path. plane: the path to the centres, and
    the phases of a plane wave over the elements (docs/arrays.md has its error)."""
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
        self._check_arrays()
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

    def _check_arrays(self) -> None:
        places: list[tuple[Array | None, Vector, tuple[str | int, ...]]] = [
            (self.transmitter_array, self.transmitter_m, ("transmitter_array",))
        ]
        places += [(r.array, r.position_m, ("receivers", i, "array")) for i, r in enumerate(self.receivers)]
        for array, place, where in places:
            if array is not None and array.looks_at_m is not None and dist(array.looks_at_m, place) < 0.01:
                field = (*where, "looks_at_m")
                raise refuse(
                    f"{'.'.join(map(str, field))} is {list(array.looks_at_m)}, where the array itself stands; it must "
                    "differ",
                    *field,
                )
        elements = [self.transmitter_elements_m, *self.receiver_elements_m]
        for i, of_receiver in enumerate(elements[1:]):
            apart = np.linalg.norm(of_receiver[:, np.newaxis] - elements[0], axis=-1).min()
            if self.has_arrays and apart < 0.01:
                raise refuse(
                    f"an element of receiver {self.receivers[i].name!r} stands {apart * 1e3:.2g} mm from one of the "
                    "transmitter; at least 10 mm are needed",
                    *("receivers", i, "position_m"),
                )

    @property
    def antennas(self) -> tuple[int, int]:
        """Receiving and transmitting elements of a surveillance receiver; of several, those of the first."""
        of_receivers = zip(self.receivers, self.receiver_elements_m, strict=True)
        first = next(len(places) for receiver, places in of_receivers if receiver.role == "surveillance")
        return first, len(self.transmitter_elements_m)

    @property
    def receivers_text(self) -> str:
        """Names, roles and numbers of elements."""
        texts = []
        for receiver, elements in zip(self.receivers, self.receiver_elements_m, strict=True):
            words: list[str] = [receiver.role] if receiver.role != receiver.name else []
            words += [f"{len(elements)} elements"] if receiver.array is not None else []
            texts.append(receiver.name + (f" ({', '.join(words)})" if words else ""))
        sent = (
            ""
            if self.transmitter_array is None
            else f" of {len(self.transmitter_elements_m)} transmitting elements"
        )
        return ", ".join(texts) + sent

    @property
    def has_arrays(self) -> bool:
        """True if transmitter or receivers are arrays."""
        return self.transmitter_array is not None or any(r.array is not None for r in self.receivers)

    @property
    def transmitter_elements_m(self) -> NDArray[np.float64]:
        """Places (element, 3) of the transmitter's elements, m."""
        return element_places(self.transmitter_array, self.transmitter_m, self.wavelength_m)

    @property
    def receiver_elements_m(self) -> list[NDArray[np.float64]]:
        """Places (element, 3) of each receiver's elements, m."""
        return [element_places(r.array, r.position_m, self.wavelength_m) for r in self.receivers]

    @property
    def devices(self) -> tuple[int, ...]:
        """Number of the device, from 0 on, that each receiver belongs to; see `Receiver.device`."""
        shared = any(receiver.role == "reference" for receiver in self.receivers)
        numbers: dict[tuple[str, ...], int] = {}
        out = []
        for receiver in self.receivers:
            # No name is empty, so the key of those without a device is no device's.
            key: tuple[str, ...] = ("",) if receiver.device is None else (receiver.device,)
            if receiver.device is None and receiver.array is not None and not shared:
                key = ("", receiver.name)
            out.append(numbers.setdefault(key, len(numbers)))
        return tuple(out)

    @property
    def streams(self) -> tuple[AntennaPair, ...]:
        """Pairs of elements as a capture has them: receiver by receiver, the transmitter's element running fastest."""
        n_tx = len(self.transmitter_elements_m)
        return tuple(
            AntennaPair(i, device, element, tx)
            for i, (device, places) in enumerate(zip(self.devices, self.receiver_elements_m, strict=True))
            for element in range(len(places))
            for tx in range(n_tx)
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
