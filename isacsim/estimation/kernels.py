"""Compiled loops: path signals over the whole capture, and inner products for a least-squares step.

A path's signal without its amplitude is ``g = exp(-j 2 pi ((f_k - f_0) d0 + f_k m(t)) / c)``, m(t) = v t + a t^2/2 +
r t^3/6. Its derivatives are g times small polynomials in the subcarrier offset and the time. So every inner product
that Gauss-Newton needs is a moment ``sum conj(g_l) g_m x^p t^q``. One pass over a pair of paths gives all of them, at
a cost that does not grow with the number of parameters. Arrays are (packet, subcarrier) with real and imaginary parts
apart, in single precision (sums over packets in double), which is what lets the compiler use wide vector registers.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.compute.jit import JIT, fma

__all__ = ["atoms", "cross_moments", "data_moments", "demodulate", "residual", "score_tracks", "time_means"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
C64 = NDArray[np.complex64]
C128 = NDArray[np.complex128]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

# sin(2 pi s) for |s| <= 1/4 by its Taylor series to s^11: within 6e-8, single precision's own rounding.
_TWO_PI = 2 * np.pi
C1 = np.float32(_TWO_PI)
C3 = np.float32(-(_TWO_PI**3) / 6)
C5 = np.float32(_TWO_PI**5 / 120)
C7 = np.float32(-(_TWO_PI**7) / 5040)
C9 = np.float32(_TWO_PI**9 / 362880)
C11 = np.float32(-(_TWO_PI**11) / 39916800)
HALF = np.float32(0.5)
QUARTER = np.float32(0.25)
# Packets summed in single precision before they are added up in double.
RUN = 64


@njit(inline="always", **JIT)
def _sine_of_turns(s: np.float32) -> np.float32:
    z = s * s
    return s * fma(z, fma(z, fma(z, fma(z, fma(z, C11, C9), C7), C5), C3), C1)


@njit(**JIT)
def atoms(
    theta: F64, turns_static: F64, turns_moving: F64, t: F64, re: F32, im: F32
) -> None:  # pragma: no cover - compiled
    """Fill the signals of paths ``theta`` (path, 4): g = exp(-j 2 pi (p_k d0 + q_k (d(t) - d0))).

    ``turns_static`` p_k = (f_k - f_0) / c and ``turns_moving`` q_k = f_k / c are turns per metre; ``re``,
    ``im`` (path, packet, subcarrier) receive the result.
    """
    for path in range(theta.shape[0]):
        d0, v, a, r = theta[path, 0], theta[path, 1], theta[path, 2], theta[path, 3]
        for i in range(t.size):
            d = t[i] * (v + t[i] * (a / 2 + t[i] * r / 6))
            for k in range(turns_static.size):
                turns = fma(turns_moving[k], d, turns_static[k] * d0)
                s = np.float32(turns - np.floor(turns + 0.5))
                fold = abs(s)
                re[path, i, k] = _sine_of_turns(QUARTER - fold)
                # sin(2 pi s) = sin(2 pi (1/2 - s)): fold back into the quarter turn that the series covers.
                back = min(fold, HALF - fold)
                im[path, i, k] = -np.copysign(_sine_of_turns(back), s)


@njit(**JIT)
def cross_moments(
    gr: F32, gi: F32, hr: F32, hi: F32, x: F32, t: F64, out: C128
) -> None:  # pragma: no cover - compiled
    """Add sum over packets and subcarriers of conj(g) h x^p t^q to out[p, q], p = 0..2, q = 0..6."""
    n_t, n_k = t.size, x.size
    sums = np.empty((14, n_k), np.float32)
    total = np.zeros((14, n_k))
    product = np.empty((2, n_k), np.float32)
    for start in range(0, n_t, RUN):
        sums[:] = 0
        for i in range(start, min(start + RUN, n_t)):
            for k in range(n_k):
                product[0, k] = fma(gr[i, k], hr[i, k], gi[i, k] * hi[i, k])
                product[1, k] = fma(gr[i, k], hi[i, k], -gi[i, k] * hr[i, k])
            power = 1.0
            for q in range(7):
                weight = np.float32(power)
                for k in range(n_k):
                    sums[q, k] = fma(product[0, k], weight, sums[q, k])
                    sums[7 + q, k] = fma(product[1, k], weight, sums[7 + q, k])
                power *= t[i]
        total += sums
    for q in range(7):
        for k in range(n_k):
            value = complex(total[q, k], total[7 + q, k])
            out[0, q] += value
            out[1, q] += value * x[k]
            out[2, q] += value * (x[k] * x[k])


@njit(**JIT)
def data_moments(
    gr: F32, gi: F32, yr: F32, yi: F32, x: F32, t: F64, out: C128
) -> None:  # pragma: no cover - compiled
    """Set out[path, p, q] = sum conj(g_l) y x^p t^q for every path, p = 0..1, q = 0..3."""
    n_t, n_k = t.size, x.size
    sums = np.empty((8, n_k), np.float32)
    total = np.empty((8, n_k))
    for path in range(gr.shape[0]):
        total[:] = 0
        for start in range(0, n_t, RUN):
            sums[:] = 0
            for i in range(start, min(start + RUN, n_t)):
                t1 = np.float32(t[i])
                t2 = np.float32(t[i] ** 2)
                t3 = np.float32(t[i] ** 3)
                for k in range(n_k):
                    u = fma(gr[path, i, k], yr[i, k], gi[path, i, k] * yi[i, k])
                    w = fma(gr[path, i, k], yi[i, k], -gi[path, i, k] * yr[i, k])
                    sums[0, k] += u
                    sums[1, k] = fma(u, t1, sums[1, k])
                    sums[2, k] = fma(u, t2, sums[2, k])
                    sums[3, k] = fma(u, t3, sums[3, k])
                    sums[4, k] += w
                    sums[5, k] = fma(w, t1, sums[5, k])
                    sums[6, k] = fma(w, t2, sums[6, k])
                    sums[7, k] = fma(w, t3, sums[7, k])
            total += sums
        out[path] = 0
        for q in range(4):
            for k in range(n_k):
                value = complex(total[q, k], total[4 + q, k])
                out[path, 0, q] += value
                out[path, 1, q] += value * x[k]


@njit(**JIT)
def time_means(gr: F32, gi: F32, t: F64, out: C128) -> None:  # pragma: no cover - compiled
    """Set out[path, q, k] to the mean over packets of g_l t^q, q = 0..3."""
    n_t, n_k = t.size, gr.shape[2]
    sums = np.empty((8, n_k), np.float32)
    for path in range(gr.shape[0]):
        out[path] = 0
        for start in range(0, n_t, RUN):
            sums[:] = 0
            for i in range(start, min(start + RUN, n_t)):
                t1 = np.float32(t[i])
                t2 = np.float32(t[i] ** 2)
                t3 = np.float32(t[i] ** 3)
                for k in range(n_k):
                    r = gr[path, i, k]
                    w = gi[path, i, k]
                    sums[0, k] += r
                    sums[1, k] += w
                    sums[2, k] = fma(r, t1, sums[2, k])
                    sums[3, k] = fma(w, t1, sums[3, k])
                    sums[4, k] = fma(r, t2, sums[4, k])
                    sums[5, k] = fma(w, t2, sums[5, k])
                    sums[6, k] = fma(r, t3, sums[6, k])
                    sums[7, k] = fma(w, t3, sums[7, k])
            for q in range(4):
                for k in range(n_k):
                    out[path, q, k] += complex(sums[2 * q, k] / n_t, sums[2 * q + 1, k] / n_t)


@njit(**JIT)
def residual(
    gr: F32, gi: F32, amplitude: C128, level: C128, yr: F32, yi: F32, er: F32, ei: F32
) -> float:  # pragma: no cover - compiled
    """Fill e = y - sum_l amplitude_l g_l + level_k and return sum |e|^2.

    ``level`` (subcarrier,) gives back the paths' means over packets: data and residual have none.
    """
    n_l, n_t, n_k = gr.shape
    ar = amplitude.real.astype(np.float32)
    ai = amplitude.imag.astype(np.float32)
    lr = level.real.astype(np.float32)
    li = level.imag.astype(np.float32)
    sums = np.empty(n_k, np.float32)
    total = 0.0
    for start in range(0, n_t, RUN):
        sums[:] = 0
        for i in range(start, min(start + RUN, n_t)):
            for k in range(n_k):
                er[i, k] = yr[i, k] + lr[k]
                ei[i, k] = yi[i, k] + li[k]
            for path in range(n_l):
                br, bi = ar[path], ai[path]
                for k in range(n_k):
                    er[i, k] = fma(-br, gr[path, i, k], fma(bi, gi[path, i, k], er[i, k]))
                    ei[i, k] = fma(-br, gi[path, i, k], fma(-bi, gr[path, i, k], ei[i, k]))
            for k in range(n_k):
                sums[k] = fma(er[i, k], er[i, k], fma(ei[i, k], ei[i, k], sums[k]))
        for k in range(n_k):
            total += sums[k]
    return total


@njit(**JIT)
def demodulate(
    gr: F32, gi: F32, er: F32, ei: F32, starts: I64, out: C64
) -> None:  # pragma: no cover - compiled
    """Set out[b] = sum of conj(g) e over all subcarriers and the packets starts[b]..starts[b+1]-1."""
    n_k = gr.shape[1]
    sums = np.empty((2, n_k), np.float32)
    for b in range(starts.size - 1):
        sums[:] = 0
        for i in range(starts[b], starts[b + 1]):
            for k in range(n_k):
                sums[0, k] = fma(gr[i, k], er[i, k], fma(gi[i, k], ei[i, k], sums[0, k]))
                sums[1, k] = fma(gr[i, k], ei[i, k], fma(-gi[i, k], er[i, k], sums[1, k]))
        r, w = 0.0, 0.0
        for k in range(n_k):
            r += sums[0, k]
            w += sums[1, k]
        out[b] = complex(r, w)


@njit(**JIT)
def score_tracks(
    power: F32, first: int, speed_offset: I64, moved: F64, start: F64, best: F32, which: I32, acc: F32
) -> None:  # pragma: no cover - compiled
    """For every start speed and delay, find the bank's track along which the summed power is largest.

    Parameters
    ----------
    power : float32 (segment, speed, delay)
    first : int
        Index, on power's speed axis, of the first start speed; on its delay axis, margins at both ends are
        ``(n - D) / 2``.
    speed_offset : int (track, segment)
        Steps by which a track's speed differs from its start speed.
    moved, start : float (track, segment), (start speed, segment)
        Steps of delay by which a track has moved: what it alone and what its start speed adds. Their sums over
        all tracks and start speeds would be a table of gigabytes.
    best, which : float32, int32 (start speed, D)
        Receive the result.
    acc : float32 (D,)
        Room to work in.
    """
    n_seg = power.shape[0]
    n_speed, n_delay = best.shape
    margin = (power.shape[2] - n_delay) // 2
    at = np.empty(n_seg, np.int64)
    for s in range(n_speed):
        for d in range(n_delay):
            best[s, d] = np.float32(-1)
        for track in range(speed_offset.shape[0]):
            for d in range(n_delay):
                acc[d] = np.float32(0)
            for seg in range(n_seg):
                at[seg] = margin + np.int64(np.floor(moved[track, seg] + start[s, seg] + 0.5))
            seg = 0
            # Four segments at a time: the sum is then loaded and stored a quarter as often.
            while seg + 3 < n_seg:
                row0 = power[seg, first + s + speed_offset[track, seg], at[seg] : at[seg] + n_delay]
                row1 = power[
                    seg + 1, first + s + speed_offset[track, seg + 1], at[seg + 1] : at[seg + 1] + n_delay
                ]
                row2 = power[
                    seg + 2, first + s + speed_offset[track, seg + 2], at[seg + 2] : at[seg + 2] + n_delay
                ]
                row3 = power[
                    seg + 3, first + s + speed_offset[track, seg + 3], at[seg + 3] : at[seg + 3] + n_delay
                ]
                for d in range(n_delay):
                    acc[d] += (row0[d] + row1[d]) + (row2[d] + row3[d])
                seg += 4
            while seg < n_seg:
                row0 = power[seg, first + s + speed_offset[track, seg], at[seg] : at[seg] + n_delay]
                for d in range(n_delay):
                    acc[d] += row0[d]
                seg += 1
            for d in range(n_delay):
                if acc[d] > best[s, d]:
                    best[s, d] = acc[d]
                    which[s, d] = track
