"""Reflecting points of a target, as frozen pydantic models (docs/bodies.md)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from isacsim.scenario.limits import Angle, Metres, Share, between
from isacsim.scenario.numbers import Bounds, DecibelNumber, Distribution, Float, Int, Number, Uniform
from isacsim.scenario.section import Section, Vector, refuse

__all__ = [
    "Body",
    "ConstantRcs",
    "PedestrianRcs",
    "PointBody",
    "Rcs",
    "RigidBody",
    "RotorBody",
    "UavRcs",
    "VehicleRcs",
    "WalkerBody",
    "WalkerShares",
]

# Of a body's parts, m.
Length = Annotated[Number, Bounds(gt=0), Bounds(le=100, unit="m", practical=True)]
Some = Annotated[Float, Bounds(gt=0, le=1e6)]
Turns = Annotated[Number, between(-1e4, 1e4, "a second")]


class PointBody(Section):
    """One point scatterer."""

    kind: Literal["point"]
    """point: one path per receiver."""


class WalkerShares(Section):
    """Shares of the reflected power; only ratios matter. Default: the shares of the skin's surface."""

    torso: Some = 0.34
    """Torso, neck included."""
    head: Share = 0.07
    """Head."""
    upper_arm: Share = 0.04
    """Each upper arm."""
    lower_arm: Share = 0.055
    """Each lower arm, hand included."""
    thigh: Share = 0.095
    """Each thigh."""
    shank: Share = 0.07
    """Each shank."""
    foot: Share = 0.035
    """Each foot."""


class WalkerBody(Section):
    """A person: torso, head, arms and legs, walking as fast as the torso moves."""

    kind: Literal["walker"]
    """walker: 12 paths per receiver, the torso's first."""
    height_m: Annotated[Number, Bounds(ge=0.5, le=2.5)] = 1.75
    """Height, m; the torso's middle stands at 0.674 of it."""
    gait_phase: Angle = Uniform(uniform=(0.0, 1.0))
    """Part of the walking cycle at the window's centre; 0: the right heel strikes."""
    sway: Annotated[bool, Field(strict=True)] = False
    """True: the torso sways with the steps, about its mean motion; needs motion_model: exact."""
    shares: WalkerShares = WalkerShares()
    """Reflected power of the parts."""


class RotorBody(Section):
    """A drone: hull, and rotors with turning blades in a circle around it."""

    kind: Literal["rotor"]
    """rotor: a path for the hull, one a hub and one a blade's tip."""
    n_rotors: Annotated[Int, Field(ge=1, le=12)] = 4
    """Number of rotors."""
    blades: Annotated[Int, Field(ge=1, le=8)] = 2
    """Blades of each."""
    arm_m: Annotated[Number, Bounds(ge=0), Bounds(le=100, unit="m", practical=True)] = 0.17
    """Distance of the hubs from the hull's middle, m."""
    hub_height_m: Annotated[Number, between(-100, 100, "m")] = 0.05
    """Height of the hubs above it, m."""
    radius_m: Length = 0.12
    """Length of a blade, m."""
    rev_per_s: Annotated[
        Annotated[Turns, Tag("number")]
        | Annotated[Annotated[tuple[Turns, ...], Field(min_length=1)], Tag("list of numbers")],
        Discriminator(lambda value: "list of numbers" if isinstance(value, list | tuple) else "number"),
    ] = Uniform(uniform=(60.0, 100.0))
    """Revolutions per second: one number, drawn for each rotor, or a list of one a rotor; neighbours turn in opposite
    directions."""
    hull_share: Some = 0.8
    """Share of the hull in the reflected power; only ratios matter."""
    hubs_share: Share = 0.1
    """Share of all hubs."""
    tips_share: Share = 0.1
    """Share of all blades."""

    @model_validator(mode="after")
    def _speed_of_each(self) -> RotorBody:
        if isinstance(self.rev_per_s, tuple) and len(self.rev_per_s) != self.n_rotors:
            raise refuse(
                f"rev_per_s has {len(self.rev_per_s)} entries and n_rotors is {self.n_rotors}; give one number, or one "
                "a rotor",
                "rev_per_s",
            )
        return self

    @property
    def each_rev_per_s(self) -> tuple[float | Distribution, ...]:
        """Revolutions per second, one a rotor."""
        return self.rev_per_s if isinstance(self.rev_per_s, tuple) else (self.rev_per_s,) * self.n_rotors

    def with_own_draws(self) -> Self:
        """The same, with a speed a rotor."""
        if isinstance(self.rev_per_s, float | int | tuple):
            return self  # nothing to draw, or one a rotor already
        return self.model_copy(update={"rev_per_s": self.each_rev_per_s})


class RigidBody(Section):
    """Points that keep their place in a body that turns with its heading: a car."""

    kind: Literal["rigid"]
    """rigid: a path for the reference point and one a further point."""
    points_m: Annotated[tuple[Vector, ...], Field(min_length=1)]
    """The further points [forward, left, up] from the reference point, m."""
    shares: tuple[Share, ...] | None = None
    """Share of each in the reflected power; default: all alike, 1."""
    reference_share: Some = 1.0
    """Share of the reference point; only ratios matter."""

    @model_validator(mode="after")
    def _matched(self) -> RigidBody:
        if self.shares is not None and len(self.shares) != len(self.points_m):
            raise refuse(
                f"shares has {len(self.shares)} entries and points_m {len(self.points_m)}; they must match",
                "shares",
            )
        return self


Body = Annotated[PointBody | WalkerBody | RotorBody | RigidBody, Field(discriminator="kind")]


class _Rcs(Section):
    reference_m: Metres = 5.0
    """Where 1 m² makes a path of unit amplitude: so far from the transmitter and from the receiver, m."""


class _Tr38901(_Rcs):
    """A model of TR 38.901 V19, clause 7.9.2.1."""

    fluctuation: bool = True
    """True: the cross-section is log-normal about its mean, drawn a capture and target; false: the mean."""


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
    """True: front and back differ from the sides (RCS model 2); false: the same from all sides (model 1)."""


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
