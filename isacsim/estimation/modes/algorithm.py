"""Components one by one, all fitted again together; each taken out and sought anew.

Kin: variational nonlinear chirp mode decomposition (Chen et al., IEEE Trans. Signal Processing 65(22), 2017),
intrinsic chirp component decomposition (Chen et al., J. Sound and Vibration 396, 2017), Vold-Kalman order tracking.
Here all antenna pairs and delay cells share a component's phase, and the count comes from the noise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.stats import gamma

from isacsim.errors import InputError
from isacsim.estimation.grid import SamplingGrid
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.cells import CellSeries, compress
from isacsim.estimation.modes.chirps import N_BASIS
from isacsim.estimation.modes.fit import Component, ComponentFit, ComponentProblem
from isacsim.estimation.modes.results import component_dataset
from isacsim.estimation.modes.search import ChirpBank
from isacsim.estimation.modes.split import PairGrid

__all__ = ["modes"]

Array = NDArray[np.float64]

# A component must bring this share of the moving energy: with a reference, products of two moving parts stand in the
# capture too, and what images leave.
DYNAMIC_RANGE, WITH_REFERENCE = 5e-4, 2.5e-3
# And with a reference this share of the whole capture: clocks, quantisation and amplifiers of two receive chains leave
# up to 3e-6 of a static scene moving.
OF_STATIC = 1e-5
# Components are found from strong to weak: first only those that bring this share of the moving energy. What is weak
# would else patch what is wrong among the strong.
STRONG = 0.005
# Orders of the phases while components are being found, and after.
EARLY, LATE = 3, 4
# Rounds, in each stage, of taking every component out and seeking it anew.
ROUNDS = 2
# A new one stays where the objective falls to this share.
BETTER = 0.99
# A component sought anew and found within so many Hz is the old one.
SAME = 0.5
# Growth goes on while the newest brings half of what it must to stay.
GOES_ON = 0.5
# With more than this times the noise's energy left, a component that wanders so much (the prior expects six) may hold
# two paths: where a pair explains this share of its energy more than it does. So many of the best pairs of each
# component, and of all, are tried.
DOUBTFUL, WANDERS, PAIR_GAIN = 1.15, 18.0, 0.01
PAIRS_EACH, PAIRS = 4, 4
# A pair stays where the objective falls to this share; what raises it less when taken out goes again. The weaker of the
# two holds this share of the other's energy: what is weaker is a product of two moving parts, or an image.
PARTED, PAIR_SHARE = 0.8, 0.06
# Fewer packets than this cannot hold the polynomials of a slow amplitude.
_FEWEST = 12


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
    if grid.time.size < _FEWEST:
        raise InputError(
            f"slow amplitudes need at least {_FEWEST} packets, got {grid.time.size}; method 'relax' takes 8."
        )
    values = _checked(csi, grid, phase_sign)
    limits = limits or Limits.for_axes(grid.time, grid.frequency)
    series = compress(values, grid, limits)
    run = _Run(series, ChirpBank(series, limits), reference, max_paths, false_alarm)
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
        self, series: CellSeries, bank: ChirpBank, images: bool, max_paths: int, false_alarm: float
    ) -> None:
        self.problem = ComponentProblem(series, images)
        # Images would take part in what belongs to paths not found yet.
        self.search = ComponentProblem(series, False, free=True)
        self.bank, self.most = bank, max_paths
        self.limit_reached = False
        # The largest energy that noise brings to any of the bank's components, N_BASIS polynomials in every channel.
        degrees = N_BASIS * max(series.values.shape[0], 1)
        self.noise_energy = series.noise * float(gamma.isf(min(false_alarm / bank.trials, 0.5), degrees))
        # Energy that must be brought whatever else moves.
        self.floor = max(self.noise_energy, OF_STATIC * series.total if images else 0.0)
        self.shares = (STRONG, WITH_REFERENCE if images else DYNAMIC_RANGE)
        # Energy that a component must bring.
        self.least = self.floor

    def standing(self, fit: ComponentFit) -> Array:
        """Value of each component with the others as they are, over the required one: below one it is removed."""
        return np.array([fit.removal(i) for i in range(len(fit))]) / self.least

    def find(self) -> ComponentFit:
        """Grow and seek anew in stages, fit all with their images and priors, read the courses without them."""
        series = self.problem.series
        fit = self.search.solve(())
        if not series.values.shape[0]:
            return fit
        settled = 0
        for share in self.shares:
            self.least = max(self.floor, share * series.energy)
            fit = self.grow(fit)
            if len(fit) > settled:
                fit = self.renew(fit)
                settled = len(fit)
        fit = self.part(self.prune(self.settled(fit.components), self.settled))
        self.limit_reached = len(fit) >= self.most
        start = self.problem.solve(fit.components, learned=True)
        return self.problem.follow_courses(start, 4, LATE, learned=True)

    def loose(self, components: tuple[Component, ...]) -> ComponentFit:
        """Fit all components together, amplitudes free."""
        return self.search.follow_courses(self.search.solve(components), 2, EARLY)

    def settled(self, components: tuple[Component, ...]) -> ComponentFit:
        """Fit all components together, with their images and priors."""
        fit = self.problem.follow_courses(self.problem.solve(components), 1, LATE)
        return self.problem.descend(fit, 3, LATE)

    def grow(self, fit: ComponentFit) -> ComponentFit:
        """Add components as long as they bring enough."""
        while len(fit) < self.most:
            found = self.bank.candidates(fit.residual, 1)
            if not found:
                break
            more = self.loose((*fit.components, Component.at(found[0])))
            if fit.objective - more.objective < GOES_ON * self.least:
                break
            more = self.prune(more, self.loose)
            if len(more) <= len(fit) and more.objective > fit.objective * 0.999:
                break
            fit = more
        return fit

    def prune(
        self, fit: ComponentFit, joint: Callable[[tuple[Component, ...]], ComponentFit]
    ) -> ComponentFit:
        """Drop components, weakest first, that bring too little."""
        while len(fit):
            standing = self.standing(fit)
            weakest = int(np.argmin(standing))
            if standing[weakest] > 1:
                break
            fit = joint(_without(fit, weakest))
        return fit

    def renew(self, fit: ComponentFit) -> ComponentFit:
        """Take each component out, fit the rest, and seek it anew in what is left."""
        for _ in range(ROUNDS):
            changed = False
            for i in range(len(fit)):
                rest = self.loose(_without(fit, i))
                found = self.bank.candidates(rest.residual, 1)
                if not found:
                    continue
                if self.search.series.basis.apart(found[0], fit.components[i].phase) < SAME:
                    continue
                trial = self.loose((*rest.components, Component.at(found[0])))
                if trial.objective < BETTER * fit.objective:
                    fit, changed = trial, True
            if not changed:
                break
            fit = self.prune(fit, self.loose)
        return fit

    def part(self, fit: ComponentFit) -> ComponentFit:
        """Put two in place of a component that holds a pair, as long as the whole fit is much better for it."""
        series = self.problem.series
        left = DOUBTFUL * series.noise * series.values.size
        grid: PairGrid | None = None
        while 0 < len(fit) < self.most and fit.rss > left:
            grid = grid or PairGrid(series)
            best = fit
            for i, first, second in self.pairs(fit, grid):
                components = (*_without(fit, i), Component.at(first), Component.at(second))
                for start in (components, self.loose(components).components):
                    more = self.settled(start)
                    energy = more.energies()
                    weak, strong = np.sort(energy[-2:])
                    if weak > max(PAIR_SHARE * strong, self.shares[-1] * series.energy):
                        best = min(best, more, key=lambda fit: fit.objective)
            if best.objective > PARTED * fit.objective:
                break
            fit = self.without_needless(best)
        return fit

    def pairs(self, fit: ComponentFit, grid: PairGrid) -> list[tuple[int, Array, Array]]:
        """The most promising pairs in place of a component, with its number."""
        energy = fit.energies()
        found = [
            (gain, i, first, second)
            for i in np.flatnonzero(fit.wander() > WANDERS).tolist()
            for gain, first, second in grid.pairs(fit, i, PAIRS_EACH)
            if gain > PAIR_GAIN * energy[i]
        ]
        return [
            (i, first, second) for _, i, first, second in sorted(found, key=lambda pair: -pair[0])[:PAIRS]
        ]

    def without_needless(self, fit: ComponentFit) -> ComponentFit:
        """Drop what the whole fit is hardly worse without."""
        for i in np.argsort(self.standing(fit)):
            less = self.settled(_without(fit, i))
            if less.objective * PARTED < fit.objective:
                return self.without_needless(less)
        return fit


def _without(fit: ComponentFit, taken: int) -> tuple[Component, ...]:
    return fit.components[:taken] + fit.components[taken + 1 :]
