"""Components one by one, all fitted again together; suspects taken out and sought anew.

Kin: variational nonlinear chirp mode decomposition (Chen et al., IEEE Trans. Signal Processing 65(22), 2017),
intrinsic chirp component decomposition (Chen et al., J. Sound and Vibration 396, 2017), Vold-Kalman order tracking.
Here all antenna pairs and delay cells share a component's phase, and the count comes from the noise.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.stats import gamma

from isacsim.errors import InputError
from isacsim.estimation.grid import SamplingGrid
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.cells import compress
from isacsim.estimation.modes.chirps import N_BASIS
from isacsim.estimation.modes.fit import Component, ComponentFit, ComponentProblem
from isacsim.estimation.modes.results import component_dataset
from isacsim.estimation.modes.search import ChirpBank

__all__ = ["modes"]

Array = NDArray[np.float64]

# A component must hold this share of the strongest one's energy: with a reference, products of two moving parts
# stand in the capture too, and what images leave.
DYNAMIC_RANGE, WITH_REFERENCE = 5e-4, 2.5e-3
# Orders of the phases while components are being found, and after.
EARLY, LATE = 3, 4
# Where suspects remain, the search is made again with another width of what amplitudes may do.
WIDTHS = (5, 2)
# A component whose amplitude is this many prior variances from constant is a suspect.
SUSPECT = 25.0
# At most so many groups of suspects are taken out and sought anew.
MOST_MOVES = 5
# A new set must leave this many noise variances less.
BETTER = 20.0
# Growth goes on while the newest brings half of what it must to stay.
GOES_ON = 0.5


def modes(
    csi: ArrayLike,
    time: ArrayLike,
    frequency: ArrayLike,
    *,
    max_paths: int = 12,
    phase_sign: int = -1,
    reference: bool = False,
    limits: Limits | None = None,
    false_alarm: float = 1e-2,
) -> xr.Dataset:
    """Estimate the moving paths of a capture as components whose amplitudes may wander slowly.

    Parameters
    ----------
    csi : array_like, complex, shape ([pair,] subcarrier, packet)
        Static part included; every pair and delay has an amplitude of its own.
    time : array_like (packet,)
        Packet times, s; jitter and loss are fine.
    frequency : array_like (subcarrier,)
        Subcarrier frequencies, Hz.
    max_paths : int
        At most so many components.
    phase_sign : {-1, 1}
        Sign of the phase with growing path length.
    reference : bool
        Whether a reference channel's conjugate took part: then every path has a mirror image.
    limits : Limits, optional
        How far to search; default :meth:`Limits.for_axes`.
    false_alarm : float
        Probability that white noise alone brings a component.

    Returns
    -------
    xarray.Dataset
        As :func:`isacsim.estimation.modes.results.component_dataset` says.

    Raises
    ------
    InputError
        Where the CSI does not fit its axes, is not finite, or an argument is out of range.
    """
    if not 0 < false_alarm < 1:
        raise InputError(f"false_alarm must lie between 0 and 1, not {false_alarm!r}")
    grid = SamplingGrid.from_axes(time, frequency)
    values = _checked(csi, grid, phase_sign)
    limits = limits or Limits.for_axes(grid.time, grid.frequency)
    series = compress(values, grid, limits)
    run = _Run(ComponentProblem(series, reference), ChirpBank(series, limits), max_paths, false_alarm)
    fit = run.find()
    return component_dataset(series, fit, grid, limits, phase_sign, limit_reached=run.limit_reached)


def _checked(csi: ArrayLike, grid: SamplingGrid, phase_sign: int) -> NDArray[np.complexfloating]:
    if phase_sign not in (-1, 1):
        raise InputError(f"phase_sign must be -1 or 1, not {phase_sign!r}")
    values = np.asarray(csi)
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.shape[1:] != (grid.frequency.size, grid.time.size):
        raise InputError(
            f"csi needs the shape ([pair,] subcarrier, packet) = ([pair,] {grid.frequency.size}, {grid.time.size}), "
            f"not {np.shape(csi)}"
        )
    power = float(np.mean(values.real.astype(np.float64) ** 2 + values.imag.astype(np.float64) ** 2))
    if not np.isfinite(power) or power == 0:
        raise InputError("csi is not finite, or zero throughout: leave out packets that were not received")
    values = values[:, grid.order]
    return values.conj() if phase_sign == 1 else values


class _Run:
    """One capture on its way."""

    def __init__(
        self, problem: ComponentProblem, bank: ChirpBank, max_paths: int, false_alarm: float
    ) -> None:
        self.problem, self.bank, self.most = problem, bank, max_paths
        self.order = EARLY
        self.limit_reached = False
        series = problem.series
        # The largest energy that noise brings to any of the bank's components, N_BASIS polynomials in every channel.
        degrees = N_BASIS * max(series.values.shape[0], 1)
        self.noise_energy = series.noise * float(gamma.isf(min(false_alarm / bank.trials, 0.5), degrees))
        self.share = WITH_REFERENCE if problem.images else DYNAMIC_RANGE

    def standing(self, fit: ComponentFit) -> Array:
        """What each component brings, with the others as they are, over what it must: below one it goes."""
        return np.array([fit.removal(i) for i in range(len(fit))]) / self.least(fit)

    def least(self, fit: ComponentFit) -> float:
        """Energy that a component must bring."""
        strongest = fit.energies().max() if len(fit) else 0.0
        return max(self.noise_energy, self.share * strongest)

    def find(self) -> ComponentFit:
        """Grow, take suspects out, read the courses once more without the fixed prior."""
        if not self.problem.series.values.shape[0]:
            return self.problem.solve(())
        best = None
        for width in WIDTHS:
            self.bank.gather(width)
            self.order = EARLY
            fit = self.grow(self.problem.solve(()), self.most)
            self.order = LATE
            fit = self.renew(self.joint(fit.components))
            if best is None or self.price(fit) < self.price(best):
                best = fit
            if not self._groups(best):
                break
        assert best is not None
        fit = best
        self.limit_reached = len(fit) >= self.most
        start = self.problem.solve(fit.components, learned=True)
        return self.problem.follow_courses(start, 4, LATE, learned=True)

    def price(self, fit: ComponentFit) -> float:
        """Objective, and for every component what the least must bring."""
        return fit.objective + len(fit) * self.least(fit)

    def joint(self, components: tuple[Component, ...]) -> ComponentFit:
        """Fit all components together."""
        fit = self.problem.solve(components)
        fit = self.problem.follow_courses(fit, 1, self.order)
        return self.problem.descend(fit, 3, self.order)

    def grow(self, fit: ComponentFit, most: int) -> ComponentFit:
        """Add components as long as they bring enough."""
        while len(fit) < most:
            found = self.bank.candidates(fit.residual, 1)
            if not found:
                break
            more = self.joint((*fit.components, Component.at(found[0])))
            if fit.objective - more.objective < GOES_ON * self.least(more):
                break
            more = self.prune(more)
            if len(more) <= len(fit) and more.objective > fit.objective * 0.999:
                break
            fit = more
        return fit

    def prune(self, fit: ComponentFit) -> ComponentFit:
        """Drop components, weakest first, that bring too little."""
        while len(fit):
            standing = self.standing(fit)
            weakest = int(np.argmin(standing))
            if standing[weakest] > 1:
                break
            fit = self.joint(_without(fit, {weakest}))
        return fit

    def renew(self, fit: ComponentFit) -> ComponentFit:
        """Take suspects out, together and by one or two, and seek anew from what is left."""
        tried: set[tuple[tuple[float, ...], ...]] = set()
        moves = 0
        while moves < MOST_MOVES:
            better = None
            for group in self._groups(fit):
                key = tuple(
                    sorted(
                        tuple(np.round(self.problem.series.basis.to_state @ fit.components[i].phase, 2))
                        for i in group
                    )
                )
                if key in tried or moves >= MOST_MOVES:
                    continue
                tried.add(key)
                moves += 1
                rest = self.joint(_without(fit, group))
                trial = self.grow(rest, min(self.most, len(rest) + len(group) + 1))
                if trial.objective < fit.objective - BETTER * self.problem.series.noise:
                    better = trial
                    break
            if better is None:
                break
            fit = better
        return fit

    def _groups(self, fit: ComponentFit) -> list[set[int]]:
        """Suspects: all, then each of the worst three alone and with its nearest neighbour."""
        wander = fit.wander()
        suspects = [int(i) for i in np.argsort(-wander) if wander[i] > SUSPECT]
        if not suspects:
            return []
        basis = self.problem.series.basis
        groups = [set(suspects)]
        for i in suspects[:3]:
            groups.append({i})
            others = [j for j in range(len(fit)) if j != i]
            if others:
                apart = [basis.apart(fit.components[i].phase, fit.components[j].phase) for j in others]
                groups.append({i, others[int(np.argmin(apart))]})
        return groups


def _without(fit: ComponentFit, taken: set[int]) -> tuple[Component, ...]:
    return tuple(c for i, c in enumerate(fit.components) if i not in taken)
