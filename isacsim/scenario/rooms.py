"""Rooms that a scenario describes for ray tracing: box, L-shaped corridor, hall with pillars; furniture and doors."""

from __future__ import annotations

from abc import abstractmethod
from math import hypot
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from isacsim.scenario.limits import Coordinate, Metres
from isacsim.scenario.section import Section, Vector, refuse

__all__ = ["AnyRoom", "BoxRoom", "Corridor", "Door", "Furniture", "Hall", "Room", "Surface", "wall_of"]

Point: TypeAlias = tuple[Coordinate, Coordinate]
Segment: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
Rectangle: TypeAlias = tuple[float, float, float, float]

# Recommendation ITU-R P.2040, those with parameters between 1 and 10 GHz.
Material = Literal[
    "concrete",
    "brick",
    "plasterboard",
    "wood",
    "glass",
    "ceiling_board",
    "chipboard",
    "plywood",
    "marble",
    "vinyl_tile",
    "carpet_tile",
    "asphalt_concrete",
    "metal",
]
# A door is on a wall if its middle is not farther from it than this, metres.
_ON = 0.01
# Of surfaces nearer to an antenna than this the ray tracer loses reflections, metres.
_CLEAR = 0.01
_ROUNDING = 1e-9


class Surface(Section):
    """Material of a wall or a piece of furniture."""

    material: Material
    """Material of recommendation ITU-R P.2040."""
    thickness_m: Metres = 0.1
    """Thickness, metres."""


class Furniture(Section):
    """A box that stands (or hangs) in the room."""

    name: Annotated[str, Field(min_length=1)] = "furniture"
    """Name in pictures."""
    corner_m: Vector
    """Its corner of least x, y and z, metres."""
    size_m: tuple[Metres, Metres, Metres]
    """Extent along x, y and z, metres."""
    surface: Surface = Surface(material="wood", thickness_m=0.03)
    """Material of its sides."""

    def contains(self, point: tuple[float, ...]) -> bool:
        """Tell whether a point lies within."""
        return all(c < p < c + s for p, c, s in zip(point, self.corner_m, self.size_m, strict=True))

    def distance(self, point: tuple[float, ...]) -> float:
        """Distance of a point outside, metres; 0 within."""
        gaps = (max(c - p, 0.0, p - c - s) for p, c, s in zip(point, self.corner_m, self.size_m, strict=True))
        return hypot(*gaps)


class Door(Section):
    """An opening in a wall, from the floor up."""

    at_m: Point
    """Its middle [x, y], a point on a wall, metres."""
    width_m: Metres = 0.9
    """Width, metres."""
    height_m: Metres = 2.1
    """Height, metres."""
    surface: Surface | None = None
    """Material of the door; null: open."""


class _Room(Section):
    """Fields of every room."""

    corner_m: Point = (0.0, 0.0)
    """Its corner of least x and y, metres."""
    height_m: Metres = 3.0
    """From the floor (z = 0) to the ceiling, metres."""
    walls: Surface = Surface(material="plasterboard", thickness_m=0.1)
    """Material of the walls."""
    floor: Surface = Surface(material="concrete", thickness_m=0.2)
    """Material of the floor."""
    ceiling: Surface = Surface(material="concrete", thickness_m=0.2)
    """Material of the ceiling."""
    furniture: tuple[Furniture, ...] = ()
    """Boxes in the room."""
    doors: tuple[Door, ...] = ()
    """Openings in the walls."""

    @abstractmethod
    def floor_m(self) -> tuple[Rectangle, ...]:
        """Floor as rectangles (x least, y least, x most, y most), metres, that touch but do not overlap."""

    @abstractmethod
    def outline_m(self) -> tuple[tuple[float, float], ...]:
        """Corners of the floor, counterclockwise, metres."""

    def boxes(self) -> tuple[Furniture, ...]:
        """Everything that stands in the room."""
        return self.furniture

    def walls_m(self) -> tuple[Segment, ...]:
        """Walls from corner to corner, metres."""
        corners = self.outline_m()
        return tuple(zip(corners, corners[1:] + corners[:1], strict=True))

    def blocked(self, point: tuple[float, ...]) -> str:
        """Say what keeps an antenna from standing at a point; an empty text if nothing does."""
        x, y, z = point
        if not 0 < z < self.height_m or not any(a <= x <= c and b <= y <= d for a, b, c, d in self.floor_m()):
            return "outside the room"
        for box in self.boxes():
            if box.contains(point):
                return f"within {box.name!r}"
        near = [("the floor", z), ("the ceiling", self.height_m - z)]
        near += [("a wall", _distance((x, y), wall)) for wall in self.walls_m()]
        near += [(repr(box.name), box.distance(point)) for box in self.boxes()]
        name, distance = min(near, key=lambda pair: pair[1])
        if distance < _CLEAR - _ROUNDING:
            return f"{distance * 1e3:.2g} mm from {name}; antennas need {_CLEAR * 1e3:g} mm, else reflections get lost"
        return ""

    @model_validator(mode="after")
    def _boxes_inside(self) -> _Room:
        for i, box in enumerate(self.boxes()):
            (x, y, z), (a, b, c) = box.corner_m, box.size_m
            # The floor's rectangles do not overlap: what they cover of the box adds up.
            covered = sum(
                max(min(x + a, x1) - max(x, x0), 0.0) * max(min(y + b, y1) - max(y, y0), 0.0)
                for x0, y0, x1, y1 in self.floor_m()
            )
            if covered < a * b * (1 - 1e-6) or z < -_ROUNDING or z + c > self.height_m + _ROUNDING:
                n = i - len(self.furniture)
                where = ("furniture", i) if n < 0 else ("pillars_m", n)
                raise refuse(
                    f"{box.name!r} from {list(box.corner_m)} to {[x + a, y + b, z + c]} reaches outside the room",
                    *where,
                )
        return self

    @model_validator(mode="after")
    def _doors_in_walls(self) -> _Room:
        taken: list[tuple[int | None, Door]] = []
        for i, door in enumerate(self.doors):
            if door.height_m > self.height_m:
                raise refuse(
                    f"a door is {door.height_m:g} m high, the room only {self.height_m:g} m",
                    "doors",
                    i,
                    "height_m",
                )
            wall = wall_of(door, self.walls_m())
            if wall is None:
                raise refuse(
                    f"no wall runs through {list(door.at_m)} with room for a door {door.width_m:g} m wide; at_m is the "
                    "middle of the door, on a wall",
                    *("doors", i, "at_m"),
                )
            for other_wall, other in taken:
                apart = max(abs(p - q) for p, q in zip(door.at_m, other.at_m, strict=True))
                if wall == other_wall and apart < (door.width_m + other.width_m) / 2:
                    raise refuse(
                        f"two doors overlap, at {list(other.at_m)} and {list(door.at_m)}", "doors", i
                    )
            taken.append((wall, door))
        return self


def _distance(place: Point, wall: Segment) -> float:
    """From a place to a wall along x or y, metres."""
    return hypot(
        *(
            max(min(ends) - p, 0.0, p - max(ends))
            for p, ends in zip(place, zip(*wall, strict=True), strict=True)
        )
    )


def wall_of(door: Door, walls: tuple[Segment, ...]) -> int | None:
    """Find the wall that a door is in; None if it is in none."""
    for i, (a, b) in enumerate(walls):
        axis = 0 if a[0] != b[0] else 1
        lo, hi = sorted((a[axis], b[axis]))
        half = door.width_m / 2
        along = lo + half <= door.at_m[axis] <= hi - half
        if along and abs(door.at_m[1 - axis] - a[1 - axis]) <= _ON:
            return i
    return None


class _Rectangle(_Room):
    """A rectangular room along x and y."""

    size_m: tuple[Metres, Metres]
    """Extent along x and y, metres."""

    def floor_m(self) -> tuple[Rectangle, ...]:
        """Floor as one rectangle."""
        (x, y), (a, b) = self.size_m, self.corner_m
        return ((a, b, a + x, b + y),)

    def outline_m(self) -> tuple[tuple[float, float], ...]:
        """Four corners."""
        a, b, c, d = self.floor_m()[0]
        return ((a, b), (c, b), (c, d), (a, d))


class BoxRoom(_Rectangle):
    """An empty or furnished rectangular room."""

    kind: Literal["box"]
    """box: a rectangle."""


class Corridor(_Room):
    """An L-shaped corridor: along x, then along y at its far end."""

    kind: Literal["corridor"]
    """corridor: the first leg along x, the second from its end along y."""
    width_m: Metres
    """Width of both legs, metres."""
    legs_m: tuple[Metres, Metres]
    """Outer length of the leg along x and of the one along y, metres."""

    @model_validator(mode="after")
    def _legs_exceed_width(self) -> Corridor:
        if min(self.legs_m) <= self.width_m:
            raise refuse(
                f"legs_m is {list(self.legs_m)}; each must exceed width_m, {self.width_m:g} m", "legs_m"
            )
        return self

    def floor_m(self) -> tuple[Rectangle, ...]:
        """Floor as two rectangles."""
        (x, y), w, (a, b) = self.legs_m, self.width_m, self.corner_m
        return ((a, b, a + x, b + w), (a + x - w, b + w, a + x, b + y))

    def outline_m(self) -> tuple[tuple[float, float], ...]:
        """Six corners."""
        (a, b, c, d), (e, _, _, f) = self.floor_m()
        return ((a, b), (c, b), (c, f), (e, f), (e, d), (a, d))


class Hall(_Rectangle):
    """A rectangular hall with pillars from floor to ceiling."""

    kind: Literal["hall"]
    """hall: a rectangle with pillars."""
    pillars_m: Annotated[tuple[Point, ...], Field(min_length=1)]
    """Middle [x, y] of each pillar, metres."""
    pillar_size_m: Metres = 0.5
    """Width and depth of a pillar, metres."""
    pillar: Surface = Surface(material="concrete", thickness_m=0.25)
    """Material of the pillars' sides; half the pillar, for a massive one."""

    def boxes(self) -> tuple[Furniture, ...]:
        """Furniture and pillars."""
        half = self.pillar_size_m / 2
        size = (self.pillar_size_m, self.pillar_size_m, self.height_m)
        return self.furniture + tuple(
            Furniture(name="pillar", corner_m=(x - half, y - half, 0.0), size_m=size, surface=self.pillar)
            for x, y in self.pillars_m
        )


AnyRoom: TypeAlias = BoxRoom | Corridor | Hall
Room = Annotated[AnyRoom, Field(discriminator="kind")]
