"""Motion by timed phases, as frozen pydantic models: stand, start, walk, turn, stop, sit down, fall."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isacsim.scenario.limits import Acceleration, Angle, Duration, Jerk, Length, Moment, Speed, between
from isacsim.scenario.numbers import Bounds, Choice, Distribution, Float, Number, support
from isacsim.scenario.section import NumberVector, Section, refuse

__all__ = [
    "Fall",
    "Kinematics",
    "MotionConfig",
    "Oscillation",
    "Phase",
    "Phases",
    "Sit",
    "Stand",
    "Start",
    "Stop",
    "Trajectory",
    "Turn",
    "Walk",
    "Waypoints",
]

# A speed that is none backwards, m/s.
Pace = Annotated[Number, Bounds(ge=0), Bounds(le=1e4, unit="m/s", practical=True)]


class Stand(Section):
    """Stay where one is."""

    kind: Literal["stand"]
    """stand: nothing moves."""
    duration_s: Duration
    """Duration, s."""


class Start(Section):
    """Walk off, or change the speed."""

    kind: Literal["start"]
    """start: from the present speed to another."""
    duration_s: Duration
    """Duration, s."""
    speed_m_s: Annotated[Pace, Bounds(gt=0)]
    """Speed at the end, m/s."""


class Walk(Section):
    """Go on at the present speed."""

    kind: Literal["walk"]
    """walk: straight on at the present speed."""
    duration_s: Duration
    """Duration, s."""


class Stop(Section):
    """Come to a stand."""

    kind: Literal["stop"]
    """stop: from the present speed to a stand."""
    duration_s: Duration
    """Duration, s."""


class Turn(Section):
    """Turn at the present speed, on the spot or in a curve."""

    kind: Literal["turn"]
    """turn: change the heading."""
    duration_s: Duration
    """Duration, s."""
    angle_deg: Angle
    """By how much, degrees; positive: to the left."""


class Sit(Section):
    """Sit down, on a chair behind: the torso sinks and moves back on a quarter of a circle."""

    kind: Literal["sit"]
    """sit: hips and knees bend by 90 degrees."""
    duration_s: Duration
    """Duration, s."""
    drop_m: Length = 0.43
    """Distance that the torso goes down, m: the thigh's length."""


class Fall(Section):
    """Fall forward, toppling about the feet; whoever walks stops walking meanwhile."""

    kind: Literal["fall"]
    """fall: the torso goes down on an arc about the feet, on the floor at z = 0."""
    duration_s: Duration
    """Duration, s."""
    height_m: Length = 0.2
    """Height of the torso at the end, m."""


Phase = Annotated[Stand | Start | Walk | Stop | Turn | Sit | Fall, Field(discriminator="kind")]


class Phases(Section):
    """Phases of a person's motion, one after the other, joined without a jolt."""

    kind: Literal["phases"]
    """phases: timed phases; speed, heading and posture change along minimum-jerk curves."""
    position_m: NumberVector
    """Position [x, y, z] of the torso when the first phase begins, m."""
    heading_deg: Angle = 0.0
    """Direction in the x-y plane when the first phase begins, degrees anticlockwise from +x."""
    speed_m_s: Pace = 0.0
    """Speed before the first phase, m/s."""
    start_s: Moment
    """When the first phase begins, relative to the window's centre, s; before it and after the last one all goes on."""
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    """The phases."""

    @model_validator(mode="after")
    def _possible(self) -> Phases:
        moving, down = self.speed_m_s != 0, ""
        for n, phase in enumerate(self.phases):
            if down and phase.kind != "stand":
                raise refuse(f"{phase.kind} cannot follow {down}; only stand can", "phases", n, "kind")
            if phase.kind in ("walk", "stop") and not moving:
                raise refuse(f"{phase.kind} needs a start before it (or speed_m_s)", "phases", n, "kind")
            if phase.kind in ("stand", "sit") and moving:
                raise refuse(f"{phase.kind} needs a stop before it", "phases", n, "kind")
            if phase.kind in ("start", "stop", "fall"):
                moving = phase.kind == "start"
            if phase.kind in ("sit", "fall"):
                down = phase.kind
        return self


class Kinematics(Section):
    """Path kinematics given directly: the same at every receiver."""

    kind: Literal["kinematics"]
    """kinematics: the bistatic path length is a cubic of time."""
    path_length_m: Length
    """Bistatic path length (transmitter - target - receiver) at the window's centre, m."""
    velocity_m_s: Speed = 0.0
    """Rate of change of the path length at the window's centre, m/s; positive: the path grows."""
    acceleration_m_s2: Acceleration = 0.0
    """Second derivative of the path length at the window's centre, m/s²."""
    jerk_m_s3: Jerk = 0.0
    """Third derivative of the path length, m/s³."""


class Trajectory(Section):
    """A cubic of time in space, about the window's centre."""

    kind: Literal["trajectory"]
    """trajectory: position, velocity, acceleration and jerk in space at the window's centre."""
    position_m: NumberVector
    """Position [x, y, z], m."""
    velocity_m_s: tuple[Speed, Speed, Speed] | None = None
    """Velocity [x, y, z], m/s; or give speed_m_s and heading_deg."""
    speed_m_s: Speed | None = None
    """Horizontal speed, m/s; with heading_deg, instead of velocity_m_s."""
    heading_deg: Angle | None = None
    """Direction of motion in the x-y plane, degrees anticlockwise from +x."""
    acceleration_m_s2: tuple[Acceleration, Acceleration, Acceleration] = (0.0, 0.0, 0.0)
    """Acceleration [x, y, z], m/s²."""
    jerk_m_s3: tuple[Jerk, Jerk, Jerk] = (0.0, 0.0, 0.0)
    """Jerk [x, y, z], m/s³."""

    @model_validator(mode="after")
    def _one_velocity(self) -> Trajectory:
        polar = (self.speed_m_s is not None, self.heading_deg is not None)
        if any(polar) and self.velocity_m_s is not None:
            raise refuse("give either velocity_m_s, or speed_m_s and heading_deg, not both", "velocity_m_s")
        if any(polar) and not all(polar):
            present, missing = ("speed_m_s", "heading_deg") if polar[0] else ("heading_deg", "speed_m_s")
            raise refuse(f"{present} needs {missing} beside it", present)
        if self.velocity_m_s is None and not any(polar):
            raise refuse("velocity_m_s is missing (or give speed_m_s and heading_deg)", "velocity_m_s")
        return self


class Waypoints(Section):
    """A smooth curve through given positions: the minimum-jerk (natural quintic) spline."""

    kind: Literal["waypoints"]
    """waypoints: natural quintic spline (third and fourth derivative zero at the ends); of two, a line."""
    times_s: Annotated[tuple[Annotated[Float, between(-1e6, 1e6, "s")], ...], Field(min_length=2)]
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
    amplitude_m: Annotated[Number, Bounds(ge=0), Bounds(le=100, unit="m", practical=True)]
    """Half of the swing, m."""
    frequency_hz: Annotated[Number, Bounds(ge=0), Bounds(le=1000, unit="Hz", practical=True)]
    """Swings per second, Hz."""
    phase_rad: Angle = 0.0
    """Phase at the window's centre, rad."""

    @model_validator(mode="after")
    def _not_zero(self) -> Oscillation:
        # A drawn zero is as bad as a given one; of a continuous distribution it has no probability.
        if all(_may_vanish(c) for c in self.axis):
            raise refuse("axis is, or may be drawn as, [0, 0, 0]; it must have a length", "axis")
        return self


def _may_vanish(component: float | Distribution) -> bool:
    """Tell whether a component of a direction is, or may be drawn as, zero; its square must not underflow either."""
    if isinstance(component, Choice):
        return any(abs(value) < _SHORTEST for value in component.choice)
    low, high = support(component)
    return low > -_SHORTEST and high < _SHORTEST


_SHORTEST = 1e-6


MotionConfig = Annotated[
    Kinematics | Trajectory | Waypoints | Oscillation | Phases, Field(discriminator="kind")
]
