"""WiVelo's recordings and the truth of their walks (Li et al., IEEE SECON 2022; github.com/liecn/WiVelo_SECON22).

A folder holds ``USER-1-TRACK-INSTANCE-rRECEIVER.dat`` of Intel 5300 receivers with three antennas at 5.825 GHz, 1000
packets/s. A transmitter stands at the origin, the receivers 2.4 m to its left (r1) and right (r2); a person walks one
of six tracks of straight lines, on even instances backwards. So say the set's ``main.m`` and
``generate_ground_truth.m``; times are in neither. Everybody stands still first: a walk begins and ends where the
energy of both receivers together, at whatever speed and sign, leaves and comes back to that of standing. Between,
the walk has constant speed: turns are walked slower than that, so a part of every error is the truth's. How large
that part is shows `aligned_interval`, which chooses begin and end to fit what a tracker found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import InputError

__all__ = ["CARRIER", "Walk", "aligned_interval", "find_walks", "path_velocity", "walk_interval"]

Real = NDArray[np.float64]

CARRIER = 5.825e9
TRANSMITTER = (0.0, 0.0)
RECEIVERS = {"r1": (-2.4, 0.0), "r2": (2.4, 0.0)}
# Corners of the tracks in m; what lies on a line between two of them is left out.
TRACKS: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((1.8, 1.2), (1.8, 4.2)),
    2: ((1.8, 4.2), (-1.8, 4.2)),
    3: ((1.8, 1.2), (0.0, 1.2), (0.0, 4.2)),
    4: ((1.2, 1.2), (1.2, 3.0), (-1.2, 3.0), (-1.2, 1.2)),
    5: ((1.8, 1.5), (1.8, 1.8), (1.559, 2.7), (0.9, 3.359), (0.0, 3.6)),
    6: ((1.2, 1.2), (-1.2, 1.2), (1.2, 3.6), (-1.2, 3.6)),
}
_NAME = re.compile(r"^(\d+)-1-([1-6])-(\d+)-r([12])\.dat$")
# Windows that energy must stay high for a walk to have begun, or not to have ended.
_LASTS = 3
# Of begins and ends that are tried, s.
_STEP_S = 0.2


@dataclass(frozen=True, order=True)
class Walk:
    """One walk, seen by both receivers."""

    user: int
    track: int
    instance: int
    files: tuple[tuple[str, Path], ...]
    """Name of the receiver and its file."""

    @property
    def name(self) -> str:
        """As the files are called."""
        return f"{self.user}-1-{self.track}-{self.instance}"

    def corners(self) -> Real:
        """Corners of its track in the order in which they are walked; (corner, xy) in m."""
        corners = np.array(TRACKS[self.track])
        return corners[::-1] if self.instance % 2 == 0 else corners


def find_walks(folder: Path) -> list[Walk]:
    """Find the walks in a folder, those with both receivers.

    Raises
    ------
    InputError
        If there is none.
    """
    found: dict[tuple[int, int, int], dict[str, Path]] = {}
    for path in sorted(folder.rglob("*.dat")) if folder.is_dir() else ():
        if match := _NAME.match(path.name):
            user, track, instance, receiver = map(int, match.groups())
            found.setdefault((user, track, instance), {})[f"r{receiver}"] = path
    walks = [
        Walk(*key, tuple(sorted(files.items())))
        for key, files in sorted(found.items())
        if len(files) == len(RECEIVERS)
    ]
    if not walks:
        raise InputError(
            f"{folder} holds no walk of WiVelo: pairs of files such as 1-1-3-2-r1.dat and 1-1-3-2-r2.dat "
            "(github.com/liecn/WiVelo_SECON22, folder wivelo_dataset/CSI)."
        )
    return walks


def path_velocity(walk: Walk, receiver: str, time: Real, begin: float, end: float, width: float) -> Real:
    """Rate of change of the path's length by way of the walker, m/s, as the mean over windows.

    Parameters
    ----------
    walk : Walk
        Whose track.
    receiver : str
        r1 or r2.
    time : numpy.ndarray, shape (window,)
        Middles of the windows, s.
    begin, end : float
        When the walk begins and ends, s.
    width : float
        Of the windows, s.
    """
    corners = walk.corners()
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])

    def length(at: Real) -> Real:
        walked = np.clip((at - begin) / (end - begin), 0, 1) * along[-1]
        place = np.column_stack([np.interp(walked, along, corners[:, i]) for i in range(2)])
        legs = (np.linalg.norm(place - antenna, axis=1) for antenna in (TRANSMITTER, RECEIVERS[receiver]))
        return np.asarray(sum(legs))

    half = width / 2
    return (length(time + half) - length(time - half)) / width


def walk_interval(time: Real, moving: Sequence[Real]) -> tuple[float, float]:
    """Find when a walk begins and ends.

    Parameters
    ----------
    time : numpy.ndarray, shape (window,)
        Middles of the windows, s.
    moving : sequence of numpy.ndarray, shape (window,)
        Of each receiver: energy that moves, over the noise's.

    Returns
    -------
    (float, float)
        s; a walk that can't be told from standing fills the recording.
    """
    energy = sum(moving[1:], start=moving[0])
    energy = np.where(np.isfinite(energy), energy, np.nanmedian(energy))
    quiet, busy = np.quantile(energy, [0.04, 0.75])
    high = energy > np.sqrt(quiet * busy)
    # Of a run of high windows the first; single ones are a shifted foot.
    runs = np.convolve(high, np.ones(_LASTS), mode="valid") == _LASTS
    at = np.flatnonzero(runs)
    if not at.size:
        return float(time[0]), float(time[-1])
    return float(time[at[0]]), float(time[at[-1] + _LASTS - 1])


def aligned_interval(
    walk: Walk, found: Sequence[tuple[str, Real, Real]], span: float, width: float
) -> tuple[float, float]:
    """Choose begin and end of a walk so that its truth fits what a tracker found: the error that timing can't explain.

    Parameters
    ----------
    walk : Walk
        Whose track.
    found : sequence of (str, numpy.ndarray, numpy.ndarray)
        Of each receiver: its name, times (window,) in s and speeds (window,) in m/s.
    span : float
        Length of the recording, s.
    width : float
        Of the windows, s.
    """
    best = (np.inf, 0.0, span)
    for begin in np.arange(0.0, 0.5 * span, _STEP_S):
        for end in np.arange(0.6 * span, span + 0.6, _STEP_S):
            error = np.concatenate(
                [
                    np.abs(speed - path_velocity(walk, name, at, begin, end, width))[
                        (at > begin) & (at < end)
                    ]
                    for name, at, speed in found
                ]
            )
            cost = float(np.minimum(error, 1.0).mean()) if error.size else np.inf
            best = min(best, (cost, float(begin), float(end)))
    return best[1], best[2]
