"""From the lag product R(t) to the acceleration-jerk plane: the paper's eq. (4)-(10) without interpolation.

For the lag product R (eq. 12, method.md section 2) the spectrum on physical axes is

``P(a, r) = Σ_m w_m e^{-j2πκ a m} Σ_t R(t + m/2) R*(t - m/2) e^{-j2πκ r t m}``,

which is what keystone (eq. 7) and its two Fourier transforms (eq. 8-10) give, evaluated exactly at each (a, r).
:class:`AJTransform` plans it once for a window length and a pair of axes and then runs it on batches.

It is fast for three reasons. R is reduced to the band that the axes can hold. For each lag the sum over t is folded
about t = 0 and becomes two small real matrix products over the distinct |r|. One real matrix product over the lags,
for the distinct |a|, ends it. Folding t, r and a saves a factor of 8 over the complex products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.signal import get_window

from isacsim.compute.products import product
from isacsim.compute.threads import on_one_thread
from isacsim.spectrum.grid import ACCELERATION_MAX, JERK_MAX
from isacsim.spectrum.transform_kernels import BLOCK, positive_lags

__all__ = ["AJTransform", "band", "decimation_of", "plan"]

# Band-limited reduction: R keeps a rate of at least OVERSAMPLING times the axes' two-sided band. What lies beyond
# the axes (cross-terms of fast paths) leaks into them through the side lobes, so a rate just above the band will not
# do: at 1.4 a crowd of 7 on a single subcarrier errs by 4 % of the maximum, at 2.6 by 0.7 %, with more
# subcarriers by 0.2 %. The Wiener weights pass PASS of the reduced Nyquist band and assume this noise-to-signal
# ratio.
OVERSAMPLING = 2.6
# Windows over time and lags keep out what leaks: 2e-4 of the maximum, for crowds and single antennas alike.
OVERSAMPLING_WINDOWED = 1.3
_PASS = 0.9
_WIENER_FLOOR = 1e-3

# Windows of any length are read from one of so many samples.
_WINDOW_SAMPLES = 4097

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


def _distinct(axis: F64) -> tuple[F64, NDArray[np.int64], F32]:
    """Distinct magnitudes of an axis (to 1e-12 of its largest), each value's index among them, and its sign."""
    step = max(float(np.abs(axis).max()), 1e-300) * 1e-12
    keys, first, index = np.unique(np.rint(np.abs(axis) / step), return_index=True, return_inverse=True)
    del keys
    return np.abs(axis)[first], index.astype(np.int64), np.where(axis < 0, -1.0, 1.0).astype(np.float32)


def _positions(n: int, decimation: int) -> F64:
    """Kept samples tile the window: each stands for n / kept original ones (not a whole number, in general)."""
    kept = -(-n // decimation)
    return np.asarray((n - 1) / 2 + (np.arange(kept, dtype=np.float64) - (kept - 1) / 2) * (n / kept))


@lru_cache(maxsize=8)
@on_one_thread
def _reduction(n: int, decimation: int) -> F32:
    """Weights (n, positions) that evaluate a band-limited signal at other positions, best in mean square.

    Wiener interpolation of a signal that is flat within a band, in white noise: unlike an FIR low-pass it has no
    transient at the window's ends.
    """
    positions = _positions(n, decimation)
    band = _PASS * 0.5 * positions.size / n  # cycles a sample
    samples = np.arange(n)
    gram = np.sinc(2 * band * (samples[:, None] - samples)) + _WIENER_FLOOR * np.eye(n)
    cross = np.sinc(2 * band * (samples[:, None] - positions))
    return np.ascontiguousarray(cho_solve(cho_factor(gram), cross), np.float32)


@dataclass(frozen=True, eq=False)
class AJTransform:
    """A planned transform from lag products of ``n`` samples to spectra on given axes; see :func:`plan`."""

    n: int
    weights: F32
    shape: tuple[int, int]
    window: F32
    first_lag: int
    starts: NDArray[np.int64]
    cosines: F32
    sines: F32
    over_lags: F32
    a_fold: tuple[F64, NDArray[np.int64], F32]
    r_fold: tuple[F64, NDArray[np.int64], F32]
    chirps: NDArray[np.complex64] | None

    # Numba's threads each work on a block of their own: a BLAS that started threads too would spin beside them.
    @on_one_thread
    def __call__(self, r: NDArray[np.complex64]) -> F32:
        """Magnitude spectra, shape (spectrum, acceleration, jerk), of lag products (spectrum, group, n).

        The self-correlations of a group are added before the transform, so a group is a sum of self-terms.
        """
        return self._symmetric(r) if self.chirps is not None else self._positive(r)

    def _symmetric(self, r: NDArray[np.complex64]) -> F32:
        """All lags: |Σ_t R(t) e^{-j2πκ(at + rt²/2)}|², method.md section 2; one matrix product."""
        n_spec, group, _ = r.shape
        chirps = self.chirps
        assert chirps is not None
        out = np.empty((n_spec, *self.shape), np.float32)
        for first in range(0, n_spec, BLOCK):
            some = r[first : first + BLOCK]
            total = np.zeros((len(some), chirps.shape[1]), np.float32)
            for g in range(group):
                parts = np.concatenate([some[:, g].real, some[:, g].imag])
                kept = product(parts, self.weights) if self.weights.size else parts
                rows = np.concatenate(np.split(kept * self.window, 2), axis=1)
                real, imag = np.split(product(rows, self._chirp_table), 2, axis=1)
                total += real**2 + imag**2
            out[first : first + BLOCK] = total.reshape(len(some), *self.shape)
        return out

    @cached_property
    def _chirp_table(self) -> F32:
        """Columns that make real and imaginary parts of (re, im): the chirps as a real matrix."""
        assert self.chirps is not None
        real, imaginary = self.chirps.real, self.chirps.imag
        return np.ascontiguousarray(np.block([[real, imaginary], [-imaginary, real]]), np.float32)

    def _positive(self, r: NDArray[np.complex64]) -> F32:
        """Positive lags: over time, then over lags, block by block."""
        out = np.empty((r.shape[0], *self.shape), np.float32)
        positive_lags(
            r,
            min(get_num_threads(), -(-r.shape[0] // BLOCK)),
            self.weights,
            self.window,
            self.cosines,
            self.sines,
            self.starts,
            self.first_lag,
            self.over_lags,
            *self.a_fold[1:],
            *self.r_fold[1:],
            out,
        )
        return out

    @property
    def operations(self) -> int:
        """Floating-point operations of one spectrum's matrix products (positive lags, one path a group)."""
        n_u, n_q2, n_lag = self.r_fold[0].size, *self.over_lags.shape
        reduction = 2 * 2 * self.weights.size
        return int(reduction + 2 * 4 * self.cosines.size + 2 * 4 * n_u * n_lag * n_q2)


def band(n: int, dt: float, kappa: float, acceleration: F64, jerk: F64) -> float:
    """Highest frequency in Hz of R for paths within the axes: κ (|a|max + |r|max T/2), method.md section 2."""
    return float(kappa * (np.abs(acceleration).max() + np.abs(jerk).max() * (n - 1) * dt / 2))


def decimation_of(n: int, dt: float, highest: float, kappa: float, *, windowed: bool) -> int:
    """Factor by which R's rate is reduced for axes that reach the frequency ``highest`` in Hz (:func:`band`)."""
    # Narrower axes than the default ones do not make what leaks into them from beyond any weaker.
    default = kappa * (ACCELERATION_MAX + JERK_MAX * (n - 1) * dt / 2)
    rate = 2 * (OVERSAMPLING_WINDOWED if windowed else OVERSAMPLING) * max(highest, default, 1 / (n * dt))
    return max(1, int(1 / (dt * rate)))


def plan(
    n: int,
    dt: float,
    kappa: float,
    acceleration: F64,
    jerk: F64,
    *,
    lags: str,
    min_lag: float,
    window: str | None,
    decimation: int | None,
    stretched: bool = False,
    lag_window: str | None = None,
) -> AJTransform:
    """Plan a transform (cached: the same arguments give the same object).

    Parameters
    ----------
    n : int
        Samples of the lag product.
    dt : float
        Their spacing in s.
    kappa : float
        2φ f/c in s²/m·Hz, i.e. Hz for each m/s² (method.md section 2).
    acceleration, jerk : numpy.ndarray
        The axes, in m/s² and m/s³.
    lags : {"positive", "symmetric"}
        Positive lags from ``min_lag · n`` samples on, or all lags of both signs (the chirp periodogram).
    min_lag : float
        Least lag as a share of the length of R.
    window : str or None
        Window over R by its scipy name.
    decimation : int or None
        Reduction of R's rate; None takes the largest that OVERSAMPLING allows, 1 does none.
    stretched : bool
        Put the window over each positive lag's own range of t instead.
    lag_window : str or None
        Window over the positive lags by its scipy name.
    """
    if decimation is None:
        windowed = stretched and window is not None and lag_window is not None
        decimation = decimation_of(n, dt, band(n, dt, kappa, acceleration, jerk), kappa, windowed=windowed)
    a, r = (np.ascontiguousarray(x, np.float64).tobytes() for x in (acceleration, jerk))
    return _plan(n, dt, kappa, a, r, lags, min_lag, window or "boxcar", stretched, lag_window, decimation)


def _sampled(window: str, at: NDArray[np.floating]) -> F64:
    """Window that spans 0 to 1, at these places; it falls to its ends half a sample outside the first and last."""
    samples = get_window(window, _WINDOW_SAMPLES, fftbins=False)
    return np.asarray(np.interp(at, np.linspace(0, 1, _WINDOW_SAMPLES), samples))


@lru_cache(maxsize=32)
def _plan(
    n: int,
    dt: float,
    kappa: float,
    a: bytes,
    r: bytes,
    lags: str,
    min_lag: float,
    window: str,
    stretched: bool,
    lag_window: str | None,
    decimation: int,
) -> AJTransform:
    acceleration, jerk = np.frombuffer(a), np.frombuffer(r)
    positions = _positions(n, decimation)
    n_kept, step = positions.size, n / positions.size
    weights = np.empty((n, 0), np.float32) if decimation == 1 else _reduction(n, decimation)
    taper = np.ones(n_kept, np.float32)
    if not stretched:
        taper = np.interp(positions, np.arange(n), get_window(window, n, fftbins=False)).astype(np.float32)
    a_fold, r_fold = _distinct(acceleration), _distinct(jerk)
    time = (positions - (n - 1) / 2) * dt
    shape = (acceleration.size, jerk.size)
    if lags == "symmetric":
        phase = kappa * (acceleration[:, None, None] * time + jerk[:, None] * time**2 / 2)
        chirps = (
            (np.exp(-2j * np.pi * phase) / taper.sum(dtype=float)).reshape(-1, n_kept).T.astype(np.complex64)
        )
        none = np.empty(0, np.float32)
        return AJTransform(
            n, weights, shape, taper, 0, np.empty(0, np.int64), none, none, none, a_fold, r_fold, chirps
        )
    # Lags min_lag·n .. n-1 samples; after reduction each kept lag stands for `step` of them, the outer ones for less.
    low, high = np.ceil(min_lag * n) - 0.5, n - 0.5
    lag = np.arange(n_kept)
    share = (
        np.clip(np.minimum((lag + 0.5) * step, high) - np.maximum((lag - 0.5) * step, low), 0, step) / step
    )
    first = int(np.argmax(share > 0))
    lag, share = lag[first:], share[first:]
    if lag_window is not None:
        share *= _sampled(lag_window, (lag * step - low) / (high - low))
    cosines, sines, starts = [], [], np.empty(lag.size, np.int64)
    pairs = np.empty(lag.size)
    total: int = 0
    for i, m in enumerate(lag):
        n_t = n_kept - int(m)
        half = (n_t + 1) // 2
        t = (np.arange(half) + (0 if n_t % 2 else 0.5)) * step * dt
        angle = 2 * np.pi * kappa * (m * step * dt) * t[:, None] * r_fold[0]
        own = _sampled(window, 0.5 + t / (n_t * step * dt)) if stretched else np.ones(half)
        cosines.append((np.cos(angle) * own[:, None]).astype(np.float32).ravel())
        sines.append((np.sin(angle) * own[:, None]).astype(np.float32).ravel())
        pairs[i] = 2 * own.sum() - (own[0] if n_t % 2 else 0)  # the middle of an odd number stands alone
        starts[i] = total
        total += half * r_fold[0].size
    if not stretched:
        pairs = np.convolve(taper.astype(np.float64), taper[::-1])[n_kept - 1 :][lag]
    share = share / (share * pairs).sum()
    angle = 2 * np.pi * kappa * a_fold[0] * (lag * step * dt)[:, None]
    over_lags = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * share[:, None]
    return AJTransform(
        n,
        weights,
        shape,
        taper,
        first,
        starts,
        np.concatenate(cosines),
        np.concatenate(sines),
        np.ascontiguousarray(over_lags.T, np.float32),
        a_fold,
        r_fold,
        None,
    )
