"""Moving paths over arrays: each pair of elements has its own length of every path (docs/arrays.md).

The phase of a pair at the band's middle is a product, one factor of the transmitting and one of the receiving element.
Over the band a path turns little. Let x from -1 to 1 be the place of its delay within the range of all delays, and y
from -1 to 1 the place of a subcarrier in the band. Then its course is ``exp(-j X y x)``, a short sum of Chebyshev
polynomials (Jacobi and Anger): ``J_0(X y) + 2 Σ_b (-j)^b J_b(X y) T_b(x)``. All paths share the functions of y. So a
pair costs as many terms per sample as the range of delays needs, whatever the number of paths. At -y even terms are
the same and odd ones change sign, so subcarriers on both sides of the middle share them. Where terms cost more than
the paths themselves, each pair is summed by itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy.constants import speed_of_light
from scipy.special import jv

from isacsim.channel.paths import simulate_path_lengths, uniform_spacing
from isacsim.compute.jit import JIT, fma
from isacsim.compute.phasor import cis

__all__ = ["simulate_element_paths"]

Real = NDArray[np.float64]

_TILE = 128
# What is left out of the sum, relative to a path.
_TAIL = 1e-6
# So many terms cost about as much as a path: on a grid with a middle, and on another.
_TERMS_A_PATH = (4, 2)


@njit(**JIT)
def _leg_phasors(delay, frequency, out):  # type: ignore[no-untyped-def]
    """Fill exp(-j2π frequency · delay), both (element, path, packet)."""
    for e in range(delay.shape[0]):
        for p in range(delay.shape[1]):
            for i in range(delay.shape[2]):
                c, s = cis(-frequency * delay[e, p, i])
                out[e, p, i] = complex(c, s)


@njit(**JIT)
def _courses(first, tx, rx, tx_turn, rx_turn, weight, middle, widen, state, place, course):  # type: ignore[no-untyped-def]
    """Fill course (term, 2, packet) with the sum over paths of weight · turns · T_b(place), packets from `first` on."""
    width = min(_TILE, tx.shape[1] - first)
    course[:] = 0.0
    for p in range(tx.shape[0]):
        for i in range(width):
            at = np.float32((tx[p, first + i] + rx[p, first + i] - middle) * widen)
            turn = weight[p] * tx_turn[p, first + i] * rx_turn[p, first + i]
            place[i] = np.float32(2.0) * at
            state[0, i] = turn.real
            state[1, i] = turn.imag
            state[2, i] = turn.real * at
            state[3, i] = turn.imag * at
        for b in range(0, course.shape[0], 2):
            for i in range(_TILE):
                x = place[i]
                a, b_, c, d = state[0, i], state[1, i], state[2, i], state[3, i]
                course[b, 0, i] += a
                course[b, 1, i] += b_
                course[b + 1, 0, i] += c
                course[b + 1, 1, i] += d
                a, b_ = fma(x, c, -a), fma(x, d, -b_)
                state[0, i] = a
                state[1, i] = b_
                state[2, i] = fma(x, a, -c)
                state[3, i] = fma(x, b_, -d)


@njit(parallel=True, **JIT)
def _sum_expanded(tx, rx, tx_turn, rx_turn, weight, middle, widen, basis, rotation, static, out):  # type: ignore[no-untyped-def]
    """Sum the paths of every pair; out complex64 (rx · tx, subcarrier, packet), basis float32 (subcarrier, term).

    A basis of half the subcarriers serves their mirror images about the middle too.
    """
    n_tx, n_packet = tx.shape[0], tx.shape[2]
    n_given, n_term = basis.shape
    n_subcarrier = out.shape[1]
    n_t = (n_packet + _TILE - 1) // _TILE
    for tile in prange(n_t * out.shape[0]):
        pair, t0 = tile // n_t, (tile % n_t) * _TILE
        m, n = pair // n_tx, pair % n_tx
        width = min(_TILE, n_packet - t0)
        course = np.empty((n_term, 2, _TILE), np.float32)
        state = np.zeros((4, _TILE), np.float32)
        place = np.zeros(_TILE, np.float32)
        _courses(t0, tx[n], rx[m], tx_turn[n], rx_turn[m], weight, middle, widen, state, place, course)
        even = np.empty((2, _TILE), np.float32)
        odd = np.empty((2, _TILE), np.float32)
        for k in range(n_given):
            even[:] = 0.0
            odd[:] = 0.0
            for b in range(0, n_term, 4):
                p, q, r, s = basis[k, b], basis[k, b + 1], basis[k, b + 2], basis[k, b + 3]
                for i in range(_TILE):
                    even[0, i] = fma(r, course[b + 2, 0, i], fma(p, course[b, 0, i], even[0, i]))
                    even[1, i] = fma(r, course[b + 2, 1, i], fma(p, course[b, 1, i], even[1, i]))
                for i in range(_TILE):
                    odd[0, i] = fma(s, course[b + 3, 0, i], fma(q, course[b + 1, 0, i], odd[0, i]))
                    odd[1, i] = fma(s, course[b + 3, 1, i], fma(q, course[b + 1, 1, i], odd[1, i]))
            for side in range(2):
                at = k if side == 0 else n_subcarrier - 1 - k
                if side == 1 and at < n_given:  # in the basis itself
                    continue
                sign = np.float32(1 - 2 * side)
                row = out[pair, at, t0 : t0 + width]
                c, d = rotation[at].real, rotation[at].imag
                u, v = static[pair, at].real, static[pair, at].imag
                for i in range(width):
                    x, y = fma(sign, odd[1, i], even[0, i]), fma(-sign, odd[0, i], even[1, i])
                    row[i] = complex(fma(x, c, fma(-y, d, u)), fma(x, d, fma(y, c, v)))


def _basis(spread: float, y: Real) -> NDArray[np.float32]:
    """Functions of y (subcarrier,) that the polynomials of x are multiplied by; (subcarrier, term), a multiple of four.

    Term b lacks the factor (-j)^b but for its sign: even ones are real, odd ones times -j.
    """
    order = np.arange(int(spread) + 40)
    # Beyond z = b every |J_b| still grows with z: the edge of the band is the worst.
    tail = np.cumsum(2 * np.abs(jv(order, spread))[::-1])[::-1]
    terms = int(np.argmax(tail < _TAIL))
    basis = np.zeros((y.size, -(-terms // 4) * 4), np.float32)
    basis[:, :terms] = 2 * jv(order[:terms], spread * y[:, np.newaxis])
    basis[:, 0] /= 2
    basis[:, 2::4] *= -1
    basis[:, 3::4] *= -1
    return basis


def simulate_element_paths(
    tx_length: Real,
    rx_length: Real,
    frequency: Real,
    *,
    amplitude: Real,
    phase: Real,
    static: NDArray[np.complexfloating],
    out: NDArray[np.complex64] | None = None,
) -> NDArray[np.complex64]:
    """Channel frequency response of moving paths at every pair of elements.

    Parameters
    ----------
    tx_length, rx_length : numpy.ndarray, shape (element, path, packet)
        m; the path of a pair is the sum of one of each. How a path's length is shared between them does not matter.
    frequency : numpy.ndarray, shape (subcarrier,)
        Hz, uniform or not.
    amplitude, phase : numpy.ndarray, shape (path,)
        Amplitudes ≥ 0 and phases in rad.
    static : numpy.ndarray, complex, shape (rx · tx, subcarrier)
        Static channel of every pair, the transmitting element's number running fastest.
    out : numpy.ndarray, complex64, shape (rx · tx, subcarrier, packet), optional
        Where the result goes.

    Returns
    -------
    numpy.ndarray, complex64, shape (rx · tx, subcarrier, packet)
        Error below 2e-5 of the root of the summed path powers. The same bits for any number of threads.

    Raises
    ------
    InputError
        As :func:`isacsim.channel.paths.simulate_path_lengths`.
    """
    tx, rx = np.ascontiguousarray(tx_length), np.ascontiguousarray(rx_length)
    f = np.asarray(frequency, np.float64)
    still = np.asarray(static, np.complex64)
    if out is None:
        out = np.empty((still.shape[0], f.size, tx.shape[2]), np.complex64)
    if tx.shape[1] == 0:
        out[...] = still[..., np.newaxis]
        return out
    low, high = float(f.min()), float(f.max())
    delays = [np.ascontiguousarray(x / speed_of_light) for x in (tx, rx)]
    # A range that holds every pair's.
    shortest = sum(delay.min(axis=0) for delay in delays).min()
    longest = sum(delay.max(axis=0) for delay in delays).max()
    centre, middle, half = (low + high) / 2, (shortest + longest) / 2, max((longest - shortest) / 2, 1e-12)
    spread = np.pi * (high - low) * half
    y = (f - centre) * (2 / (high - low)) if high > low else np.zeros(f.size)
    mirrored = np.allclose(y, -y[::-1], rtol=0, atol=1e-9)
    most = _TERMS_A_PATH[0 if mirrored else 1] * tx.shape[1]
    uniform = uniform_spacing(f) is not None
    if uniform and spread > most:
        return _pair_by_pair(tx, rx, f, amplitude, phase, still, out)
    basis = _basis(spread, y[: -(-y.size // 2)] if mirrored else y)
    if uniform and basis.shape[1] > most:
        return _pair_by_pair(tx, rx, f, amplitude, phase, still, out)
    turns = [np.empty(delay.shape, np.complex64) for delay in delays]
    for delay, turn in zip(delays, turns, strict=True):
        _leg_phasors(delay, centre, turn)
    rotation = np.exp(-2j * np.pi * (f - centre) * middle).astype(np.complex64)
    weight = (np.asarray(amplitude) * np.exp(1j * np.asarray(phase))).astype(np.complex64)
    _sum_expanded(*delays, *turns, weight, middle, 1 / half, basis, rotation, still, out)
    return out


def _pair_by_pair(
    tx: Real,
    rx: Real,
    frequency: Real,
    amplitude: Real,
    phase: Real,
    static: NDArray[np.complex64],
    out: NDArray[np.complex64],
) -> NDArray[np.complex64]:
    for pair, one in enumerate(out):
        length = rx[pair // len(tx)] + tx[pair % len(tx)]
        one[...] = simulate_path_lengths(
            length, frequency, amplitude=amplitude, phase=phase, static=static[pair]
        )
    return out
