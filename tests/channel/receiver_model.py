"""The receiver model written out in double precision, from a capture's own records."""

from __future__ import annotations

import numpy as np


def factor(capture):
    """exp(jψ - j2π(f - f_c)τ) from the records, complex128, shape (subcarrier, packet)."""
    baseband = capture.frequency.values[:, np.newaxis] - capture.attrs["carrier"]
    return np.exp(1j * capture.common_phase.values - 2j * np.pi * baseband * capture.timing_offset.values)


def gain(capture):
    return 10 ** (capture.agc_gain_db.values / 20)


def noise_of(capture):
    """What the receivers added, in front of the AGC; needs quantisation off."""
    return capture.csi.values / gain(capture) - capture.csi_noiseless.values * factor(capture)
