"""Activity of a target at one moment: the phase that it is in, or what its posture was left at."""

from __future__ import annotations

import numpy as np

from isacsim.scenario.bodies import WalkerBody
from isacsim.scenario.motions import Phases
from isacsim.scenario.numbers import plain
from isacsim.scenario.targets import Target
from isacsim.schema import ACTIVITIES
from isacsim.targets.trajectory import Motion, PathMotion
from isacsim.targets.walker import SwayingMotion

__all__ = ["NO_ACTIVITY", "activity_of"]

NO_ACTIVITY = -1
"""Code of a target whose motion has no phases and which is no walker."""

# Slower than this in m/s, a walker on a trajectory stands.
_STILL = 0.1
_AFTER = {"sit": "seated", "fall": "lying"}


def activity_of(target: Target, motion: Motion, time_s: float = 0.0) -> int:
    """Give the code of a target's activity, its place in `isacsim.schema.ACTIVITIES`.

    Parameters
    ----------
    target : Target
        As drawn: its fields are numbers.
    motion : Motion
        Of its reference point.
    time_s : float
        When, s from the window's centre.

    Returns
    -------
    int
        Of motion by phases the phase, which holds from its begin on and until just before its end. Before the first
        and after the last one it is walk or stand, by the speed then. After sit it is seated, after fall lying, in
        phases of kind stand too. A walker on another motion walks, or stands where it is slower than 0.1 m/s. -1 for
        all others.
    """
    if isinstance(target.motion, Phases):
        return ACTIVITIES.index(_phase_at(target.motion, time_s))
    if not isinstance(target.body, WalkerBody) or isinstance(motion, PathMotion):
        return NO_ACTIVITY
    # Steps sway the torso of someone who hardly moves, too.
    way = motion.motion if isinstance(motion, SwayingMotion) else motion
    x, y, _ = way.state(time_s).velocity[0]
    return ACTIVITIES.index("walk" if np.hypot(x, y) >= _STILL else "stand")


def _phase_at(config: Phases, time_s: float) -> str:
    end, moving, posture = plain(config.start_s), plain(config.speed_m_s) != 0, ""
    if time_s >= end:
        for phase in config.phases:
            end += plain(phase.duration_s)
            if time_s < end:
                return posture or phase.kind
            posture = _AFTER.get(phase.kind, posture)
            if phase.kind in ("start", "stop", "fall"):
                moving = phase.kind == "start"
    return posture or ("walk" if moving else "stand")
