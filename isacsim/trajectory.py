"""Motions: where a point is, and its velocity, acceleration and jerk, at any time in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

from isacsim.errors import InputError

__all__ = [
    "Motion",
    "OscillationMotion",
    "PathKinematics",
    "PathMotion",
    "PolynomialMotion",
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
        points = np.array(self.positions)
        if len(points) == 2:  # quintics with zero third derivative: not unique; the line is meant
            spline = make_interp_spline(self.times, points, k=1)
            slope = (points[1] - points[0]) / (self.times[1] - self.times[0])
            none = np.zeros((t.size, 3))
            return State(spline(t), none + slope, none, none.copy())
        ends = [(3, np.zeros(3)), (4, np.zeros(3))]
        # scipy-stubs don't know this documented form of bc_type.
        spline = make_interp_spline(self.times, points, k=5, bc_type=(ends, ends))  # type: ignore[arg-type]
        return State(*(spline(t, nu) for nu in range(4)))


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


SpaceMotion: TypeAlias = PolynomialMotion | SplineMotion | OscillationMotion
Motion: TypeAlias = PathMotion | SpaceMotion


def column(time_s: ArrayLike) -> Array:
    """Times (time,) as a column (time, 1), beside the three coordinates."""
    return np.atleast_1d(np.asarray(time_s, dtype=np.float64))[:, None]
