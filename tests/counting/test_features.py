"""What is said of the moving part of CSI: the same whatever the gain, and more of it for more bodies."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim.conditioning import condition
from isacsim.counting.features import NAMES, describe
from isacsim.counting.rule import Conditions
from isacsim.scenario.catalogue import load_scenario
from isacsim.simulation.capture import simulate

RATE = 1000.0


def walkers(number: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """CSI and frequencies of some people."""
    csi = condition(simulate(load_scenario("walker"), seed=seed, n_targets=number))[0]
    return csi.values, csi.coords["frequency"].values


@pytest.fixture(scope="module")
def one() -> tuple[np.ndarray, np.ndarray]:
    return walkers(1)


def test_gain_and_static_part_change_nothing(one):
    csi, frequency = one
    before = describe(csi, RATE, frequency)
    assert before.shape == (len(NAMES),) and np.isfinite(before).all()
    after = describe(4j * csi.astype(np.complex128) + 7, RATE, frequency)
    # Speeds are read off a grid, so that rounding can move them by whole bins only: it does not.
    assert after == pytest.approx(before, abs=1e-6)


def test_walking_back_is_walking(one):
    csi, frequency = one
    before, after = (describe(x, RATE, frequency) for x in (csi, csi[:, ::-1]))
    # Time reversed: each course is the other way about. Frames lie elsewhere by less than a hop.
    signs = [n for n, name in enumerate(NAMES) if name.startswith("speed at 50%")]
    assert before[signs] >= 0 and after[signs] >= 0
    assert after[:6] == pytest.approx(before[:6], rel=0.05)


def test_a_second_person_adds_a_direction(one):
    second = NAMES.index("direction 2 over 1, log")
    alone = np.mean([describe(*[x[0], RATE, x[1]])[second] for x in map(lambda s: walkers(1, s), range(6))])
    together = np.mean(
        [describe(*[x[0], RATE, x[1]])[second] for x in map(lambda s: walkers(2, s), range(6))]
    )
    assert together > alone + 0.5


def test_ridges_lie_at_the_speeds_of_two_paths():
    frequency = 5.8e9 + np.linspace(-40e6, 40e6, 64)
    time = (np.arange(1024) - 511.5) / RATE
    csi = np.zeros((64, 1024), complex)
    for amplitude, velocity, length in ((1.0, 1.5, 5.0), (0.6, -0.9, 15.0)):
        csi += amplitude * np.exp(-2j * np.pi / 299792458 * np.outer(frequency, length + velocity * time))
    rng = np.random.default_rng(0)
    csi += 0.05 * (rng.standard_normal((64, 1024, 2)) @ [1, 1j])
    said = dict(zip(NAMES, describe(csi, RATE, frequency), strict=True))
    # Bins of the map are half a window's resolution, 1 / (2 * 0.256 s), apart: 0.1 m/s.
    assert said["speed of ridge 1"] == pytest.approx(1.5, abs=0.1)
    assert said["speed of ridge 2 less that of ridge 1"] == pytest.approx(2.4, abs=0.2)
    # 80 MHz: cells of 40 m over 12.
    assert said["delay of ridge 2 less that of ridge 1"] == pytest.approx(10 / (40 / 12), abs=0.5)


def test_nothing_that_moves_is_nothing():
    frequency = 5.8e9 + np.linspace(-40e6, 40e6, 64)
    assert describe(np.ones((64, 1024), np.complex64), RATE, frequency) is None


def test_a_long_window_names_the_option_that_cuts_it():
    assert "--window-s 1" in Conditions().refuse(5.8e9, 3.0, 1000)
    assert "--window-s" not in Conditions().refuse(5.8e9, 0.5, 1000)
    assert not Conditions().refuse(5.8e9, 1.0, 1000)
