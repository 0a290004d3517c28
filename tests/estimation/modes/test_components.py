"""The parts of the estimator of modulated paths against slow literal references."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.cells import CellSeries, compress
from isacsim.estimation.modes.chirps import N_BASIS, PHASE_ORDER, SlowBasis
from isacsim.estimation.modes.fit import FREE, WANDER, Component, ComponentProblem
from isacsim.estimation.modes.search import ChirpBank, _gather
from isacsim.estimation.modes.split import PairGrid, _apart

WAVELENGTH = SPEED_OF_LIGHT / 5.8e9


def basis(slots: int = 60, packets: int = 200) -> SlowBasis:
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(-0.5, 0.5, packets))
    time -= (time[0] + time[-1]) / 2
    place = np.minimum(((time / time[-1] + 1) / 2 * slots).astype(int), slots - 1)
    return SlowBasis(time, np.flatnonzero(np.diff(place, prepend=-1)), WAVELENGTH)


def capture(n: int = 2, seed: int = 0, packets: int = 300) -> tuple[np.ndarray, SamplingGrid]:
    rng = np.random.default_rng(seed)
    time = np.arange(packets) / packets - 0.5
    frequency = 5.8e9 + np.arange(20) * 1e6
    csi = np.full((20, packets), 5 + 1j)
    for _ in range(n):
        d, v, a, r = rng.uniform(5, 20), *rng.uniform([-2, -3, -10], [2, 3, 10])
        length = d + v * time + a * time**2 / 2 + r * time**3 / 6
        csi = csi + np.exp(-2j * np.pi / SPEED_OF_LIGHT * np.outer(frequency, length))
    csi = csi + 0.1 * (rng.standard_normal(csi.shape) + 1j * rng.standard_normal(csi.shape))
    return csi[None].astype(np.complex64), SamplingGrid.from_axes(time, frequency)


def problem(n: int = 2, *, images: bool = False) -> ComponentProblem:
    csi, grid = capture(n)
    return ComponentProblem(compress(csi, grid, Limits(60, 3, 5, 20)), images)


@given(st.floats(-3, 3), st.floats(-8, 8), st.floats(-40, 40))
def test_states_come_back_from_their_phase(v, a, r):
    slow = basis()
    state = np.array([v, a, r])
    phase = slow.from_state @ state
    np.testing.assert_allclose(slow.to_state @ phase, state, atol=1e-9)
    # The phase is -2 pi d / wavelength but for a constant.
    u = np.linspace(-1, 1, 7)
    t = u * slow.half
    length = v * t + a * t**2 / 2 + r * t**3 / 6
    got = np.polynomial.legendre.legval(u, phase)
    want = -2 * np.pi / WAVELENGTH * length
    np.testing.assert_allclose(got - got[3], want - want[3], atol=1e-7)


def test_a_chirp_is_the_sum_of_its_packets():
    slow = basis()
    phase = slow.from_state @ np.array([1.0, -2.0, 10.0])
    bounds = [*slow.starts, slow.at_packets.shape[0]]
    literal = [np.exp(1j * slow.at_packets[i:j] @ phase).sum() / np.sqrt(j - i) for i, j in pairwise(bounds)]
    np.testing.assert_allclose(slow.chirp(phase), np.array(literal) * slow.scale, rtol=1e-12)


def test_chirps_and_courses_of_many_are_those_of_each():
    slow = basis()
    rng = np.random.default_rng(5)
    phases = np.array([slow.from_state @ state for state in rng.uniform([-2, -3, -10], [2, 3, 10], (3, 3))])
    np.testing.assert_allclose(slow.chirp(phases), [slow.chirp(phase) for phase in phases], rtol=1e-12)
    amplitudes = rng.standard_normal((3, 5, 2)) + 1j * rng.standard_normal((3, 5, 2)) + 8 * np.eye(5, 2)
    np.testing.assert_allclose(
        slow.course(amplitudes, 3), [slow.course(one, 3) for one in amplitudes], atol=1e-9
    )


def test_slow_amplitudes_are_orthonormal_over_the_packets():
    slow = basis()
    weighted = slow.basis * slow.constant[:, None]
    np.testing.assert_allclose(weighted.T @ weighted, np.eye(N_BASIS), atol=1e-10)


def test_a_course_reads_the_phase_that_an_amplitude_gathered():
    slow = basis(slots=200)
    shift = np.array([0.3, 0.2, -0.15, 0.1, 0, 0])
    amplitude = np.exp(1j * np.polynomial.legendre.legval(slow.slot_u, shift))
    weighted = slow.basis * slow.constant[:, None]
    coefficients = weighted.T @ (amplitude * slow.constant)
    course = slow.course(np.outer(coefficients, [1.0, 0.5j]), 3)
    np.testing.assert_allclose(course[1:4], shift[1:4], atol=2e-3)
    assert course[0] == 0 and course.size == PHASE_ORDER + 1


@pytest.mark.parametrize("images", [False, True])
def test_amplitudes_solve_the_ridge_regression(images):
    regression = problem(images=images)
    series = regression.series
    parts = tuple(Component.at(series.basis.from_state @ s) for s in ([1.0, 0, 0], [-1.0, 2, 5]))
    fit = regression.solve(parts)
    columns = regression.columns(parts)
    assert columns.shape[1] == 1 + N_BASIS * len(parts) * (1 + images)
    inverse = np.linalg.inv(fit.inverse)
    prior = np.diag(inverse - columns.conj().T @ columns).real
    stacked = np.vstack([columns, np.diag(np.sqrt(np.maximum(prior, 0)))])
    values = np.vstack([series.values.T, np.zeros((columns.shape[1], series.values.shape[0]))])
    literal = np.linalg.lstsq(stacked, values, rcond=None)[0]
    np.testing.assert_allclose(fit.amplitudes, literal, atol=1e-6 * np.abs(literal).max())
    left = series.values - (columns @ literal).T
    assert fit.rss == pytest.approx((np.abs(left) ** 2).sum(), rel=1e-6)
    # Higher polynomials are held by the prior, the constant ones are free.
    assert (prior[2:8] > prior[1] * 10).all()
    assert WANDER[0] == np.inf


def test_free_amplitudes_have_the_ridge_alone():
    series = problem().series
    regression = ComponentProblem(series, False, free=True)
    fit = regression.solve(
        tuple(Component.at(series.basis.from_state @ s) for s in ([1.0, 0, 0], [-1.0, 2, 5]))
    )
    prior = np.linalg.inv(fit.inverse) - fit.columns.conj().T @ fit.columns
    np.testing.assert_allclose(prior, np.diag([1e-9, *FREE, *FREE]), atol=1e-8)


def test_what_a_component_brings_is_what_the_rest_would_leave():
    regression = problem()
    series = regression.series
    parts = tuple(Component.at(series.basis.from_state @ s) for s in ([1.0, 0, 0], [-1.0, 2, 5]))
    fit = regression.solve(parts)
    keep = np.arange(1 + N_BASIS)
    gram = np.linalg.inv(fit.inverse)
    matched = fit.columns.conj().T @ series.values.T
    explained = np.vdot(matched, fit.inverse @ matched).real
    rest = np.vdot(matched[keep], np.linalg.solve(gram[np.ix_(keep, keep)], matched[keep])).real
    assert fit.removal(1) == pytest.approx(explained - rest, rel=1e-6)


def test_gauss_newton_descends_along_the_true_gradient():
    regression = problem()
    series = regression.series
    parts = tuple(Component.at(series.basis.from_state @ s) for s in ([1.0, 0.5, 0], [-1.0, 2, 5]))
    fit = regression.solve(parts)
    _, gradient = regression._normal(fit, 3)
    prior = np.diag(np.linalg.inv(fit.inverse) - fit.columns.conj().T @ fit.columns).real

    def objective(shift: np.ndarray) -> float:
        moved = []
        for part, step in zip(parts, shift.reshape(2, 3), strict=True):
            phase = part.phase.copy()
            phase[1:4] += step
            moved.append(Component.at(phase))
        columns = regression.columns(tuple(moved))
        matched = columns.conj().T @ series.values.T
        solved = np.linalg.solve(columns.conj().T @ columns + np.diag(prior), matched)
        return series.energy - float(np.vdot(matched, solved).real)

    step = 1e-5
    for k in range(6):
        e = np.zeros(6)
        e[k] = step
        slope = (objective(e) - objective(-e)) / (2 * step)
        assert slope == pytest.approx(-2 * gradient[k], rel=0.01, abs=1e-3 * np.abs(gradient).max())


def test_energy_is_gathered_about_each_bin_and_the_best_row_kept():
    rng = np.random.default_rng(6)
    spectrum = (rng.standard_normal((7, 2, 11)) + 1j * rng.standard_normal((7, 2, 11))).astype(np.complex64)
    best, which = np.zeros(11, np.float32), np.zeros(11, np.int64)
    _gather(spectrum[:4], 0, 2, best, which)
    _gather(spectrum[4:], 4, 2, best, which)
    power = (np.abs(spectrum) ** 2).sum(axis=1)
    literal = power + sum(np.roll(power, shift, axis=1) for shift in range(-2, 3))
    np.testing.assert_allclose(best, literal.max(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(which, literal.argmax(axis=0))


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_the_bank_finds_a_lone_chirp(seed):
    csi, grid = capture(1, seed)
    limits = Limits(60, 3, 5, 20)
    series = compress(csi, grid, limits)
    (phase,) = ChirpBank(series, limits).candidates(series.values, 1)
    rng = np.random.default_rng(seed)
    rng.uniform(5, 20)
    truth = series.basis.from_state @ rng.uniform([-2, -3, -10], [2, 3, 10])
    # A slow path is bent by the removal of the static part.
    assert series.basis.apart(phase, truth) < 3.0


def test_compression_keeps_the_moving_energy_and_the_noise():
    csi, grid = capture(2)
    series = compress(csi, grid, Limits(60, 3, 5, 20))
    assert series.values.shape[0] <= 6
    # The noise's variance is 2 x 0.1^2 a sample; the low quantile of the map holds sidelobes of the targets too.
    assert series.noise == pytest.approx(0.02, rel=0.4)
    moving = csi - csi.mean(axis=2, keepdims=True)
    assert series.energy == pytest.approx((np.abs(moving) ** 2).sum(), rel=0.15)


def test_pairs_of_courses_hold_two_close_paths():
    # Two constant amplitudes 5 Hz apart at the window's edges, in channels of different mixture, read as one component.
    rng = np.random.default_rng(11)
    slow = basis(slots=150, packets=600)
    near = [slow.from_state @ np.array(state) for state in ([0.5, 1.0, 3.0], [0.55, 0.4, 5.0])]
    mixture = rng.standard_normal((2, 4)) + 1j * rng.standard_normal((2, 4))
    values = 30 * (slow.chirp(np.array(near)).T @ mixture).T
    values = values + 0.1 * rng.standard_normal(values.shape)
    series = CellSeries(
        values, np.ones((1, 4, 4), np.complex64), slow, np.arange(slow.slot_u.size), 150, 0.02, 50.0, 1e4
    )
    fit = ComponentProblem(series, False).solve((Component.at((near[0] + near[1]) / 2),))
    (gain, *pair), *others = PairGrid(series).pairs(fit, 0, 3)
    assert gain > max(other[0] for other in others) > 0
    assert max(min(slow.apart(phase, want) for phase in pair) for want in near) < 2.0
    # The joint fit of the pair is far better than of the one.
    both = ComponentProblem(series, False).solve(tuple(map(Component.at, pair)))
    assert both.objective < 0.5 * fit.objective


def test_pairs_are_counted_once_whichever_way_round():
    slow = basis()
    one, other, third = (slow.from_state @ np.array(s) for s in ([1.0, 0, 0], [1.2, 0, 0], [2.0, 0, 0]))
    assert _apart(slow, (one, other), (other, one)) == 0
    assert _apart(slow, (one, other), (one, third)) == pytest.approx(slow.apart(other, third))
