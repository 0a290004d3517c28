"""Nonlinear least squares for several paths at once, with amplitudes and static part projected out.

Variable projection (Golub and Pereyra, SIAM J. Numer. Anal. 10(2), 1973) in Kaufman's form: amplitudes are
solved for at every trial point, and a Levenberg-Marquardt step is taken on the normal equations of all
parameters. The static part, one complex constant per subcarrier, is projected out exactly by taking means
over packets away from data and model alike. The normal matrix is never built from a Jacobian: its entries are
moments of pairs of paths (see `kernels`), and those of a path with itself are known without looking at the
capture. The same matrix is the Fisher matrix of the bound.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isacsim.estimation import kernels
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid

__all__ = ["Fit", "LeastSquaresProblem", "empty_fit", "evaluate", "fit_paths", "likelihood_gain"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

N_STATE = 4  # path length, velocity, acceleration, jerk
N_BASIS = 1 + N_STATE  # a path's signal and its derivatives
# A step that promises less than this much of one noise variance moves no estimate by a tenth of its
# deviation.
GAIN_TOLERANCE = 1e-2
# Relative to a path's own energy: keeps the amplitudes of two paths at the same place finite.
RIDGE = 1e-9


class LeastSquaresProblem:
    """One capture as the fit needs it: means over packets removed, axes scaled to [-1, 1].

    Parameters
    ----------
    csi : ndarray (subcarrier, packet)
        Complex; subcarriers in the grid's order; phases that fall as a path grows (sigma = -1).
    grid : SamplingGrid
        Packet times and subcarrier frequencies.
    unit : float
        What the CSI was divided by.
    phase_sign : {-1, 1}
        What the CSI's own sigma was: with 1, it has been conjugated.
    """

    def __init__(
        self, csi: NDArray[np.complexfloating], grid: SamplingGrid, unit: float = 1.0, phase_sign: int = -1
    ) -> None:
        self.grid = grid
        self.unit = unit
        self.phase_sign = phase_sign
        self.mean = csi.mean(axis=1, dtype=np.complex128)
        centred = (csi - self.mean[:, None]).T
        self.re = np.ascontiguousarray(centred.real, dtype=np.float32)
        self.im = np.ascontiguousarray(centred.imag, dtype=np.float32)
        self.energy = float((self.re.astype(np.float64) ** 2).sum() + (self.im.astype(np.float64) ** 2).sum())
        n_packets, n_subcarriers = self.re.shape
        self.degrees = n_subcarriers * (n_packets - 1)
        self.turns_static = grid.offset / SPEED_OF_LIGHT
        self.turns_moving = grid.frequency / SPEED_OF_LIGHT
        self.x = (grid.offset / grid.reach).astype(np.float32)
        self.t = grid.time / grid.half
        # Radians of phase per unit of each parameter at the edge of the window and of the band.
        h = grid.half
        self.scale = (
            2
            * np.pi
            / SPEED_OF_LIGHT
            * np.array([grid.reach, *(grid.centre * np.array([h, h**2 / 2, h**3 / 6]))])
        )
        # Derivative i is g times sum_pq coefficient[i, p, q] x^p t^q: 1, x and (1 + skew x) t, t^2, t^3.
        skew = grid.reach / grid.centre
        self.coefficient = np.zeros((N_BASIS, 2, 4))
        self.coefficient[0, 0, 0] = self.coefficient[1, 1, 0] = 1
        for q in (1, 2, 3):
            self.coefficient[1 + q, :, q] = 1, skew
        self.product = np.zeros((N_BASIS, N_BASIS, 3, 7))
        for p in range(2):
            for q in range(4):
                self.product[:, :, p : p + 2, q : q + 4] += (
                    self.coefficient[:, p, q][:, None, None, None] * self.coefficient[None]
                )
        # As matrices: moments (21) to basis products (25), and data moments or means (8) to basis functions
        # (5).
        self.to_products = self.product.reshape(N_BASIS**2, 21)
        self.to_basis = self.coefficient.reshape(N_BASIS, 8)
        x = self.x.astype(np.float64)
        self.x_powers = np.stack([np.ones_like(x), x])
        self.own_moments = np.outer(
            [(x**p).sum() for p in range(3)], [(self.t**q).sum() for q in range(7)]
        ).astype(np.complex128)
        # Without a second subcarrier the path length changes nothing but the phase.
        self.free = np.array([n_subcarriers > 1, True, True, True])

    def signals(self, theta: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Real and imaginary part of every path's signal at unit amplitude, (path, packet, subcarrier)."""
        shape = (theta.shape[0], *self.re.shape)
        re, im = np.empty(shape, np.float32), np.empty(shape, np.float32)
        kernels.atoms(theta, self.turns_static, self.turns_moving, self.grid.time, re, im)
        return re, im

    def with_only(self, fit: Fit, keep: list[int]) -> LeastSquaresProblem:
        """The capture with every path of `fit` taken away but those in `keep`."""
        part = copy(self)
        gr, gi = self.signals(fit.theta[keep])
        amplitude = -fit.amplitude[keep]
        level = amplitude @ (gr + 1j * gi).mean(axis=1)
        part.re, part.im = np.empty_like(self.re), np.empty_like(self.im)
        part.energy = kernels.residual(gr, gi, amplitude, level, *fit.residual, part.re, part.im)
        return part


@dataclass
class Fit:
    """A set of paths with everything that the next step needs.

    Attributes
    ----------
    theta : ndarray (path, 4)
        Path length m, velocity m/s, acceleration m/s^2, jerk m/s^3, about the window's centre.
    amplitude : complex ndarray (path,)
        With the phase at the mean subcarrier, path length included.
    rss : float
        Sum of |residual|^2.
    residual : pair of float32 ndarray (packet, subcarrier)
        Data less paths and static part, real and imaginary.
    level : complex ndarray (subcarrier,)
        Mean over packets of the sum of all paths: what the static part must not be charged with.
    normal : ndarray (6 * path, 6 * path)
        Re(J^H J) in scaled parameters: four states, then real and imaginary amplitude, per path.
    gradient : ndarray (6 * path,)
        Re(J^H residual).
    own_energy : ndarray (path,)
        What is left of each path's unit signal after its mean over packets is removed, relative to the whole.
    """

    theta: Array
    amplitude: Complex
    rss: float
    residual: tuple[NDArray[np.float32], NDArray[np.float32]]
    level: Complex
    normal: Array
    gradient: Array
    own_energy: Array


def likelihood_gain(problem: LeastSquaresProblem, before: Fit, after: Fit) -> float:
    """Fall of N ln(rss), N the complex degrees of freedom: the logarithm of the likelihood ratio."""
    return problem.degrees * float(np.log(before.rss / after.rss))


def empty_fit(problem: LeastSquaresProblem) -> Fit:
    """Return the fit of no paths: all that the static part leaves is residual."""
    level = np.zeros(problem.grid.frequency.size, np.complex128)
    none = np.zeros(0)
    return Fit(
        np.zeros((0, N_STATE)),
        none.astype(np.complex128),
        problem.energy,
        (problem.re, problem.im),
        level,
        np.zeros((0, 0)),
        none,
        none,
    )


def evaluate(problem: LeastSquaresProblem, theta: Array) -> Fit:
    """Solve for the amplitudes at given states and collect the normal equations there."""
    n = theta.shape[0]
    n_t, n_k = problem.re.shape
    gr, gi = problem.signals(theta)
    moments = np.zeros((n, n, 3, 7), np.complex128)
    for i in range(n):
        moments[i, i] = problem.own_moments
        for j in range(i):
            kernels.cross_moments(gr[i], gi[i], gr[j], gi[j], problem.x, problem.t, moments[i, j])
            moments[j, i] = moments[i, j].conj()
    blocks = (moments.reshape(n * n, 21) @ problem.to_products.T).reshape(n, n, N_BASIS, N_BASIS)
    gram = blocks.transpose(0, 2, 1, 3).reshape(n * N_BASIS, n * N_BASIS)
    means = np.empty((n, 4, n_k), np.complex128)
    kernels.time_means(gr, gi, problem.t, means)
    spread = (means[:, None, :, :] * problem.x_powers[:, None, :]).reshape(n, 8, n_k)
    flat = (problem.to_basis @ spread).reshape(n * N_BASIS, n_k)
    gram -= n_t * (flat.conj() @ flat.T)

    matched = np.empty((n, 2, 4), np.complex128)
    kernels.data_moments(gr, gi, problem.re, problem.im, problem.x, problem.t, matched)
    own = gram[::N_BASIS, ::N_BASIS]
    ridge = RIDGE * n_t * n_k * np.eye(n)
    amplitude = np.linalg.solve(own + ridge, matched[:, 0, 0]).astype(np.complex128)
    level = amplitude @ means[:, 0]
    er, ei = np.empty_like(problem.re), np.empty_like(problem.im)
    rss = kernels.residual(gr, gi, amplitude, level, problem.re, problem.im, er, ei)
    kernels.data_moments(gr, gi, er, ei, problem.x, problem.t, matched)
    slopes = (matched.reshape(n, 8) @ problem.to_basis.T).reshape(-1)

    # Columns of the Jacobian in terms of the basis: -j A g w for the four states, g and j g for the
    # amplitude.
    slots = np.zeros((n, N_BASIS, n, 6), np.complex128)
    path = np.arange(n)
    for i in range(N_STATE):
        slots[path, 1 + i, path, i] = -1j * amplitude * problem.free[i]
    slots[path, 0, path, N_STATE] = 1
    slots[path, 0, path, N_STATE + 1] = 1j
    columns = slots.reshape(n * N_BASIS, n * 6)
    return Fit(
        theta,
        amplitude,
        float(rss),
        (er, ei),
        level,
        (columns.conj().T @ gram @ columns).real,
        (columns.conj().T @ slopes).real,
        np.diag(own).real / (n_t * n_k),
    )


def _step(fit: Fit, damping: float) -> tuple[Array, float]:
    """Return a damped Gauss-Newton step in scaled states, (path, 4), and the fall of rss that it promises."""
    scale = np.sqrt(np.diag(fit.normal))
    scale[scale < 1e-9 * scale.max()] = np.inf  # what the data do not see stays where it is
    normal = fit.normal / np.outer(scale, scale)
    # Amplitudes are linear and solved for exactly: only the states are held back.
    hold = np.tile([damping] * N_STATE + [0.0, 0.0], fit.theta.shape[0]) + 1e-12
    normal[np.diag_indices_from(normal)] += hold + (~np.isfinite(scale))
    step = np.linalg.solve(normal, fit.gradient / scale) / scale
    promised = 2 * step @ fit.gradient - step @ fit.normal @ step
    return step.reshape(-1, 6)[:, :N_STATE], float(promised)


def fit_paths(
    problem: LeastSquaresProblem,
    theta: Array,
    *,
    iterations: int = 30,
    tolerance: float = GAIN_TOLERANCE,
    start: Fit | None = None,
) -> Fit:
    """Fit all paths together from a starting point.

    Parameters
    ----------
    problem : LeastSquaresProblem
        The data.
    theta : ndarray (path, 4)
        Where to start.
    iterations : int
        Most trial points to evaluate.
    tolerance : float
        Stop when a step promises less than this many noise variances.
    start : Fit, optional
        The evaluation at `theta`, where it is already known.

    Returns
    -------
    Fit
    """
    best = start or evaluate(problem, theta)
    damping = 1e-3
    for _ in range(iterations):
        step, promised = _step(best, damping)
        last = promised < tolerance * best.rss / problem.degrees
        trial = evaluate(problem, best.theta + step / problem.scale)
        if trial.rss < best.rss:
            damping = max(damping / 10, 1e-9)
            best = trial
        else:
            damping = max(damping * 10, 1e-3)
        if last or damping > 1e6:
            break
    return best
