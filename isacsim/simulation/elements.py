"""Paths over the elements of arrays: from where each comes, and by how much it differs from that of the centres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.compute.jit import JIT
from isacsim.scenario.arrays import axes_of, pattern_gain
from isacsim.scenario.radio import Radio
from isacsim.streams import Stream, stream
from isacsim.targets.kinematics import Motion, PathMotion
from isacsim.targets.trajectory import BounceMotion, ScattererMotion

__all__ = ["bearings", "gains", "leg_offsets"]

Real = NDArray[np.float64]


def bearings(
    radio: Radio, motions: Sequence[Motion], target: NDArray[np.int64], seed: int, index: int
) -> Real:
    """Give the directions in which the antennas see each path's reflecting point at the window's centre.

    A path that is given by its length alone has no place. It comes from anywhere ahead of each array and level with it,
    its sine to the left uniform from -1 to 1.

    Parameters
    ----------
    radio : Radio
        For the antennas.
    motions : sequence of Motion
        One a path.
    target : numpy.ndarray, shape (path,)
        -1 for movers, which come last.
    seed, index : int
        Of the sample.

    Returns
    -------
    numpy.ndarray, shape (1 + receiver, path, 3)
        Unit vectors of the room, from the transmitter first, then from each receiver. Of a path that meets a wall
        between, that in which it leaves the antenna.
    """
    antennas = [(radio.transmitter_array, radio.transmitter_m)]
    antennas += [(receiver.array, receiver.position_m) for receiver in radio.receivers]
    out = np.zeros((len(antennas), len(motions), 3))
    first_mover = int(np.count_nonzero(target >= 0))
    for p, motion in enumerate(motions):
        if isinstance(motion, PathMotion):
            part = (0, int(target[p])) if target[p] >= 0 else (1, p - first_mover)
            sines = stream(seed, index, Stream.ARRAYS, *part).uniform(-1, 1, len(antennas))
            for i, (array, place) in enumerate(antennas):
                axes = np.eye(3) if array is None else axes_of(array, place)
                out[i, p] = np.sqrt(1 - sines[i] ** 2) * axes[0] + sines[i] * axes[1]
            continue
        at = motion.state(0.0).position[0]
        for i, (_, place) in enumerate(antennas):
            away = at - np.array(place)
            if isinstance(motion, BounceMotion) and motion.first == (i == 0):
                # By way of the wall, as to the target's mirror image.
                away = motion.mirrored(at) - np.array(place)
            out[i, p] = away / np.linalg.norm(away)
    return out


def gains(radio: Radio, bearing: Real) -> Real:
    """Factors of the elements' patterns on the paths' amplitudes at the window's centre; (receiver, path)."""
    sent = pattern_gain(radio.transmitter_array, radio.transmitter_m, bearing[0])
    rows = [
        sent * pattern_gain(receiver.array, receiver.position_m, seen)
        for receiver, seen in zip(radio.receivers, bearing[1:], strict=True)
    ]
    return np.array(rows, np.float64)


def leg_offsets(
    radio: Radio, motions: Sequence[Motion], bearing: Real, time: Real
) -> tuple[Real, list[Real]]:
    """Give by how much the legs to the elements are longer than those to the arrays' centres.

    Parameters
    ----------
    radio : Radio
        For the antennas and ``wavefront``.
    motions : sequence of Motion
        One a path.
    bearing : numpy.ndarray, shape (1 + receiver, path, 3)
        From `bearings`.
    time : numpy.ndarray, shape (packet,)
        s from the window's centre.

    Returns
    -------
    tuple of numpy.ndarray and list of numpy.ndarray
        Of the transmitter (element, path, packet), and of each receiver, m.

    Notes
    -----
    Spherical waves: ``|p - e| - |p - c|`` for the point p, the element e, the centre c. Plane ones: ``-(e - c)·u``, u
    the direction from c to p at each moment; they leave out ``|e - c|² sin²/(2 |p - c|)``, the angle between
    e - c and u.
    """
    place = _places(motions, time)
    antennas = [(np.array(radio.transmitter_m), radio.transmitter_elements_m)]
    antennas += [
        (np.array(receiver.position_m), elements)
        for receiver, elements in zip(radio.receivers, radio.receiver_elements_m, strict=True)
    ]
    legs = []
    for i, (centre, elements) in enumerate(antennas):
        around = np.broadcast_to(centre, (len(motions), 3)).copy()
        offset = np.broadcast_to((elements - centre)[:, np.newaxis], (len(elements), len(motions), 3)).copy()
        for p, motion in enumerate(motions):
            if isinstance(motion, BounceMotion) and motion.first == (i == 0):
                around[p] = motion.mirrored(centre)
                offset[:, p] = np.array([motion.mirrored(element) for element in elements]) - around[p]
        leg = np.empty((len(elements), len(motions), time.size))
        _fill(place, around, offset, radio.wavefront == "plane", leg)
        for p, motion in enumerate(motions):
            if isinstance(motion, PathMotion):
                leg[:, p] = -(offset[:, p] @ bearing[i, p])[:, np.newaxis]
        legs.append(leg)
    return legs[0], legs[1:]


def _places(motions: Sequence[Motion], time: Real) -> Real:
    """Places (path, 3, packet) of the reflecting points, m; far away for paths that have none."""
    place = np.full((len(motions), 3, time.size), 1e3)
    for p, motion in enumerate(motions):
        if isinstance(motion, ScattererMotion):
            if motion.number == 0:  # its body's points at once
                at = motion.body.positions(time).transpose(1, 0, 2)
                place[p : p + len(at)] = at
        elif not isinstance(motion, PathMotion):
            place[p] = motion.state(time).position.T
    return place


@njit(**JIT)
def _fill(place, around, offset, plane, out):  # type: ignore[no-untyped-def]
    """Fill out (element, path, packet) with what a leg is longer than that to the centre.

    place (path, 3, packet), around (path, 3), offset (element, path, 3).
    """
    n_path, _, n_packet = place.shape
    away = np.empty((3, n_packet))
    distance = np.empty(n_packet)
    for p in range(n_path):
        for i in range(n_packet):
            x, y, z = (
                place[p, 0, i] - around[p, 0],
                place[p, 1, i] - around[p, 1],
                place[p, 2, i] - around[p, 2],
            )
            away[0, i] = x
            away[1, i] = y
            away[2, i] = z
            distance[i] = np.sqrt(x * x + y * y + z * z)
        for e in range(out.shape[0]):
            a, b, c = offset[e, p, 0], offset[e, p, 1], offset[e, p, 2]
            if plane:
                for i in range(n_packet):
                    out[e, p, i] = -(a * away[0, i] + b * away[1, i] + c * away[2, i]) / distance[i]
            else:
                for i in range(n_packet):
                    x, y, z = away[0, i] - a, away[1, i] - b, away[2, i] - c
                    out[e, p, i] = np.sqrt(x * x + y * y + z * z) - distance[i]
