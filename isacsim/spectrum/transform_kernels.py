"""The numba loops of :mod:`isacsim.spectrum.transform`.

Blocks of spectra, one a thread, from lag product to magnitude.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from isacsim.compute.jit import JIT, fma
from isacsim.compute.products import product, rows_by_table

__all__ = ["BLOCK", "positive_lags"]

# Spectra that share tables while these are in the cache. The bits of a spectrum depend neither on its neighbours nor on
# its place among them, nor on the number of threads.
BLOCK = 32


# The inner loop of stage 1. Unsigned offsets into flat arrays, all of them forwards, no slices: this is what it takes
# for it to become SIMD code without overhead. For the mirror image of time t, the rows are kept backwards as well.
@njit(**JIT)
def _folded_products(flat, back, re, im, n, m, half, folded, start, stride, add):  # type: ignore[no-untyped-def]
    """R2 at lag m: sums and differences of times t and -t, outwards from the middle, into four rows of ``folded``.

    The rows are S+ and S-, each its real and its imaginary part; (re, im) are the offsets of a row's real and imaginary
    part in ``flat`` and, backwards, in ``back``. ``add`` is 1 to add to what is there, 0 to replace it.
    """
    n_t = n - m
    up = n_t // np.uint64(2)
    # Of the pair at time index t = half - 1 - i the later one, t + m, stands in a row kept backwards at n - 1 - t - m.
    down = n_t - half
    keep = np.float32(add)
    for i in range(half):
        a = flat[re + up + m + i]
        b = flat[im + up + m + i]
        c = flat[re + up + i]
        d = flat[im + up + i]
        x = fma(a, c, b * d)
        y = fma(b, c, -a * d)
        a = back[re + down + i]
        b = back[im + down + i]
        c = back[re + down + m + i]
        d = back[im + down + m + i]
        u = fma(a, c, b * d)
        v = fma(b, c, -a * d)
        folded[start + i] = fma(keep, folded[start + i], x + u)
        folded[start + stride + i] = fma(keep, folded[start + stride + i], y + v)
        folded[start + np.uint64(2) * stride + i] = fma(
            keep, folded[start + np.uint64(2) * stride + i], x - u
        )
        folded[start + np.uint64(3) * stride + i] = fma(
            keep, folded[start + np.uint64(3) * stride + i], y - v
        )


@njit(**JIT)
def _over_time(planes, group, n_real, cosines, sines, starts, first_lag, out):  # type: ignore[no-untyped-def]
    """Stage 1: for each lag, products of the folded R2 with cos and sin of 2πκ u t m.

    planes float32 (re/im · spectrum · group, N), of which the first n_real spectra are not padding; out (lag,
    [S+re S+im S-re S-im] of the block's spectra, u).
    """
    n_lag, n_row, n_u = out.shape
    n = planes.shape[1]
    flat = planes.reshape(-1)
    back = np.ascontiguousarray(planes[:, ::-1]).reshape(-1)
    folded = np.zeros(n_row * ((n + 1) // 2), np.float32)
    sums = out.reshape(-1)
    for lag in range(n_lag):
        m = np.uint64(first_lag + lag)
        half = (n - first_lag - lag + 1) // 2
        half64 = np.uint64(half)
        stride = np.uint64(BLOCK * half)
        for b in range(n_real):
            start = np.uint64(b * half)
            for g in range(group):
                re = np.uint64((b * group + g) * n)
                im = np.uint64(((BLOCK + b) * group + g) * n)
                _folded_products(
                    flat, back, re, im, np.uint64(n), m, np.uint64(half), folded, start, stride, g > 0
                )
            if (n - first_lag - lag) % 2:  # the middle sample is its own mirror image: counted once
                folded[start] *= np.float32(0.5)
                folded[start + stride] *= np.float32(0.5)
        at, u = np.uint64(starts[lag]), np.uint64(n_u)
        for plane in range(4):
            table = cosines if plane < 2 else sines
            first = np.uint64(plane * BLOCK)
            to = np.uint64(lag * n_row * n_u) + first * u
            rows_by_table(
                folded, first * half64, half64, np.uint64(n_real), table, at, u, half64, u, sums, to, u
            )


@njit(**JIT)
def _unfold(s, b, a_index, a_sign, r_index, r_sign, out):  # type: ignore[no-untyped-def]
    """From products over distinct |a|, |r| (cos/sin q, plane, spectrum, u) of spectrum b to |P| (a, r)."""
    n_q = s.shape[0] // 2
    for ia in range(out.shape[0]):
        q = a_index[ia]
        sign = a_sign[ia]
        for ir in range(out.shape[1]):
            u = r_index[ir]
            flip = r_sign[ir]
            # Over t: G(r) = Σ S+ cos - j sign(r) Σ S- sin; here once with the lags' cosine, once with their sine.
            cos_r = s[q, 0, b, u] + flip * s[q, 3, b, u]
            cos_i = s[q, 1, b, u] - flip * s[q, 2, b, u]
            sin_r = s[n_q + q, 0, b, u] + flip * s[n_q + q, 3, b, u]
            sin_i = s[n_q + q, 1, b, u] - flip * s[n_q + q, 2, b, u]
            real = cos_r + sign * sin_i
            imag = cos_i - sign * sin_r
            out[ia, ir] = np.sqrt(real * real + imag * imag)


@njit(parallel=True, **JIT)
def positive_lags(  # type: ignore[no-untyped-def]
    r,
    n_thread,
    weights,
    window,
    cosines,
    sines,
    starts,
    first_lag,
    over_lags,
    a_index,
    a_sign,
    r_index,
    r_sign,
    out,
):
    """|P| (spectrum, a, r) of lag products r (spectrum, group, n), complex64, with n_thread threads.

    weights (n, N) reduce R's rate (N = 0: not at all); over_lags (cos/sin q, lag); the others as the functions above.
    """
    n_spec, group, n = r.shape
    n_lag, n_u = starts.size, int(r_index.max()) + 1
    n_block = (n_spec + BLOCK - 1) // BLOCK
    weighing = over_lags.reshape(-1)
    for thread in prange(n_thread):
        # Allocated once a thread: fresh megabytes for each block would cost more than its unfolding.
        rows = np.zeros((2 * BLOCK, n), np.float32)
        planes = np.zeros((2 * BLOCK * group, window.size), np.float32)
        sums = np.empty((n_lag, 4 * BLOCK, n_u), np.float32)
        made = np.empty(over_lags.shape[0] * 4 * BLOCK * n_u, np.float32)
        for block in range(thread, n_block, n_thread):
            first = block * BLOCK
            n_real = min(BLOCK, n_spec - first)
            # One of the group at a time: products of one shape have the same bits whatever the group's size.
            for g in range(group):
                for b in range(n_real):
                    for i in range(n):
                        rows[b, i] = r[first + b, g, i].real
                        rows[BLOCK + b, i] = r[first + b, g, i].imag
                reduced = product(rows, weights) if weights.size else rows
                for b in range(2 * BLOCK):
                    for i in range(window.size):
                        planes[b * group + g, i] = reduced[b, i] * window[i]
            _over_time(planes, group, n_real, cosines, sines, starts, first_lag, sums)
            # Stage 2: over the lags, for all t-planes, spectra and |r| at once.
            columns, wide = np.uint64(n_real * n_u), np.uint64(4 * BLOCK * n_u)
            for plane in range(4):
                at = np.uint64(plane * BLOCK * n_u)
                rows_by_table(
                    weighing,
                    np.uint64(0),
                    np.uint64(n_lag),
                    np.uint64(over_lags.shape[0]),
                    sums.reshape(-1),
                    at,
                    wide,
                    np.uint64(n_lag),
                    columns,
                    made,
                    at,
                    wide,
                )
            shaped = made.reshape(over_lags.shape[0], 4, BLOCK, n_u)
            for b in range(n_real):
                _unfold(shaped, b, a_index, a_sign, r_index, r_sign, out[first + b])
