"""Echoes of a target that also meet a wall, the floor or the ceiling of a box room: mirror images (docs/bodies.md).

In an empty box each of the six sides gives one path that meets it before the target and one that meets it after:
the transmitter or the receiver is seen in the mirror. Furniture neither hides nor reflects them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from isacsim.scenario.environments import RayTraced
from isacsim.scenario.materials import reflection
from isacsim.scenario.radio import Radio
from isacsim.scenario.rooms import BoxRoom, Surface, wall_of
from isacsim.targets.trajectory import BounceMotion, SpaceMotion

__all__ = ["Bounce", "bounces_of"]

Real: TypeAlias = NDArray[np.float64]
Triple: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Bounce:
    """One path of a target over a side of the room."""

    name: str
    """Name of the side, and whether it comes first or last."""
    motion: BounceMotion
    factor: NDArray[np.complex128]
    """Amplitude over that of the direct echo at the window's centre; shape (receiver,)."""


def sides(room: BoxRoom) -> Iterator[tuple[str, Triple, Triple]]:
    """Name, a point, and the normal of each side of a room."""
    x0, y0, x1, y1 = room.floor_m()[0]
    yield "wall -x", (x0, y0, 0.0), (1.0, 0.0, 0.0)
    yield "wall +x", (x1, y0, 0.0), (1.0, 0.0, 0.0)
    yield "wall -y", (x0, y0, 0.0), (0.0, 1.0, 0.0)
    yield "wall +y", (x0, y1, 0.0), (0.0, 1.0, 0.0)
    yield "floor", (x0, y0, 0.0), (0.0, 0.0, 1.0)
    yield "ceiling", (x0, y0, room.height_m), (0.0, 0.0, 1.0)


def bounces_of(motion: SpaceMotion, environment: RayTraced, radio: Radio) -> list[Bounce]:
    """Give the twelve paths of a target over one side of the room.

    Parameters
    ----------
    motion : SpaceMotion
        Of the target, or of its body's reference point.
    environment : RayTraced
        With a room of kind box.
    radio : Radio
        Antennas and carrier; the electric field is taken as upright.
    """
    room = environment.room
    assert isinstance(room, BoxRoom)  # the model checked
    place = motion.state(0.0).position[0]
    ends = [(np.array(radio.transmitter_m), np.array(r.position_m)) for r in radio.receivers]
    bounces = []
    for name, point, normal in sides(room):
        for first in (True, False):
            bounce = BounceMotion(motion, point, normal, first)
            factor = [
                _factor(bounce, room, radio.carrier_hz, place, antennas[0 if first else 1])
                for antennas in ends
            ]
            bounces.append(
                Bounce(f"{name} {'first' if first else 'last'}", bounce, np.array(factor, np.complex128))
            )
    return bounces


def _factor(bounce: BounceMotion, room: BoxRoom, carrier_hz: float, place: Real, antenna: Real) -> complex:
    """Reflection coefficient times the ratio of the leg's lengths; 0 for a target beyond the wall."""
    normal, point = np.array(bounce.normal), np.array(bounce.point)
    if ((place - point) @ normal) * ((antenna - point) @ normal) <= 0:
        return 0j
    image = bounce.mirrored(antenna)
    along = image - place
    length = float(np.linalg.norm(along))
    met = place + along * ((point - place) @ normal) / (along @ normal)
    surface = _surface(bounce, room, met)
    if surface is None:
        return 0j
    upright = bounce.normal[2] == 1.0
    # Upright field: in the plane of incidence at floor and ceiling, across it at a wall that a level ray meets.
    back = reflection(surface, carrier_hz, float(abs(along @ normal)) / length, parallel=upright)
    return back * float(np.linalg.norm(antenna - place)) / length


def _surface(bounce: BounceMotion, room: BoxRoom, met: Real) -> Surface | None:
    """Surface that the path meets; None where a door stands open."""
    if bounce.normal[2] == 1.0:
        return room.ceiling if bounce.point[2] > 0 else room.floor
    axis = 0 if bounce.normal[0] == 1.0 else 1
    for door in room.doors:
        (a, b) = room.walls_m()[wall_of(door, room.walls_m()) or 0]
        in_this = a[axis] == b[axis] == bounce.point[axis]
        if in_this and abs(met[1 - axis] - door.at_m[1 - axis]) < door.width_m / 2 and met[2] < door.height_m:
            return door.surface
    return room.walls
