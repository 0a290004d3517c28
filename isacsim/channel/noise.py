"""Circular complex Gaussian noise, fast: many xoshiro256++ side by side, and Box and Muller's transform, in SIMD code.

NumPy's own normals (the ziggurat) take about five times as long as everything else that is done to a channel, its
generators alone, one word after the other, as long as the transform.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.compute.jit import JIT, fma

__all__ = ["with_noise"]

_TILE = 1024
_LANES = 128
_F = np.float32
_LN2, _ROOT2, _PI = _F(np.log(2)), _F(np.sqrt(2)), _F(np.pi)


@njit(**JIT)
def _words(state, words):  # type: ignore[no-untyped-def]
    """Fill words (uint64, a multiple of the lanes) by xoshiro256++, lane by lane; state uint64 (4, lane).

    Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM Trans. Math. Softw. 47(4), 2021.
    """
    n_lane = state.shape[1]
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for first in range(0, words.size, n_lane):
        out = words[first : first + n_lane]
        for i in range(n_lane):
            a = s0[i]
            b = s1[i]
            c = s2[i] ^ a
            d = s3[i] ^ b
            x = a + s3[i]
            out[i] = ((x << np.uint64(23)) | (x >> np.uint64(41))) + a
            s0[i] = a ^ d
            s1[i] = b ^ c
            s2[i] = c ^ (b << np.uint64(17))
            s3[i] = (d << np.uint64(45)) | (d >> np.uint64(19))


# Each loop reads some arrays and writes others, all float32 and int32: this is what it takes for it to become SIMD
# code (a view of an array that is written would keep it scalar). The arithmetic always runs over a whole tile: the
# compiler rounds the odd elements at an end otherwise.
@njit(**JIT)
def _add(state, scale, csi, out):  # type: ignore[no-untyped-def]
    """Fill out = csi + scale · sqrt(-ln u1) exp(j2π u2), u1 and u2 from a word's upper and lower half."""
    words = np.empty(_TILE, np.uint64)
    high = np.empty(_TILE, np.int32)
    low = np.empty(_TILE, np.int32)
    value = np.empty(_TILE, np.float32)
    pattern = value.view(np.int32)
    real = np.empty(_TILE, np.float32)
    imag = np.empty(_TILE, np.float32)
    for first in range(0, out.size, _TILE):
        width = min(_TILE, out.size - first)
        quiet = csi[first : first + width]
        noisy = out[first : first + width]
        _words(state, words)
        for i in range(_TILE):
            high[i] = words[i] >> np.uint64(33)
            low[i] = words[i] & np.uint64(0x7FFFFFFF)
        for i in range(_TILE):
            value[i] = _F(high[i]) + _F(0.5)  # 2^31 u1
        for i in range(_TILE):
            high[i] = (pattern[i] >> np.int32(23)) - np.int32(127 + 31)
            real[i] = _F((pattern[i] & np.int32(0x7FFFFF)) | np.int32(0x800000)) * _F(2.0**-23)
        for i in range(_TILE):
            # ln of the mantissa m in [1, 2): ln √2 + 2 artanh(s), s = (m - √2) / (m + √2), by its series.
            s = (real[i] - _ROOT2) / (real[i] + _ROOT2)
            y = s * s
            p = fma(fma(fma(_F(1 / 9), y, _F(1 / 7)), y, _F(1 / 5)), y, _F(1 / 3))
            log = fma(_F(high[i]) + _F(0.5), _LN2, _F(2.0) * fma(s * y, p, s))
            radius = scale * np.sqrt(max(_F(0.0), -log))
            # Sine and cosine of the half angle, within ±π/2, by their Taylor series.
            x = _F(low[i] - np.int32(0x40000000)) * (_PI * _F(2.0**-31))
            y = x * x
            p = fma(fma(_F(-1 / 39916800), y, _F(1 / 362880)), y, _F(-1 / 5040))
            p = fma(fma(p, y, _F(1 / 120)), y, _F(-1 / 6)) * y
            sine = fma(x, p, x)
            p = fma(fma(_F(1 / 479001600), y, _F(-1 / 3628800)), y, _F(1 / 40320))
            p = fma(fma(fma(p, y, _F(-1 / 720)), y, _F(1 / 24)), y, _F(-0.5))
            cosine = fma(y, p, _F(1.0))
            twice = _F(2.0) * sine
            real[i] = radius * fma(-twice, sine, _F(1.0))
            imag[i] = radius * (twice * cosine)
        for i in range(width):
            noisy[i] = quiet[i] + complex(real[i], imag[i])


def with_noise(
    csi: NDArray[np.complex64], power: float, rngs: Sequence[np.random.Generator]
) -> NDArray[np.complex64]:
    """Csi with circular complex Gaussian noise.

    Parameters
    ----------
    csi : numpy.ndarray, complex64, shape (receiver, ...), C-contiguous
        What it is added to.
    power : float
        E|n|² of each element.
    rngs : sequence of numpy.random.Generator
        One a receiver, from which the noise's own generators are seeded.

    Returns
    -------
    numpy.ndarray, complex64, of csi's shape

    Notes
    -----
    Box and Muller, Ann. Math. Statist. 29, 1958: ``sqrt(-P ln u1) exp(j2π u2)``. Its u1 has 31 bits, so no element is
    larger than 4.7 √P; a true one would be once in 4 · 10⁹.
    """
    out, scale = np.empty_like(csi), np.float32(np.sqrt(power))
    for channel, made, rng in zip(csi, out, rngs, strict=True):
        state = rng.bit_generator.random_raw(4 * _LANES).reshape(4, _LANES)
        _add(state, scale, channel.reshape(-1), made.reshape(-1))
    return out
