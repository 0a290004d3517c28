"""Motions: where a point is, and its velocity, acceleration and jerk, at any time in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline, make_interp_spline

from isacsim.errors import InputError

__all__ = [
    "BounceMotion",
    "InSpace",
    "Motion",
    "OscillationMotion",
    "PathKinematics",
    "PathMotion",
    "PolynomialMotion",
    "Pose",
    "ScattererMotion",
    "SpaceMotion",
    "SplineMotion",
    "State",
    "column",
]

Array: TypeAlias = NDArray[np.float64]


class State(NamedTuple):
    """Where a point is and how it moves; each array is (time, 3)."""

    position: Array
    """m."""
    velocity: Array
    """m/s."""
    acceleration: Array
    """m/s²."""
    jerk: Array
    """m/s³."""


class Pose(NamedTuple):
    """Pose of a body; each array is (time,)."""

    heading: Array
    """Anticlockwise from +x, rad."""
    pitch: Array
    """Pitch of the whole body, forward, rad."""
    bend: Array
    """Bend of hips and knees, as in sitting, rad."""
    speed: Array
    """At which the legs walk, m/s."""


class PathKinematics(NamedTuple):
    """A path's length and its derivatives at one moment."""

    path_length: float
    """m."""
    velocity: float
    """m/s; positive: the path grows."""
    acceleration: float
    """m/s²."""
    jerk: float
    """m/s³."""


@dataclass(frozen=True)
class PathMotion:
    """A path given by its kinematics at the window's centre; it has no place in space."""

    kinematics: PathKinematics


@dataclass(frozen=True)
class PolynomialMotion:
    """A cubic of time in space, about the window's centre."""

    position: tuple[float, float, float]
    velocity: tuple[float, float, float]
    acceleration: tuple[float, float, float] = (0.0, 0.0, 0.0)
    jerk: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at times (time,), s from the window's centre."""
        t = column(time_s)
        p, v, a, j = (np.array(c) for c in (self.position, self.velocity, self.acceleration, self.jerk))
        return State(p + t * (v + t * (a / 2 + t * (j / 6))), v + t * (a + t * (j / 2)), a + t * j, j + 0 * t)


@dataclass(frozen=True)
class SplineMotion:
    """The curve through waypoints that minimises the integral of its squared jerk.

    That is the natural quintic spline: third and fourth derivative are zero at both ends, and the curve is
    four times continuously differentiable, so jerk is continuous. The criterion is that of human arm
    movements: Flash and Hogan, "The coordination of arm movements", J. Neurosci. 5(7), 1985. Two points give
    a straight line, three a parabola.
    """

    times: tuple[float, ...]
    positions: tuple[tuple[float, float, float], ...]

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at times (time,), s from the window's centre; outside the waypoints is an `InputError`."""
        t = column(time_s)[:, 0]
        if t.size and (t.min() < self.times[0] or t.max() > self.times[-1]):
            raise InputError(
                f"the waypoints run from {self.times[0]:g} to {self.times[-1]:g} s, but the motion was asked "
                f"for between {t.min():g} and {t.max():g} s"
            )
        if len(self.times) == 2:  # quintics with zero third derivative: not unique; the line is meant
            points = np.array(self.positions)
            slope = (points[1] - points[0]) / (self.times[1] - self.times[0])
            none = np.zeros((t.size, 3))
            return State(self._spline(t), none + slope, none, none.copy())
        return State(*(self._spline(t, nu) for nu in range(4)))

    @cached_property
    def _spline(self) -> BSpline:
        points = np.array(self.positions)
        if len(points) == 2:
            return make_interp_spline(self.times, points, k=1)
        ends = [(3, np.zeros(3)), (4, np.zeros(3))]
        # scipy-stubs do not know this documented form of bc_type.
        return make_interp_spline(self.times, points, k=5, bc_type=(ends, ends))  # type: ignore[arg-type]


@dataclass(frozen=True)
class OscillationMotion:
    """A point that swings sinusoidally along a line; `axis` has unit length, `omega` is in rad/s."""

    position: tuple[float, float, float]
    axis: tuple[float, float, float]
    amplitude: float
    omega: float
    phase: float

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at times (time,), s from the window's centre."""
        angle = self.omega * column(time_s) + self.phase
        swing, w = self.amplitude * np.array(self.axis), self.omega
        return State(
            np.array(self.position) + swing * np.sin(angle),
            swing * w * np.cos(angle),
            -swing * w**2 * np.sin(angle),
            -swing * w**3 * np.cos(angle),
        )


class Scatterers(Protocol):
    """The points of a body that are not its reference point."""

    @property
    def central_states(self) -> Array:
        """Position, velocity, acceleration, jerk at time 0; (4, 3, scatterer)."""

    def positions(self, time_s: ArrayLike) -> Array:
        """Evaluate at times (time,); (3, scatterer, time), m."""


@dataclass(frozen=True, eq=False)
class ScattererMotion:
    """A point of a body, such as a foot of a walker."""

    body: Scatterers
    number: int

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at time 0, the window's centre; other times have no derivatives, see `Scatterers.positions`."""
        if np.any(np.asarray(time_s) != 0.0):
            raise ValueError("the state of a scatterer is given at time 0 only")
        return State(*(x[np.newaxis] for x in self.body.central_states[:, :, self.number]))


class InSpace(Protocol):
    """Any motion that has a place in space."""

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at times (time,), s from the window's centre."""


SpaceMotion: TypeAlias = PolynomialMotion | SplineMotion | OscillationMotion | ScattererMotion | InSpace


@dataclass(frozen=True)
class BounceMotion:
    """A target's path that meets a wall on its way to the target or from it: one antenna is seen in the mirror."""

    motion: SpaceMotion
    """Motion of the target."""
    point: tuple[float, float, float]
    """On the wall, m."""
    normal: tuple[float, float, float]
    """Normal of the wall; unit length."""
    first: bool
    """True if the wall comes before the target."""

    def state(self, time_s: ArrayLike) -> State:
        """State of the target."""
        return self.motion.state(time_s)

    def antennas(self, transmitter: ArrayLike, receiver: ArrayLike) -> tuple[Array, Array]:
        """Where transmitter and receiver seem to be; (3,) each, m."""
        t, r = np.asarray(transmitter, np.float64), np.asarray(receiver, np.float64)
        return (self.mirrored(t), r) if self.first else (t, self.mirrored(r))

    def mirrored(self, place: Array) -> Array:
        """Mirror image of a place (3,) in the wall."""
        normal = np.array(self.normal)
        return np.asarray(place - 2 * ((place - np.array(self.point)) @ normal) * normal)


Motion: TypeAlias = PathMotion | SpaceMotion


def column(time_s: ArrayLike) -> Array:
    """Times (time,) as a column (time, 1), beside the three coordinates."""
    return np.atleast_1d(np.asarray(time_s, dtype=np.float64))[:, None]
