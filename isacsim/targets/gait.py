"""Motion of a walking person's joints: the model of Boulic, Magnenat-Thalmann and Thalmann.

"A global human walking model with real-time kinematic personification", The Visual Computer 6, 1990, 344-358, in the
form in which V. C. Chen and Y. Hai tabulate it for radar (V. C. Chen, The Micro-Doppler Effect in Radar, 2011, chapter
4, listing ``HumanWalkingModel``). Everything follows from the *relative speed*: speed over height of the hip, in 1/s.

docs/bodies.md says where this differs from the listing, and why.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.optimize import brentq

from isacsim.compute.jit import JIT

__all__ = [
    "BODY_HEIGHT",
    "FASTEST",
    "HIP_HEIGHT",
    "LENGTHS",
    "Joints",
    "control_points",
    "cycles_per_second",
    "effective_speed",
    "joints",
    "support",
]

Real: TypeAlias = NDArray[np.float64]

FASTEST = 3.0
"""Relative speed in 1/s up to which the model holds; beyond it people run."""
# A relative speed (about 4 cm/s) that counts as standing: below it, the gait fades out smoothly.
_STILL = 0.05
# Of joint angles in walking, nearly all lies below the tenth harmonic of the cycle (Winter, Sidwall and Hobson, J.
# Biomechanics 7, 1974, found seven to be enough).
_HARMONICS = 10
LENGTHS = {
    "head": 0.130,
    "torso": 0.288,
    "shoulders": 0.259 / 2,
    "hips": 0.191 / 2,
    "thigh": 0.245,
    "shank": 0.246,
    "foot": 0.143,
    "upper arm": 0.188,
    "lower arm": 0.152,
}
"""Lengths of segments, relative to the body's height; of shoulders and hips, from the middle (Chen's listing)."""
HIP_HEIGHT = LENGTHS["thigh"] + LENGTHS["shank"]
"""Relative to the body's height; what speeds are relative to."""
_SPEEDS = np.linspace(0.0, FASTEST, 31)
# Below it, steps as long as the cycle asks for would need a hip angle that goes with the root of the speed.
_SLOWEST_SWING = 0.2
BODY_HEIGHT = 1.75
"""m, of an average body: the published shifts are taken as its, and grow with the height."""
_ANGLES = ("hip", "knee", "ankle", "elbow", "thorax", "drop")


class Joints(NamedTuple):
    """Joint angles in rad and the pelvis' shift; those of limbs are (side, time), left then right."""

    shift: Real
    """Shift of the spine's origin of a body of `BODY_HEIGHT`: forward, left, up; (time, 3), m."""
    drop: Real
    """Pelvis about the forward axis; positive: the left side goes up."""
    torsion: Real
    """Pelvis about the vertical, anticlockwise seen from above."""
    lean: Real
    """Upper body about the lateral axis; positive: forward."""
    thorax: Real
    """Shoulders about the vertical, anticlockwise."""
    hip: Real
    """Thigh; positive: forward."""
    knee: Real
    """Shank against the thigh; positive: backward."""
    ankle: Real
    """Foot; positive: toes up."""
    shoulder: Real
    """Upper arm; positive: forward."""
    elbow: Real
    """Lower arm against the upper arm; positive: forward."""


def effective_speed(speed: Real, hip_height: float) -> Real:
    """Relative speed in 1/s, smooth where the speed in m/s goes through zero: there it falls off quadratically."""
    square = (speed / hip_height) ** 2
    return np.asarray(square / np.sqrt(square + _STILL**2))


def cycles_per_second(speed: Real, hip_height: float) -> Real:
    """Cycles of two steps a second: the relative length of a cycle is 1.346 √(relative speed)."""
    square = (speed / hip_height) ** 2
    return np.asarray(square / (1.346 * (square + _STILL**2) ** 0.75))


def support(relative_speed: Real) -> Real:
    """Share of the cycle that a foot is on the ground: (0.752 T - 0.143 s)/T with T the cycle in s."""
    return np.asarray(0.752 - 0.143 * np.sqrt(relative_speed) / 1.346)


def control_points(angle: str, relative_speed: float) -> tuple[list[float], list[float]]:
    """Extremes of an angle over the cycle of its own leg or arm.

    Parameters
    ----------
    angle : {"hip", "knee", "ankle", "elbow", "thorax"}
        Which; that of the thorax is over the right leg's cycle.
    relative_speed : float
        In 1/s, from 0 to 3.

    Returns
    -------
    (list of float, list of float)
        Parts of the cycle, ascending, 0 being the heel strike; angles in degrees. The angle is periodic.
    """
    v = relative_speed
    slow, u = v < 0.5, max(0.0, (v - 1.3) / 1.7)  # u: how far beyond 1.3
    toe_off = float(support(np.array(v)))
    match angle:
        case "hip":
            first, second, last = (50 * v, -30 * v, 50 * v) if slow else (25 + 5 * u, -15.0, 25 + 6 * u)
            if u == 0:  # first and last point are the same one
                return [0.5, 0.9], [second, last]
            return [0.2 * u - 0.1, 0.5, 0.9], [first, second, last]
        case "knee":
            most = 140 * v if slow else 70 - 5 * u
            return [0.17 - 0.05 * u, 0.4, 0.75 - 0.05 * u, 1 - 0.03 * u], [3 + 22 * u, 3, most, 3 + 3 * u]
        case "ankle":
            if slow:
                angles = [-3, -30 * v - 3, 22 * v - 3, -34 * v - 3, -3]
            else:
                angles = [-3 + 5 * u, -18 + 4 * u, 8 - 3 * u, -20 - 8 * u, -3 + 5 * u]
            return [0, 0.08, 0.5 - 0.1 * u, toe_off, 0.85], angles
        case "elbow":
            if slow:
                return [0.05, 0.5, 0.9], [6 * v + 3, 34 * v + 3, 10 * v + 3]
            w = min(1.0, (v - 0.5) / 0.8)
            times = [0.05, 0.5 + 0.01 * w + 0.04 * u, 0.9 - 0.1 * u]
            return times, [6 + 8 * w - 6 * u, 20 + 24 * w + 26 * u, 8 + 9 * w - 6 * u]
        case "thorax":
            return [0.1, 0.4, 0.6, 0.9], [4 * v / 3, -4.5 * v / 3, -4 * v / 3, 4.5 * v / 3]
    raise ValueError(angle)


def _pelvis_drop(cycle: Real, v: float) -> Real:
    """Rotation left/right of the pelvis in degrees: four half cosines of amplitude 1.66 v."""
    half = np.mod(cycle, 0.5)
    sign = np.where(np.mod(cycle, 1.0) < 0.5, -1.0, 1.0)
    rise = 1 - np.cos(2 * np.pi * half * 10 / 3)
    fall = 1 + np.cos(2 * np.pi * (half - 0.15) * 10 / 7)
    return np.asarray(1.66 * v * sign * np.where(half < 0.15, rise, fall))


def _curve(angle: str, v: float, cycle: Real) -> Real:
    """Angle in rad, monotonous between its control points."""
    times, degrees = control_points(angle, v)
    x = np.concatenate([np.array(times) + n for n in (-2, -1, 0, 1, 2)])
    return np.asarray(np.deg2rad(PchipInterpolator(x, np.tile(degrees, 5))(cycle)))


def _hip_swing(v: float, cycle: Real) -> float:
    """Factor on the hip angle with which the ankle stands still on average from 10 % to 40 % of the cycle.

    The published angles and step lengths fit together at about 1 m/s alone; at other speeds the feet slide. Its authors
    leave the correction to inverse kinematics.
    """
    v = max(v, _SLOWEST_SWING)
    hip, knee = _curve("hip", v, cycle), _curve("knee", v, cycle)
    ends = np.flatnonzero((cycle >= 0.1) & (cycle <= 0.4))[[0, -1]]
    torsion, shift = np.deg2rad(4 * v) * np.cos(2 * np.pi * cycle), _forward(cycle, np.array(v))
    upper, lower, hips = (LENGTHS[n] / HIP_HEIGHT for n in ("thigh", "shank", "hips"))

    def slide(factor: float) -> float:
        at = upper * np.sin(factor * hip) + lower * np.sin(factor * hip - knee) + hips * np.sin(torsion)
        at = at + shift / (BODY_HEIGHT * HIP_HEIGHT) + 1.346 * np.sqrt(v) * cycle
        return float(at[ends[1]] - at[ends[0]])

    return float(brentq(slide, 0.1, 3.0))


def _forward(cycle: Real, v: Real) -> Real:
    """Shift of the spine's origin forward, m."""
    return np.asarray(-0.021 * _gentle(v) * np.sin(4 * np.pi * (cycle + 0.625 - support(v))))


def _gentle(v: Real) -> Real:
    """Function that grows from 0 to 1 at a relative speed of 0.5, and stays there."""
    walking = np.minimum(v, 0.5)
    return np.asarray(4 * walking * (1 - walking))


@lru_cache(maxsize=1)
def _table() -> NDArray[np.complex128]:
    """Fourier coefficients of the angles in rad, as cubics of relative speed: (power, speed, angle, harmonic)."""
    cycle = np.arange(512) / 512
    rows = []
    for v in map(float, _SPEEDS):
        curves = [_curve(angle, v, cycle) for angle in _ANGLES[:-1]] + [np.deg2rad(_pelvis_drop(cycle, v))]
        curves[0] *= _hip_swing(v, cycle)
        rows.append(np.fft.rfft(curves)[:, : _HARMONICS + 1] / cycle.size)
    table = np.array(rows)
    table[:, :, 1:] *= 2  # the real part of one side stands for both
    return np.ascontiguousarray(CubicSpline(_SPEEDS, table).c)


@njit(**JIT)
def _angles(table, spacing, cycle, speed, out):  # type: ignore[no-untyped-def]
    """Fill out (side, angle, time): the left side is half a cycle late."""
    _, n_speed, n_angle, n_harmonic = table.shape
    c = np.empty((n_angle, n_harmonic), np.complex128)
    last = -1.0
    for t in range(cycle.size):
        v = speed[t]
        if v != last:
            n = min(int(v / spacing), n_speed - 1)
            u = v - n * spacing
            for i in range(n_angle):
                for k in range(n_harmonic):
                    low = table[2, n, i, k] * u + table[3, n, i, k]
                    c[i, k] = (table[0, n, i, k] * u + table[1, n, i, k]) * (u * u) + low
            last = v
        turn = np.exp(2j * np.pi * (cycle[t] - np.floor(cycle[t])))
        for i in range(n_angle):
            left = right = c[i, n_harmonic - 1]
            for k in range(n_harmonic - 2, -1, -1):  # Horner's scheme
                left = c[i, k] - left * turn
                right = c[i, k] + right * turn
            out[0, i, t] = left.real
            out[1, i, t] = right.real


def joints(cycle: Real, relative_speed: Real) -> Joints:
    """Joint angles.

    Parameters
    ----------
    cycle : numpy.ndarray, shape (time,)
        Position in the cycle of two steps, in cycles; 0 is the heel strike of the right foot.
    relative_speed : numpy.ndarray, shape (time,)
        From :func:`effective_speed`, at most `FASTEST`.
    """
    v = relative_speed
    angles = np.empty((2, len(_ANGLES), v.size))
    _angles(_table(), _SPEEDS[1], cycle, v, angles)
    of = dict(zip(_ANGLES, angles.transpose(1, 0, 2), strict=True))
    gentle = _gentle(v)
    phase = 2 * np.pi * cycle
    shift = np.stack(
        [
            _forward(cycle, v),
            -0.032 * gentle * np.sin(phase - 0.2 * np.pi),
            0.015 * v * (np.sin(2 * phase - 0.7 * np.pi) - 1),
        ],
        axis=-1,
    )
    swing = np.cos(phase + np.array([[np.pi], [0.0]]))
    return Joints(
        shift=shift,
        drop=of["drop"][1],
        torsion=np.deg2rad(4 * v * np.cos(phase)),
        lean=np.deg2rad(2 * gentle * (1 - np.sin(2 * phase - 0.2 * np.pi))),
        thorax=-of["thorax"][1],
        hip=of["hip"],
        knee=of["knee"],
        ankle=of["ankle"],
        shoulder=np.deg2rad(3 * gentle - 9.88 * v * (0.5 + swing)),
        elbow=of["elbow"],
    )
