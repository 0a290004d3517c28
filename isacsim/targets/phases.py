"""From timed phases to a smooth motion with its pose.

Speed, heading and posture go from one value to the next along ``10 u³ - 15 u⁴ + 6 u⁵``, the point-to-point movement
of least jerk (Flash and Hogan, "The coordination of arm movements", J. Neurosci. 5(7), 1985). The torso's position
follows by integration; the spline of least jerk (`isacsim.targets.trajectory.SplineMotion`) through it, point by
point every 20 ms, is the motion, so that its acceleration and jerk are continuous.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from isacsim.errors import InputError
from isacsim.scenario.motions import Fall, Phases, Sit, Start, Stop, Turn
from isacsim.scenario.numbers import plain, plain_vector
from isacsim.targets.trajectory import Pose, SplineMotion, State, column

__all__ = ["PhasesMotion", "realise_phases"]

Real: TypeAlias = NDArray[np.float64]

# Distance of the spline's nodes; where something changes fast, so many of them on it, but none nearer than the least.
_NODE_S, _NODES_A_CHANGE, _LEAST_NODE_S = 0.02, 25, 2e-3
_LONGEST_S = 600.0
# The spline's ends bend a little; they lie this far outside the phases, in steady motion.
_MARGIN_S = 0.2


@dataclass(frozen=True)
class Profile:
    """A quantity that changes a few times, each time along the curve of least jerk."""

    first: float
    changes: tuple[tuple[float, float, float], ...] = ()
    """(from when, how long, by how much)."""

    @property
    def last(self) -> float:
        """Value after all changes."""
        return self.first + sum(by for _, _, by in self.changes)

    def then(self, start: float, duration: float, to: float) -> Profile:
        """The same with one more change, to a value."""
        return Profile(self.first, (*self.changes, (start, duration, to - self.last)))

    def __call__(self, time: Real) -> Real:
        """Evaluate at times in s."""
        total = np.full(np.shape(time), self.first)
        for start, duration, by in self.changes:
            u = np.clip((time - start) / duration, 0.0, 1.0)
            total += by * u**3 * (10 - 15 * u + 6 * u**2)
        return total


@dataclass(frozen=True)
class PhasesMotion:
    """Motion of the torso through timed phases; steady before the first and after the last."""

    spline: SplineMotion
    speed: Profile
    heading: Profile
    pitch: Profile
    bend: Profile

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at times (time,), s from the window's centre."""
        t = column(time_s)
        within = np.clip(t, self.spline.times[0], self.spline.times[-1])
        p, v, a, j = self.spline.state(within[:, 0])
        return State(p + v * (t - within), v, a, j)

    def pose(self, time_s: ArrayLike) -> Pose:
        """Pose of the body at times (time,)."""
        t = column(time_s)[:, 0]
        return Pose(self.heading(t), self.pitch(t), self.bend(t), self.speed(t))


def realise_phases(config: Phases) -> PhasesMotion:
    """Motion by phases whose distributions were replaced by numbers.

    Raises
    ------
    InputError
        If somebody falls to a height above the one they have or sits down through the floor, or all phases together
        last over ten minutes.
    """
    position = np.array(plain_vector(config.position_m))
    heading = Profile(np.deg2rad(plain(config.heading_deg)))
    speed = Profile(plain(config.speed_m_s))
    now = start = plain(config.start_s)
    pitch, bend, drop = Profile(0.0), Profile(0.0), 0.0
    for phase in config.phases:
        duration = plain(phase.duration_s)
        match phase:
            case Start():
                speed = speed.then(now, duration, plain(phase.speed_m_s))
            case Stop():
                speed = speed.then(now, duration, 0.0)
            case Turn():
                turned = heading.last + np.deg2rad(plain(phase.angle_deg))
                heading = heading.then(now, duration, float(turned))
            case Sit():
                drop = plain(phase.drop_m)
                if drop >= position[2]:
                    raise InputError(
                        f"a sit lets the torso drop by drop_m = {drop:g} m, but it is at {position[2]:g} m; it must "
                        "end above the floor, z = 0"
                    )
                bend = bend.then(now, duration, np.pi / 2)
            case Fall():
                height = plain(phase.height_m)
                if height >= position[2]:
                    raise InputError(
                        f"a fall ends at height_m = {height:g} m, but the torso is at {position[2]:g} m; the end "
                        "must be below"
                    )
                pitch = pitch.then(now, duration, float(np.arccos(height / position[2])))
                speed = speed.then(now, duration, 0.0)
        now += duration
    if now - start > _LONGEST_S:
        raise InputError(
            f"all phases together last {now - start:.4g} s; they may last {_LONGEST_S:g} s: shorten their duration_s"
        )
    changes = (duration for profile in (speed, heading, pitch, bend) for _, duration, _ in profile.changes)
    node = float(np.clip(min(changes, default=1.0) / _NODES_A_CHANGE, _LEAST_NODE_S, _NODE_S))
    n = int(np.ceil((now - start + 2 * _MARGIN_S) / node)) + 1
    time = np.linspace(start - _MARGIN_S, now + _MARGIN_S, max(n, 6))
    return PhasesMotion(
        _torso(time, start, position, drop, (speed, heading, pitch, bend)), speed, heading, pitch, bend
    )


def _torso(time: Real, start: float, first: Real, drop: float, profiles: tuple[Profile, ...]) -> SplineMotion:
    """Track of the torso, at `first` when the phases start."""
    speed, heading, pitch, bend = (profile(time) for profile in profiles)
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    walked = CubicSpline(time, speed[:, np.newaxis] * ahead).antiderivative()
    # Sitting: a quarter circle back and down; falling: an arc about the feet.
    forward = first[2] * np.sin(pitch) - drop * np.sin(bend)
    track = np.empty((time.size, 3))
    track[:, :2] = first[:2] + walked(time) - walked(start) + forward[:, np.newaxis] * ahead
    track[:, 2] = first[2] * np.cos(pitch) - drop * (1 - np.cos(bend))
    return SplineMotion(tuple(map(float, time)), tuple((float(x), float(y), float(z)) for x, y, z in track))
