"""Response of discrete paths at given frequencies, summed directly in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.scenario.radio import Radio

__all__ = ["direct_delay", "frequency_response"]


def frequency_response(
    coefficient: NDArray[np.complex128], delay: NDArray[np.float64], frequency: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """H(f) = Σ a exp(-j2π f τ).

    Parameters
    ----------
    coefficient : numpy.ndarray, complex, shape (receiver, path)
        Of the pass band: without the phase of travel.
    delay : numpy.ndarray, shape (receiver, path)
        s.
    frequency : numpy.ndarray, shape (subcarrier,)
        Hz.

    Returns
    -------
    numpy.ndarray, complex128, shape (receiver, subcarrier)
    """
    turns = delay[:, np.newaxis, :] * frequency[:, np.newaxis]
    # Whole turns are dropped before the product with 2π, which would round them.
    rays = np.exp(-2j * np.pi * (turns - np.round(turns)))
    return np.asarray((rays @ coefficient[:, :, np.newaxis])[..., 0], np.complex128)


def direct_delay(radio: Radio) -> NDArray[np.float64]:
    """Delay of the straight line from the transmitter to each receiver, s; shape (receiver,)."""
    position = np.array([r.position_m for r in radio.receivers])
    return np.asarray(np.linalg.norm(position - np.array(radio.transmitter_m), axis=1) / speed_of_light)
