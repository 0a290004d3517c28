"""Several moving paths from one capture: successive search, joint least squares, a criterion for the count.

The scheme is RELAX (Li and Stoica, "Efficient mixed-spectrum estimation with applications to target feature
extraction", IEEE Trans. Signal Processing 44(2), 1996) carried over from sinusoids to cubic phases: find the
strongest path in what is left of the capture, re-fit all paths together, and go on while the criterion (see
`order`) gains. Where RELAX re-estimates one path at a time, all are moved at once by Gauss-Newton, which
converges in a few steps where paths overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError
from isacsim.estimation.grid import SamplingGrid
from isacsim.estimation.least_squares import Fit, LeastSquaresProblem, empty_fit, fit_paths, likelihood_gain
from isacsim.estimation.limits import Limits
from isacsim.estimation.relax.escape import Escape
from isacsim.estimation.relax.order import path_penalty
from isacsim.estimation.relax.search import TrackSearch
from isacsim.estimation.relax.size import REFOCUSED, TRACKS
from isacsim.estimation.results import path_dataset, read_csi

__all__ = ["relax"]

Array = NDArray[np.float64]

# How often paths may be moved off side lobes before a new one is taken after all.
REPAIRS = 3
# A path whose signal is this much a constant cannot be told from the static part.
SMALLEST_OWN_ENERGY = 1e-2
# What single-precision CSI and the single-precision fit leave of a perfectly known capture, relative to its
# largest power.
ROUNDING = 1e-12


@lru_cache(maxsize=8)
def _search_for(time: bytes, frequency: bytes, limits: Limits) -> TrackSearch:
    t, f = np.frombuffer(time), np.frombuffer(frequency)
    return TrackSearch(SamplingGrid(t, f, np.arange(f.size)), limits)


@dataclass
class _Run:
    """One capture on its way."""

    problem: LeastSquaresProblem
    search: TrackSearch
    penalty: float
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.escape = Escape(self.problem, self.search, self.penalty, self.log)

    def gain(self, before: Fit, after: Fit) -> float:
        """Fall of N ln(rss)."""
        return likelihood_gain(self.problem, before, after)

    def extend(self, fit: Fit) -> Fit | None:
        """Add the strongest path left and fit all together; None where the search sees nothing."""
        for repairs_left in reversed(range(REPAIRS + 1)):
            er, ei = fit.residual
            tracks = self.search.tracks(er + np.complex64(1j) * ei, TRACKS)
            if not tracks.size:
                return None
            states, energy = self.search.focus(self.problem, fit, tracks)
            # Once more around the best: a track may be off by more than the bank reaches.
            states, energy = self.search.focus(self.problem, fit, states[np.argsort(-energy)[:REFOCUSED]])
            new = states[int(energy.argmax())]
            repaired = self.escape.off_side_lobe(fit, new) if repairs_left else None
            if repaired is None:
                break
            fit = repaired
        return self.escape.crossing(fit_paths(self.problem, np.concatenate([fit.theta, new[None]])))

    def prune(self, fit: Fit) -> Fit:
        """Drop paths, weakest first, as long as the criterion does not lose by it."""
        while fit.theta.shape[0] > 1:
            weakest = int(np.argmin(np.abs(fit.amplitude) ** 2 * fit.own_energy))
            fewer = fit_paths(self.problem, np.delete(fit.theta, weakest, axis=0))
            if self.gain(fewer, fit) > self.penalty:
                break
            self.log.append(f"dropped a path at {_describe(fit, weakest)}")
            fit = fewer
        return fit


def _describe(fit: Fit, i: int) -> str:
    d, v, a, r = fit.theta[i]
    return f"{d:.2f} m, {v:+.3f} m/s, {a:+.3f} m/s^2, {r:+.2f} m/s^3, amplitude {abs(fit.amplitude[i]):.3g}"


def relax(
    csi: ArrayLike,
    time: ArrayLike,
    frequency: ArrayLike,
    *,
    max_paths: int = 10,
    n_paths: int | None = None,
    phase_sign: int = -1,
    limits: Limits | None = None,
    false_alarm: float = 1e-3,
    start: NDArray[np.float64] | None = None,
) -> xr.Dataset:
    """Estimate every moving path of a capture at the Cramér-Rao bound's precision, and how many there are.

    Parameters
    ----------
    csi : array_like (subcarrier, packet)
        Complex channel, static part and noise of unknown power included.
    time : array_like (packet,)
        Packet times, s; jitter and loss are fine.
    frequency : array_like (subcarrier,)
        Subcarrier frequencies, Hz; any set. With a single one the path length is not determined: NaN.
    max_paths : int
        Stop at this many.
    n_paths : int, optional
        Find exactly this many, whatever the criterion says.
    phase_sign : {-1, 1}
        Sign sigma of the phase with growing path length, exp(sigma j 2 pi f d / c); physics has -1, some
        receivers +1.
    limits : Limits, optional
        How far to search; default: `Limits.for_axes`.
    false_alarm : float
        Probability that noise alone brings a path; it sets the criterion's penalty.
    start : ndarray (path, 4), optional
        Path length, velocity, acceleration and jerk of paths to begin with, in place of none.

    Returns
    -------
    Dataset
        Over ``path``, strongest first: ``path_length`` (m, modulo c over the subcarrier spacing),
        ``velocity``, ``acceleration``, ``jerk``, ``amplitude``, ``phase``, and ``std_*`` of each from the
        Fisher matrix at the estimate. ``noise_variance``; ``criterion`` over ``step``: N ln(rss) + penalty x
        paths with 0, 1, ... paths; ``static`` over (``part``, ``subcarrier``), real and imaginary.
        ``ambiguous``: whether a state lies so near a limit of the search, or of what the packet times tell
        apart, that another may be meant. ``attrs``: ``limits`` in words, ``unambiguous_speed`` m/s, and ``log``:
        what was done, one line a step.

    Raises
    ------
    InputError
        If the CSI's shape is not that of the axes, or it is not finite or all zero. Also if an argument is outside
        its range, or the search would take too much memory or time.

    References
    ----------
    Li and Stoica, IEEE Trans. Signal Processing 44(2), 1996 (RELAX).
    Golub and Pereyra, SIAM J. Numer. Anal. 10(2), 1973 (variable projection).
    """
    if max_paths < 1 or (n_paths is not None and n_paths < 1):
        raise InputError(f"max_paths and n_paths must be at least 1, not {max_paths!r} and {n_paths!r}")
    problem = read_csi(csi, time, frequency, phase_sign)
    grid = problem.grid
    limits = limits or Limits.for_axes(grid.time, grid.frequency)
    search = _search_for(grid.time.tobytes(), grid.frequency.tobytes(), limits)
    penalty = path_penalty(grid, search.ranges, false_alarm)
    run = _Run(problem, search, penalty)
    fit, criterion = _find_paths(run, n_paths or max_paths, n_paths is not None, start)
    result = path_dataset(problem, fit, bound=True)
    result["criterion"] = (
        "step",
        np.array(criterion),
        {"units": "1", "long_name": "N ln(rss) + penalty x paths"},
    )
    edge = limits.ambiguous(grid, result["velocity"], result["acceleration"], result["jerk"])
    words = "a state at the edge of the search or of what the packet times tell apart: another may be meant"
    result["ambiguous"] = ("path", edge, {"units": "1", "long_name": words})
    result.attrs.update(
        method="relax",
        penalty=penalty,
        limits=str(limits),
        unambiguous_speed=grid.unambiguous_velocity,
        log=run.log,
    )
    return result


def _find_paths(run: _Run, most: int, exactly: bool, start: Array | None) -> tuple[Fit, list[float]]:
    problem = run.problem
    fit = empty_fit(problem) if start is None else fit_paths(problem, start)
    floor = ROUNDING * problem.re.size
    criterion = [problem.degrees * float(np.log(max(fit.rss, floor)))]
    while fit.theta.shape[0] < most:
        if fit.rss < floor:
            run.log.append("stopped: what is left is rounding")
            break
        more = run.extend(fit)
        if more is None:
            break
        gain = run.gain(fit, more)
        criterion.append(problem.degrees * float(np.log(more.rss)) + run.penalty * more.theta.shape[0])
        if not exactly and gain < run.penalty:
            run.log.append(f"stopped: the next path gains {gain:.1f}, less than {run.penalty:.1f}")
            break
        if not exactly and more.own_energy.min() < SMALLEST_OWN_ENERGY:
            run.log.append(
                f"stopped: the next path gains {gain:.1f}, but one cannot be told from the static part"
            )
            break
        run.log.append(f"added a path, gain {gain:.1f}, at {_describe(more, -1)}")
        fit = more
    else:
        run.log.append(f"stopped: {most} paths, the most asked for")
    if not exactly:
        fit = run.prune(fit)
    return fit, criterion
