"""A walking person as moving points: joint angles (`isacsim.targets.gait`) to positions in the body's frame.

The frame's origin is the middle of the torso when it stands still; x points forward, y to the left, z up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline, CubicSpline, make_interp_spline

from isacsim.errors import InputError
from isacsim.targets import gait
from isacsim.targets.trajectory import Pose, SpaceMotion, State, column

__all__ = ["PARTS", "SKELETON", "SwayingMotion", "Walker"]

Real: TypeAlias = NDArray[np.float64]

PARTS = (
    "head",
    *(
        f"{side} {part}"
        for part in ("upper arm", "lower arm", "thigh", "shank", "foot")
        for side in ("left", "right")
    ),
)
"""Names of the points besides the torso, in the order of :meth:`Walker.offsets`."""

SKELETON = (
    ("neck", "head"),
    ("origin", "neck"),
    *(
        (a, f"{side} {b}") if a in ("origin", "neck") else (f"{side} {a}", f"{side} {b}")
        for side in ("left", "right")
        for a, b in (
            ("neck", "shoulder"),
            ("shoulder", "elbow"),
            ("elbow", "hand"),
            ("origin", "hip"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "toe"),
        )
    ),
)
"""Pairs of joints that a bone connects, for pictures; names as in :meth:`Walker.joint_positions`."""


@dataclass(frozen=True, eq=False)
class Walker:
    """A person who walks as fast as the torso moves."""

    height: float
    """m."""
    phase: float
    """Position in the walking cycle at time 0, in cycles."""
    pose: Callable[[Real], Pose]
    """Pose of the body at times (time,)."""
    nodes: Real
    """Times in s, ascending, over the window: speed is integrated along them."""

    @property
    def origin(self) -> float:
        """Height of the frame's origin over the hips, m."""
        return 0.5 * gait.LENGTHS["torso"] * self.height

    @cached_property
    def _progress(self) -> tuple[Callable[[Real], Real], Callable[[Real], Real]]:
        """Cycles since time 0 and relative speed, over time."""
        hip_height = gait.HIP_HEIGHT * self.height
        speed = self.pose(self.nodes).speed
        fastest = float(speed.max())
        if fastest > gait.FASTEST * hip_height:
            raise InputError(
                f"a walker of {self.height:g} m moves at {fastest:.3g} m/s within the window; the model of walking "
                f"holds up to {gait.FASTEST * hip_height:.3g} m/s: slow its motion, or take body: {{kind: point}}"
            )
        cycles = CubicSpline(self.nodes, gait.cycles_per_second(speed, hip_height)).antiderivative()
        start = float(cycles(0.0))
        relative = CubicSpline(self.nodes, gait.effective_speed(speed, hip_height))
        return lambda t: cycles(t) - start, lambda t: np.clip(relative(t), 0.0, gait.FASTEST)

    def joints(self, time: Real) -> gait.Joints:
        """Joint angles at times (time,) in s."""
        cycles, speed = self._progress
        return gait.joints(self.phase + cycles(time), speed(time))

    def torso(self, time: Real) -> Real:
        """Where the torso's middle is at times (time,), because of the steps; (3, time), m."""
        at = self.joints(time)
        return self._from_origin(at, _upper(at)(0.0, 0.0, self.origin))

    def joint_positions(self, time: Real, bend: Real) -> dict[str, Real]:
        """Positions in the body's frame of the joints that `SKELETON` names.

        Parameters
        ----------
        time : numpy.ndarray, shape (time,)
            s.
        bend : numpy.ndarray, shape (time,)
            Of hips and knees, rad; from the pose.

        Returns
        -------
        dict of str to numpy.ndarray, shape (3, time)
            m.
        """
        at = self.joints(time)
        upper_body = _upper(at)
        length = {name: relative * self.height for name, relative in gait.LENGTHS.items()}
        torso, zero = length["torso"], np.zeros_like(time)
        out = {
            "origin": np.zeros((3, time.size)),
            "neck": upper_body(0.0, 0.0, torso),
            "head": upper_body(0.0, 0.0, torso + length["head"]),
        }
        for n, (side, sign) in enumerate((("left", 1.0), ("right", -1.0))):
            arm, fore = at.shoulder[n], at.shoulder[n] + at.elbow[n]
            x, z = length["upper arm"] * np.sin(arm), torso - length["upper arm"] * np.cos(arm)
            y = sign * length["shoulders"]
            out[f"{side} shoulder"] = upper_body(0.0, y, torso)
            out[f"{side} elbow"] = upper_body(x, y, z)
            x, z = x + length["lower arm"] * np.sin(fore), z - length["lower arm"] * np.cos(fore)
            out[f"{side} hand"] = upper_body(x, y, z)
            # The pelvis carries the hips along; the legs stay in the planes of walking, else the feet would slide.
            half = sign * length["hips"]
            flat = half * np.cos(at.drop)
            hip = np.stack([-flat * np.sin(at.torsion), flat * np.cos(at.torsion), half * np.sin(at.drop)])
            # Thigh and shank bend against each other as somebody sits down: the shank stays upright.
            upper, lower = at.hip[n] + bend, at.hip[n] - at.knee[n]
            tread = lower + at.ankle[n]
            knee = hip + length["thigh"] * np.stack([np.sin(upper), zero, -np.cos(upper)])
            ankle = knee + length["shank"] * np.stack([np.sin(lower), zero, -np.cos(lower)])
            toe = ankle + length["foot"] * np.stack([np.cos(tread), zero, np.sin(tread)])
            out |= {f"{side} hip": hip, f"{side} knee": knee, f"{side} ankle": ankle, f"{side} toe": toe}
        return {name: self._from_origin(at, place) for name, place in out.items()}

    def offsets(self, time: Real, pose: Pose) -> Real:
        """Middle of each part in the body's frame, in the order of `PARTS`; (3, part, time), m."""
        at = self.joint_positions(time, pose.bend)
        ends = [("neck", "head")]
        for a, b in (
            ("shoulder", "elbow"),
            ("elbow", "hand"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "toe"),
        ):
            ends += [(f"{side} {a}", f"{side} {b}") for side in ("left", "right")]
        return 0.5 * np.stack([at[a] + at[b] for a, b in ends], axis=1)

    def _from_origin(self, at: gait.Joints, place: Real) -> Real:
        out = place + self.height / gait.BODY_HEIGHT * at.shift.T
        out[2] -= self.origin
        return out


def _upper(at: gait.Joints) -> Callable[[float | Real, float, float | Real], Real]:
    """Make what leans and turns a point (x, y, z) of the upper body; (3, time)."""
    lean_c, lean_s = np.cos(at.lean), np.sin(at.lean)
    c, s = np.cos(at.thorax), np.sin(at.thorax)

    def place(x: float | Real, y: float, z: float | Real) -> Real:
        ahead = x * lean_c + z * lean_s
        return np.stack([ahead * c - y * s, ahead * s + y * c, z * lean_c - x * lean_s])

    return place


@dataclass(frozen=True, eq=False)
class SwayingMotion:
    """A motion with what the steps add to it."""

    motion: SpaceMotion
    sway: BSpline

    @classmethod
    def of(cls, motion: SpaceMotion, times: Real, offset: Real) -> SwayingMotion:
        """Add offsets (3, time) at times (time,), joined by a quintic spline."""
        return cls(motion, make_interp_spline(times, offset.T, k=5))

    def state(self, time_s: ArrayLike) -> State:
        """Evaluate at times (time,), s from the window's centre."""
        t = column(time_s)[:, 0]
        return State(*(x + self.sway(t, nu) for nu, x in enumerate(self.motion.state(time_s))))
