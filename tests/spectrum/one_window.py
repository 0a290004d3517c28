"""One second of 1024 packets and 80 MHz, and where its spectrum peaks."""

from __future__ import annotations

import numpy as np

TIME = (np.arange(1024) - 511.5) / 1000
FREQUENCY = 5.805e9 + np.arange(-8, 8) * 5e6


def peak(spectrum):
    """(a, r) of the maximum of a 2-D spectrum."""
    i, j = np.unravel_index(int(spectrum.values.argmax()), spectrum.shape)
    return float(spectrum.acceleration[i]), float(spectrum.jerk[j])
