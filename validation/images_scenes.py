"""Captures for the study `images`: points seen by arrays, with independent angles or moving through a room."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT

import isacsim
from isacsim.channel.paths import simulate_path_lengths

from .captures import STATES, axes, draw_paths

__all__ = ["PLACES", "Seen", "independent", "room", "window_truth"]

# Where the arrays of a 6 x 8 m room stand, and along which direction: transmitter first, then each receiver.
_WALL, _CORNER = (1.0, 0.0), (0.7071, 0.7071)
PLACES = {
    "one wall": (((1.5, 0.3), _WALL), ((4.5, 0.3), _WALL)),
    "adjacent corners": (((0.3, 0.3), (0.7071, -0.7071)), ((5.7, 0.3), _CORNER)),
    "opposite corners": (((0.3, 0.3), (0.7071, -0.7071)), ((5.7, 7.7), (0.7071, -0.7071))),
    "two receivers": (((1.5, 0.3), _WALL), ((4.5, 0.3), _WALL), ((5.7, 6.0), (0.0, 1.0))),
}
# Largest path acceleration and jerk drawn, within the axes.
_MOST = (7.0, 35.0)


class Seen(NamedTuple):
    """CSI (pair, subcarrier, packet) of one receiver, and the truth over its paths."""

    time: NDArray
    frequency: NDArray
    csi: NDArray[np.complex64]
    truth: dict[str, NDArray]
    axes: Mapping[str, Any] = MappingProxyType({})
    """Axes of its images, if not the default ones."""
    lengths: NDArray | None = None
    """Lengths of the paths at every packet, m, (path, packet), where they are no cubics."""


def _subcarriers(n: int) -> tuple[NDArray, NDArray]:
    time, _ = axes(1)
    return time - time.mean(), 5.805e9 + (np.arange(n) - (n - 1) / 2) * 80e6 / n


def _chains(rng: np.random.Generator, antennas: tuple[int, int], unknown: bool) -> NDArray:
    """Factor of each pair: constant phases of the receiving and transmitting chains."""
    turns = [rng.uniform(size=n) * unknown for n in antennas]
    return np.exp(2j * np.pi * (turns[0][:, None] + turns[1])).ravel().astype(np.complex64)


def _noisy(rng: np.random.Generator, csi: NDArray[np.complex64], snr_db: float) -> NDArray[np.complex64]:
    parts = rng.standard_normal((*csi.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    return csi + np.float32(10 ** (-snr_db / 20) / np.sqrt(2)) * parts


def independent(
    rng: np.random.Generator,
    *,
    antennas: tuple[int, int],
    subcarriers: int,
    spread: float,
    snr_db: float,
    unknown_chains: bool,
) -> list[Seen]:
    """3 to 7 points with angles of arrival and departure independent of all else, uniform in sine."""
    time, frequency = _subcarriers(subcarriers)
    truth = draw_paths(rng, int(rng.integers(3, 8)), spread)
    sines = rng.uniform(-1, 1, (2, truth["amplitude"].size))
    csi = np.zeros((antennas[0] * antennas[1], subcarriers, time.size), np.complex64)
    for i in range(truth["amplitude"].size):
        one = {name: values[i : i + 1] for name, values in truth.items()}
        signature = np.outer(
            *(np.exp(1j * np.pi * np.arange(n) * s[i]) for n, s in zip(antennas, sines, strict=True))
        )
        csi += signature.ravel()[:, None, None].astype(np.complex64) * isacsim.simulate_paths(
            time, frequency, **one
        )
    csi *= _chains(rng, antennas, unknown_chains)[:, None, None]
    return [Seen(time, frequency, _noisy(rng, csi, snr_db), truth)]


def room(
    rng: np.random.Generator,
    *,
    place: str,
    antennas: tuple[int, int],
    subcarriers: int,
    spread: float,
    snr_db: float,
    unknown_chains: bool,
    truth_of: str = "middle",
) -> list[Seen]:
    """3 to 7 points that move through a 6 x 8 m room with constant jerk; half-wavelength arrays, spherical waves.

    The truth is that of the window's "middle", or of the whole "window" (`window_truth`).
    """
    time, frequency = _subcarriers(subcarriers)
    half = SPEED_OF_LIGHT / frequency.mean() / 2
    centres = [np.array(at) for at, _ in PLACES[place]]
    counts = (antennas[1], *[antennas[0]] * (len(centres) - 1))
    elements = [
        centre + np.outer((np.arange(n) - (n - 1) / 2) * half, direction)
        for centre, (_, direction), n in zip(centres, PLACES[place], counts, strict=True)
    ]
    courses, states = _courses(rng, int(rng.integers(3, 8)), time, centres)
    amplitude = np.exp(spread * rng.normal(size=len(courses)))
    phase = rng.uniform(-np.pi, np.pi, len(courses))
    to_tx = np.linalg.norm(courses[:, None] - elements[0][:, None], axis=-1)
    seen = []
    for number, array in enumerate(elements[1:]):
        to_rx = np.linalg.norm(courses[:, None] - array[:, None], axis=-1)
        csi = np.stack(
            [
                simulate_path_lengths(to_rx[:, i] + to_tx[:, j], frequency, amplitude=amplitude, phase=phase)
                for i in range(antennas[0])
                for j in range(antennas[1])
            ]
        )
        csi *= _chains(rng, antennas, unknown_chains)[:, None, None]
        lengths = np.linalg.norm(courses - centres[0], axis=-1) + np.linalg.norm(
            courses - centres[1 + number], axis=-1
        )
        at_middle = dict(zip(STATES, states[:, number].T, strict=True))
        truth = (window_truth(time, lengths) if truth_of == "window" else at_middle) | {
            "amplitude": amplitude
        }
        seen.append(Seen(time, frequency, _noisy(rng, csi, snr_db), truth, lengths=lengths))
    return seen


def window_truth(time: NDArray, lengths: NDArray) -> dict[str, NDArray]:
    """States of the cubics that fit paths (path, packet) best under a Hann window, about the time 0.

    That is what a spectrum with Hann windows sees of motion that is no cubic.
    """
    weight = np.sqrt(np.hanning(time.size + 2)[1:-1])
    fits = [np.polynomial.Polynomial.fit(time, d, 3, w=weight).convert().coef for d in lengths]
    return dict(zip(STATES, np.array(fits).T * np.array([[1], [1], [2], [6]]), strict=True))


def _courses(
    rng: np.random.Generator, n: int, time: NDArray, centres: list[NDArray]
) -> tuple[NDArray, NDArray]:
    """Positions (target, packet, xy) whose paths lie within the axes; their states (target, receiver, state)."""
    courses: list[NDArray] = []
    states: list[NDArray] = []
    while len(courses) < n:
        start, heading = rng.uniform((0.5, 1.0), (5.5, 7.5)), rng.uniform(0, 2 * np.pi)
        velocity = rng.uniform(0, 1.5) * np.array([np.cos(heading), np.sin(heading)])
        terms = [start, velocity, rng.uniform(-3, 3, 2), rng.uniform(-15, 15, 2)]
        powers = np.stack([time**k / d for k, d in enumerate((1, 1, 2, 6))], axis=1)
        course = powers @ np.array(terms)
        lengths = [
            np.linalg.norm(course - centres[0], axis=1) + np.linalg.norm(course - rx, axis=1)
            for rx in centres[1:]
        ]
        # Derivatives in the middle of the window, of a polynomial that follows the path to micrometres.
        fits = np.array([np.polynomial.Polynomial.fit(time, d, 9).convert().coef[:4] for d in lengths])
        state = fits * [1, 1, 2, 6]
        if (np.abs(state[:, 2:]) < _MOST).all():
            courses.append(course)
            states.append(state)
    return np.array(courses), np.array(states)
