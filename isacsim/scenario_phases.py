"""Motion by timed phases, as frozen pydantic models: stand, start, walk, turn, stop, sit down, fall."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isacsim.distribution import Bounds, Number
from isacsim.scenario_sections import NonNegativeNumber, NumberVector, Section, refuse

__all__ = ["Fall", "Phase", "Phases", "Sit", "Stand", "Start", "Stop", "Turn", "Walk"]

Duration = Annotated[Number, Bounds(gt=0)]


class Stand(Section):
    """Stay where one is."""

    kind: Literal["stand"]
    """stand: nothing moves."""
    duration_s: Duration
    """How long, s."""


class Start(Section):
    """Walk off, or change the speed."""

    kind: Literal["start"]
    """start: from the present speed to another."""
    duration_s: Duration
    """How long, s."""
    speed_m_s: Annotated[Number, Bounds(gt=0)]
    """Speed at the end, m/s."""


class Walk(Section):
    """Go on at the present speed."""

    kind: Literal["walk"]
    """walk: straight on at the present speed."""
    duration_s: Duration
    """How long, s."""


class Stop(Section):
    """Come to a stand."""

    kind: Literal["stop"]
    """stop: from the present speed to a stand."""
    duration_s: Duration
    """How long, s."""


class Turn(Section):
    """Turn at the present speed, on the spot or in a curve."""

    kind: Literal["turn"]
    """turn: change the heading."""
    duration_s: Duration
    """How long, s."""
    angle_deg: Number
    """By how much, degrees; positive: to the left."""


class Sit(Section):
    """Sit down, on a chair behind: the torso sinks and moves back on a quarter of a circle."""

    kind: Literal["sit"]
    """sit: hips and knees bend by 90 degrees."""
    duration_s: Duration
    """How long, s."""
    drop_m: Annotated[Number, Bounds(gt=0)] = 0.43
    """How far the torso sinks, m: the thigh's length."""


class Fall(Section):
    """Fall forward, toppling about the feet; whoever walks stops walking meanwhile."""

    kind: Literal["fall"]
    """fall: the torso goes down on an arc about the feet, on the floor at z = 0."""
    duration_s: Duration
    """How long, s."""
    height_m: Annotated[Number, Bounds(gt=0)] = 0.2
    """Height of the torso at the end, m."""


Phase = Annotated[Stand | Start | Walk | Stop | Turn | Sit | Fall, Field(discriminator="kind")]


class Phases(Section):
    """What somebody does, one thing after the other, joined without a jolt."""

    kind: Literal["phases"]
    """phases: timed phases; speed, heading and posture change along minimum-jerk curves."""
    position_m: NumberVector
    """Position [x, y, z] of the torso when the first phase begins, m."""
    heading_deg: Number = 0.0
    """Direction in the x-y plane when the first phase begins, degrees anticlockwise from +x."""
    speed_m_s: NonNegativeNumber = 0.0
    """Speed before the first phase, m/s."""
    start_s: Number
    """When the first phase begins, relative to the window's centre, s; before it and after the last one all goes on."""
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    """The phases."""

    @model_validator(mode="after")
    def _possible(self) -> Phases:
        moving, down = self.speed_m_s != 0, ""
        for n, phase in enumerate(self.phases):
            if down and phase.kind != "stand":
                raise refuse(f"{phase.kind} can't follow {down}; only stand can", "phases", n, "kind")
            if phase.kind in ("walk", "stop") and not moving:
                raise refuse(f"{phase.kind} needs a start before it (or speed_m_s)", "phases", n, "kind")
            if phase.kind in ("stand", "sit") and moving:
                raise refuse(f"{phase.kind} needs a stop before it", "phases", n, "kind")
            if phase.kind in ("start", "stop", "fall"):
                moving = phase.kind == "start"
            if phase.kind in ("sit", "fall"):
                down = phase.kind
        return self
