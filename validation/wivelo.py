"""WiVelo's recordings: which walk each file holds, and the truth of its path's speed.

Li, Liu, Cao, Zhang, "WiVelo: Fine-grained Walking Velocity Estimation for Wi-Fi Passive Tracking", IEEE SECON 2022;
files and their ``code/generate_ground_truth.m`` at github.com/liecn/WiVelo_SECON22. An Intel 5300 with one transmit and
three receive antennas at 5.825 GHz, 1000 packets/s, no licence given. ``USER-1-TRACK-INSTANCE-rN.dat``: receiver 1
stands at (-2.4, 0), receiver 2 at (2.4, 0), the transmitter at (0, 0); instances of even number go the track backwards.

The published truth is where somebody walks, without times. Here: people stand still at first, then walk at one speed
until the recording ends or they stop. When, is taken from the amplitudes of both receivers, which know no sign and no
speed.
At a turn of the track the time is as uncertain as the constant speed is wrong: `near_turn` marks those windows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CARRIER", "Walk", "activity", "near_turn", "path_speed", "walking", "walks"]

Real = NDArray[np.float64]

CARRIER = 5.825e9
"""Carrier of all files, Hz."""
TRACKS: dict[int, Sequence[tuple[float, float]]] = {
    1: [(1.8, 1.2), (1.8, 4.2)],
    2: [(1.8, 4.2), (-1.8, 4.2)],
    3: [(1.8, 1.2), (0, 1.2), (0, 4.2)],
    4: [(1.2, 1.2), (1.2, 3.0), (-1.2, 3.0), (-1.2, 1.2)],
    5: [(1.8, 1.5), (1.8, 1.8), (1.559, 2.7), (0.9, 3.359), (0, 3.6)],
    6: [(1.2, 1.2), (-1.2, 1.2), (1.2, 3.6), (-1.2, 3.6)],
}
RECEIVERS = {1: (-2.4, 0.0), 2: (2.4, 0.0)}
# A change of direction by more, rad, is a turn.
_TURN = 0.6
_NAME = re.compile(r"(\d+)-1-(\d+)-(\d+)-r([12])\.dat")
_STEP = 0.1
_AT_ONCE = 20


class Walk(NamedTuple):
    """One person's walk, as both receivers have it."""

    user: int
    track: int
    instance: int
    files: tuple[Path, Path]
    """Files of receiver 1 and 2."""

    @property
    def corners(self) -> Real:
        """Track from its start, m; shape (corner, 2)."""
        points = np.array(TRACKS[self.track], np.float64)
        return points[::-1] if self.instance % 2 == 0 else points


def walks(folder: Path, users: Sequence[int]) -> list[Walk]:
    """Find the walks of some users below a folder.

    Raises
    ------
    InputError
        If there are none.
    """
    found: dict[tuple[int, int, int], dict[int, Path]] = {}
    for path in sorted(folder.rglob("*.dat")):
        match = _NAME.fullmatch(path.name)
        if match is not None:
            user, track, instance, receiver = map(int, match.groups())
            if user in users and track in TRACKS:
                found.setdefault((user, track, instance), {})[receiver] = path
    whole = [Walk(*key, (files[1], files[2])) for key, files in sorted(found.items()) if len(files) == 2]
    if not whole:
        raise InputError(
            f"{folder} holds no walks of users {', '.join(map(str, users))} by both receivers "
            "(USER-1-TRACK-INSTANCE-r1.dat and -r2.dat)."
        )
    return whole


def activity(capture: xr.Dataset) -> tuple[Real, Real]:
    """Measure how much amplitudes vary within 0.3 s, every 0.1 s: times (moment,) and standard deviations (moment,).

    Each packet's gain is taken out, and 20 packets are averaged first, so that noise counts less.
    """
    time = capture["time"].values
    size = np.abs(capture["csi"].values).astype(np.float32)
    size /= np.sqrt((size**2).mean(axis=(0, 1), keepdims=True))
    many = size.shape[-1] // _AT_ONCE
    size = size[..., : many * _AT_ONCE].reshape(*size.shape[:2], many, _AT_ONCE).mean(axis=-1)
    at = time[: many * _AT_ONCE].reshape(many, _AT_ONCE).mean(axis=-1)
    centre = np.arange(int(time[-1] / _STEP)) * _STEP + _STEP / 2
    edges = np.searchsorted(at, [centre - 1.5 * _STEP, centre + 1.5 * _STEP])
    spread = [float(np.sqrt(size[..., a:b].var(axis=-1).mean())) if b - a > 1 else np.nan for a, b in edges.T]
    return np.asarray(centre, np.float64), np.array(spread, np.float64)


def walking(captures: Sequence[xr.Dataset]) -> tuple[float, float]:
    """When somebody begins and ends to walk, s, from all receivers' `activity`."""
    parts = [activity(c) for c in captures]
    count = min(t.size for t, _ in parts)
    time = parts[0][0][:count]
    level = np.exp(np.mean([np.log(np.maximum(a[:count], 1e-6)) for _, a in parts], axis=0))
    limit = np.sqrt(np.nanmin(level[time < 2.5]) * np.nanmedian(level))
    up = level > limit
    begins = np.flatnonzero(up[1:] & ~up[:-1] & (time[1:] < 3)) + 1
    begin = float(time[begins[-1]]) if begins.size else 0.0
    last, span = float(time[np.flatnonzero(up)[-1]]), float(captures[0]["time"].values[-1])
    # Within three tenths of the end the level is that of an open window.
    return begin, last if last < span - 0.3 else span


def path_speed(walk: Walk, receiver: int, time: Real, begin: float, end: float) -> Real:
    """Rate of change of transmitter - person - receiver, m/s, at times (moment,); NaN where nobody walks."""
    points = walk.corners
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    speed = along[-1] / (end - begin)
    here = (time - begin) * speed
    ahead, behind = np.minimum(here + 0.02, along[-1]), np.maximum(here - 0.02, 0)

    def length(at: Real) -> Real:
        x, y = np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])
        to = RECEIVERS[receiver]
        return np.asarray(np.hypot(x, y) + np.hypot(x - to[0], y - to[1]))

    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (length(ahead) - length(behind)) / (ahead - behind) * speed
    return np.where((time >= begin) & (time <= end), rate, np.nan)


def near_turn(walk: Walk, time: Real, begin: float, end: float, within: float = 0.75) -> NDArray[np.bool_]:
    """Mark moments (moment,) so near to a turn of the track, s, that the truth's sign is uncertain."""
    steps = np.diff(walk.corners, axis=0)
    along = np.cumsum(np.hypot(*steps.T))
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    turned = np.abs(np.angle(np.exp(1j * np.diff(heading)))) > _TURN
    when = begin + along[:-1][turned] / along[-1] * (end - begin)
    return np.asarray((np.abs(time[:, np.newaxis] - when) < within).any(axis=1))
