"""Truth of a realisation beyond its paths: where their points are in space, and what the targets do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.paths import cubic_path_length
from isacsim.simulation.realisation import Realisation
from isacsim.targets.activity import activity_of
from isacsim.targets.kinematics import PathMotion, path_length_exact

__all__ = ["activities", "in_space", "reference_lengths"]


def in_space(drawn: Realisation, paths: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """Positions and velocities of paths' reflecting points at the window's centre.

    Parameters
    ----------
    drawn : Realisation
        What a capture is made of.
    paths : numpy.ndarray of int, optional
        Which; default: all.

    Returns
    -------
    numpy.ndarray, shape (2, path, 3)
        m, then m/s; NaN for paths that are given by their length alone.
    """
    which = range(len(drawn.motions)) if paths is None else paths
    out = np.full((2, len(which), 3), np.nan)
    for n, p in enumerate(which):
        motion = drawn.motions[p]
        if not isinstance(motion, PathMotion):
            state = motion.state(0.0)
            out[:, n] = state.position[0], state.velocity[0]
    return out


def reference_lengths(drawn: Realisation, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Path lengths of the targets' reference points alone, as `Realisation.path_lengths`; (receiver, target, time)."""
    radio, targets = drawn.scenario.radio, drawn.reference
    d, v, a, r = drawn.kinematics[:, :, targets]
    length = cubic_path_length(time, path_length=d, velocity=v, acceleration=a, jerk=r)
    if drawn.scenario.motion_model == "exact":
        for n, p in enumerate(targets):
            motion = drawn.motions[p]
            if isinstance(motion, PathMotion):
                continue
            for i, receiver in enumerate(radio.receivers):
                length[i, n] = path_length_exact(motion, radio.transmitter_m, receiver.position_m, time)
    return length


def activities(drawn: Realisation) -> NDArray[np.int8]:
    """Codes of the targets' activities at the window's centre (`isacsim.schema.ACTIVITIES`, -1: none); (target,)."""
    configs = drawn.drawn.targets.configs()
    codes = [
        activity_of(target, drawn.motions[p]) for target, p in zip(configs, drawn.reference, strict=True)
    ]
    return np.array(codes, np.int8)
