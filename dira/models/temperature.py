"""Calibration of probabilities by one temperature (Guo et al., "On calibration of modern neural networks", 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

__all__ = ["likeliest_temperature"]


def likeliest_temperature(logits: NDArray[np.float64], true: NDArray[np.int64]) -> float:
    """Temperature by which logits (sample, class) are divided so that true classes (sample,) are likeliest.

    Between exp(-3) and exp(3).
    """
    rows = np.arange(len(logits))

    def surprise(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, true].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded").x))
