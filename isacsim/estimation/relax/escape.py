"""Ways out of the local minima that paths of similar speeds fall into.

Joint least squares moves every path to its best place given the others. Two kinds of places are best for each
path by itself, but not for the two together:

- *Exchanged branches.* Where two speed tracks cross, the data near the crossing say little about which branch
  goes on as which. A search that takes the strongest path first may follow one path up to the crossing and
  the other after it; the second path is then the other two branches, each bent to a parabola. Exchanging the
  branches where the two tracks come closest is the one move that leaves it.
- *Side lobes.* A path found while a close one was still in the capture settles a cycle off, and so does the
  next one beside it. The sign of it is that the search comes back with one more path next to one already
  taken. Then branches are exchanged once more, and the two are moved by a cycle or two at either end of the
  window.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.least_squares import (
    Fit,
    LeastSquaresProblem,
    empty_fit,
    evaluate,
    fit_paths,
    likelihood_gain,
)
from isacsim.estimation.relax.search import TrackSearch

__all__ = ["Escape", "exchanged_branches"]

Array = NDArray[np.float64]

POINTS = 65
# Tracks further apart than this many speed resolutions of a segment, or delay resolutions, do not mix.
CLOSE_SPEED, CLOSE_LENGTH = 0.7, 1.5
# A branch shorter than this share of the window is too short to have been swapped.
SHORTEST_BRANCH = 0.08
# Trial points for a few paths alone, to see whether another start suits them better.
ALONE_ITERATIONS = 8
# Before least squares two paths may leave this share of their energy more than the present two.
PAIR_LOSS = 0.5
# A new path whose speed stays this close to another's, in resolutions of a segment, betrays a side lobe.
BESIDE = 0.35
# How far to move a path, in radians of the linear, quadratic and cubic Legendre polynomial at the window's
# edge: one cycle or two, gained or lost over the first or the last quarter of the window.
SHIFTS = tuple(
    (cycles * 2.1 * sign, cycles * 1.8 * sign * end, cycles * 0.9 * sign)
    for cycles, sign, end in product((1, 2), (1, -1), (1, -1))
)


class Escape:
    """Tries other starts for a few paths of a fit, on a capture that holds only those.

    Parameters
    ----------
    problem : LeastSquaresProblem
        The data.
    search : TrackSearch
        For its coherent bank and its speed resolution.
    penalty : float
        A move must gain more than this in N ln(rss).
    log : list of str
        Receives a line for every move made.
    """

    def __init__(
        self, problem: LeastSquaresProblem, search: TrackSearch, penalty: float, log: list[str]
    ) -> None:
        self.problem, self.search, self.penalty, self.log = problem, search, penalty, log
        grid = problem.grid
        t = np.linspace(-grid.half, grid.half, POINTS)
        self.powers = np.stack([np.ones_like(t), t, t**2 / 2, t**3 / 6])

    def crossing(self, fit: Fit) -> Fit:
        """Try the last path with each other one's branches exchanged."""
        last = fit.theta.shape[0] - 1
        for other in range(last):
            fit = self._exchange(fit, [other, last]) or fit
        return fit

    def _exchange(self, fit: Fit, pair: list[int]) -> Fit | None:
        starts = exchanged_branches(fit.theta[pair], self.problem.grid, self.search.resolution)
        if not starts:
            return None
        alone = self.problem.with_only(fit, pair)
        worst = fit.rss + PAIR_LOSS * alone.re.size * float((np.abs(fit.amplitude[pair]) ** 2).sum())
        for start in starts:
            moved = self._adopt(fit, pair, self._best_pair(alone, start, worst))
            if moved is not None:
                self._note("exchanged branches", fit, moved)
                return moved
        return None

    def off_side_lobe(self, fit: Fit, new: Array) -> Fit | None:
        """Move paths that a new one lies beside; None where nothing is gained."""
        for path in np.flatnonzero(self._apart(fit.theta, new) < BESIDE * self.search.resolution):
            apart = self._apart(fit.theta, fit.theta[path])
            close = apart < CLOSE_SPEED * self.search.resolution
            for other in np.argsort(apart):
                if other != path and np.isfinite(apart[other]):
                    moved = self._exchange(fit, [int(other), int(path)])
                    if moved is not None:
                        return moved
            group = [int(path), *(int(i) for i in np.argsort(apart)[:3] if i != path and close[i])]
            alone = self.problem.with_only(fit, group)
            trials = []
            for shift in SHIFTS:
                start = fit.theta[group]
                start[0] += self._legendre_shift(*shift)
                trials.append(fit_paths(alone, start, iterations=ALONE_ITERATIONS))
                if len(group) > 1:
                    start = start.copy()
                    start[1] -= self._legendre_shift(*shift)
                    trials.append(fit_paths(alone, start, iterations=ALONE_ITERATIONS))
            moved = self._adopt(fit, group, min(trials, key=lambda trial: trial.rss))
            if moved is not None:
                self._note("moved off a side lobe", fit, moved)
                return moved
        return None

    def _note(self, what: str, before: Fit, after: Fit) -> None:
        self.log.append(f"{what}, gain {likelihood_gain(self.problem, before, after):.1f}")

    def _apart(self, theta: Array, other: Array) -> Array:
        """Root mean square difference of speeds, m/s; infinite where lengths are too far apart."""
        speed = (theta[:, 1:] - other[1:]) @ self.powers[:3]
        apart = np.sqrt((speed**2).mean(axis=1))
        grid = self.problem.grid
        if grid.spacing:
            width = SPEED_OF_LIGHT / float(grid.frequency[-1] - grid.frequency[0] + grid.spacing)
            apart[np.abs(theta[:, 0] - other[0]) > CLOSE_LENGTH * width] = np.inf
        return apart

    def _legendre_shift(self, first: float, second: float, third: float) -> Array:
        """Change of state with a phase of so many radians of the Legendre polynomials P1, P2 and P3."""
        # P2 = (3 u^2 - 1) / 2 and P3 = (5 u^3 - 3 u) / 2; the constant goes into the amplitude.
        phase = np.array([0.0, first - 1.5 * third, 1.5 * second, 2.5 * third])
        return phase / self.problem.scale

    def _adopt(self, fit: Fit, group: list[int], trial: Fit | None) -> Fit | None:
        """Re-fit all paths with `group` where `trial` has them; None where that gains too little."""
        if trial is None or likelihood_gain(self.problem, fit, trial) < self.penalty:
            return None
        theta = fit.theta.copy()
        theta[group] = trial.theta
        joint = fit_paths(self.problem, theta)
        return joint if likelihood_gain(self.problem, fit, joint) > self.penalty else None

    def _best_pair(self, alone: LeastSquaresProblem, start: Array, worst: float) -> Fit | None:
        """Fit two paths to a capture of two, from `start` and from what the coherent bank finds around it.

        None where both starts leave more than `worst`: least squares would not make that up.
        """
        states, energy = self.search.focus(alone, empty_fit(alone), start)
        first = int(energy.argmax())
        fit = fit_paths(alone, states[first : first + 1], iterations=ALONE_ITERATIONS)
        second, _ = self.search.focus(alone, fit, start[1 - first : 2 - first])
        starts = [evaluate(alone, start), evaluate(alone, np.concatenate([fit.theta, second]))]
        trials = [
            fit_paths(alone, pair.theta, start=pair, iterations=ALONE_ITERATIONS)
            for pair in starts
            if pair.rss < worst
        ]
        return min(trials, key=lambda trial: trial.rss, default=None)


def exchanged_branches(pair: Array, grid: SamplingGrid, resolution: float) -> list[Array]:
    """Starting points for two paths with their branches exchanged where their speeds come closest.

    Parameters
    ----------
    pair : ndarray (2, 4)
        Path length, velocity, acceleration and jerk of the two.
    grid : SamplingGrid
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
