"""Antenna arrays of a scenario: where the elements stand, and how strongly each sees a direction.

An array has axes of its own: ahead (where it looks), left and up. A point of the room far away, seen from the array's
centre, lies in a direction of those axes. The centre is the mean of the elements; it stands at the antenna's place.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from isacsim.scenario.limits import Wavelengths, between
from isacsim.scenario.numbers import Float, Int
from isacsim.scenario.section import Section, Vector, refuse

__all__ = [
    "Array",
    "LinearArray",
    "ListedArray",
    "RectangularArray",
    "axes_of",
    "element_places",
    "pattern_gain",
]

Real = NDArray[np.float64]

# TR 38.901, table 7.3-1: half-power width of the element, and the most that it falls.
_WIDTH_DEG, _MOST_DB = 65.0, 30.0


class _Elements(Section):
    """Base of all arrays."""

    pattern: Literal["iso", "dipole", "hw_dipole", "tr38901"] = "iso"
    """Pattern of each element: isotropic, short or half-wave dipole along the up axis, or 3GPP's directional
    element (65 degrees wide) that looks ahead. Amplitudes are relative to the direction of its maximum."""
    looks_at_m: Vector | None = None
    """Point [x, y, z] that the array looks at, metres; null: along x, with left along y."""
    roll_deg: Annotated[Float, between(-360, 360, "degrees")] = 0.0
    """Turn of the places about the direction ahead, degrees: 90 sets a level row upright. Elements stay upright."""

    @model_validator(mode="after")
    def _direction(self) -> _Elements:
        if self.pattern == "tr38901" and self.looks_at_m is None:
            raise refuse("looks_at_m is missing; directional elements need it", "looks_at_m")
        return self


class LinearArray(_Elements):
    """Elements in a row, from right to left."""

    kind: Literal["linear"]
    """linear: a row."""
    elements: Annotated[Int, Field(ge=1, le=64)]
    """Number of elements."""
    spacing_wavelengths: Wavelengths = 0.5
    """Distance of neighbours, wavelengths of the carrier."""


class RectangularArray(_Elements):
    """Elements in columns and rows; the columns' number runs fastest."""

    kind: Literal["rectangular"]
    """rectangular: columns from right to left, rows from below."""
    columns: Annotated[Int, Field(ge=1, le=64)]
    """Elements beside each other."""
    rows: Annotated[Int, Field(ge=1, le=64)]
    """Elements above each other."""
    spacing_wavelengths: Wavelengths = 0.5
    """Distance of neighbours, wavelengths of the carrier."""


class ListedArray(_Elements):
    """Elements anywhere."""

    kind: Literal["list"]
    """list: places one by one."""
    places_wavelengths: Annotated[tuple[Vector, ...], Field(min_length=1, max_length=256)]
    """Places [ahead, left, up] of the elements, wavelengths of the carrier; their mean comes to stand at the antenna's
    place."""

    @model_validator(mode="after")
    def _apart(self) -> ListedArray:
        if len(set(self.places_wavelengths)) < len(self.places_wavelengths):
            raise refuse("two elements stand at one place; they must differ", "places_wavelengths")
        return self


Array = Annotated[LinearArray | RectangularArray | ListedArray, Field(discriminator="kind")]


def _offsets(array: LinearArray | RectangularArray | ListedArray) -> Real:
    """Places (element, 3) of the elements along the array's axes, in wavelengths, about their mean."""
    match array:
        case LinearArray(elements=n, spacing_wavelengths=spacing):
            places = np.zeros((n, 3))
            places[:, 1] = spacing * np.arange(n)
        case RectangularArray(columns=n, rows=m, spacing_wavelengths=spacing):
            places = np.zeros((m * n, 3))
            places[:, 1] = spacing * np.tile(np.arange(n), m)
            places[:, 2] = spacing * np.repeat(np.arange(m), n)
        case ListedArray(places_wavelengths=listed):
            places = np.array(listed)
    places -= places.mean(axis=0)
    c, s = np.cos(np.deg2rad(array.roll_deg)), np.sin(np.deg2rad(array.roll_deg))
    left, up = places[:, 1].copy(), places[:, 2].copy()
    places[:, 1], places[:, 2] = c * left - s * up, s * left + c * up
    return places


def axes_of(array: LinearArray | RectangularArray | ListedArray, place: ArrayLike) -> Real:
    """Directions ahead, left and up of an array that stands at a place (3,) in m; unit vectors, rows of (3, 3)."""
    return _axes_of(array, _triple(place))


def _triple(place: ArrayLike) -> tuple[float, ...]:
    return tuple(np.asarray(place, np.float64).tolist())


# A sample asks dozens of times.
@lru_cache(maxsize=256)
def _axes_of(array: LinearArray | RectangularArray | ListedArray, place: tuple[float, ...]) -> Real:
    ahead = np.array([1.0, 0.0, 0.0])
    if array.looks_at_m is not None:
        ahead = np.array(array.looks_at_m) - np.asarray(place, np.float64)
        ahead /= np.linalg.norm(ahead)
    left = np.array([-ahead[1], ahead[0], 0.0])
    size = float(np.linalg.norm(left))
    # Straight up or down, left is that of an array that looks along x.
    left = left / size if size > 1e-9 else np.array([0.0, 1.0, 0.0])
    axes = np.stack([ahead, left, np.cross(ahead, left)])
    axes.flags.writeable = False
    return axes


def element_places(
    array: LinearArray | RectangularArray | ListedArray | None, place: ArrayLike, wavelength_m: float
) -> Real:
    """Places of the elements.

    Parameters
    ----------
    array : Array or None
        None: a single antenna.
    place : array_like, shape (3,)
        Where the array's centre stands, m.
    wavelength_m : float
        Of the carrier, m.

    Returns
    -------
    numpy.ndarray, shape (element, 3)
        m.
    """
    if array is None:
        return np.asarray(place, np.float64)[np.newaxis]
    return _element_places(array, _triple(place), wavelength_m)


@lru_cache(maxsize=256)
def _element_places(
    array: LinearArray | RectangularArray | ListedArray, place: tuple[float, ...], wavelength_m: float
) -> Real:
    places = np.asarray(np.array(place) + wavelength_m * _offsets(array) @ _axes_of(array, place))
    places.flags.writeable = False
    return places


def pattern_gain(
    array: LinearArray | RectangularArray | ListedArray | None, place: ArrayLike, towards: Real
) -> Real:
    """Strength with which an element sees directions, relative to that of its maximum.

    Parameters
    ----------
    array : Array or None
        None: a single antenna, isotropic.
    place : array_like, shape (3,)
        Where the array stands, m.
    towards : numpy.ndarray, shape (..., 3)
        Unit vectors of the room.

    Returns
    -------
    numpy.ndarray, shape (...)
        Factor on the amplitude, 0 to 1.

    Notes
    -----
    3GPP's element: TR 38.901 V17.0.0, table 7.3-1, without its 8 dBi.
    """
    if array is None or array.pattern == "iso":
        return np.ones(towards.shape[:-1])
    ahead, left, up = np.moveaxis(towards @ axes_of(array, place).T, -1, 0)
    across = np.sqrt(np.clip(1 - up**2, 0, 1))
    if array.pattern == "dipole":
        return np.asarray(across)
    if array.pattern == "hw_dipole":
        return np.asarray(np.cos(np.pi / 2 * up) / np.maximum(across, 1e-9) * (across > 1e-6))
    level, upright = np.rad2deg(np.arctan2(left, ahead)), np.rad2deg(np.arcsin(np.clip(up, -1, 1)))
    lost = sum(np.minimum(12 * (angle / _WIDTH_DEG) ** 2, _MOST_DB) for angle in (level, upright))
    return np.asarray(10 ** (-np.minimum(lost, _MOST_DB) / 20))
