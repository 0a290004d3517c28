"""Compiled loops: path signals over the whole capture, and inner products for a least-squares step.

A path's signal without its amplitude is ``g = exp(-j 2 pi ((f_k - f_0) d0 + f_k m(t)) / c)``, m(t) =
v t + a t^2/2 + r t^3/6. Its derivatives are g times small polynomials in the subcarrier offset and the time,
so every inner product that Gauss-Newton needs is a moment ``sum conj(g_l) g_m x^p t^q``: one pass over a pair
of paths gives all of them, at a cost that does not grow with the number of parameters. Arrays are (packet,
subcarrier) with real and imaginary parts apart, in single precision (sums over packets in double), which is
what lets the compiler use wide vector registers.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.jit import CACHE

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


@njit(inline="always", fastmath=True)
def _sine_of_turns(s: np.float32) -> np.float32:
    z = s * s
    return s * (C1 + z * (C3 + z * (C5 + z * (C7 + z * (C9 + z * C11)))))


@njit(cache=CACHE, fastmath=True, error_model="numpy")
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
                turns = turns_static[k] * d0 + turns_moving[k] * d
                s = np.float32(turns - np.floor(turns + 0.5))
                fold = abs(s)
                re[path, i, k] = _sine_of_turns(QUARTER - fold)
                # sin(2 pi s) = sin(2 pi (1/2 - s)): fold back into the quarter turn that the series covers.
                back = min(fold, HALF - fold)
                im[path, i, k] = -np.copysign(_sine_of_turns(back), s)


@njit(cache=CACHE, fastmath=True, error_model="numpy")
def cross_moments(
    gr: F32, gi: F32, hr: F32, hi: F32, x: F32, t: F64, out: C128
) -> None:  # pragma: no cover - compiled
    """Add sum over packets and subcarriers of conj(g) h x^p t^q to out[p, q], p = 0..2, q = 0..6."""
    for i in range(t.size):
        r0 = np.float32(0)
        r1 = np.float32(0)
        r2 = np.float32(0)
        i0 = np.float32(0)
        i1 = np.float32(0)
        i2 = np.float32(0)
        for k in range(x.size):
            u = gr[i, k] * hr[i, k] + gi[i, k] * hi[i, k]
            w = gr[i, k] * hi[i, k] - gi[i, k] * hr[i, k]
            ux = u * x[k]
            wx = w * x[k]
            r0 += u
            r1 += ux
            r2 += ux * x[k]
            i0 += w
            i1 += wx
            i2 += wx * x[k]
        power = 1.0
        for q in range(7):
            out[0, q] += complex(r0 * power, i0 * power)
            out[1, q] += complex(r1 * power, i1 * power)
            out[2, q] += complex(r2 * power, i2 * power)
            power *= t[i]


@njit(cache=CACHE, fastmath=True, error_model="numpy")
def data_moments(
    gr: F32, gi: F32, yr: F32, yi: F32, x: F32, t: F64, out: C128
) -> None:  # pragma: no cover - compiled
    """Set out[path, p, q] = sum conj(g_l) y x^p t^q for every path, p = 0..1, q = 0..3."""
    out[:] = 0
    for path in range(gr.shape[0]):
        for i in range(t.size):
            r0 = np.float32(0)
            r1 = np.float32(0)
            i0 = np.float32(0)
            i1 = np.float32(0)
            for k in range(x.size):
                u = gr[path, i, k] * yr[i, k] + gi[path, i, k] * yi[i, k]
                w = gr[path, i, k] * yi[i, k] - gi[path, i, k] * yr[i, k]
                r0 += u
                r1 += u * x[k]
                i0 += w
                i1 += w * x[k]
            power = 1.0
            for q in range(4):
                out[path, 0, q] += complex(r0 * power, i0 * power)
                out[path, 1, q] += complex(r1 * power, i1 * power)
                power *= t[i]


@njit(cache=CACHE, fastmath=True, error_model="numpy")
def time_means(gr: F32, gi: F32, t: F64, out: C128) -> None:  # pragma: no cover - compiled
    """Set out[path, q, k] to the mean over packets of g_l t^q, q = 0..3."""
    n_t, n_k = t.size, gr.shape[2]
    sums = np.zeros((8, n_k), np.float32)
    for path in range(gr.shape[0]):
        out[path] = 0
        # In runs short enough for single precision.
        for start in range(0, n_t, 64):
            sums[:] = 0
            for i in range(start, min(start + 64, n_t)):
                t1 = np.float32(t[i])
                t2 = t1 * t1
                t3 = t2 * t1
                for k in range(n_k):
                    r = gr[path, i, k]
                    w = gi[path, i, k]
                    sums[0, k] += r
                    sums[1, k] += w
                    sums[2, k] += r * t1
                    sums[3, k] += w * t1
                    sums[4, k] += r * t2
                    sums[5, k] += w * t2
                    sums[6, k] += r * t3
                    sums[7, k] += w * t3
            for q in range(4):
                for k in range(n_k):
                    out[path, q, k] += complex(sums[2 * q, k] / n_t, sums[2 * q + 1, k] / n_t)


@njit(cache=CACHE, fastmath=True, error_model="numpy")
def residual(
    gr: F32, gi: F32, amplitude: C128, level: C128, yr: F32, yi: F32, er: F32, ei: F32
) -> float:  # pragma: no cover - compiled
    """Fill e = y - sum_l amplitude_l g_l + level_k and return sum |e|^2.

    ``level`` (subcarrier,) gives back the paths' means over packets: data and residual have none.
    """
    total = 0.0
    n_l, n_t, n_k = gr.shape
    ar = amplitude.real.astype(np.float32)
    ai = amplitude.imag.astype(np.float32)
    lr = level.real.astype(np.float32)
    li = level.imag.astype(np.float32)
    for i in range(n_t):
        for k in range(n_k):
            er[i, k] = yr[i, k] + lr[k]
            ei[i, k] = yi[i, k] + li[k]
        for path in range(n_l):
            for k in range(n_k):
                er[i, k] -= ar[path] * gr[path, i, k] - ai[path] * gi[path, i, k]
                ei[i, k] -= ar[path] * gi[path, i, k] + ai[path] * gr[path, i, k]
        row = np.float32(0)
        for k in range(n_k):
            row += er[i, k] * er[i, k] + ei[i, k] * ei[i, k]
        total += float(row)
    return total


@njit(cache=CACHE, fastmath=True, error_model="numpy")
def demodulate(
    gr: F32, gi: F32, er: F32, ei: F32, starts: I64, out: C64
) -> None:  # pragma: no cover - compiled
    """Set out[b] = sum of conj(g) e over all subcarriers and the packets starts[b]..starts[b+1]-1."""
    for b in range(starts.size - 1):
        r = np.float32(0)
        w = np.float32(0)
        for i in range(starts[b], starts[b + 1]):
            for k in range(gr.shape[1]):
                r += gr[i, k] * er[i, k] + gi[i, k] * ei[i, k]
                w += gr[i, k] * ei[i, k] - gi[i, k] * er[i, k]
        out[b] = complex(r, w)


@njit(cache=CACHE, fastmath=True, error_model="numpy")
def score_tracks(
    power: F32, first: int, speed_offset: I64, walk: I64, best: F32, which: I32, acc: F32
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
    walk : int (track, start speed, segment)
        Steps of delay by which a track has moved.
    best, which : float32, int32 (start speed, D)
        Receive the result.
    acc : float32 (D,)
        Room to work in.
    """
    n_seg = power.shape[0]
    n_speed, n_delay = best.shape
    margin = (power.shape[2] - n_delay) // 2
    for s in range(n_speed):
        for d in range(n_delay):
            best[s, d] = np.float32(-1)
        for track in range(speed_offset.shape[0]):
            for d in range(n_delay):
                acc[d] = np.float32(0)
            seg = 0
            # Four segments at a time: the sum is then loaded and stored a quarter as often.
            while seg + 3 < n_seg:
                at0 = margin + walk[track, s, seg]
                at1 = margin + walk[track, s, seg + 1]
                at2 = margin + walk[track, s, seg + 2]
                at3 = margin + walk[track, s, seg + 3]
                row0 = power[seg, first + s + speed_offset[track, seg], at0 : at0 + n_delay]
                row1 = power[seg + 1, first + s + speed_offset[track, seg + 1], at1 : at1 + n_delay]
                row2 = power[seg + 2, first + s + speed_offset[track, seg + 2], at2 : at2 + n_delay]
                row3 = power[seg + 3, first + s + speed_offset[track, seg + 3], at3 : at3 + n_delay]
                for d in range(n_delay):
                    acc[d] += (row0[d] + row1[d]) + (row2[d] + row3[d])
                seg += 4
            while seg < n_seg:
                at0 = margin + walk[track, s, seg]
                row0 = power[seg, first + s + speed_offset[track, seg], at0 : at0 + n_delay]
                for d in range(n_delay):
                    acc[d] += row0[d]
                seg += 1
            for d in range(n_delay):
                if acc[d] > best[s, d]:
                    best[s, d] = acc[d]
                    which[s, d] = track
