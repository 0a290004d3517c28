"""Description of a window for a path posterior: candidates for paths, AJ spectra, a delay-Doppler map and facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light
from scipy.fft import fft

from dira.data.candidates import MOST, Candidates, aj_plan, cells, delays, find_candidates
from isacsim.errors import InputError
from isacsim.spectrum.plan import spectra

__all__ = [
    "FACTS",
    "NUMBERS",
    "SPAN",
    "Described",
    "describe",
    "gridded",
    "into_bands_of",
    "static_summaries",
    "together",
]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

BANDS, PACKETS, PAIRS = 16, 256, 4
"""Sub-bands, times and antenna pairs of a window, at most: more are averaged, of pairs the first are taken."""
SPAN = np.array([6.0, 3.0, 6.0, 30.0])
"""Half widths of path length, velocity, acceleration and jerk that numbers are divided by."""
MIDDLE = 9.0
"""Path length that stands in the middle, m."""
NUMBERS = 13 + 2 * 25
"""Numbers that describe a candidate: thirteen, and two spectra about it, five bins a side."""
FACTS = ("noise", "power", "pairs", "there", "highest", "highest_left", "candidates", "spread", "static")
VELOCITIES = 64
"""Velocities of the delay-Doppler map."""
_FEWEST = 48


class Described(NamedTuple):
    """Windows as the posterior takes them; NaN where there is no candidate."""

    states: F64
    """(window, candidate, 4): m, m/s, m/s², m/s³."""
    scale: F64
    """(window, candidate, 4, 4): root of the states' bound, were each alone."""
    level: F64
    """(window, candidate, 2): logarithm of the amplitude, and its deviation."""
    numbers: F32
    """(window, candidate, number)."""
    images: F32
    """(window, 2, acceleration, jerk): AJ spectra of the window, and of what candidates leave; 0 to 1."""
    doppler: F32
    """(window, 1, path length, velocity): power, 0 to 1."""
    facts: F32
    """(window, fact): `FACTS`."""
    static: F64
    """(window, 2): logarithms of delay spread (s) and power of the window's mean CSI."""


def together(many: Sequence[Described]) -> Described:
    """Put windows behind one another."""
    return Described(*(np.concatenate(part) for part in zip(*many, strict=True)))


def into_bands_of(subcarriers: int) -> F64:
    """Matrix (band, subcarrier) of the means over sub-bands."""
    bands = min(BANDS, subcarriers)
    band = np.arange(subcarriers) * bands // subcarriers
    return np.asarray((band == np.arange(bands)[:, np.newaxis]) / np.bincount(band)[:, np.newaxis])


def static_summaries(static: ArrayLike, frequency: F64) -> F64:
    """Logarithms of the rms delay spread in s and of the power of a static channel.

    Parameters
    ----------
    static : array_like, complex, shape (pair, band)
        Response.
    frequency : numpy.ndarray, shape (band,)
        Hz, evenly spaced.

    Returns
    -------
    numpy.ndarray, shape (2,)
        Of the power-delay profile that the bands tell: pairs' mean power in bins of one over the band, of which the
        last quarter stands before zero, as delays are periodic.
    """
    response = np.asarray(static, np.complex128)
    n = frequency.size
    profile = (np.abs(np.fft.ifft(response, axis=1)) ** 2).mean(axis=0)
    delay = np.arange(n, dtype=np.float64)
    delay[n - n // 4 :] -= n
    delay /= float(np.diff(frequency).mean()) * n if n > 1 else np.inf
    power = float(profile.sum())
    if power <= 0:
        return np.array([np.nan, np.nan])
    mean = profile @ delay / power
    spread = np.sqrt(max(float(profile @ (delay - mean) ** 2) / power, 1e-24))
    return np.array([np.log(spread), np.log(power)])


def gridded(
    csi: ArrayLike, time: ArrayLike, frequency: ArrayLike
) -> tuple[NDArray[np.complex64], NDArray[np.bool_], F64, F64]:
    """Bring a window onto at most 16 bands and 256 times at even distances, by means.

    Parameters
    ----------
    csi : array_like, complex, shape ([pair,] subcarrier, packet)
        NaN where a packet is missing.
    time : array_like, shape (packet,)
        s; gaps are gaps.
    frequency : array_like, shape (subcarrier,)
        Hz, ascending.

    Returns
    -------
    csi, there, time, frequency
        (pair, band, packet), 0 where nothing is; (packet,); s about the middle; Hz.

    Raises
    ------
    InputError
        If shapes do not fit, or fewer than 48 packets or 2 subcarriers are there.
    """
    values, t, f = np.asarray(csi), np.asarray(time, np.float64), np.asarray(frequency, np.float64)
    values = values[np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1:] != (f.size, t.size) or not len(values):
        raise InputError(
            f"csi must have the shape ([pair,] subcarrier, packet) with {f.size} frequencies and {t.size} times, got "
            f"{np.shape(csi)}."
        )
    values = values[:PAIRS]
    known = np.isfinite(values).all(axis=(0, 1))
    if known.sum() < _FEWEST or f.size < 2 or (np.diff(t) <= 0).any():
        raise InputError(
            f"a window needs at least {_FEWEST} packets that ascend in time and 2 subcarriers, got {known.sum()} and "
            f"{f.size}."
        )
    interval = float(np.quantile(np.diff(t), 0.1))
    slots = min(PACKETS, round((t[-1] - t[0]) / interval) + 1)
    step = (t[-1] - t[0]) / (slots - 1) if slots < PACKETS else (t[-1] - t[0] + interval) / slots
    slots = round((t[-1] - t[0] + interval) / step)
    place = np.clip(((t - t[0] + interval / 2) / step).astype(int), 0, slots - 1)
    first = (interval - step) / 2 if step > 1.5 * interval else 0.0
    middle = (t[0] + t[-1]) / 2
    grid = t[0] - first + step * np.arange(slots) - middle
    into_bands = into_bands_of(f.size)
    into_slots = ((place[:, np.newaxis] == np.arange(slots)) & known[:, np.newaxis]).astype(np.float64)
    number = into_slots.sum(axis=0)
    out = into_bands @ np.where(known, values, 0) @ into_slots / np.maximum(number, 1)
    return out.astype(np.complex64), number > 0, grid, into_bands @ f


def describe(csi: ArrayLike, time: ArrayLike, frequency: ArrayLike) -> Described:
    """Describe one window of CSI.

    Parameters
    ----------
    csi, time, frequency
        As `gridded`'s; the phase falls with path length.

    Returns
    -------
    Described
        One window.

    Raises
    ------
    InputError
        As `gridded`.
    """
    values, there, t, f = gridded(csi, time, frequency)
    static = values.sum(axis=-1, keepdims=True) / there.sum()
    moving = np.ascontiguousarray((values - static) * there, np.complex64)
    found = find_candidates(moving, there, t, f)
    plan = aj_plan(t.tobytes(), f.tobytes())
    both = np.stack([moving, found.left])
    raw = spectra([plan.rows(both)])
    highest = np.maximum(raw.max(axis=(1, 2)), 1e-30)
    images = np.sqrt(raw / highest[:, np.newaxis, np.newaxis]).astype(np.float32)
    axes = plan.acceleration, plan.jerk
    summary = static_summaries(static[..., 0], f)
    power = float((np.abs(moving) ** 2).sum() / (len(moving) * f.size * there.sum()))
    number = int(np.isfinite(found.amplitude).sum())
    facts = [
        np.log(found.noise) / 5,
        np.log(max(power, 1e-30)) / 5,
        len(moving) / 4,
        float(there.mean()),
        np.log(highest[0]) / 10,
        np.log(highest[1]) / 10,
        number / MOST,
        (np.nan_to_num(summary[0], nan=-20.0) + 17.5) * 2,
        np.nan_to_num(summary[1], nan=-20.0) / 5,
    ]
    samples = int(there.sum()) * f.size
    deviation = np.sqrt(found.noise / (2 * samples * len(moving))) / found.amplitude
    level = np.stack([np.log(found.amplitude), deviation], axis=1)
    return Described(
        found.states[np.newaxis],
        found.scale[np.newaxis],
        level[np.newaxis],
        _numbers(found, level, samples, cells(f, t), images, axes)[np.newaxis],
        images[np.newaxis],
        _doppler(moving, t, f)[np.newaxis],
        np.array([facts], np.float32),
        summary[np.newaxis],
    )


def _numbers(
    found: Candidates, level: F64, samples: int, cell: F64, images: F32, axes: tuple[F64, F64]
) -> F32:
    out = np.zeros((len(found.states), NUMBERS), np.float32)
    many = int(np.isfinite(found.amplitude).sum())
    if not many:
        return out
    states = found.states[:many]
    apart = np.linalg.norm((states[:, np.newaxis] - states) / cell, axis=-1)
    apart[np.diag_indices(many)] = 1e3
    deviation = np.log(np.sqrt(np.square(found.scale[:many]).sum(axis=-1)) / cell)
    out[:many, :4] = np.clip((states - [MIDDLE, 0, 0, 0]) / SPAN, -3, 3)
    out[:many, 4] = level[:many, 0]
    out[:many, 5] = np.log(found.amplitude[:many] ** 2 * samples / found.noise) / 5
    out[:many, 6:10] = deviation / 5 + 1
    out[:many, 10] = np.arange(many) / MOST
    out[:many, 11] = np.log(apart.min(axis=1)) / 3
    out[:many, 12] = level[:many, 0] - level[:many, 0].max()
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)), mode="edge")
    near = [
        np.clip(np.rint((state - axis[0]) / (axis[1] - axis[0])), 0, axis.size - 1).astype(int)
        for axis, state in zip(axes, states[:, 2:].T, strict=True)
    ]
    for i, (row, column) in enumerate(zip(*near, strict=True)):
        out[i, 13:] = padded[:, row : row + 5, column : column + 5].ravel()
    return out


def _doppler(moving: NDArray[np.complex64], time: F64, frequency: F64) -> F32:
    """Power by path length and velocity, on a grid that is the same for all windows."""
    matrix, _ = delays(frequency.tobytes())
    interval = float(time[1] - time[0])
    spectrum = np.abs(fft(matrix @ moving, axis=-1)) ** 2
    velocity = -np.fft.fftfreq(time.size, interval) * speed_of_light / frequency.mean()
    edges = np.linspace(-6.5, 6.5, VELOCITIES + 1)
    bins = np.digitize(velocity, edges) - 1
    into = (bins[:, np.newaxis] == np.arange(VELOCITIES)).astype(np.float32)
    power = spectrum.sum(axis=0) @ into
    return np.asarray(np.sqrt(power / max(float(power.max()), 1e-30))[np.newaxis], np.float32)
