"""Taps whose rays have directions: a static channel that close elements of arrays see alike (docs/arrays.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.scenario.arrays import pattern_gain
from isacsim.scenario.radio import Radio

__all__ = ["DEFAULT_SPREAD_DEG", "over_arrays"]

Real = NDArray[np.float64]

DEFAULT_SPREAD_DEG = 30.0
# Rays a tap. Each is complex Gaussian, so that an element's tap is one too, however few they are.
_RAYS = 12


def over_arrays(
    radio: Radio,
    delay: Real,
    share: Real,
    rng: np.random.Generator,
    *,
    k_factor: Real | None = None,
    spread_deg: float | None = None,
) -> NDArray[np.complex128]:
    """Response of random taps over arrays.

    A tap is a cluster: its rays leave and arrive about one azimuth each, uniform over the circle, and about the level.
    Each receiver's clusters are its own. Within an array a ray is a plane wave. Patterns weight rays and line of sight
    among themselves; powers and the K-factor are those that the elements see, as without patterns.

    Parameters
    ----------
    radio : Radio
        For antennas and subcarriers.
    delay, share : numpy.ndarray, shape (tap,)
        s after the line of sight; powers, of sum 1.
    rng : numpy.random.Generator
        Source of directions and amplitudes.
    k_factor : numpy.ndarray, shape (receiver,), optional
        Power of the line of sight over that of the taps; its phase at each pair of elements is that of its length.
    spread_deg : float, optional
        Standard deviation of azimuth and elevation within a cluster, degrees; default 30.

    Returns
    -------
    numpy.ndarray, complex128, shape (stream, subcarrier)
        Of expected power 1.
    """
    f = radio.frequency_hz
    source, sent_from = np.array(radio.transmitter_m), radio.transmitter_elements_m
    turns = np.asarray(2j * np.pi * f / speed_of_light, np.complex128)
    responses = []
    for i, (receiver, elements) in enumerate(zip(radio.receivers, radio.receiver_elements_m, strict=True)):
        centre = np.array(receiver.position_m)
        leaving, arriving = (_directions(delay.size, spread_deg or DEFAULT_SPREAD_DEG, rng) for _ in "ab")
        weight = pattern_gain(radio.transmitter_array, source, leaving)
        weight = weight * pattern_gain(receiver.array, centre, arriving)
        power = share[:, np.newaxis] * weight**2
        ray = rng.standard_normal((2, delay.size, _RAYS)) / np.sqrt(2)
        # Where patterns hide every ray, none is left to scale.
        ray = (ray[0] + 1j * ray[1]) * np.sqrt(power / max(float(power.sum()), 1e-30))
        distance = float(np.linalg.norm(centre - source))
        lengths = delay[:, np.newaxis] * speed_of_light + distance
        departing = _phases((sent_from - source) @ leaving.reshape(-1, 3).T, turns)
        landing = _phases((elements - centre) @ arriving.reshape(-1, 3).T, turns)
        travelled = ray.reshape(-1) * np.exp(
            -turns[:, np.newaxis] * np.broadcast_to(lengths, ray.shape).reshape(-1)
        )
        response = (landing * travelled).transpose(1, 0, 2) @ departing.transpose(1, 2, 0)
        response = response.transpose(1, 2, 0)  # (rx, tx, subcarrier)
        if k_factor is not None:
            pair = np.linalg.norm(elements[:, np.newaxis] - sent_from, axis=-1)[..., np.newaxis]
            line = np.exp(-turns * pair)
            response = (np.sqrt(k_factor[i]) * line + response) / np.sqrt(1 + k_factor[i])
        responses.append(response.reshape(-1, f.size))
    return np.concatenate(responses)


def _phases(towards: Real, turns: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Phases (element, subcarrier, ray) of plane waves over elements; towards (element, ray) m along each ray."""
    return np.asarray(np.exp(turns[:, np.newaxis] * towards[:, np.newaxis]), np.complex128)


def _directions(taps: int, spread_deg: float, rng: np.random.Generator) -> Real:
    """Unit vectors (tap, ray, 3)."""
    spread = np.deg2rad(spread_deg)
    azimuth = rng.uniform(-np.pi, np.pi, (taps, 1)) + spread * rng.standard_normal((taps, _RAYS))
    elevation = np.clip(spread * rng.standard_normal((taps, _RAYS)), -np.pi / 2, np.pi / 2)
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=-1)
