"""CSI and crowds of the tests of counting people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from dira.data.crowds import Crowds, make_bodies
from dira.experiment.people import plain

FREQUENCY = 5.805e9 + 5e6 * (np.arange(16) - 7.5)
TIME = np.arange(1024) / 1000 - 0.512


def csi_of(seed: int, pairs: int = 1) -> np.ndarray:
    """A static part and noise, (pair, subcarrier, packet)."""
    rng = np.random.default_rng(seed)
    static = 5 * np.exp(2j * np.pi * rng.random((pairs, FREQUENCY.size, 1)))
    noise = rng.standard_normal((2, pairs, FREQUENCY.size, TIME.size))
    return static + noise[0] + 1j * noise[1]


@contextmanager
def three_bodies(folder: Path) -> Iterator[Crowds]:
    """Give crowds of three bodies of `walker`, up to three at once."""
    scenario = plain("walker")
    with patch("dira.data.crowds._CHUNK", 3):
        make_bodies(scenario, folder, 3, seed=5, workers=0)
        yield Crowds(scenario, folder, 3, most=3, seed=5)
