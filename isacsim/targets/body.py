"""Reflecting bodies: a point, or a body of several points that move along with it (docs/bodies.md).

A body has a reference point, whose motion is the target's and whose path is the truth, and further points: the limbs of
a walker, the blades of a drone, the corners of a car. Every point is a path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from isacsim.scenario.bodies import Body, PointBody, RigidBody, RotorBody, WalkerBody
from isacsim.scenario.numbers import plain
from isacsim.targets.phases import PhasesMotion
from isacsim.targets.trajectory import Motion, PathMotion, Pose, ScattererMotion, SpaceMotion
from isacsim.targets.walker import PARTS, SwayingMotion, Walker

__all__ = ["DrawnBody", "Parts", "realise_body", "travel_pose"]

Real: TypeAlias = NDArray[np.float64]

_NODE_S = 0.02
# Slower than this in m/s, a direction of motion says nothing about where somebody looks.
_STILL = 0.1
# Turns of the heading faster than so many seconds are smoothed out.
_TURN_S = 0.05


class Shape(Protocol):
    """Where the points of a body are in its frame."""

    def offsets(self, time: Real, pose: Pose) -> Real:
        """Positions at times (time,) and poses; (3, scatterer, time), m."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The points of a body that are not its reference point, in motion."""

    motion: SpaceMotion
    """Motion of the body's frame."""
    pose: Callable[[Real], Pose]
    shape: Shape
    instant_s: float
    """Time within which the fastest part moves little."""

    def positions(self, time_s: ArrayLike) -> Real:
        """Positions at times (time,), s from the window's centre; (3, scatterer, time), m."""
        time = np.atleast_1d(np.asarray(time_s, np.float64))
        pose = self.pose(time)
        x, y, z = self.shape.offsets(time, pose)
        if pose.pitch.any():
            c, s = np.cos(pose.pitch), np.sin(pose.pitch)
            x, z = x * c + z * s, z * c - x * s
        # By hand: 1024 turns take 22 µs so, 78 µs as scipy's Rotation.
        c, s = np.cos(pose.heading), np.sin(pose.heading)
        origin = self.motion.state(time).position.T[:, np.newaxis]
        return np.asarray(np.stack([x * c - y * s, x * s + y * c, z]) + origin)

    @cached_property
    def central_states(self) -> Real:
        """Position and three derivatives at time 0, by central differences of eighth order; (4, 3, scatterer)."""
        steps = np.arange(-4, 5)
        # A polynomial through nine points has the derivatives that these weights give.
        weights = np.linalg.inv(np.vander(steps, increasing=True).astype(np.float64))[:4]
        scale = np.array([1.0, 1.0, 2.0, 6.0]) / self.instant_s ** np.arange(4)
        return np.einsum(
            "dt,ist->dis", scale[:, np.newaxis] * weights, self.positions(steps * self.instant_s)
        )


@dataclass(frozen=True, eq=False)
class DrawnBody:
    """Body with its random choices drawn."""

    reference: Motion
    """Motion of the reference point."""
    names: tuple[str, ...] = ("",)
    """Names of its points, the reference point first."""
    amplitude: tuple[float, ...] = (1.0,)
    """Amplitude of each point; their squares add up to 1."""
    phase: tuple[float, ...] = ()
    """Phase of the points but the first, rad."""
    parts: Parts | None = None

    @property
    def heading(self) -> float:
        """Where it looks at the window's centre, rad anticlockwise from +x; 0 for a point that stands still."""
        now = np.zeros(1)
        if self.parts is not None:
            return float(self.parts.pose(now).heading[0])
        if isinstance(self.reference, PhasesMotion):
            return float(self.reference.pose(now).heading[0])
        assert not isinstance(self.reference, PathMotion)  # the model checked
        x, y, _ = self.reference.state(0.0).velocity[0]
        return float(np.arctan2(y, x)) if np.hypot(x, y) > _STILL else 0.0

    @property
    def motions(self) -> tuple[Motion, ...]:
        """One a point."""
        if self.parts is None:
            return (self.reference,)
        return (self.reference, *(ScattererMotion(self.parts, n) for n in range(len(self.names) - 1)))


class _Frame(NamedTuple):
    """Frame that the points of a body are put on."""

    motion: SpaceMotion
    """Motion of the reference point."""
    pose: Callable[[Real], Pose]
    nodes: Real
    """Uniform times over the window, s."""


class _Points(NamedTuple):
    """The points of a body before they move."""

    shape: Shape
    names: tuple[str, ...]
    """The reference point's first."""
    shares: list[float]
    """Shares of the reflected power; only ratios matter."""
    instant_s: float
    """Time within which the fastest part moves little."""
    reference: SpaceMotion | None = None
    """Motion of the reference point, if it is not the frame's."""


def realise_body(
    body: Body, motion: Motion, time_s: Real, rng: Callable[[], np.random.Generator]
) -> DrawnBody:
    """Put the points of a body on a motion.

    Parameters
    ----------
    body : Body
        A scenario's section, its distributions replaced by numbers.
    motion : Motion
        Of the reference point; in space, but for a point.
    time_s : ndarray, shape (packet,)
        The window, s about its centre.
    rng : callable
        Makes the generator of what no field describes: where a body at rest looks, the phases of its points, the angles
        of its blades. Not called for a point.
    """
    if isinstance(body, PointBody):
        return DrawnBody(motion)
    assert not isinstance(motion, PathMotion)  # the model checked
    chance = rng()
    first, last = time_s[[0, -1]]
    nodes = np.linspace(first, last, max(8, int(np.ceil((last - first) / _NODE_S)) + 1))
    looks = chance.uniform(-np.pi, np.pi)  # where somebody who never moves looks
    pose = motion.pose if isinstance(motion, PhasesMotion) else travel_pose(motion, nodes, looks)
    points = _points_of(body, _Frame(motion, pose, nodes), chance)
    amplitude = np.sqrt(np.array(points.shares) / sum(points.shares))
    phase = chance.uniform(-np.pi, np.pi, len(points.names) - 1)
    return DrawnBody(
        points.reference or motion,
        points.names,
        tuple(map(float, amplitude)),
        tuple(map(float, phase)),
        Parts(motion, pose, points.shape, points.instant_s),
    )


@singledispatch
def _points_of(body: Body, frame: _Frame, rng: np.random.Generator) -> _Points:
    """Points of a body; a further kind is a section in `isacsim.scenario.bodies.Body`, registered here."""
    raise TypeError(f"no body is registered for {type(body).__name__}")


@_points_of.register
def _walker(body: WalkerBody, frame: _Frame, rng: np.random.Generator) -> _Points:
    motion, pose, nodes = frame
    walker = Walker(plain(body.height_m), plain(body.gait_phase), pose, nodes)
    names = ("torso", *PARTS)
    kinds = [name.removeprefix("left ").removeprefix("right ").replace(" ", "_") for name in names]
    shares = [getattr(body.shares, kind) for kind in kinds]
    reference = (
        SwayingMotion.of(motion, nodes, _turned(walker.torso(nodes), pose(nodes))) if body.sway else None
    )
    return _Points(walker, names, shares, 3e-3, reference)


@_points_of.register
def _rotor(body: RotorBody, frame: _Frame, rng: np.random.Generator) -> _Points:
    n, blades = body.n_rotors, body.blades
    arm, up, radius = plain(body.arm_m), plain(body.hub_height_m), plain(body.radius_m)
    speed = np.array([plain(speed) for speed in body.each_rev_per_s])
    around = 2 * np.pi * (np.arange(n) + 0.5) / n
    hubs = np.stack([arm * np.cos(around), arm * np.sin(around), np.full(n, up)])
    angle = rng.uniform(0, 2 * np.pi, (n, 1)) + 2 * np.pi * np.arange(blades) / blades
    shape = _Rotors(hubs, radius, 2 * np.pi * speed * (-1.0) ** np.arange(n), angle)
    names = ["hull", *(f"hub {k + 1}" for k in range(n))]
    names += [f"blade {k + 1}.{b + 1}" for k in range(n) for b in range(blades)]
    shares = [
        body.hull_share,
        *[body.hubs_share / n] * n,
        *[body.tips_share / (n * blades)] * n * blades,
    ]
    return _Points(shape, tuple(names), shares, 0.1 / float(np.abs(shape.omega).max(initial=1.0)))


@_points_of.register
def _rigid(body: RigidBody, frame: _Frame, rng: np.random.Generator) -> _Points:
    names = ("reference", *(f"point {n + 1}" for n in range(len(body.points_m))))
    shares = [body.reference_share, *(body.shares or (1.0,) * len(body.points_m))]
    return _Points(_Rigid(np.array(body.points_m).T), names, shares, 3e-3)


def _turned(place: Real, pose: Pose) -> Real:
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    return np.stack([place[0] * c - place[1] * s, place[0] * s + place[1] * c, place[2]])


@dataclass(frozen=True, eq=False)
class _Rigid:
    points: Real
    """(3, scatterer), m."""

    def offsets(self, time: Real, pose: Pose) -> Real:
        """The same at all times; (3, scatterer, time), m."""
        return np.broadcast_to(self.points[:, :, np.newaxis], (*self.points.shape, time.size))


@dataclass(frozen=True, eq=False)
class _Rotors:
    hubs: Real
    """(3, rotor), m."""
    radius: float
    omega: Real
    """rad/s, of each rotor."""
    angle: Real
    """Angle of each tip at time 0; (rotor, blade), rad."""

    def offsets(self, time: Real, pose: Pose) -> Real:
        """Hubs, then tips rotor by rotor; (3, scatterer, time), m."""
        turned = self.omega[:, np.newaxis, np.newaxis] * time + self.angle[..., np.newaxis]
        hubs = np.broadcast_to(self.hubs[..., np.newaxis], (*self.hubs.shape, time.size))
        circle = self.radius * np.stack([np.cos(turned), np.sin(turned), np.zeros_like(turned)])
        tips = circle + hubs[:, :, np.newaxis]
        return np.concatenate([hubs, tips.reshape(3, -1, time.size)], axis=1)


def travel_pose(motion: SpaceMotion, nodes: Real, looks: float) -> Callable[[Real], Pose]:
    """Pose of a body that looks where it goes.

    Parameters
    ----------
    motion : SpaceMotion
        Of the body.
    nodes : numpy.ndarray, shape (node,)
        Uniform times in s over the window.
    looks : float
        Heading in rad where the body never moves. Where it stands for a while, it looks where it went, and turns
        evenly to where it will go.
    """
    velocity = motion.state(nodes).velocity
    moving = np.hypot(velocity[:, 0], velocity[:, 1]) > _STILL
    if moving.any():
        angle = np.unwrap(np.arctan2(velocity[moving, 1], velocity[moving, 0]))
        angle = np.interp(nodes, nodes[moving], angle)
    else:
        angle = np.full(nodes.size, looks)
    turning = None
    if np.ptp(angle) > 1e-9:
        # Mirrored at its ends with opposite sign, a steady turn goes on beyond them.
        width = _TURN_S / float(nodes[1] - nodes[0])
        room = min(int(4 * width) + 1, nodes.size - 1)
        longer = np.pad(angle, room, mode="reflect", reflect_type="odd")
        turning = CubicSpline(nodes, gaussian_filter1d(longer, width)[room:-room])

    def pose(time: Real) -> Pose:
        v = motion.state(time).velocity
        none = np.zeros(time.size)
        heading = np.full(time.size, angle[0]) if turning is None else np.asarray(turning(time))
        return Pose(heading, none, none, np.hypot(v[:, 0], v[:, 1]))

    return pose
