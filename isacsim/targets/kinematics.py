"""From a motion in space to the length of the reflected path and its derivatives.

The bistatic path from transmitter over a point p(t) to a receiver has the length
``d(t) = |p - tx| + |p - rx|``. For one leg with ``u = p - antenna`` and ``rho = |u|``, differentiating
``rho² = u·u`` once, twice and three times gives, with v, a, j the derivatives of p::

    rho'   = u·v / rho
    rho''  = (v·v + u·a - rho'²) / rho
    rho''' = (3 v·a + u·j - 3 rho' rho'') / rho

and d is the sum over both legs. The truth of a capture (method.md section 1) is the cubic with these derivatives
at the window's centre, t = 0.

**Model error.** The cubic leaves out ``d'''' t⁴/24`` and beyond. A point passing straight by at speed s and closest
distance b has ``rho'''' = -3 s⁴/b³`` there. Take both antennas at that distance, 1.4 m/s and a window of 1.024 s.
Then the path at the window's ends errs by 2.4 mm at 3 m (a 22nd of the wavelength at 5.8 GHz) and by 53 mm, a whole
wavelength, at 1 m. ``motion_model: exact`` simulates the true path; `path_length_exact` minus `path_length_cubic` is
the error.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.scenario.motions import Kinematics, MotionConfig, Oscillation, Phases, Trajectory, Waypoints
from isacsim.scenario.numbers import plain, plain_vector
from isacsim.targets.phases import realise_phases
from isacsim.targets.trajectory import (
    BounceMotion,
    Motion,
    OscillationMotion,
    PathKinematics,
    PathMotion,
    PolynomialMotion,
    SplineMotion,
    State,
    column,
)

__all__ = [
    "Motion",
    "OscillationMotion",
    "PathKinematics",
    "PathMotion",
    "PolynomialMotion",
    "SplineMotion",
    "State",
    "path_kinematics",
    "path_length_cubic",
    "path_length_exact",
    "realise_motion",
    "scatterer_path_lengths",
    "within_axes",
]

Array: TypeAlias = NDArray[np.float64]

# Nearer than this, a point reflector is no model of anything and the derivatives blow up.
_CLOSEST_M = 1e-3


@singledispatch
def realise_motion(config: MotionConfig) -> Motion:
    """Motion of a scenario's section that was drawn.

    A further kind of motion is a section in the union `isacsim.scenario.motions.MotionConfig` and a function
    registered here for it.

    Parameters
    ----------
    config : Kinematics, Trajectory, Waypoints, Oscillation or Phases
        A scenario's motion, its distributions replaced by numbers.

    Returns
    -------
    Motion
        With ``.state(time_s)`` (not for path kinematics, which have no place in space).
    """
    raise TypeError(f"no motion is registered for {type(config).__name__}")


@realise_motion.register
def _kinematics(config: Kinematics) -> Motion:
    numbers = (config.path_length_m, config.velocity_m_s, config.acceleration_m_s2, config.jerk_m_s3)
    return PathMotion(PathKinematics(*map(plain, numbers)))


@realise_motion.register
def _trajectory(config: Trajectory) -> Motion:
    if config.velocity_m_s is not None:
        velocity = plain_vector(config.velocity_m_s)
    else:
        assert config.speed_m_s is not None and config.heading_deg is not None  # the model checked
        speed, heading = plain(config.speed_m_s), np.deg2rad(plain(config.heading_deg))
        velocity = (speed * float(np.cos(heading)), speed * float(np.sin(heading)), 0.0)
    further = (plain_vector(v) for v in (config.acceleration_m_s2, config.jerk_m_s3))
    return PolynomialMotion(plain_vector(config.position_m), velocity, *further)


@realise_motion.register
def _waypoints(config: Waypoints) -> Motion:
    return SplineMotion(config.times_s, tuple(plain_vector(p) for p in config.positions_m))


@realise_motion.register
def _oscillation(config: Oscillation) -> Motion:
    axis = np.array(plain_vector(config.axis))
    axis /= np.linalg.norm(axis)
    return OscillationMotion(
        plain_vector(config.position_m),
        (float(axis[0]), float(axis[1]), float(axis[2])),
        plain(config.amplitude_m),
        2 * np.pi * plain(config.frequency_hz),
        plain(config.phase_rad),
    )


@realise_motion.register
def _phases(config: Phases) -> Motion:
    return realise_phases(config)


def within_axes(scenario: Scenario, motion: Motion) -> bool:
    """Tell whether a motion's truth lies inside the spectrum's axes at every surveillance receiver."""
    radio, spectrum = scenario.radio, scenario.spectrum
    for receiver in radio.receivers:
        if receiver.role == "surveillance":
            truth = path_kinematics(motion, radio.transmitter_m, receiver.position_m)
            if abs(truth.acceleration) > spectrum.acceleration_max_m_s2:
                return False
            if abs(truth.jerk) > spectrum.jerk_max_m_s3:
                return False
    return True


def path_kinematics(
    motion: Motion, transmitter: ArrayLike, receiver: ArrayLike, time_s: float = 0.0
) -> PathKinematics:
    """Give path length, velocity, acceleration and jerk in closed form (module docstring).

    Parameters
    ----------
    motion : Motion
        Of the reflecting point.
    transmitter, receiver : array_like, (3,)
        Positions, m.
    time_s : float
        The moment, s from the window's centre; the truth of a capture is that of 0.

    Returns
    -------
    PathKinematics
        m, m/s, m/s², m/s³.

    Raises
    ------
    InputError
        If the point is within 1 mm of an antenna, where the derivatives have no meaning.
    """
    if isinstance(motion, PathMotion):
        d, v, a, r = motion.kinematics
        t = float(time_s)
        return PathKinematics(d + v * t + a * t**2 / 2 + r * t**3 / 6, v + a * t + r * t**2 / 2, a + r * t, r)
    if isinstance(motion, BounceMotion):
        transmitter, receiver = motion.antennas(transmitter, receiver)
    p, v3, a3, j3 = (x[0] for x in motion.state(time_s))
    total = np.zeros(4)
    for name, antenna in (("transmitter", transmitter), ("receiver", receiver)):
        u = p - np.asarray(antenna, dtype=np.float64)
        rho = float(np.linalg.norm(u))
        if rho < _CLOSEST_M:
            raise InputError(_through(name, antenna, rho))
        rho1 = (u @ v3) / rho
        rho2 = (v3 @ v3 + u @ a3 - rho1**2) / rho
        rho3 = (3 * (v3 @ a3) + u @ j3 - 3 * rho1 * rho2) / rho
        total += (rho, rho1, rho2, rho3)
    return PathKinematics(*(float(x) for x in total))


def path_length_exact(
    motion: Motion, transmitter: ArrayLike, receiver: ArrayLike, time_s: ArrayLike
) -> Array:
    """Give the true path length at each time.

    Parameters
    ----------
    motion : Motion
        Of the reflecting point; for path kinematics the cubic is the truth.
    transmitter, receiver : array_like, (3,)
        Positions, m.
    time_s : array_like, (time,)
        Ascending, s from the window's centre.

    Returns
    -------
    ndarray, (time,)
        m.

    Raises
    ------
    InputError
        If the point passes within 1 mm of an antenna, at or between the times.
    """
    if isinstance(motion, PathMotion):
        return path_length_cubic(motion, transmitter, receiver, time_s)
    if isinstance(motion, BounceMotion):
        transmitter, receiver = motion.antennas(transmitter, receiver)
    position = motion.state(time_s).position
    length = np.zeros(len(position))
    for name, antenna in (("transmitter", transmitter), ("receiver", receiver)):
        u = position - np.asarray(antenna, dtype=np.float64)
        nearest = _nearest(u)
        if nearest < _CLOSEST_M:
            raise InputError(_through(name, antenna, nearest))
        length += np.linalg.norm(u, axis=1)
    return length


def scatterer_path_lengths(positions: Array, transmitter: ArrayLike, receiver: ArrayLike) -> Array:
    """Give the path lengths over the points of a body.

    Parameters
    ----------
    positions : ndarray, (3, scatterer, time)
        m.
    transmitter, receiver : array_like, (3,)
        Positions, m.

    Returns
    -------
    ndarray, (scatterer, time)
        m.

    Raises
    ------
    InputError
        If a point comes within 1 mm of an antenna.
    """
    length = np.zeros(positions.shape[1:])
    for name, antenna in (("transmitter", transmitter), ("receiver", receiver)):
        u = positions - np.asarray(antenna, dtype=np.float64)[:, None, None]
        leg = np.sqrt(u[0] ** 2 + u[1] ** 2 + u[2] ** 2)
        nearest = float(leg.min(initial=np.inf))
        if nearest < _CLOSEST_M:
            raise InputError(_through(name, antenna, nearest))
        length += leg
    return length


def path_length_cubic(
    motion: Motion, transmitter: ArrayLike, receiver: ArrayLike, time_s: ArrayLike
) -> Array:
    """Give the cubic that the truth describes, at each time (time,) s from the window's centre, in m."""
    d, v, a, r = path_kinematics(motion, transmitter, receiver)
    t = column(time_s)[:, 0]
    return np.asarray(d + t * (v + t * (a / 2 + t * (r / 6))), dtype=np.float64)


def _nearest(u: Array) -> float:
    """Give the closest distance of a polyline (time, 3) to the origin."""
    if len(u) < 2:
        return float(np.linalg.norm(u))
    step = np.diff(u, axis=0)
    square = np.sum(step**2, axis=1)
    along = -np.sum(u[:-1] * step, axis=1) / np.where(square > 0, square, 1.0)
    return float(np.min(np.linalg.norm(u[:-1] + np.clip(along, 0, 1)[:, None] * step, axis=1)))


def _through(name: str, antenna: ArrayLike, distance: float) -> str:
    where = ", ".join(f"{x:g}" for x in np.asarray(antenna, dtype=np.float64))
    return (
        f"a target passes through the {name} at [{where}] m (within {distance:.2g} m; at least "
        f"{_CLOSEST_M:g} m is needed); move its path or the antenna"
    )
