"""Phases of an array's chains, from moving paths themselves: no calibration is needed for beams.

A path has the phases ``φ_m + π m s`` over the elements of a uniform row, s of its angle and φ of the chains. In a cell
of delay, Doppler frequency and time that one path fills, ``h_m h_{m+2} h*_{m+1}²`` has the phase
``φ_m + φ_{m+2} - 2 φ_{m+1}``, whatever its angle: s drops out of the second difference. Summed over cells that gives φ
up to a part that is linear over the elements, which merely turns all beams alike. Two paths that share a cell add real
factors to it, no phase (their means over time are conjugate in pairs), so that what is left is noise.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import get_window

__all__ = ["chain_turns"]

Complex = NDArray[np.complex64]

# A window has so many columns; Doppler cells with less than this share of the strongest one's energy are left out.
_COLUMNS = 8
_WEAKEST = 0.02
# Two elements have no second difference.
_FEWEST = 3


def chain_turns(cells: Complex, antennas: tuple[int, int]) -> Complex:
    """Factors that take the chains' phases out of an array's pairs.

    Parameters
    ----------
    cells : numpy.ndarray, complex64, shape (delay, packet, pair)
        Delay cells of each pair, static part aside.
    antennas : (int, int)
        Elements of the receiving and the transmitting array, in a uniform row each.

    Returns
    -------
    numpy.ndarray, complex64, shape (pair,)
        Of modulus 1; all 1 where no array has three elements.
    """
    packets = cells.shape[1]
    length = packets // _COLUMNS
    if max(antennas) < _FEWEST or length == 0:
        return np.ones(math.prod(antennas), np.complex64)
    columns = cells[:, : length * _COLUMNS].reshape(len(cells), _COLUMNS, length, -1)
    window = get_window("hann", length).astype(np.float32)[:, np.newaxis]
    seen = scipy.fft.fft(columns * window, axis=2).reshape(-1, *antennas)
    energy = np.einsum("crt,crt->c", seen, seen.conj()).real
    kept = (energy > 0) & (energy >= _WEAKEST * energy.max(initial=0.0))
    # Cells count by their energy, not by its square.
    seen = seen[kept] / np.sqrt(np.sqrt(energy[kept]))[:, np.newaxis, np.newaxis]
    turns = [_turns(np.moveaxis(seen, axis, 0)) for axis in (1, 2)]
    return np.outer(*turns).ravel().astype(np.complex64)


def _turns(seen: NDArray[np.complex64]) -> NDArray[np.complex128]:
    """Factors of one array's elements, (element,), from its cells (element, ...)."""
    if len(seen) < _FEWEST:
        return np.ones(len(seen), np.complex128)
    bent = seen[:-2] * seen[2:] * seen[1:-1].conj() ** 2
    second = np.angle(bent.reshape(len(bent), -1).sum(axis=1, dtype=np.complex128))
    phase = np.concatenate([[0.0, 0.0], np.cumsum(np.cumsum(second))])
    return np.asarray(np.exp(-1j * phase))
