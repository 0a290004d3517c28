"""The walking model: what is published of it, and what any walking satisfies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isacsim.validation.gait import one, steady
from numpy.testing import assert_allclose

from isacsim import InputError
from isacsim.targets import gait
from isacsim.targets.trajectory import Pose
from isacsim.targets.walker import PARTS, SKELETON, Walker

pytestmark = pytest.mark.numerical

heights = st.floats(1.0, 2.1)
speeds = st.floats(0.0, 1.3)
CYCLE = np.linspace(0, 1, 401)


def degrees(speed: float) -> gait.Joints:
    at = gait.joints(CYCLE, np.full(CYCLE.size, speed))
    return at._replace(**{n: np.rad2deg(getattr(at, n)) for n in gait.Joints._fields if n != "shift"})


def test_published_numbers():
    # Boulic et al. 1990: cycle 1.346 √v long, support 0.752 T - 0.143 s; at v = 1 the cycle takes 1.346 s.
    assert gait.cycles_per_second(np.array(0.9), 0.9) == pytest.approx(1 / 1.346, rel=0.005)
    assert gait.support(np.array(1.0)) == pytest.approx(0.752 - 0.143 / 1.346)
    assert gait.control_points("hip", 1.0) == ([0.5, 0.9], [-15, 25])
    assert gait.control_points("knee", 0.9)[1] == [3, 3, 70, 3]
    assert gait.control_points("ankle", 3.0)[1] == pytest.approx([2, -14, 5, -28, 2])
    assert gait.control_points("elbow", 1.3)[1] == pytest.approx([14, 44, 17])


@pytest.mark.parametrize("angle", ["hip", "knee", "ankle", "elbow", "thorax"])
@pytest.mark.parametrize("edge", [0.5, 1.3])
def test_the_three_published_ranges_of_speed_join(angle, edge):
    below, above = (gait.control_points(angle, edge + e) for e in (-1e-9, 1e-9))
    low, high = (np.interp(CYCLE, np.array(t), y, period=1) for t, y in (below, above))
    assert_allclose(low, high, atol=1e-3)


@pytest.mark.parametrize("speed", [0.4, 1.0, 1.7, 2.8])
def test_ten_harmonics_hold_the_published_curves(speed):
    at = degrees(speed)
    for angle, most in (("knee", 0.4), ("ankle", 0.8), ("elbow", 0.2), ("thorax", 0.1)):
        times, values = gait.control_points(angle, speed)
        curve = getattr(at, angle) * (-1 if angle == "thorax" else 1)
        curve = curve if curve.ndim == 1 else curve[1]
        assert_allclose(np.interp(np.mod(times, 1), CYCLE, curve), values, atol=most + 0.1, err_msg=angle)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.0, 3.0))
def test_joints_stay_in_their_ranges_and_sides_mirror(speed):
    at = degrees(speed)
    assert -30 < at.hip.min() <= at.hip.max() < 50
    assert at.knee.min() > -1 and at.knee.max() < 75  # a knee does not bend forward
    assert at.ankle.min() > -35 and at.ankle.max() < 15
    assert at.elbow.min() > -1 and at.elbow.max() < 85
    assert np.abs(at.torsion).max() <= 12.01 and np.abs(at.drop).max() < 11
    half = CYCLE.size // 2
    for name in ("hip", "knee", "ankle", "shoulder", "elbow"):
        left, right = getattr(at, name)
        assert_allclose(left[:half], right[half : 2 * half], atol=1e-9)
        assert_allclose(right[:1], right[-1:], atol=1e-9)
    for name in ("drop", "torsion", "thorax"):  # left becomes right
        assert_allclose(getattr(at, name)[:half], -getattr(at, name)[half : 2 * half], atol=1e-9)
    assert_allclose(at.shift[:half, 1], -at.shift[half : 2 * half, 1], atol=1e-12)
    assert_allclose(at.shift[:half, ::2], at.shift[half : 2 * half, ::2], atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(heights, st.floats(0.3, 1.0))
def test_feet_stand_while_they_are_on_the_ground_and_steps_are_as_long_as_the_way(height, of_fastest):
    speed = of_fastest * 2.3 * gait.HIP_HEIGHT * height
    row = one(height, speed)
    assert abs(row["stance_mean_m_s"]) < 0.03 * speed
    assert row["stance_rms_m_s"] < 0.25 * speed
    assert row["stride_m"] == pytest.approx(
        1.346 * np.sqrt(row["relative_speed"]) * gait.HIP_HEIGHT * height, rel=0.01
    )
    assert 3.2 < row["ankle_peak_over_torso"] < 5.2
    assert 0.55 < row["support"] < 0.7


@settings(deadline=None, max_examples=20)
@given(heights, speeds, st.floats(0, 1.5))
def test_bones_keep_their_length(height, speed, bend):
    time = np.linspace(0, 1, 50)
    at = steady(height, speed, 1.0).joint_positions(time, np.full(time.size, bend))
    for a, b in SKELETON:
        bone = np.linalg.norm(at[a] - at[b], axis=0)
        assert np.ptp(bone) < 1e-9 * height, (a, b)
    thigh = np.linalg.norm(at["left hip"] - at["left knee"], axis=0)
    assert_allclose(thigh, gait.LENGTHS["thigh"] * height)


def test_standing_still_nothing_moves():
    time = np.linspace(0, 2, 20)
    offsets = steady(1.75, 0.0, 2.0).offsets(time, Pose(*np.zeros((4, time.size))))
    assert offsets.shape == (3, len(PARTS), time.size)
    assert np.ptp(offsets, axis=-1).max() < 1e-12
    # Feet below the torso, as long as the legs are.
    feet = offsets[2, PARTS.index("left foot"), 0]
    assert feet == pytest.approx(-(0.144 + 0.491) * 1.75, abs=0.02)


def test_gait_fades_out_smoothly_as_the_speed_falls_through_zero():
    speed = np.linspace(-0.2, 0.2, 4001)
    for value in (gait.effective_speed(speed, 0.86), gait.cycles_per_second(speed, 0.86)):
        third = np.diff(value, 3) / (speed[1] - speed[0]) ** 3
        assert np.isfinite(third).all() and np.abs(np.diff(third)).max() < 0.02 * np.abs(third).max()
        assert value[2000] == 0
    # What is effective is the speed itself as soon as anybody walks.
    assert gait.effective_speed(np.array(1.0), 0.86) == pytest.approx(1 / 0.86, rel=1e-3)


def test_running_is_refused():
    with pytest.raises(InputError, match=r"moves at 4 m/s .* holds up to 2\.58 m/s"):
        steady(1.75, 4.0, 1.0).joints(np.zeros(1))


def test_cycles_are_counted_from_the_middle_of_the_window():
    def pose(time):
        none = np.zeros(time.size)
        return Pose(none, none, none, 1.0 + 0.5 * np.sin(time))

    walker = Walker(1.75, 0.3, pose, np.linspace(-2, 2, 201))
    one = Walker(1.75, 1.3, pose, np.linspace(-2, 2, 201))
    time = np.linspace(-2, 2, 33)
    for a, b in zip(walker.joints(time), one.joints(time), strict=True):
        assert_allclose(a, b, atol=1e-9)
    still = gait.joints(np.array([0.3]), gait.effective_speed(np.array([1.0]), gait.HIP_HEIGHT * 1.75))
    assert_allclose(walker.joints(np.zeros(1)).knee, still.knee, atol=1e-6)
