"""Radar cross-sections of targets, as frozen pydantic models (docs/bodies.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from isacsim.distribution import DecibelNumber
from isacsim.scenario_sections import Positive, Section

__all__ = ["ConstantRcs", "PedestrianRcs", "Rcs", "UavRcs", "VehicleRcs"]


class _Rcs(Section):
    reference_m: Positive = 5.0
    """Where 1 m² makes a path of unit amplitude: so far from the transmitter and from the receiver, m."""


class _Tr38901(_Rcs):
    """A model of TR 38.901 V19, clause 7.9.2.1."""

    fluctuation: bool = True
    """Whether the cross-section is log-normal about its mean, drawn a capture and target; false: the mean."""


class ConstantRcs(_Rcs):
    """The same cross-section from all sides."""

    model: Literal["constant"]
    """constant: a number."""
    dbsm: DecibelNumber = 0.0
    """Cross-section, dB relative to 1 m²; may be a distribution, drawn a capture and target."""


class PedestrianRcs(_Tr38901):
    """A person."""

    model: Literal["pedestrian"]
    """pedestrian: TR 38.901's human."""
    aspect: bool = False
    """Whether front and back differ from the sides (RCS model 2); false: the same from all sides (model 1)."""


class VehicleRcs(_Tr38901):
    """A car."""

    model: Literal["vehicle"]
    """vehicle: TR 38.901's vehicle with a single scattering point: front, back, sides, roof."""


class UavRcs(_Tr38901):
    """A drone."""

    model: Literal["uav"]
    """uav: TR 38.901's drone."""
    size: Literal["small", "large"] = "small"
    """small: 0.3 m, the same from all sides. large: 1.6 m, front, back, sides, roof, bottom."""


Rcs = Annotated[ConstantRcs | PedestrianRcs | VehicleRcs | UavRcs, Field(discriminator="model")]
