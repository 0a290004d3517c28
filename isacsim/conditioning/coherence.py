"""Phase coherence of receivers: how well each pair keeps its phase difference over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Coherence", "most_coherent_pair", "phase_coherence"]

Complex = NDArray[np.complex64]

_TINY = np.finfo(np.float32).tiny


class Coherence:
    """Coherence of receivers over packets that come in blocks, so that all of them need not be in memory."""

    def __init__(self) -> None:
        self._cross: Any = 0
        self._size: Any = 0
        self._power: Any = 0
        self._square: Any = 0
        self._packets = 0

    def add(self, h: Complex) -> None:
        """Take in a block of packets, shape (receiver, subcarrier, packet)."""
        n = h.shape[0]
        cross = np.zeros((n, n, h.shape[1]), np.complex128)
        size = np.zeros((n, n, h.shape[1]))
        for i in range(n):
            for j in range(i):
                cross[i, j] = (h[i] * h[j].conj()).sum(axis=-1)
                size[i, j] = (np.abs(h[i]) * np.abs(h[j])).sum(axis=-1)
        power = np.abs(h) ** 2
        self._cross = self._cross + cross
        self._size = self._size + size
        self._power = self._power + power.sum(axis=-1, dtype=np.float64)
        self._square = self._square + np.square(power, dtype=np.float64).sum(axis=-1)
        self._packets += h.shape[2]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """As :func:`phase_coherence`."""
        found = np.median(np.abs(self._cross) / np.maximum(self._size, _TINY), axis=-1)
        return np.asarray(found + found.T + np.eye(len(found)))

    @property
    def unrest(self) -> NDArray[np.float64]:
        """Standard deviation of the power over packets, mean over subcarriers, over the mean power; (receiver,)."""
        mean = self._power / self._packets
        deviation = np.sqrt(np.maximum(self._square / self._packets - mean**2, 0))
        return np.asarray(deviation.mean(axis=-1) / np.maximum(mean.mean(axis=-1), _TINY))

    @property
    def pair(self) -> tuple[int, int]:
        """As :func:`most_coherent_pair`."""
        apart = self.matrix - np.eye(len(self.matrix))
        i, j = np.unravel_index(int(apart.argmax()), apart.shape)
        low, high = sorted((int(i), int(j)), key=lambda k: float(self.unrest[k]))
        return high, low


def phase_coherence(array: xr.DataArray) -> NDArray[np.float64]:
    """Measure how well each pair of receivers keeps its phase difference over time.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)

    Returns
    -------
    numpy.ndarray, shape (receiver, receiver)
        ``median over k of |Σ_t H_i conj(H_j)| / Σ_t |H_i| |H_j|``: 1 for a common oscillator and a static scene,
        about 1/√packets for independent ones. The timing error is common as well and cancels.
    """
    return _of(array).matrix


def most_coherent_pair(array: xr.DataArray) -> tuple[int, int]:
    """Choose two receivers by :func:`phase_coherence`.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
        At least two receivers.

    Returns
    -------
    (int, int)
        Positions of surveillance and reference. The steadier channel is the reference: relative to its mean power it
        fluctuates less.
    """
    return _of(array).pair


def _of(array: xr.DataArray) -> Coherence:
    found = Coherence()
    found.add(array.transpose("receiver", "subcarrier", "packet").values)
    return found
