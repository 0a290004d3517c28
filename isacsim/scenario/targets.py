"""Moving parts of a scenario: motions, targets and movers, as frozen pydantic models.

A further kind of motion or body is one more model in the union (`isacsim.scenario.motions.MotionConfig`,
`isacsim.scenario.bodies.Body`), told apart by its ``kind``.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from isacsim.scenario.bodies import Body, PointBody, Rcs
from isacsim.scenario.limits import Amplitude, Share
from isacsim.scenario.motions import Kinematics, MotionConfig
from isacsim.scenario.numbers import Int, LogNormal
from isacsim.scenario.section import Section, refuse

__all__ = ["Count", "Mover", "Target", "Targets"]


class Target(Section):
    """Something that moves and counts."""

    motion: MotionConfig
    """Motion of the target."""
    amplitude: Amplitude = LogNormal(lognormal=(0.0, 0.3))
    """Amplitude relative to a unit path (method.md section 1): the paths of a body together have its power. With rcs, a
    factor on what it gives, 1 by default."""
    rcs: Rcs | None = None
    """Radar cross-section: the amplitude at each receiver then depends on the distances at the window's centre."""
    body: Body = PointBody(kind="point")
    """Body: the points that reflect."""
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
                "a radar cross-section needs a place in space, which motion.kind kinematics does not give; take "
                "another kind of motion, or amplitude alone",
                "rcs",
            )
        if isinstance(self.motion, Kinematics) and not isinstance(self.body, PointBody):
            raise refuse(
                f"a {self.body.kind} needs a place in space, which motion.kind kinematics does not give; take another "
                "kind of motion, or body: {kind: point}",
                *("body", "kind"),
            )
        return self


class Mover(Section):
    """Something that moves and does not count: a fan, a curtain."""

    name: Annotated[str, Field(min_length=1)]
    """Name, for people."""
    motion: MotionConfig
    """Motion of the mover."""
    amplitude: Amplitude = LogNormal(lognormal=(0.0, 0.3))
    """Path amplitude relative to a unit path."""


class Count(Section):
    """Number of targets in a capture."""

    min: Annotated[Int, Field(ge=0, le=100)]
    """Fewest targets."""
    max: Annotated[Int, Field(ge=0, le=100)]
    """Most targets."""
    weights: tuple[Share, ...] | None = None
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
    """Number of draws of the template."""
    template: Target | None = None
    """Template that each target is drawn from."""
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
