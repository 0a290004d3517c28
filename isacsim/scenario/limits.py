"""Limits of a scenario's numbers, by kind: beyond any physics here, and far from where arithmetic overflows.

What is within these limits and still cannot be (axes that fold, walls
between antennas) is checked where it is known.
"""

from __future__ import annotations

from typing import Annotated

from isacsim.scenario.numbers import Bounds, Float, Int, Number

__all__ = [
    "Acceleration",
    "Amplitude",
    "Angle",
    "Bandwidth",
    "Carrier",
    "Coordinate",
    "DelaySpread",
    "Duration",
    "Jerk",
    "Length",
    "Metres",
    "Moment",
    "PacketRate",
    "Place",
    "Rate",
    "Samples",
    "Share",
    "Spacing",
    "Speed",
    "SubcarrierIndex",
    "Wavelengths",
    "between",
]


def between(least: float, most: float, unit: str = "") -> Bounds:
    """Give bounds that a number or distribution keeps in practice, both allowed themselves."""
    return Bounds(ge=least, le=most, unit=unit, practical=True)


_HZ = "Hz, as radio frequencies are (5.805e9, not 5805)"
Carrier = Annotated[Float, between(1e8, 1e12, _HZ)]
Bandwidth = Annotated[Float, between(1e6, 1e10, "Hz, as bandwidths of radios are (80e6, not 80)")]
Spacing = Annotated[Float, between(1, 1e10, "Hz")]
SubcarrierIndex = Annotated[Int, between(-100_000, 100_000)]
PacketRate = Annotated[Float, between(1e-3, 1e7, "Hz")]

_AWAY = between(-1e5, 1e5, "m")
Coordinate = Annotated[Float, _AWAY]
Place = Annotated[Number, _AWAY]
Metres = Annotated[Float, between(1e-4, 1e5, "m")]
Length = Annotated[Number, Bounds(gt=0), Bounds(le=1e5, unit="m", practical=True)]
Wavelengths = Annotated[Float, Bounds(gt=0), Bounds(le=1e5, practical=True)]
Speed = Annotated[Number, between(-1e4, 1e4, "m/s")]
Acceleration = Annotated[Number, between(-1e5, 1e5, "m/s²")]
Jerk = Annotated[Number, between(-1e7, 1e7, "m/s³")]
Angle = Annotated[Number, between(-1e4, 1e4)]

Moment = Annotated[Number, between(-1e6, 1e6, "s")]
Duration = Annotated[Number, Bounds(gt=0), Bounds(le=1e6, unit="s", practical=True)]
Rate = Annotated[Number, Bounds(ge=0), Bounds(le=1e6, unit="a second", practical=True)]
DelaySpread = Annotated[Number, Bounds(gt=0), Bounds(le=1e6, unit="ns", practical=True)]

Amplitude = Annotated[Number, Bounds(ge=0), Bounds(le=1e6, practical=True)]
Share = Annotated[Float, between(0, 1e6)]

# What one store can hold: its chunks are counted in 32 bits by the readers.
Samples = Annotated[Int, Bounds(ge=0, le=2**31 - 1)]
