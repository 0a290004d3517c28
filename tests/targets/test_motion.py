"""Path kinematics against closed forms, 60-digit finite differences and the symmetries of space."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from isacsim import InputError, load_scenario
from isacsim.scenario.model import Scenario
from isacsim.scenario.motions import Kinematics, MotionConfig, Oscillation, Trajectory, Waypoints
from isacsim.simulation.drawing import draw_target
from isacsim.targets.kinematics import (
    OscillationMotion,
    PathKinematics,
    PathMotion,
    PolynomialMotion,
    SplineMotion,
    path_kinematics,
    path_length_cubic,
    path_length_exact,
    realise_motion,
)

pytestmark = pytest.mark.numerical

coordinate = st.floats(-10, 10).map(lambda x: round(x, 3))
vector = st.tuples(coordinate, coordinate, coordinate)
TX, RX = np.array([0.3, -0.2, 1.1]), np.array([3.9, 0.4, 1.6])


@st.composite
def polynomial(draw):
    motion = PolynomialMotion(draw(vector), draw(vector), draw(vector), draw(vector))
    # Next to an antenna the derivatives grow without bound and so does the error of any check.
    assume(min(np.linalg.norm(motion.position - TX), np.linalg.norm(motion.position - RX)) > 0.3)
    return motion


def decimal_length(motion: PolynomialMotion, t: Decimal) -> Decimal:
    total = Decimal(0)
    for antenna in (TX, RX):
        square = Decimal(0)
        for i in range(3):
            p, v, a, j = (
                Decimal(float(c[i]))
                for c in (motion.position, motion.velocity, motion.acceleration, motion.jerk)
            )
            square += (p + v * t + a * t**2 / 2 + j * t**3 / 6 - Decimal(float(antenna[i]))) ** 2
        total += square.sqrt()
    return total


@settings(deadline=None)
@given(polynomial())
def test_derivatives_equal_finite_differences_in_60_digits(motion):
    with localcontext() as context:
        context.prec = 60
        h = Decimal("1e-12")
        d = {k: decimal_length(motion, k * h) for k in range(-2, 3)}
        expected = (
            d[0],
            (d[1] - d[-1]) / (2 * h),
            (d[1] - 2 * d[0] + d[-1]) / h**2,
            (d[2] - 2 * d[1] + 2 * d[-1] - d[-2]) / (2 * h**3),
        )
    got = path_kinematics(motion, TX, RX)
    # Cancellation: terms of the size speed³/rho² add up to a jerk that may be small.
    speed, near = np.linalg.norm(motion.velocity) + 1, 0.3
    assert_allclose(got, [float(x) for x in expected], rtol=1e-11, atol=1e-13 * speed**3 / near**2)


@settings(deadline=None)
@given(polynomial(), vector, st.integers(0, 2**32 - 1))
def test_translation_and_rotation_change_nothing(motion, shift, seed):
    turn = Rotation.random(rng=np.random.default_rng(seed))
    shift = np.array(shift)
    moved = PolynomialMotion(
        tuple(turn.apply(motion.position) + shift),
        *(tuple(turn.apply(c)) for c in (motion.velocity, motion.acceleration, motion.jerk)),
    )
    assert_allclose(
        path_kinematics(moved, turn.apply(TX) + shift, turn.apply(RX) + shift),
        path_kinematics(motion, TX, RX),
        rtol=1e-9,
        atol=1e-7,
    )


@settings(deadline=None)
@given(polynomial())
def test_transmitter_and_receiver_are_interchangeable(motion):
    assert_allclose(path_kinematics(motion, TX, RX), path_kinematics(motion, RX, TX), rtol=1e-12, atol=1e-9)


@settings(deadline=None)
@given(polynomial(), st.floats(0.1, 10))
def test_time_scaling(motion, s):
    faster = PolynomialMotion(
        motion.position,
        *(
            tuple(np.array(c) * s**n)
            for n, c in enumerate((motion.velocity, motion.acceleration, motion.jerk), 1)
        ),
    )
    d, v, a, r = path_kinematics(motion, TX, RX)
    got = path_kinematics(faster, TX, RX)
    assert_allclose(got, [d, v * s, a * s**2, r * s**3], rtol=1e-9, atol=1e-8 * max(1, s**3))


@settings(deadline=None)
@given(st.tuples(st.floats(1, 50), st.floats(-5, 5), st.floats(-8, 8), st.floats(-40, 40)), st.floats(-1, 1))
def test_moving_the_time_origin_of_path_kinematics(values, t):
    d, v, a, r = values
    got = path_kinematics(PathMotion(PathKinematics(*values)), TX, RX, time_s=t)
    assert_allclose(
        got,
        [d + v * t + a * t**2 / 2 + r * t**3 / 6, v + a * t + r * t**2 / 2, a + r * t, r],
        rtol=1e-12,
        atol=1e-12,
    )


def test_straight_pass_by_a_monostatic_pair():
    b, s, t = 3.0, 1.4, 0.7
    got = path_kinematics(PolynomialMotion((0, b, 0), (s, 0, 0)), [0, 0, 0], [0, 0, 0], time_s=t)
    rho = np.hypot(b, s * t)
    # rho = sqrt(b² + s² t²), differentiated by hand
    expected = (rho, s**2 * t / rho, s**2 * b**2 / rho**3, -3 * b**2 * s**4 * t / rho**5)
    assert_allclose(got, 2 * np.array(expected), rtol=1e-13)


def test_circle_around_a_monostatic_pair_does_not_change_the_path():
    radius, omega = 2.0, 1.3
    circle = PolynomialMotion(
        (radius, 0, 0), (0, radius * omega, 0), (-radius * omega**2, 0, 0), (0, -radius * omega**3, 0)
    )
    assert_allclose(path_kinematics(circle, [0, 0, 0], [0, 0, 0]), [4, 0, 0, 0], atol=1e-13)


def test_point_between_the_antennas_keeps_the_path_length():
    along = PolynomialMotion((1, 0, 0), (1, 0, 0), (2, 0, 0), (5, 0, 0))
    assert_allclose(path_kinematics(along, [0, 0, 0], [4, 0, 0]), [4, 0, 0, 0], atol=1e-13)


def test_model_error_is_the_documented_one():
    wavelength = 0.0516
    for b, error in ((3.0, 2.4e-3), (1.0, 53e-3)):
        motion = PolynomialMotion((0, b, 0), (1.4, 0, 0))
        t = np.array([0.0, 0.512])
        gap = path_length_exact(motion, [0, 0, 0], [0, 0, 0], t) - path_length_cubic(
            motion, [0, 0, 0], [0, 0, 0], t
        )
        assert_allclose(np.abs(gap), [0, error], rtol=0.02)
        if b == 3.0:
            assert abs(gap[1]) < wavelength / 21


@settings(deadline=None)
@given(polynomial())
def test_cubic_touches_the_exact_path_to_third_order(motion):
    t = np.array([-1e-3, 0.0, 1e-3])
    exact, cubic = (f(motion, TX, RX, t) for f in (path_length_exact, path_length_cubic))
    assert exact[1] == pytest.approx(cubic[1], rel=1e-14)
    assert_allclose(exact, cubic, atol=1e-7)  # fourth order: (1e-3)^4 times a fourth derivative below 1e5


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 9])
def test_spline_hits_its_waypoints_with_continuous_jerk(n):
    rng = np.random.default_rng(n)
    times = np.cumsum(rng.uniform(0.2, 0.6, n))
    points = rng.normal(size=(n, 3))
    motion = SplineMotion(tuple(times), tuple(map(tuple, points)))
    assert_allclose(motion.state(times).position, points, atol=1e-11)
    for inner in times[1:-1]:
        before, after = (motion.state(inner + e).jerk for e in (-1e-9, 1e-9))
        assert_allclose(before, after, atol=1e-4)
    assert_allclose(motion.state(times[[0, -1]]).jerk, 0, atol=1e-7)
    check_derivatives(motion, (times[0] + times[1]) / 2)


def check_derivatives(motion, t):
    """Each derivative of a state is the central difference of the one before."""
    h = 1e-5
    here, before, after = (motion.state(t + e) for e in (0, -h, h))
    for n in range(3):
        scale = 1 + np.abs(here[n + 1]).max()
        assert_allclose((after[n] - before[n]) / (2 * h), here[n + 1], atol=1e-4 * scale)


def test_spline_has_less_jerk_than_any_other_curve_through_its_points():
    times = np.array([-1.0, -0.4, 0.1, 0.5, 1.0])
    motion = SplineMotion(tuple(times), tuple((x, 0.0, 0.0) for x in (0, 1, 0.5, 2, 1)))
    t = np.linspace(-1, 1, 20001)
    jerk = motion.state(t).jerk[:, 0]
    # a bump that vanishes at all waypoints is orthogonal to the optimum (Euler-Lagrange)
    bump = np.polynomial.Polynomial.fromroots(times).deriv(3)(t)
    assert abs(np.trapezoid(jerk * bump, t)) < 1e-5 * np.sqrt(
        np.trapezoid(jerk**2, t) * np.trapezoid(bump**2, t)
    )


def test_oscillation_and_polynomial_states_are_consistent():
    check_derivatives(OscillationMotion((1, 2, 3), (0.6, 0.8, 0), 0.1, 5.0, 0.7), 0.3)
    check_derivatives(PolynomialMotion((1, 2, 3), (3, 2, 1), (1, -1, 2), (4, 5, -6)), 0.3)


def test_waypoints_are_not_extrapolated():
    motion = SplineMotion((0.0, 1.0), ((0, 0, 0), (1, 0, 0)))
    with pytest.raises(InputError, match="run from 0 to 1 s"):
        motion.state([0.5, 1.5])


def test_passing_through_an_antenna_is_refused():
    through = PolynomialMotion((1, 0, 0), (10, 0, 0))
    with pytest.raises(InputError, match="through the receiver"):
        path_kinematics(through, [0, 0, 0], [1, 0, 0])
    with pytest.raises(InputError, match="through the transmitter"):  # between two of the times
        path_length_exact(through, [1.45, 0, 0], [0, 3, 0], np.arange(0, 0.2, 0.02))
    assert path_length_exact(through, [1.45, 0.1, 0], [0, 3, 0], np.arange(0, 0.2, 0.02)).shape == (10,)


def test_every_kind_of_motion_is_realised():
    (union, _) = get_args(MotionConfig)
    assert set(get_args(union)) == set(realise_motion.registry) - {object}


def test_realised_motions_follow_their_configuration():
    got = realise_motion(Kinematics(kind="kinematics", path_length_m=5, velocity_m_s=1, jerk_m_s3=7))
    assert got == PathMotion(PathKinematics(5, 1, 0, 7))
    trajectory = Trajectory(kind="trajectory", position_m=(1, 2, 3), speed_m_s=2, heading_deg=90)
    state = realise_motion(trajectory).state(0.0)
    assert_allclose(state.velocity, [[0, 2, 0]], atol=1e-15)
    swing = Oscillation(
        kind="oscillation",
        position_m=(0, 0, 1),
        axis=(0, 3, 4),
        amplitude_m=0.5,
        frequency_hz=2,
        phase_rad=np.pi / 2,
    )
    assert_allclose(realise_motion(swing).state(0.0).position, [[0, 0.3, 1.4]])
    assert_allclose(realise_motion(swing).state(0.5).position, [[0, 0.3, 1.4]])
    way = Waypoints(kind="waypoints", times_s=(-1, 1), positions_m=((0, 0, 0), (2, 0, 0)))
    assert_allclose(realise_motion(way).state([0.0, 0.5]).position, [[1, 0, 0], [1.5, 0, 0]])


@pytest.mark.parametrize(
    "name", ["lab", "corridor", "hall", "lab_cubic", "vehicle", "uav", "intel5300", "walker"]
)
def test_targets_stay_within_the_axes_and_spread_over_them(name):
    scenario = load_scenario(name)
    truth = []
    for index in range(300):
        motion = _reference(scenario, index)
        truth += [
            path_kinematics(motion, scenario.radio.transmitter_m, receiver.position_m)[2:]
            for receiver in scenario.radio.receivers
            if receiver.role == "surveillance"
        ]
    a, r = np.abs(np.array(truth)).T
    axes = scenario.spectrum
    assert a.max() <= axes.acceleration_max_m_s2 and r.max() <= axes.jerk_max_m_s3
    # a nine-tenth point over six pairs of seeds: 0.46-0.59 of the axes for a walker's sway, 0.54-0.90 for the others
    assert np.quantile(a, 0.9) > 0.4 * axes.acceleration_max_m_s2
    assert np.quantile(r, 0.9) > 0.4 * axes.jerk_max_m_s3


def test_same_generator_same_motion():
    first, again, other = (_reference(load_scenario("lab"), index) for index in (5, 5, 6))
    assert first == again != other


def _reference(scenario, index):
    """Motion of the reference point of a sample's first target."""
    _, body = draw_target(scenario, scenario.targets.configs(1)[0], seed=3, index=index, number=0)
    return body.reference


def test_targets_that_never_fit_the_axes_are_an_error_not_a_loop():
    text = load_scenario("single_target").to_yaml().replace("within_axes: false", "within_axes: true")
    scenario = Scenario.from_yaml(text.replace("acceleration_m_s2: 3.0", "acceleration_m_s2: 30.0"))
    with pytest.raises(InputError, match=r"none of 1000 draws .* 8 m/s²"):
        draw_target(scenario, scenario.targets.configs()[0], seed=0, index=0, number=0)
