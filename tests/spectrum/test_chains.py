"""Phases of an array's chains are found from what moves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim import InputError, aj_spectrum
from isacsim.spectrum.chains import chain_turns

pytestmark = pytest.mark.numerical

TIME = (np.arange(512) - 255.5) / 512
FREQUENCY = 5.8e9 + 80e6 / 16 * (np.arange(16) - 7.5)


def seen(chains: tuple[np.ndarray, np.ndarray], noise: float = 0.1) -> np.ndarray:
    """Four moving paths at 4 x 3 pairs, (pair, subcarrier, packet)."""
    rng = np.random.default_rng(3)
    shape = (12, 16, TIME.size, 2)
    out = noise * rng.normal(size=shape).view(complex)[..., 0]
    for d, v, a in ((4, 1.5, 3), (8, -2, -5), (12, 0.7, 5), (12.5, -0.8, 0)):
        phase = -2 * np.pi * np.outer(FREQUENCY, d + v * TIME + a * TIME**2 / 2) / speed_of_light
        sines = rng.uniform(-1, 1, 2)
        over = np.add.outer(np.pi * sines[0] * np.arange(4), np.pi * sines[1] * np.arange(3)).ravel()
        out += np.exp(1j * (phase + over[:, None, None]))
    return out * np.outer(*chains).ravel()[:, None, None]


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.exp(2j * np.pi * rng.uniform(size=4)), np.exp(2j * np.pi * rng.uniform(size=3))


def test_turns_leave_nothing_but_a_linear_phase():
    chains = drawn(1)
    delays = np.fft.ifft(seen(chains), axis=1).transpose(1, 2, 0)
    turns = chain_turns(delays.astype(np.complex64), (4, 3))
    assert np.abs(turns) == pytest.approx(1, abs=1e-5)
    left = (turns * np.outer(*chains).ravel()).reshape(4, 3)
    for axis in (0, 1):
        row = np.moveaxis(left, axis, 0)
        second = np.angle(row[:-2] * row[2:] * row[1:-1].conj() ** 2)
        assert np.abs(second).max() < 0.15


def test_an_image_does_not_depend_on_the_chains():
    ones = np.ones(4, complex), np.ones(3, complex)
    how = {"time": TIME, "frequency": FREQUENCY, "combine": "resolved", "antennas": (4, 3), "beams": "fixed"}
    known = aj_spectrum(seen(ones), **how, chains="known")
    estimated = aj_spectrum(seen(drawn(2)), **how)
    ignored = aj_spectrum(seen(drawn(2)), **how, chains="known")
    # Beams that are turned by a linear phase cut paths otherwise: alike, not equal.
    alike, unlike = (np.corrcoef(x.values.ravel(), known.values.ravel())[0, 1] for x in (estimated, ignored))
    assert alike > 0.95 and 1 - unlike > 2 * (1 - alike), (alike, unlike)


def test_two_elements_are_left_alone():
    cells = np.exp(1j * np.arange(4 * 64 * 4)).reshape(4, 64, 4).astype(np.complex64)
    assert (chain_turns(cells, (2, 2)) == 1).all()
    assert (chain_turns(np.zeros((4, 64, 3), np.complex64), (3, 1)) == 1).all()
    with pytest.raises(InputError, match="chains"):
        aj_spectrum(np.ones((1, 64)), time=np.arange(64) / 64, frequency=[5e9], chains="guessed")
