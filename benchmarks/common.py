"""The radio and the paths that benchmarks share."""

from __future__ import annotations

import numpy as np

C = 299_792_458.0
CARRIER = 5.805e9
TIME = (np.arange(1024) - 511.5) / 1000
FREQUENCY = CARRIER + np.arange(-128, 128) * 312.5e3
AXES = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}


def lengths(k, time):
    t = time
    d, v, a, r = (k[n][:, None] for n in ("path_length", "velocity", "acceleration", "jerk"))
    return d + t * (v + t * (a / 2 + t * r / 6))


def close(got, expected, tolerance):
    assert np.abs(got - expected).max() < tolerance * np.abs(expected).max()
