"""The local minimum that two paths of crossing speeds fall into, and the way out.

Where two speed tracks cross, the data near the crossing say little about which branch goes on as which. A
search that takes the strongest path first may follow one path up to the crossing and the other after it; the
second path is then the other two branches, each bent to a parabola, and joint least squares stays there:
every path by itself is at its best. Exchanging the branches where the two tracks come closest is the one move
that leaves it.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from isacsim.estimation.grid import SPEED_OF_LIGHT, Grid

__all__ = ["exchanged_branches"]

Array = NDArray[np.float64]

POINTS = 65
# Tracks further apart than this many speed resolutions of a segment, or delay resolutions, don't mix.
CLOSE_SPEED, CLOSE_LENGTH = 0.7, 1.5
# A branch shorter than this share of the window is too short to have been swapped.
SHORTEST_BRANCH = 0.08


def exchanged_branches(pair: Array, grid: Grid, resolution: float) -> list[Array]:
    """Starting points for two paths with their branches exchanged where their speeds come closest.

    Parameters
    ----------
    pair : ndarray (2, 4)
        Path length, velocity, acceleration and jerk of the two.
    grid : Grid
        Gives the window and the bandwidth.
    resolution : float
        Speed resolution of a segment, m/s.

    Returns
    -------
    list of ndarray (2, 4)
        One for every set of times of closest approach (a cubic path has two at most); empty where there is
        none.
    """
    u = np.linspace(-1, 1, POINTS)
    t = grid.half * u
    powers = np.stack([np.ones_like(t), t, t**2 / 2, t**3 / 6])
    length = pair @ powers
    speed = pair[:, 1:] @ powers[:3]
    apart = np.abs(speed[0] - speed[1])
    edge = round(SHORTEST_BRANCH * POINTS)
    inner = np.arange(edge, POINTS - edge)
    near = inner[(apart[inner] <= apart[inner - 1]) & (apart[inner] <= apart[inner + 1])]
    near = near[apart[near] < CLOSE_SPEED * resolution]
    if grid.spacing:
        width = SPEED_OF_LIGHT / float(grid.frequency[-1] - grid.frequency[0] + grid.spacing)
        near = near[np.abs(length[0] - length[1])[near] < CLOSE_LENGTH * width]
    starts = []
    at = np.arange(POINTS)
    for count in range(1, near.size + 1):
        for times in combinations(near, count):
            # A path goes on as the other after each of the chosen times.
            other = (np.searchsorted(times, at, side="right") % 2).astype(bool)
            swapped = np.where(other, length[::-1], length)
            moving = np.where(other, speed[::-1], speed)
            # Speeds decide where the main lobe is, lengths only need their own resolution.
            state = np.linalg.lstsq(powers[:3].T, moving.T, rcond=None)[0].T
            offset = (swapped - state @ powers[1:]).mean(axis=1)
            starts.append(np.concatenate([offset[:, None], state], axis=1))
    return starts
