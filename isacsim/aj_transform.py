"""From the lag product R(t) to the acceleration-jerk plane: the paper's eq. (4)-(10) without interpolation.

For the lag product R (eq. 12, METHOD section 2) the spectrum on physical axes is

``P(a, r) = Σ_m w_m e^{-j2πκ a m} Σ_t R(t + m/2) R*(t - m/2) e^{-j2πκ r t m}``,

which is what keystone (eq. 7) and its two Fourier transforms (eq. 8-10) give, evaluated exactly at each (a, r).
:class:`AJTransform` plans it once for a window length and a pair of axes and then runs it on batches.

How it is fast: R is reduced to the band that the axes can hold; for each lag the sum over t is folded about t = 0 and
becomes two small real matrix products over the distinct |r|; one real matrix product over the lags, for the
distinct |a|, ends it. Folding t, r and a saves a factor of 8 over the complex products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.signal import get_window

__all__ = ["AJTransform", "band", "plan"]

_JIT: dict[str, Any] = {"cache": True, "error_model": "numpy", "fastmath": True}
# Spectra whose stage-1 products are done together: the product stays below OpenBLAS's own threading threshold, so
# that threads are ours alone, and results don't depend on how many there are.
BLOCK = 16
# Band-limited reduction: R keeps a rate of at least OVERSAMPLING times the axes' two-sided band. What lies beyond
# the axes (cross-terms of fast paths) leaks into them through the side lobes, so a rate just above the band won't
# do: at 1.4 a crowd of 7 on a single subcarrier errs by 4 % of the maximum, at 2.6 by 0.7 %, with more
# subcarriers by 0.2 %. The Wiener weights pass PASS of the reduced Nyquist band and assume this noise-to-signal
# ratio.
OVERSAMPLING = 2.6
_PASS = 0.9
_WIENER_FLOOR = 1e-3

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


# The inner loops of stage 1. Unsigned offsets into flat arrays, one store a loop, no slices: this is what it takes for
# them to become SIMD code without overhead.
@njit(**_JIT)
def _set_products(flat, re, im, m, n_t, x, y):  # type: ignore[no-untyped-def]
    """R2 at lag m of the row whose real part starts at re and imaginary part at im, into x + jy."""
    for i in range(n_t):
        x[i] = flat[re + i + m] * flat[re + i] + flat[im + i + m] * flat[im + i]
    for i in range(n_t):
        y[i] = flat[im + i + m] * flat[re + i] - flat[re + i + m] * flat[im + i]


@njit(**_JIT)
def _add_products(flat, re, im, m, n_t, x, y):  # type: ignore[no-untyped-def]
    """Add a further member of the group to x + jy."""
    for i in range(n_t):
        x[i] += flat[re + i + m] * flat[re + i] + flat[im + i + m] * flat[im + i]
    for i in range(n_t):
        y[i] += flat[im + i + m] * flat[re + i] - flat[re + i + m] * flat[im + i]


@njit(**_JIT)
def _fold(x, y, n_t, half, folded, start, stride):  # type: ignore[no-untyped-def]
    """Sums and differences of times t and -t of x and y, outwards from the middle, into four rows."""
    up = n_t // np.uint64(2)
    down = half - np.uint64(1)
    if n_t % np.uint64(2):  # the middle sample is its own mirror image: counted once
        x[up] *= np.float32(0.5)
        y[up] *= np.float32(0.5)
    for i in range(half):
        folded[start + i] = x[up + i] + x[down - i]
    start += stride
    for i in range(half):
        folded[start + i] = y[up + i] + y[down - i]
    start += stride
    for i in range(half):
        folded[start + i] = x[up + i] - x[down - i]
    start += stride
    for i in range(half):
        folded[start + i] = y[up + i] - y[down - i]


@njit(parallel=True, **_JIT)
def _over_time(planes, n_real, cosines, sines, starts, first_lag, out):  # type: ignore[no-untyped-def]
    """Stage 1: for each lag, products of the folded R2 with cos and sin of 2πκ u t m.

    planes float32 (block, re/im, spectrum, group, N), of which the first n_real spectra are not padding;
    out (block, lag, [S+re S+im S-re S-im] of the block's spectra, u).
    """
    n_block, n_lag, n_row, n_u = out.shape
    n_spec = n_row // 4
    group, n = planes.shape[3], planes.shape[4]
    for block in prange(n_block):
        flat = planes[block].reshape(-1)
        folded = np.zeros(n_row * ((n + 1) // 2), np.float32)
        x = np.empty(n, np.float32)
        y = np.empty(n, np.float32)
        for lag in range(n_lag):
            m = np.uint64(first_lag + lag)
            n_t = np.uint64(n) - m
            half = (n - first_lag - lag + 1) // 2
            for b in range(min(n_spec, n_real - block * n_spec)):
                row = b * group
                other = (n_spec + b) * group
                _set_products(flat, np.uint64(row * n), np.uint64(other * n), m, n_t, x, y)
                for g in range(1, group):
                    _add_products(flat, np.uint64((row + g) * n), np.uint64((other + g) * n), m, n_t, x, y)
                _fold(x, y, n_t, np.uint64(half), folded, np.uint64(b * half), np.uint64(n_spec * half))
            s = folded[: n_row * half].reshape(n_row, half)
            table = cosines[starts[lag] : starts[lag] + half * n_u].reshape(half, n_u)
            np.dot(s[: 2 * n_spec], table, out[block, lag, : 2 * n_spec])
            table = sines[starts[lag] : starts[lag] + half * n_u].reshape(half, n_u)
            np.dot(s[2 * n_spec :], table, out[block, lag, 2 * n_spec :])


@njit(parallel=True, **_JIT)
def _unfold(product, a_index, a_sign, r_index, r_sign, out):  # type: ignore[no-untyped-def]
    """From products over distinct |a|, |r| (block, cos/sin q, plane, spectrum, u) to |P| (spectrum, a, r)."""
    n_spec, n_q = product.shape[3], product.shape[1] // 2
    for row in prange(out.shape[0]):
        s = product[row // n_spec]
        b = row % n_spec
        for ia in range(out.shape[1]):
            q = a_index[ia]
            sign = a_sign[ia]
            for ir in range(out.shape[2]):
                u = r_index[ir]
                flip = r_sign[ir]
                # Over t: G(r) = Σ S+ cos - j sign(r) Σ S- sin; here once with the lags' cosine, once with their sine.
                cos_r = s[q, 0, b, u] + flip * s[q, 3, b, u]
                cos_i = s[q, 1, b, u] - flip * s[q, 2, b, u]
                sin_r = s[n_q + q, 0, b, u] + flip * s[n_q + q, 3, b, u]
                sin_i = s[n_q + q, 1, b, u] - flip * s[n_q + q, 2, b, u]
                real = cos_r + sign * sin_i
                imag = cos_i - sign * sin_r
                out[row, ia, ir] = np.sqrt(real * real + imag * imag)


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
    return np.asarray(cho_solve(cho_factor(gram), cross), np.float32)


@dataclass(frozen=True, eq=False)
class AJTransform:
    """A planned transform from lag products of ``n`` samples to spectra on given axes; see :func:`plan`."""

    n: int
    weights: F32 | None
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

    def __call__(self, r: NDArray[np.complex64]) -> F32:
        """Magnitude spectra, shape (spectrum, acceleration, jerk), of lag products (spectrum, group, n).

        The self-correlations of a group are added before the transform, so a group is a sum of self-terms.
        """
        n_spec, group, n = r.shape
        # Whole blocks always, padded with zeros, in every matrix product: the bits of a spectrum don't depend on how
        # many others there are.
        n_block = -(-n_spec // BLOCK)
        planes = np.zeros((n_block * BLOCK, 2, group, n), np.float32)
        planes[:n_spec, 0] = r.real
        planes[:n_spec, 1] = r.imag
        planes = (
            planes.reshape(n_block, BLOCK, 2, group, n).swapaxes(1, 2).reshape(n_block, 2 * BLOCK * group, n)
        )
        if self.weights is not None:
            planes = planes @ self.weights
        planes = (planes * self.window).reshape(n_block, 2, BLOCK, group, -1)
        if self.chirps is not None:
            return self._symmetric(planes)[:n_spec]
        return self._positive(planes, n_spec)

    def _symmetric(self, planes: F32) -> F32:
        """All lags: |Σ_t R(t) e^{-j2πκ(at + rt²/2)}|², METHOD section 2; one matrix product."""
        assert self.chirps is not None
        n_block, _, n_spec, group, n = planes.shape
        sums = (planes[:, 0] + 1j * planes[:, 1]).reshape(n_block, n_spec * group, n) @ self.chirps
        power = (sums.real**2 + sums.imag**2).reshape(-1, group, *self.shape)
        return np.asarray(power.sum(axis=1))

    def _positive(self, planes: F32, n_spec: int) -> F32:
        """Positive lags: stage 1 over time, stage 2 over lags, then the unfolding."""
        n_block = planes.shape[0]
        n_u, n_q = self.r_fold[0].size, self.a_fold[0].size
        n_lag = self.over_lags.shape[0]
        out = np.empty((n_spec, *self.shape), np.float32)
        # A block a thread at a time: what stage 1 leaves stays in the cache for stage 2.
        width = min(n_block, get_num_threads())
        sums = np.empty((width, n_lag, 4 * BLOCK, n_u), np.float32)
        for first in range(0, n_block, width):
            some = planes[first : first + width]
            here = slice(first * BLOCK, min((first + width) * BLOCK, n_spec))
            held = sums[: len(some)]
            _over_time(
                some, here.stop - here.start, self.cosines, self.sines, self.starts, self.first_lag, held
            )
            product = self.over_lags.T @ held.reshape(len(some), n_lag, -1)
            product = product.reshape(len(some), 2 * n_q, 4, BLOCK, n_u)
            _unfold(product, *self.a_fold[1:], *self.r_fold[1:], out[here])
        return out

    @property
    def operations(self) -> int:
        """Floating-point operations of one spectrum's matrix products (positive lags, one path a group)."""
        n_u, n_lag, n_q2 = self.r_fold[0].size, *self.over_lags.shape
        reduction = 0 if self.weights is None else 2 * 2 * self.weights.size
        return int(reduction + 2 * 4 * self.cosines.size + 2 * 4 * n_u * n_lag * n_q2)


def band(n: int, dt: float, kappa: float, acceleration: F64, jerk: F64) -> float:
    """Highest frequency in Hz of R for paths within the axes: κ (|a|max + |r|max T/2), METHOD section 2."""
    return float(kappa * (np.abs(acceleration).max() + np.abs(jerk).max() * (n - 1) * dt / 2))


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
) -> AJTransform:
    """Plan a transform (cached: the same arguments give the same object).

    Parameters
    ----------
    n : int
        Samples of the lag product.
    dt : float
        Their spacing in s.
    kappa : float
        2φ f/c in s²/m·Hz, i.e. Hz for each m/s² (METHOD section 2).
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
    """
    if decimation is None:
        highest = band(n, dt, kappa, acceleration, jerk)
        decimation = max(1, int(1 / (dt * 2 * OVERSAMPLING * max(highest, 1 / (n * dt)))))
    a, r = (np.ascontiguousarray(x, np.float64).tobytes() for x in (acceleration, jerk))
    return _plan(n, dt, kappa, a, r, lags, min_lag, window or "boxcar", decimation)


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
    decimation: int,
) -> AJTransform:
    acceleration, jerk = np.frombuffer(a), np.frombuffer(r)
    positions = _positions(n, decimation)
    n_kept, step = positions.size, n / positions.size
    weights = None if decimation == 1 else _reduction(n, decimation)
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
    cosines, sines, starts = [], [], np.empty(lag.size, np.int64)
    total: int = 0
    for i, m in enumerate(lag):
        n_t = n_kept - int(m)
        half = (n_t + 1) // 2
        t = (np.arange(half) + (0 if n_t % 2 else 0.5)) * step * dt
        angle = 2 * np.pi * kappa * (m * step * dt) * t[:, None] * r_fold[0]
        cosines.append(np.cos(angle).astype(np.float32).ravel())
        sines.append(np.sin(angle).astype(np.float32).ravel())
        starts[i] = total
        total += half * r_fold[0].size
    correlation = np.convolve(taper.astype(np.float64), taper[::-1])[n_kept - 1 :]
    share = share / (share * correlation[lag]).sum()
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
        over_lags.astype(np.float32),
        a_fold,
        r_fold,
        None,
    )
