"""A room of a scenario as a scene of Sionna's ray tracer (Mitsuba's XML)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from isacsim.scenario.rooms import AnyRoom, Door, Surface, wall_of

__all__ = ["room_xml"]

# A flat shape: its middle, and from there to two of its edges.
Panel = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], Surface]


def room_xml(room: AnyRoom) -> str:
    """Write a room as a Mitsuba scene that `sionna.rt.load_scene_from_string` reads.

    Walls, floor and ceiling are flat and have a thickness only as materials; furniture and pillars are hollow boxes.
    """
    materials: dict[Surface, str] = {}

    def name(surface: Surface) -> str:
        return materials.setdefault(surface, f"{surface.material}-{len(materials)}")

    shapes = []
    for i, (middle, u, v, surface) in enumerate(_panels(room)):
        normal = np.cross(u, v)
        matrix = np.eye(4)
        matrix[:3] = np.column_stack([u, v, normal / np.linalg.norm(normal), middle])
        to_world = f'<matrix value="{" ".join(repr(float(x)) for x in matrix.ravel())}"/>'
        shapes.append(_shape("rectangle", f"panel-{i}", to_world, name(surface)))
    for i, box in enumerate(room.boxes()):
        half = np.array(box.size_m) / 2
        to_world = _vector("scale", half) + _vector("translate", np.array(box.corner_m) + half)
        shapes.append(_shape("cube", f"box-{i}", to_world, name(box.surface)))
    bsdfs = [
        f'<bsdf type="itu-radio-material" id="{identity}"><string name="type" value="{surface.material}"/>'
        f'<float name="thickness" value="{surface.thickness_m!r}"/></bsdf>'
        for surface, identity in materials.items()
    ]
    return "\n".join(['<scene version="2.1.0">', *bsdfs, *shapes, "</scene>"])


def _shape(kind: str, identity: str, to_world: str, material: str) -> str:
    return (
        f'<shape type="{kind}" id="{identity}"><transform name="to_world">{to_world}</transform>'
        f'<ref id="{material}" name="bsdf"/></shape>'
    )


def _vector(word: str, xyz: NDArray[np.float64]) -> str:
    x, y, z = (repr(float(c)) for c in xyz)
    return f'<{word} x="{x}" y="{y}" z="{z}"/>'


def _panels(room: AnyRoom) -> Iterator[Panel]:
    up = np.array([0.0, 0.0, 1.0])
    for x0, y0, x1, y1 in room.floor_m():
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2, 0.0])
        u, v = np.array([(x1 - x0) / 2, 0.0, 0.0]), np.array([0.0, (y1 - y0) / 2, 0.0])
        yield middle, u, v, room.floor
        yield middle + room.height_m * up, u, v, room.ceiling
    walls = room.walls_m()
    for i, (start, end) in enumerate(walls):
        a, b = np.array([*start, 0.0]), np.array([*end, 0.0])
        length = float(np.linalg.norm(b - a))
        along = (b - a) / length
        doors = [
            (float((np.array([*door.at_m, 0.0]) - a) @ along), door)
            for door in room.doors
            if wall_of(door, walls) == i
        ]
        for s0, s1, z0, z1, surface in _wall(length, room, doors):
            middle = a + along * (s0 + s1) / 2 + up * (z0 + z1) / 2
            yield middle, along * (s1 - s0) / 2, up * (z1 - z0) / 2, surface


def _wall(
    length: float, room: AnyRoom, doors: list[tuple[float, Door]]
) -> Iterator[tuple[float, float, float, float, Surface]]:
    """Split a wall into panels (from, to, bottom, top) around its doors."""
    at = 0.0
    for middle, door in sorted(doors, key=lambda pair: pair[0]):
        left, right = middle - door.width_m / 2, middle + door.width_m / 2
        if left > at:
            yield at, left, 0.0, room.height_m, room.walls
        if door.height_m < room.height_m:
            yield left, right, door.height_m, room.height_m, room.walls
        if door.surface is not None:
            yield left, right, 0.0, door.height_m, door.surface
        at = right
    if at < length:
        yield at, length, 0.0, room.height_m, room.walls
