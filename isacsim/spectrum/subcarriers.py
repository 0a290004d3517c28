"""Subcarriers brought into delay bins, or into blocks that share their axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.spectrum.settings import SpectrumSettings

__all__ = ["delay_bins", "frequency_blocks"]

F64 = NDArray[np.float64]
Products = NDArray[np.complex64]

# Subcarriers within this relative distance of a common frequency share its axes ("noncoherent").
_SAME_FREQUENCY = 1e-3


def delay_bins(array: CsiArray, settings: SpectrumSettings) -> tuple[F64, Products]:
    """Delays in s, and the matrix (delay, subcarrier) of the windowed inverse DFT over subcarriers.

    With phase sign -1 positive delays come out of an inverse DFT over ascending frequency (method.md section
    2); written as a matrix, it takes any subcarriers. A unit path in the middle of a bin comes out with
    amplitude 1.
    """
    f = array.frequency
    if f.size < 2:
        raise InputError("combine='delay' needs at least two subcarriers, got one.")
    spacing = float(np.diff(f).min())
    width = float(f.max() - f.min()) + spacing
    limit = int(width / spacing)
    if settings.delays > limit:
        raise InputError(f"delays must be at most {limit} with {f.size} subcarriers, got {settings.delays}.")
    delay = np.arange(settings.delays) / width
    samples = get_window(settings.delay_window or "boxcar", 4096, fftbins=False)
    taper = np.interp(f, np.linspace(f.min() - spacing / 2, f.max() + spacing / 2, 4096), samples)
    # Relative to the centre frequency: the common phase is constant in time and cancels in R.
    turns = -array.phase_sign * (f - f.mean()) * delay[:, np.newaxis]
    matrix = (np.exp(2j * np.pi * turns) * taper / taper.sum()).astype(np.complex64)
    return delay, matrix


def frequency_blocks(frequency: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Subcarriers in blocks that span at most 0.2 % of their frequency."""
    bin_of = np.floor(np.log(frequency / frequency.min()) / np.log1p(2 * _SAME_FREQUENCY)).astype(int)
    return [np.flatnonzero(bin_of == b) for b in np.unique(bin_of)]
