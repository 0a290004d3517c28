"""Variational nonlinear chirp mode decomposition: all modes at once, each narrow about a frequency that may wander."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded

from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.least_squares import evaluate
from isacsim.estimation.peers.series import Array, Complex, Series, climb, deflate, even_times
from isacsim.estimation.results import path_dataset, read_csi

__all__ = ["vncmd"]

# Half-power width of a mode's envelope and of a step of its frequency, periods a window: how far off a ridge may be,
# and how fast a frequency bends.
ENVELOPE, COURSE = 4.0, 3.0
# ADMM's rounds at most, and the change of the frequencies, periods a window, at which it ends.
ROUNDS, SETTLED = 60, 1e-3
# The short-time spectrum that a ridge is read from: windows a capture, instants, and the price of a bin's jump.
SEGMENTS, INSTANTS, JUMP = 8, 64, 0.1
# Channels a mode, at most: a delay, and what of it a path crosses.
CHANNELS = 2
# Keeps divisions by nothing at zero.
_TINY = 1e-300
# Keeps the amplitudes of two modes in one place finite, relative to a mode's own energy.
RIDGE = 1e-9


@dataclass
class _Modes:
    """Frequencies of all modes, rad/s over (mode, packet), and their envelopes (mode, channel, packet)."""

    rate: Array
    envelope: Complex


def _smoother(n: int, width: float) -> tuple[NDArray[np.float64], bool]:
    """Factor 1 + D'D / w^4, D the second difference: a low-pass whose half-power width is `width` a window."""
    second = np.zeros((3, n))
    second[0, 2:] = 1.0
    second[1, 1:] = -4.0
    second[1, [1, -1]] = -2.0
    second[2] = 6.0
    second[2, [0, -1]], second[2, [1, -2]] = 1.0, 5.0
    second /= (2 * np.pi * width / n) ** 4
    second[2] += 1.0
    return cholesky_banded(second), False


def _smooth(factor: tuple[NDArray[np.float64], bool], values: Complex) -> Complex:
    """Low-pass the last axis."""
    flat = values.reshape(-1, values.shape[-1]).T
    both = cho_solve_banded(factor, np.concatenate([flat.real, flat.imag], axis=1), check_finite=False)
    half = flat.shape[1]
    return np.asarray((both[:, :half] + 1j * both[:, half:]).T.reshape(values.shape))


def _turns(rate: Array, interval: float) -> Array:
    """Phase of a course, by the trapezoidal rule, 0 at the window's first packet."""
    mean = (rate[..., 1:] + rate[..., :-1]) / 2
    return np.concatenate([np.zeros((*rate.shape[:-1], 1)), np.cumsum(mean * interval, axis=-1)], axis=-1)


def _noise(channels: Complex) -> float:
    """Variance a sample: the median of the spectrum, most of which no mode reaches."""
    power = np.abs(np.fft.fft(channels, axis=1)) ** 2 / channels.shape[1]
    return float(np.median(power) / np.log(2))


def _decompose(channels: Complex, rate: Array, interval: float) -> _Modes:
    """ADMM over envelopes, a constant a channel, what is left as noise, and the frequencies."""
    n = channels.shape[1]
    envelopes, course = _smoother(n, ENVELOPE), _smoother(n, COURSE)
    radius = np.sqrt(_noise(channels) * channels.size)
    modes = _Modes(rate.copy(), np.zeros((len(rate), *channels.shape), complex))
    carrier = np.exp(1j * _turns(modes.rate, interval))
    dual = np.zeros_like(channels)
    static = channels.mean(axis=1, keepdims=True)
    total = np.zeros_like(channels)
    settled = SETTLED * 2 * np.pi / (n * interval)
    for _ in range(ROUNDS):
        left = channels - static - total - dual
        left *= min(radius / max(float(np.linalg.norm(left)), _TINY), 1.0)
        target = channels - left - dual
        moved = 0.0
        for i, own in enumerate(modes.envelope):
            total -= own * carrier[i]
            own[:] = _smooth(envelopes, (target - static - total) * carrier[i].conj())
            slope = np.gradient(own, interval, axis=1)
            power = (np.abs(own) ** 2).sum(axis=0)
            # The envelope's own turning belongs to the frequency: that of all channels, weighted with their power.
            step = (own.conj() * slope).imag.sum(axis=0) / (power + 1e-3 * power.mean() + _TINY)
            step = _smooth(course, step[None].astype(complex)).real[0]
            modes.rate[i] += step
            moved = max(moved, float(np.sqrt((step**2).mean())))
            turned = np.exp(1j * _turns(modes.rate[i], interval))
            own *= carrier[i] * turned.conj()
            carrier[i] = turned
            total += own * turned
        static = (target - total).mean(axis=1, keepdims=True)
        dual += left + static + total - channels
        if moved < settled:
            break
    return modes


def _ridge(series: Series) -> Array:
    """Rad/s of the strongest ridge of the short-time spectrum, by dynamic programming, at every packet."""
    z, step = series.values, series.interval
    size = max(z.size // SEGMENTS, 8)
    starts = np.unique(np.linspace(0, z.size - size, INSTANTS).round().astype(int))
    bins = 4 << int(np.ceil(np.log2(size)))
    window = np.hanning(size + 2)[1:-1]
    segments = z[starts[:, None] + np.arange(size)] * window
    power = np.abs(np.fft.fftshift(np.fft.fft(segments, bins), axes=1))
    power /= power.max()
    reach = max(bins // 16, 1)
    cost = JUMP * np.abs(np.arange(-reach, reach + 1))
    best, back = power[0].copy(), np.zeros(power.shape, int)
    for k in range(1, len(power)):
        padded = np.pad(best, reach, constant_values=-np.inf)
        options = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1) - cost
        back[k] = options.argmax(axis=1)
        best = power[k] + options[np.arange(bins), back[k]]
    path = np.empty(len(power), int)
    path[-1] = best.argmax()
    for k in range(len(power) - 1, 0, -1):
        path[k - 1] = path[k] + back[k, path[k]] - reach
    frequency = np.fft.fftshift(np.fft.fftfreq(bins, step))[path]
    return np.asarray(2 * np.pi * np.interp(np.arange(z.size), starts + (size - 1) / 2, frequency))


def _principal(residual: Complex, most: int) -> Complex:
    """Compress subcarriers (packet, subcarrier) to their strongest orthogonal channels (channel, packet)."""
    vectors = np.linalg.eigh(residual.T @ residual.conj())[1]
    return np.ascontiguousarray((residual @ vectors[:, ::-1][:, :most].conj()).T)


def _cubic(modes: _Modes, time: Array, wavelength: float) -> Array:
    """(v, a, r) of each mode (mode, 3): a cubic through its phase, weighted with its magnitude."""
    interval = float(time[1] - time[0])
    powers = np.stack([np.ones_like(time), time, time**2 / 2, time**3 / 6], axis=1)
    out = np.empty((len(modes.rate), 3))
    for i, (rate, own) in enumerate(zip(modes.rate, modes.envelope, strict=True)):
        course = np.linalg.svd(own, full_matrices=False)[2][0]
        phase = _turns(rate, interval) + np.unwrap(np.angle(course))
        weight = np.abs(course)[:, None]
        out[i] = np.linalg.lstsq(powers * weight, phase * weight[:, 0], rcond=None)[0][1:]
    return -out * wavelength / (2 * np.pi)


def _lengths(residual: Complex, states: Array, grid: SamplingGrid) -> Array:
    """Path length of each mode, m: the phase over subcarriers of its amplitude at the window's centre."""
    if not grid.spacing:
        return np.zeros(len(states))
    t = grid.time
    moved = np.stack([np.zeros_like(t), *(states @ np.stack([t, t**2 / 2, t**3 / 6]))], axis=1)
    phase = 2 * np.pi / SPEED_OF_LIGHT * grid.frequency[:, None, None] * moved
    atoms = np.exp(-1j * phase)
    atoms[:, :, 0] = 1.0
    gram = atoms.conj().transpose(0, 2, 1) @ atoms + RIDGE * t.size * np.eye(atoms.shape[2])
    matched = atoms.conj().transpose(0, 2, 1) @ residual.T[:, :, None]
    amplitudes = np.linalg.solve(gram, matched)[:, 1:, 0].T
    width = float(grid.frequency[-1] - grid.frequency[0]) + grid.spacing
    count = round(4 * width / grid.spacing)
    # An eighth of them below zero, as `focus` looks: shorter than a reference's path.
    trial = grid.unambiguous_length / count * (np.arange(count) - count // 8)
    place = 2 * np.pi / SPEED_OF_LIGHT * grid.offset
    power = np.abs(amplitudes @ np.exp(1j * np.outer(place, trial)))
    starts = trial[power.argmax(axis=1)]
    return np.array([-climb(a, place, -x) for a, x in zip(amplitudes, starts.tolist(), strict=True)])


def _start(series: Series) -> tuple[float, float, float]:
    """The strongest mode of one series alone, from its ridge."""
    modes = _decompose(series.values[None], _ridge(series)[None], series.interval)
    v, a, r = _cubic(modes, series.time, series.wavelength)[0].tolist()
    return v, a, r


def vncmd(
    csi: ArrayLike, time: ArrayLike, frequency: ArrayLike, *, n_paths: int = 1, phase_sign: int = -1
) -> xr.Dataset:
    """Estimate paths by variational nonlinear chirp mode decomposition.

    Modes share their instantaneous frequency over channels, as in the multivariate form; channels are the strongest
    orthogonal combinations of subcarriers. One mode after another is begun at the ridge of a short-time spectrum; then
    all are fitted together, and a cubic is put through each phase.

    Parameters
    ----------
    csi : array_like (subcarrier, packet)
        Complex channel, static part included.
    time, frequency : array_like
        Equally spaced packet times, s, and subcarrier frequencies, Hz.
    n_paths : int
        How many modes; the method does not tell.
    phase_sign : {-1, 1}
        Sign sigma of the phase with growing path length.

    Returns
    -------
    Dataset
        As `relax`'s, without ``criterion`` and with ``std_*`` NaN.

    Raises
    ------
    InputError
        Where the packets are not equally spaced, or CSI and axes do not fit.

    References
    ----------
    Chen, Dong, Peng, Zhang and Meng, "Nonlinear chirp mode decomposition: a variational method", IEEE Trans. Signal
    Processing 65(22), 2017. Chen, Yu, Peng, "Multivariate nonlinear chirp mode decomposition", Signal Processing 176,
    2020 (shared frequencies).
    """
    problem = read_csi(csi, time, frequency, phase_sign)
    even = even_times(problem, "vncmd")
    fit = deflate(problem, even, _start, n_paths)
    grid, states = problem.grid, fit.theta[:, 1:]
    wavelength = SPEED_OF_LIGHT / grid.centre
    residual = problem.re.astype(np.float64) + 1j * problem.im
    rate = -2 * np.pi / wavelength * (states @ np.stack([np.ones_like(even), even, even**2 / 2]))
    modes = _decompose(_principal(residual, CHANNELS * n_paths), rate, float(even[1] - even[0]))
    states = _cubic(modes, even, wavelength)
    fit = evaluate(problem, np.concatenate([_lengths(residual, states, grid)[:, None], states], axis=1))
    result = path_dataset(problem, fit, bound=False)
    result.attrs["method"] = "vncmd"
    return result
