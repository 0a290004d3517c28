"""Limits of a search for paths: by default as far as carrier, packet rate and window allow."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.checks import check_number
from isacsim.errors import InputError
from isacsim.estimation.grid import SamplingGrid

__all__ = ["Limits"]

# Speeds of people, and of anything by road or air that Wi-Fi meets: by default no lower, no higher limit, m/s.
_SLOWEST, _FASTEST = 10.0, 60.0
# People's motion (the axes of AJ spectra), m/s^2 and m/s^3, and what faster targets add for each m/s of their limit:
# the shipped vehicles pass by at up to 36 m/s, 16 m/s^2 and 41 m/s^3.
_ACCELERATION, _JERK = 8.0, 40.0
_ACCELERATION_PER_SPEED, _JERK_PER_SPEED = 0.3, 1.0
_PATH_LENGTH = 120.0
# Where speeds stay within V over |t| <= h, |a| <= V / h and |r| <= 4 V / h^2 (Markov's inequalities). Twice that is
# searched: a speed that folds once within the window is still one path's.
_FOLDS = 2.0
# This near to a limit, a state may as well lie beyond it.
_EDGE = 0.97


@dataclass(frozen=True)
class Limits:
    """The largest states searched, about the window's centre.

    Attributes
    ----------
    path_length : float
        Largest path length, m; the search covers the unambiguous c / (smallest spacing) where that is shorter.
    velocity, acceleration, jerk : float
        Largest magnitude, m/s, m/s^2, m/s^3.
    """

    path_length: float
    velocity: float
    acceleration: float
    jerk: float

    def __post_init__(self) -> None:
        for name in ("path_length", "velocity", "acceleration", "jerk"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"the search limit of {name} must be above zero and finite, not {value!r}")

    @classmethod
    def for_axes(
        cls,
        time: ArrayLike,
        frequency: ArrayLike,
        *,
        max_path_length: float | None = None,
        max_speed: float | None = None,
        max_acceleration: float | None = None,
        max_jerk: float | None = None,
    ) -> Limits:
        """Limits for packets at these times and subcarriers at these frequencies.

        Parameters
        ----------
        time : array_like (packet,)
            Packet times, s.
        frequency : array_like (subcarrier,)
            Subcarrier frequencies, Hz.
        max_path_length : float, optional
            Largest path length, m; default 120.
        max_speed : float, optional
            m/s. Default: the speed whose Doppler shift is half the packet rate, at least 10, at most 60 and no more
            than is unambiguous (`SamplingGrid.unambiguous_velocity`).
        max_acceleration, max_jerk : float, optional
            m/s^2 and m/s^3. Default: 8 and 40, or 0.3 and 1 times the speed limit if more; in long windows what
            keeps speeds within twice their limit.

        Returns
        -------
        Limits

        Raises
        ------
        InputError
            Where one is not above zero, or the speed is ambiguous.
        """
        grid = SamplingGrid.from_axes(time, frequency)
        asked = {
            "max_path_length": max_path_length,
            "max_speed": max_speed,
            "max_acceleration": max_acceleration,
            "max_jerk": max_jerk,
        }
        for name, value in asked.items():
            if value is not None:
                check_number(name, value, above=0)
        unambiguous = grid.unambiguous_velocity
        if max_speed is None:
            max_speed = min(max(grid.nyquist_velocity, _SLOWEST), _FASTEST, unambiguous)
        elif max_speed > unambiguous * (1 + 1e-6):
            even = unambiguous <= grid.nyquist_velocity * (1 + 1e-6)
            why = (
                "the Doppler shift reaches half the packet rate"
                if even
                else "other speeds look alike at these times"
            )
            raise InputError(
                f"max_speed must be at most {unambiguous:.3g} m/s, where {why} ({grid.packet_rate:.4g} packets/s); got "
                f"{max_speed:g}."
            )
        fold = _FOLDS * max(max_speed, min(grid.nyquist_velocity, unambiguous))
        if max_acceleration is None:
            largest = max(_ACCELERATION, _ACCELERATION_PER_SPEED * max_speed)
            max_acceleration = min(largest, fold / grid.half)
        if max_jerk is None:
            max_jerk = min(max(_JERK, _JERK_PER_SPEED * max_speed), 4 * fold / grid.half**2)
        return cls(max_path_length or _PATH_LENGTH, max_speed, max_acceleration, max_jerk)

    def __str__(self) -> str:
        length, *rest = (f"{value:.3g}" for value in astuple(self))
        return (
            f"path length {length} m, speed {rest[0]} m/s, acceleration {rest[1]} m/s², jerk {rest[2]} m/s³"
        )

    def ambiguous(
        self, grid: SamplingGrid, velocity: ArrayLike, acceleration: ArrayLike, jerk: ArrayLike
    ) -> NDArray[np.bool_]:
        """Mark paths so near the edge of the search, or of the unambiguous range, that others may be meant.

        Parameters
        ----------
        grid : SamplingGrid
            Packet times and subcarrier frequencies.
        velocity, acceleration, jerk : array_like (path,)
            Estimates, m/s, m/s^2 and m/s^3.

        Returns
        -------
        ndarray of bool (path,)
        """
        speed = min(self.velocity, grid.unambiguous_velocity)
        out = np.zeros(np.shape(velocity), bool)
        for values, limit in ((velocity, speed), (acceleration, self.acceleration), (jerk, self.jerk)):
            out |= np.abs(np.asarray(values, np.float64)) > _EDGE * limit
        return out
