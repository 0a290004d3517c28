"""Matrix products whose bits depend on a row and a column alone, not on where they stand.

A BLAS product gives a row other bits at another place. It cuts the matrix into tiles, and each kind of tile rounds
differently (OpenBLAS on processors with AVX2 has three kinds in a block of 64 rows). Here every element is the same
chain of fused products, in the order of k. The loop over columns is what the compiler makes SIMD code of: as fast as
BLAS.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from isacsim.compute.jit import JIT, multiply_add

__all__ = ["product", "rows_by_table"]


# Unsigned offsets into flat arrays, no slices: this is what it takes for the inner loops to become SIMD code.
@njit(**JIT)
def rows_by_table(x, x0, dx, n_row, t, t0, dt, n_k, n_col, out, o0, do):  # type: ignore[no-untyped-def]
    """Fill out[i, u] = Σ_k x[i, k] t[k, u] of flat arrays.

    Row i of x begins at x0 + i dx, row k of t at t0 + k dt, row i of out at o0 + i do; all of them unsigned.
    """
    i = np.uint64(0)
    while i + np.uint64(4) <= n_row:
        _four(x, x0 + i * dx, dx, t, t0, dt, n_k, n_col, out, o0 + i * do, do)
        i += np.uint64(4)
    while i < n_row:
        _one(x, x0 + i * dx, t, t0, dt, n_k, n_col, out, o0 + i * do)
        i += np.uint64(1)


@njit(**JIT)
def _one(x, x0, t, t0, dt, n_k, n_col, out, o0):  # type: ignore[no-untyped-def]
    for u in range(n_col):
        out[o0 + u] = np.float32(0)
    for k in range(n_k):
        a, p = x[x0 + k], t0 + k * dt
        for u in range(n_col):
            out[o0 + u] = multiply_add(a, t[p + u], out[o0 + u])


@njit(**JIT)
def _four(x, x0, dx, t, t0, dt, n_k, n_col, out, o0, do):  # type: ignore[no-untyped-def]
    """Four rows, four k at a time: sixteen fused products for eight loads."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    x1, x2, x3 = x0 + dx, x0 + two * dx, x0 + three * dx
    o1, o2, o3 = o0 + do, o0 + two * do, o0 + three * do
    for u in range(n_col):
        out[o0 + u] = out[o1 + u] = out[o2 + u] = out[o3 + u] = np.float32(0)
    k = np.uint64(0)
    while k + np.uint64(4) <= n_k:
        a0, a1, a2, a3 = x[x0 + k], x[x0 + k + one], x[x0 + k + two], x[x0 + k + three]
        b0, b1, b2, b3 = x[x1 + k], x[x1 + k + one], x[x1 + k + two], x[x1 + k + three]
        c0, c1, c2, c3 = x[x2 + k], x[x2 + k + one], x[x2 + k + two], x[x2 + k + three]
        d0, d1, d2, d3 = x[x3 + k], x[x3 + k + one], x[x3 + k + two], x[x3 + k + three]
        p = t0 + k * dt
        for u in range(n_col):
            t0u, t1u, t2u, t3u = t[p + u], t[p + dt + u], t[p + two * dt + u], t[p + three * dt + u]
            out[o0 + u] = multiply_add(
                a3, t3u, multiply_add(a2, t2u, multiply_add(a1, t1u, multiply_add(a0, t0u, out[o0 + u])))
            )
            out[o1 + u] = multiply_add(
                b3, t3u, multiply_add(b2, t2u, multiply_add(b1, t1u, multiply_add(b0, t0u, out[o1 + u])))
            )
            out[o2 + u] = multiply_add(
                c3, t3u, multiply_add(c2, t2u, multiply_add(c1, t1u, multiply_add(c0, t0u, out[o2 + u])))
            )
            out[o3 + u] = multiply_add(
                d3, t3u, multiply_add(d2, t2u, multiply_add(d1, t1u, multiply_add(d0, t0u, out[o3 + u])))
            )
        k += np.uint64(4)
    while k < n_k:
        a0, b0, c0, d0 = x[x0 + k], x[x1 + k], x[x2 + k], x[x3 + k]
        p = t0 + k * dt
        for u in range(n_col):
            tu = t[p + u]
            out[o0 + u] = multiply_add(a0, tu, out[o0 + u])
            out[o1 + u] = multiply_add(b0, tu, out[o1 + u])
            out[o2 + u] = multiply_add(c0, tu, out[o2 + u])
            out[o3 + u] = multiply_add(d0, tu, out[o3 + u])
        k += one


@njit(**JIT)
def product(x, t):  # type: ignore[no-untyped-def]
    """Multiply x @ t for float32 arrays (row, k), (k, column)."""
    x, t = np.ascontiguousarray(x), np.ascontiguousarray(t)
    n_row, n_k = x.shape
    n_col = t.shape[1]
    out = np.empty((n_row, n_col), np.float32)
    rows_by_table(
        x.reshape(-1),
        np.uint64(0),
        np.uint64(n_k),
        np.uint64(n_row),
        t.reshape(-1),
        np.uint64(0),
        np.uint64(n_col),
        np.uint64(n_k),
        np.uint64(n_col),
        out.reshape(-1),
        np.uint64(0),
        np.uint64(n_col),
    )
    return out
