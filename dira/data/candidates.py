"""Candidates for paths in a window of CSI: found in the AJ spectrum of what is left, refined, taken out, one by one.

A quick relative of `isacsim.estimation.relax` for a network to start from: a fixed number of steps, every antenna pair
at once, packets at their own times. It is no estimator. It tests nothing, and a candidate may be half of a path.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.constants import speed_of_light
from scipy.fft import fft

from isacsim.compute.jit import JIT
from isacsim.csi import CsiArray
from isacsim.spectrum.plan import SpectrumPlan, spectra
from isacsim.spectrum.settings import SpectrumSettings

__all__ = ["MOST", "STATES", "Candidates", "aj_plan", "cells", "delays", "find_candidates"]

F64 = NDArray[np.float64]
C64 = NDArray[np.complex64]

MOST = 8
"""Candidates of a window, at most."""
STATES = ("path_length", "velocity", "acceleration", "jerk")
_K = 2 * np.pi / speed_of_light
_FIRST_STEPS, _PASSES, _LAST_PASSES = 3, 2, 4
# Sums in any order: what a network is fed with may differ in the last bit.
_FAST = {**JIT, "fastmath": True}
_FASTEST = 5.0
# Energy over the noise's, for each pair, below which nothing more is looked for: noise alone stays below it.
_WEAKEST = 25.0
# Energy over the strongest one's: what is weaker is mostly what a path left that is not quite where it should be.
_LEAST_SHARE = 10**-2.5
# Resolution cells within which two candidates are one path, and how often one is moved instead of a new one taken.
_SAME, _REPAIRS = 1.5, 4
_ORDERS = np.array([0, 1, 2, 3])
_FACTORS = np.array([1.0, 1.0, 0.5, 1 / 6])


class Candidates(NamedTuple):
    """Candidates of one window, in the order in which they were found; NaN beyond the last."""

    states: F64
    """(candidate, 4): `STATES` in m, m/s, m/s², m/s³."""
    amplitude: F64
    """(candidate,): root mean square over the antenna pairs."""
    scale: F64
    """(candidate, 4, 4): lower triangular root of the states' Cramér-Rao bound, were the path alone."""
    noise: float
    """Power per sample that no candidate explains."""
    left: C64
    """(pair, band, packet): CSI without the candidates."""


def cells(frequency: F64, time: F64) -> F64:
    """Resolution of a band and a window in each of `STATES`."""
    wavelength = speed_of_light / frequency.mean()
    span = float(time[-1] - time[0])
    band = float(np.ptp(frequency)) * frequency.size / max(1, frequency.size - 1)
    v = wavelength / span
    return np.array([speed_of_light / max(band, 1e5), v, 4 * v / span, 24 * v / span**2])


@njit(**_FAST)
def _turns(offset, even, first, metres, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Fill out (band,) with exp(j (first + _K offset metres)): by a recurrence where bands are evenly spaced."""
    if even:
        angle = _K * metres * (offset[1] - offset[0])
        turn = complex(np.cos(angle), np.sin(angle))
        angle = first + _K * metres * offset[0]
        value = complex(np.cos(angle), np.sin(angle))
        for b in range(offset.size):
            out[b] = value
            value *= turn
        return
    for b in range(offset.size):
        angle = first + _K * metres * offset[b]
        out[b] = complex(np.cos(angle), np.sin(angle))


@njit(**_FAST)
def _moments(left, time, offset, even, centre, state, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sums of the dechirped CSI times offset^p t^q over bands and packets: out (pair, 3, 7)."""
    packets, pairs, bands = left.shape
    out[:] = 0
    turned = np.empty(bands, np.complex128)
    second = offset * offset
    for n in range(packets):
        t = time[n]
        moved = t * (state[1] + t * (state[2] / 2 + t * state[3] / 6))
        _turns(offset, even, _K * centre * moved, state[0] + moved, turned)
        for s in range(pairs):
            r0 = i0 = r1 = i1 = r2 = i2 = 0.0
            for b in range(bands):
                value = left[n, s, b]
                x = value.real * turned[b].real - value.imag * turned[b].imag
                y = value.real * turned[b].imag + value.imag * turned[b].real
                r0 += x
                i0 += y
                r1 += x * offset[b]
                i1 += y * offset[b]
                r2 += x * second[b]
                i2 += y * second[b]
            power = 1.0
            for q in range(7):
                out[s, 0, q] += complex(r0 * power, i0 * power)
                out[s, 1, q] += complex(r1 * power, i1 * power)
                out[s, 2, q] += complex(r2 * power, i2 * power)
                power *= t


@njit(**_FAST)
def _add(left, there, time, offset, even, centre, state, amplitude, centred):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add a path to CSI in place, its phase in the middle the amplitude's; then centre the CSI over packets, or not."""
    packets, pairs, bands = left.shape
    mean = np.zeros((pairs, bands), np.complex128)
    turned = np.empty(bands, np.complex128)
    known = 0
    for n in range(packets):
        if there[n] == 0:
            continue
        known += 1
        t = time[n]
        moved = t * (state[1] + t * (state[2] / 2 + t * state[3] / 6))
        _turns(offset, even, -_K * centre * moved, -(state[0] + moved), turned)
        for s in range(pairs):
            for b in range(bands):
                new = left[n, s, b] + amplitude[s] * turned[b]
                left[n, s, b] = new
                mean[s, b] += new
    if not centred:
        return
    for n in range(packets):
        if there[n] != 0:
            for s in range(pairs):
                for b in range(bands):
                    left[n, s, b] -= mean[s, b] / known


def _derivatives(m: NDArray[np.complex128], centre: float) -> tuple[float, F64, F64]:
    """Power of the matched filter, summed over pairs, with its gradient and second derivatives by the states."""
    y = m[:, 0, 0]
    first = centre * m[:, 0] + m[:, 1]
    second = centre**2 * m[:, 0] + 2 * centre * m[:, 1] + m[:, 2]
    crossed = centre * m[:, 1] + m[:, 2]
    by_one = np.stack([m[:, 1, 0], first[:, 1], first[:, 2] / 2, first[:, 3] / 6], 1) * (1j * _K)
    orders = _ORDERS[:, np.newaxis] + _ORDERS
    by_two = second[:, orders] * (_FACTORS[:, np.newaxis] * _FACTORS)
    by_two[:, 0, 1:] = by_two[:, 1:, 0] = crossed[:, 1:4] * _FACTORS[1:]
    by_two[:, 0, 0] = m[:, 2, 0]
    by_two *= -(_K**2)
    gradient = 2 * (y.conj() @ by_one).real
    hessian = 2 * (by_one.conj().T @ by_one + np.tensordot(y.conj(), by_two, 1)).real
    return float((np.abs(y) ** 2).sum()), gradient, hessian


class _Window:
    """One window while its candidates are looked for."""

    def __init__(self, moving: C64, there: NDArray[np.bool_], time: F64, frequency: F64) -> None:
        self.left = np.ascontiguousarray(moving.transpose(2, 0, 1))
        self.there = there.astype(np.int64)
        self.time, self.centre = time, float(frequency.mean())
        self.offset = frequency - self.centre
        self.frequency = frequency
        spacing = np.diff(frequency)
        self.even = bool(np.ptp(spacing) < 1e-6 * spacing.mean())
        self.cells = cells(frequency, time)
        self.samples = int(there.sum()) * frequency.size
        self.pairs = len(moving)
        self._buffer = np.empty((self.pairs, 3, 7), np.complex128)

    def noise(self, found: int) -> float:
        """Mean power of what is left."""
        free = self.samples - self.frequency.size - 2 * found
        total = float(np.square(self.left.view(np.float32), dtype=np.float64).sum())
        return total / (self.pairs * max(1, free))

    def climb(self, state: F64, steps: int) -> F64:
        """Newton's steps up the matched filter's power, none longer than half a resolution cell."""
        for _ in range(steps):
            _moments(self.left, self.time, self.offset, self.even, self.centre, state, self._buffer)
            power, gradient, hessian = _derivatives(self._buffer, self.centre)
            curvature, axes = np.linalg.eigh(-hessian * self.cells[:, np.newaxis] * self.cells)
            least = 1e-3 * max(power, 1e-30)
            step = axes @ ((axes.T @ (gradient * self.cells)) / np.maximum(np.abs(curvature), least))
            state = state + np.clip(step, -0.5, 0.5) * self.cells
        return state

    def amplitude(self, state: F64) -> NDArray[np.complex128]:
        """Least squares amplitude in every pair."""
        _moments(self.left, self.time, self.offset, self.even, self.centre, state, self._buffer)
        return self._buffer[:, 0, 0] / self.samples

    def put_back(self, state: F64, amplitude: NDArray[np.complex128]) -> None:
        """Put a path back, whole: the static part stays as it was estimated beside it."""
        where = (self.left, self.there, self.time, self.offset, self.even, self.centre)
        _add(*where, state, amplitude, False)

    def take_out(self, state: F64, amplitude: NDArray[np.complex128]) -> None:
        """Take a path out, and estimate the static part anew."""
        where = (self.left, self.there, self.time, self.offset, self.even, self.centre)
        _add(*where, state, -amplitude, True)

    def start(self) -> F64:
        """Strongest path of what is left: acceleration and jerk by the AJ spectrum, the others once it is dechirped."""
        plan = aj_plan(self.time.tobytes(), self.frequency.tobytes())
        left = np.ascontiguousarray(self.left.transpose(1, 2, 0))
        image = spectra([plan.rows(left[np.newaxis])])[0]
        i, j = np.unravel_index(int(image.argmax()), image.shape)
        a, r = float(plan.acceleration[i]), float(plan.jerk[j])
        curved = self.time**2 * (a / 2 + r * self.time / 6)
        straight = left * np.exp(1j * _K * self.frequency[:, np.newaxis] * curved).astype(np.complex64)
        matrix, lengths = delays(self.frequency.tobytes())
        n = 2 * self.time.size
        profile = np.abs(fft(matrix @ straight, n, axis=-1)) ** 2
        power = profile.sum(axis=0)
        interval = float(self.time[1] - self.time[0])
        velocity = -np.fft.fftfreq(n, interval) * speed_of_light / self.centre
        power[:, np.abs(velocity) > _FASTEST] = 0
        at = np.unravel_index(int(power.argmax()), power.shape)
        return np.array([lengths[at[0]], velocity[at[1]], a, r])

    def scale(self, amplitude: NDArray[np.complex128], noise: float) -> F64:
        """Root of the Cramér-Rao bound of a lone path of unknown amplitudes."""
        there = self.there.astype(bool)
        t = self.time[there]
        phases = np.stack(
            [
                (self.offset if i == 0 else self.frequency)[:, np.newaxis] * (_FACTORS[i] * t**i)
                for i in range(4)
            ]
        ).reshape(4, -1)
        phases -= phases.mean(axis=1, keepdims=True)
        scaled = phases * self.cells[:, np.newaxis] * _K
        fisher = 2 * (np.abs(amplitude) ** 2).sum() / noise * (scaled @ scaled.T)
        fisher += np.eye(4) * 1e-9 * np.trace(fisher)
        return np.asarray(np.linalg.cholesky(np.linalg.inv(fisher)) * self.cells[:, np.newaxis])


@lru_cache(maxsize=16)
def aj_plan(time: bytes, frequency: bytes) -> SpectrumPlan:
    """Plan of the AJ spectrum of a window, mean over bands and pairs, on the default axes; axes as their bytes."""
    t, f = np.frombuffer(time), np.frombuffer(frequency)
    nothing = np.empty((0, f.size, t.size), np.complex64)
    return SpectrumPlan.of(CsiArray(nothing, t, f, -1, (), {}), SpectrumSettings(combine="coherent"))


@lru_cache(maxsize=16)
def delays(frequency: bytes) -> tuple[C64, F64]:
    """Matrix (path length, band) that turns bands into path lengths, and these, m; the band as its bytes."""
    f = np.frombuffer(frequency)
    lengths = np.linspace(-3, 21, 20)
    return np.exp(1j * _K * np.outer(lengths, f - f.mean())).astype(np.complex64), lengths


def find_candidates(
    moving: C64, there: NDArray[np.bool_], time: F64, frequency: F64, most: int = MOST
) -> Candidates:
    """Find candidates for paths.

    Parameters
    ----------
    moving : numpy.ndarray, complex64, shape (pair, band, packet)
        CSI without its static part, phase falling with path length; 0 where a packet is missing.
    there : numpy.ndarray, bool, shape (packet,)
        Packets that there are.
    time : numpy.ndarray, shape (packet,)
        s about the window's middle, a uniform grid.
    frequency : numpy.ndarray, shape (band,)
        Hz, ascending.
    most : int
        At most so many.

    Returns
    -------
    Candidates
    """
    window = _Window(moving, there, time, frequency)
    states: list[F64] = []
    amplitudes: list[NDArray[np.complex128]] = []
    total = window.noise(0)
    repairs = 0
    while len(states) < most and total > 0:
        state = window.climb(window.start(), _FIRST_STEPS)
        amplitude = window.amplitude(state)
        energies = [float((np.abs(one) ** 2).mean()) for one in (amplitude, *amplitudes)]
        noise = max(window.noise(len(states)), 1e-12 * total)
        weak = energies[0] < max(_WEAKEST / window.samples * noise, _LEAST_SHARE * max(energies))
        near = [i for i, one in enumerate(states) if np.abs((one - state) / window.cells).max() < _SAME]
        if not near:
            states.append(state)
            amplitudes.append(amplitude)
            window.take_out(state, amplitude)
        elif repairs == _REPAIRS:
            break
        else:  # what is left of a path that is not where it should be: no candidate, that one moves
            repairs += 1
            _once_more(window, states, amplitudes, near[:1], 2 * _FIRST_STEPS)
        for _ in range(_PASSES):
            _once_more(window, states, amplitudes)
        if weak:
            break
    for _ in range(_LAST_PASSES):
        _once_more(window, states, amplitudes)
    noise = max(window.noise(len(states)), 1e-10 * total, 1e-30)
    out = Candidates(
        np.full((most, 4), np.nan),
        np.full(most, np.nan),
        np.full((most, 4, 4), np.nan),
        noise,
        np.ascontiguousarray(window.left.transpose(1, 2, 0)),
    )
    for i, (state, amplitude) in enumerate(zip(states, amplitudes, strict=True)):
        out.states[i] = state
        out.amplitude[i] = np.sqrt((np.abs(amplitude) ** 2).mean())
        out.scale[i] = window.scale(amplitude, noise)
    return out


def _once_more(
    window: _Window,
    states: list[F64],
    amplitudes: list[NDArray[np.complex128]],
    which: list[int] | None = None,
    steps: int = 1,
) -> None:
    """Put every candidate back, or some, move it by a step or several, and take it out again."""
    for i in range(len(states)) if which is None else which:
        window.put_back(states[i], amplitudes[i])
        states[i] = window.climb(states[i], steps)
        amplitudes[i] = window.amplitude(states[i])
        window.take_out(states[i], amplitudes[i])
