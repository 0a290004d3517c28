"""A picture of a walking person: the skeleton of a walker, moment by moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from isacsim.targets.trajectory import column
from isacsim.targets.walker import SKELETON, Walker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_walker"]

_COLOURS = {"left": "C0", "right": "C3"}


def draw_walker(axes: Axes, walker: Walker, time_s: ArrayLike, *, height: ArrayLike, step: float) -> None:
    """Draw a walker from the right, one moment beside the other.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    walker : Walker
        Left limbs are blue, right ones red.
    time_s : array_like, shape (time,)
        Moments, s.
    height : array_like, shape (time,)
        Of the torso over the floor at each, m.
    step : float
        Distance on the paper from one to the next, m.
    """
    time = column(time_s)[:, 0]
    pose = walker.pose(time)
    at = walker.joint_positions(time, pose.bend)
    along = step * np.arange(time.size)
    c, s = np.cos(pose.pitch), np.sin(pose.pitch)
    for bone in SKELETON:
        x, _, z = np.stack([at[joint] for joint in bone], axis=1)
        colour = next((c for side, c in _COLOURS.items() if side in bone[1]), "black")
        axes.plot(x * c + z * s + along, z * c - x * s + height, c=colour, lw=1.3, solid_capstyle="round")
    axes.axhline(0, c="#888888", lw=0.8, zorder=0)
    axes.set_aspect("equal")
    axes.set_xticks(along, [f"{t:.2f}" for t in time], fontsize=7)
    axes.set_xlabel("time [s]")
    axes.set_ylabel("height [m]")
