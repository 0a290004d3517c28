"""What moves in a scenario: motions, targets and movers, as frozen pydantic models.

A further kind of motion or body is one more model in the union (`MotionConfig`, `scenario_bodies.Body`), told apart by
its ``kind``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from isacsim.distribution import Bounds, Choice, Float, Int, LogNormal, Number, support
from isacsim.scenario_bodies import Body, PointBody
from isacsim.scenario_phases import Phases
from isacsim.scenario_rcs import Rcs
from isacsim.scenario_sections import NonNegativeNumber, NumberVector, Section, refuse

__all__ = [
    "Count",
    "Kinematics",
    "MotionConfig",
    "Mover",
    "Oscillation",
    "Target",
    "Targets",
    "Trajectory",
    "Waypoints",
]


class Kinematics(Section):
    """Path kinematics given directly: the same at every receiver."""

    kind: Literal["kinematics"]
    """kinematics: the bistatic path length is a cubic of time."""
    path_length_m: Annotated[Number, Bounds(gt=0)]
    """Bistatic path length (transmitter - target - receiver) at the window's centre, m."""
    velocity_m_s: Number = 0.0
    """Rate of change of the path length at the window's centre, m/s; positive: the path grows."""
    acceleration_m_s2: Number = 0.0
    """Second derivative of the path length at the window's centre, m/s²."""
    jerk_m_s3: Number = 0.0
    """Third derivative of the path length, m/s³."""


class Trajectory(Section):
    """A cubic of time in space, about the window's centre."""

    kind: Literal["trajectory"]
    """trajectory: position, velocity, acceleration and jerk in space at the window's centre."""
    position_m: NumberVector
    """Position [x, y, z], m."""
    velocity_m_s: NumberVector | None = None
    """Velocity [x, y, z], m/s; or give speed_m_s and heading_deg."""
    speed_m_s: Number | None = None
    """Horizontal speed, m/s; with heading_deg, instead of velocity_m_s."""
    heading_deg: Number | None = None
    """Direction of motion in the x-y plane, degrees anticlockwise from +x."""
    acceleration_m_s2: NumberVector = (0.0, 0.0, 0.0)
    """Acceleration [x, y, z], m/s²."""
    jerk_m_s3: NumberVector = (0.0, 0.0, 0.0)
    """Jerk [x, y, z], m/s³."""

    @model_validator(mode="after")
    def _one_velocity(self) -> Trajectory:
        polar = (self.speed_m_s is not None, self.heading_deg is not None)
        if any(polar) and self.velocity_m_s is not None:
            raise refuse("give either velocity_m_s, or speed_m_s and heading_deg, not both", "velocity_m_s")
        if any(polar) and not all(polar):
            there, missing = ("speed_m_s", "heading_deg") if polar[0] else ("heading_deg", "speed_m_s")
            raise refuse(f"{there} needs {missing} beside it", there)
        if self.velocity_m_s is None and not any(polar):
            raise refuse("velocity_m_s is missing (or give speed_m_s and heading_deg)", "velocity_m_s")
        return self


class Waypoints(Section):
    """A smooth curve through given positions: the minimum-jerk (natural quintic) spline."""

    kind: Literal["waypoints"]
    """waypoints: natural quintic spline (third and fourth derivative zero at the ends); of two, a line."""
    times_s: Annotated[tuple[Float, ...], Field(min_length=2)]
    """Strictly increasing times relative to the window's centre, s; they must enclose the window."""
    positions_m: Annotated[tuple[NumberVector, ...], Field(min_length=2)]
    """A position [x, y, z] for each time, m."""

    @model_validator(mode="after")
    def _matched(self) -> Waypoints:
        if len(self.times_s) != len(self.positions_m):
            raise refuse(
                f"times_s has {len(self.times_s)} entries and positions_m {len(self.positions_m)}; they must "
                "match",
                "positions_m",
            )
        if any(b <= a for a, b in zip(self.times_s, self.times_s[1:], strict=False)):
            raise refuse(f"times_s is {list(self.times_s)}; it must be strictly increasing", "times_s")
        return self


class Oscillation(Section):
    """A point that swings along a line: a fan, a curtain, a breathing chest."""

    kind: Literal["oscillation"]
    """oscillation: position + axis · amplitude · sin(2π · frequency · t + phase)."""
    position_m: NumberVector
    """Middle of the swing [x, y, z], m."""
    axis: NumberVector
    """Direction [x, y, z] of the swing; its length does not matter."""
    amplitude_m: NonNegativeNumber
    """Half of the swing, m."""
    frequency_hz: NonNegativeNumber
    """Swings per second, Hz."""
    phase_rad: Number = 0.0
    """Phase at the window's centre, rad."""

    @model_validator(mode="after")
    def _not_zero(self) -> Oscillation:
        # A drawn zero is as bad as a given one; of a continuous distribution it has no probability.
        if all(0 in c.choice if isinstance(c, Choice) else support(c) == (0, 0) for c in self.axis):
            raise refuse("axis is, or may be drawn as, [0, 0, 0]; it must have a length", "axis")
        return self


MotionConfig = Annotated[
    Kinematics | Trajectory | Waypoints | Oscillation | Phases, Field(discriminator="kind")
]


class Target(Section):
    """Something that moves and counts."""

    motion: MotionConfig
    """How it moves."""
    amplitude: NonNegativeNumber = LogNormal(lognormal=(0.0, 0.3))
    """Amplitude relative to a unit path (method.md section 1): the paths of a body together have its power. With rcs, a
    factor on what it gives, 1 by default."""
    rcs: Rcs | None = None
    """Radar cross-section: the amplitude at each receiver then depends on the distances at the window's centre."""
    body: Body = PointBody(kind="point")
    """What reflects."""
    label: str | None = None
    """A word for people; not used in the simulation."""

    @model_validator(mode="before")
    @classmethod
    def _rcs_alone(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("rcs") is not None and "amplitude" not in given:
            return {**given, "amplitude": 1.0}
        return given

    @model_validator(mode="after")
    def _in_space(self) -> Target:
        if isinstance(self.motion, Kinematics) and self.rcs is not None:
            raise refuse(
                "a radar cross-section needs a place in space, which motion.kind kinematics doesn't give; take another "
                "kind of motion, or amplitude alone",
                "rcs",
            )
        if isinstance(self.motion, Kinematics) and not isinstance(self.body, PointBody):
            raise refuse(
                f"a {self.body.kind} needs a place in space, which motion.kind kinematics doesn't give; take another "
                "kind of motion, or body: {kind: point}",
                *("body", "kind"),
            )
        return self


class Mover(Section):
    """Something that moves and doesn't count: a fan, a curtain."""

    name: Annotated[str, Field(min_length=1)]
    """Name, for people."""
    motion: MotionConfig
    """How it moves."""
    amplitude: NonNegativeNumber = LogNormal(lognormal=(0.0, 0.3))
    """Path amplitude relative to a unit path."""


class Count(Section):
    """How many targets a capture has."""

    min: Annotated[Int, Field(ge=0)]
    """Fewest targets."""
    max: Annotated[Int, Field(ge=0, le=100)]
    """Most targets."""
    weights: tuple[Annotated[Float, Field(ge=0)], ...] | None = None
    """Relative frequency of min, min + 1, ..., max; default: all alike."""

    @model_validator(mode="after")
    def _consistent(self) -> Count:
        if self.max < self.min:
            raise refuse(f"max is {self.max}, below min = {self.min}; it must be at least {self.min}", "max")
        n = self.max - self.min + 1
        if self.weights is not None and (len(self.weights) != n or sum(self.weights) <= 0):
            raise refuse(
                f"weights is {list(self.weights)}; it must have {n} entries, one for each count from "
                f"{self.min} to {self.max}, with a positive sum",
                "weights",
            )
        return self


class Targets(Section):
    """Either fixed targets, or a random number of draws from a template."""

    fixed: tuple[Target, ...] | None = None
    """The targets of every capture (their fields may still be distributions)."""
    count: Count | None = None
    """How many draws of the template."""
    template: Target | None = None
    """What each target is drawn from."""
    within_axes: Annotated[bool, Field(strict=True)] = False
    """Redraw a target whose acceleration or jerk at a surveillance receiver lies outside the axes."""

    @model_validator(mode="after")
    def _one_way(self) -> Targets:
        drawn = (self.count is not None, self.template is not None)
        if self.fixed is not None and any(drawn):
            raise refuse("give either fixed, or count and template, not both", "fixed")
        if self.fixed is None and not all(drawn):
            raise refuse("targets needs either fixed (a list, may be empty), or count and template")
        return self

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of targets that a capture may have, ascending."""
        if self.count is None:
            return (len(self.fixed or ()),)
        return tuple(range(self.count.min, self.count.max + 1))

    def draw_count(self, rng: np.random.Generator) -> int:
        """Draw the number of targets of one capture; fixed targets take nothing from the generator."""
        if self.count is None or len(self.counts) == 1:
            return self.counts[0]
        weights = self.count.weights or (1.0,) * len(self.counts)
        return int(rng.choice(self.counts, p=np.array(weights) / sum(weights)))

    def configs(self, n: int | None = None) -> tuple[Target, ...]:
        """Give the targets to realise: the fixed ones, or `n` times the template."""
        if self.template is None:
            return self.fixed or ()
        return (self.template,) * (self.counts[0] if n is None else n)
