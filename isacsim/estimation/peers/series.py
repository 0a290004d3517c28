"""Input of the polynomial-phase estimators of the literature: one uniform time series out of a capture.

HAF, CPF and QML are written for one complex series of equally spaced samples with one strong component. A capture
becomes one series by focusing its subcarriers on the delay that holds the most power after static removal. Several
paths are taken one after another: estimate, subtract with all amplitudes fitted, continue with the residual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError
from isacsim.estimation.grid import SPEED_OF_LIGHT
from isacsim.estimation.least_squares import Fit, LeastSquaresProblem, empty_fit, evaluate
from isacsim.estimation.results import path_dataset, read_csi

__all__ = ["Series", "climb", "dechirp", "deflate", "even_times", "peak_frequency", "successive"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Packets may stray this far from equal spacing, in packet intervals, before their phases matter.
STRAY = 0.05
# Zero-padding of the Fourier transforms that peaks are looked for in, and Newton's steps from the largest bin.
PADDING = 4
CLIMB = 6


@dataclass(frozen=True)
class Series:
    """One uniform series of CSI.

    Attributes
    ----------
    values : complex ndarray (packet,)
        exp(-j 2 pi / wavelength * (v t + a t^2 / 2 + r t^3 / 6)) for one path, times a constant.
    time : ndarray (packet,)
        Seconds from the window's centre.
    wavelength : float
        c over the mean subcarrier frequency, m.
    """

    values: Complex
    time: Array
    wavelength: float

    @property
    def interval(self) -> float:
        """Seconds between packets."""
        return float(self.time[1] - self.time[0])

    def likelihood(self, velocity: float, acceleration: float, jerk: float) -> float:
        """|sum of the series along a track|^2: what maximum likelihood makes largest."""
        return float(np.abs(dechirp(self, velocity, acceleration, jerk).sum()) ** 2)


def dechirp(series: Series, velocity: float, acceleration: float, jerk: float) -> Complex:
    """Take a track's phase out of a series."""
    t = series.time
    moved = t * (velocity + t * (acceleration / 2 + t * jerk / 6))
    return series.values * np.exp(2j * np.pi / series.wavelength * moved)


def climb(values: Complex, place: NDArray[np.floating], start: float) -> float:
    """Angular rate u near ``start`` where |sum of values · exp(-j u place)|² is largest, by Newton's method.

    A grid and a parabola through its largest three points are off by a few per cent of a step, which is many times the
    bound of a strong path.
    """
    place = (
        place - place.mean()
    )  # a rate about another origin has the same magnitude; this one converges best
    u = start
    for _ in range(CLIMB):
        turned = values * np.exp(-1j * u * place)
        s, first, second = turned.sum(), (place * turned).sum(), (place**2 * turned).sum()
        slope = 2 * (s.conjugate() * first).imag
        curve = 2 * (abs(first) ** 2 - (s.conjugate() * second).real)
        if curve >= 0:  # not at a maximum: the start is as good as anything
            return start
        u -= slope / curve
    # Beyond the neighbouring null it has left the peak that it was sent up.
    return u if abs(u - start) * np.ptp(place) < 2 * np.pi else start


def peak_frequency(values: Complex, interval: float) -> float:
    """Frequency of the strongest tone, Hz: a padded FFT, and Newton's method from its largest bin."""
    n = 1 << int(np.ceil(np.log2(PADDING * values.size)))
    k = int(np.abs(np.fft.fft(values, n)).argmax())
    turns = climb(values, np.arange(values.size, dtype=float), 2 * np.pi * k / n) / (2 * np.pi)
    return float((turns - np.round(turns)) / interval)


def successive(
    estimate_one: Callable[[Series], tuple[float, float, float]],
    csi: ArrayLike,
    time: ArrayLike,
    frequency: ArrayLike,
    *,
    n_paths: int,
    phase_sign: int,
    method: str,
) -> xr.Dataset:
    """Take `n_paths` paths out of a capture with an estimator of one path.

    Parameters
    ----------
    estimate_one : callable
        From a `Series` to (velocity, acceleration, jerk).
    csi : array_like (subcarrier, packet)
        Complex channel, static part included.
    time, frequency : array_like
        Equally spaced packet times, s, and subcarrier frequencies, Hz.
    n_paths : int
        How many paths; these methods do not tell.
    phase_sign : {-1, 1}
        Sign sigma of the phase with growing path length.
    method : str
        For the result's attributes and for messages.

    Returns
    -------
    Dataset
        As `relax`'s, with ``std_*`` NaN: these estimators do not reach the bound. Path lengths are those of
        the focus, half a delay resolution coarse.

    Raises
    ------
    InputError
        Where the packets are not equally spaced, besides what `relax` refuses.
    """
    problem = read_csi(csi, time, frequency, phase_sign)
    fit = deflate(problem, even_times(problem, method), estimate_one, n_paths)
    result = path_dataset(problem, fit, bound=False)
    result.attrs["method"] = method
    return result


def even_times(problem: LeastSquaresProblem, method: str) -> Array:
    """Packet times on their uniform grid, s; an `InputError` in a method's name where they stray from it."""
    t = problem.grid.time
    even = np.linspace(t[0], t[-1], t.size)
    if np.abs(t - even).max() > STRAY * (even[1] - even[0]):
        raise InputError(f"{method} needs equally spaced packets: resample first, or use method 'relax'")
    return even


def deflate(
    problem: LeastSquaresProblem,
    time: Array,
    estimate_one: Callable[[Series], tuple[float, float, float]],
    n_paths: int,
) -> Fit:
    """One path after another: estimate the strongest, subtract it with all amplitudes fitted, go on with the rest."""
    if n_paths < 1:
        raise InputError(f"n_paths must be at least 1, not {n_paths!r}")
    fit = empty_fit(problem)
    for _ in range(n_paths):
        length, values = _focus(problem, *fit.residual)
        series = Series(values, time, SPEED_OF_LIGHT / problem.grid.centre)
        state = np.array([[length, *estimate_one(series)]])
        fit = evaluate(problem, np.concatenate([fit.theta, state]))
    return fit


def _focus(
    problem: LeastSquaresProblem, re: NDArray[np.float32], im: NDArray[np.float32]
) -> tuple[float, Complex]:
    """Return the delay of most power, as a path length, and the series of it."""
    grid = problem.grid
    residual = re + 1j * im.astype(np.float64)
    if not grid.spacing:
        return 0.0, residual[:, 0]
    width = float(grid.frequency[-1] - grid.frequency[0]) + grid.spacing
    step = SPEED_OF_LIGHT / (4 * width)
    count = round(grid.unambiguous_length / step)
    lengths = step * (np.arange(count) - count // 8)
    focused = residual @ np.exp(2j * np.pi / SPEED_OF_LIGHT * np.outer(grid.offset, lengths))
    best = int((np.abs(focused) ** 2).sum(axis=0).argmax())
    return float(lengths[best]), focused[:, best]
