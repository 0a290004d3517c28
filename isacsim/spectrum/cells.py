"""CSI of an array to cells: delays by an inverse DFT over subcarriers, beams by a DFT over each array's elements.

The transforms are orthogonal (up to one factor), so a path's energy stays whole however it spreads over cells. The
squared amplitudes of a path of amplitude A in all cells add up to A², wherever it lies between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.constants import speed_of_light
from scipy.signal import get_window

from isacsim.compute.threads import on_one_thread
from isacsim.errors import InputError
from isacsim.spectrum.chains import chain_turns
from isacsim.spectrum.range_walk import keep_in_cells, stretch
from isacsim.spectrum.settings import Chains

__all__ = ["BandCells", "Cells", "mean_over_packets", "sub_bands"]

F64 = NDArray[np.float64]
Complex = NDArray[np.complex64]

# Cells with less than this share of the strongest one's energy are left out, and so are delays.
WEAKEST = 0.01
# At most so many cells: what noise alone fills.
MOST_CELLS = 256
# Delays are chosen by their energy at so many packets.
_PROBES = 32
# The hardest-accelerated path on the axes moves so much of a delay cell by that within half a window.
CROSSED = 0.3
# Delays for each subcarrier at most, where subcarriers have no common spacing.
_MOST_DELAYS = 4


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of one band of one capture.

    Attributes
    ----------
    values : complex64 ndarray (cell, packet)
        What is left of the static part aside; a path's squared amplitudes in all cells add up to its own.
    shared : ndarray (cell,)
        For each cell the energy of the path that it holds, from all these cells: ``Σ_c' |<h_c', h_c>|² / <h_c, h_c>``,
        what moves as it does. A cell's own energy over this is its share of the path.
    amplitude_sq : ndarray (cell,)
        The same from all cells, those without much energy too: the path's squared amplitude.
    """

    values: Complex
    shared: F64
    amplitude_sq: F64


def sub_bands(frequency: F64, duration: float, acceleration: float) -> list[NDArray[np.intp]]:
    """Subcarriers in bands so narrow that acceleration leaves a path in its delay cell; speed does so anyway.

    Parameters
    ----------
    frequency : numpy.ndarray, shape (subcarrier,)
        Hz.
    duration : float
        Length of the window, s.
    acceleration : float
        The largest on the axes, m/s².

    Returns
    -------
    list of numpy.ndarray of int
        Subcarriers of each band, contiguous in frequency.
    """
    everything = [np.arange(frequency.size)]
    if frequency.size == 1:
        return everything
    order = np.argsort(frequency, kind="stable")
    ascending = frequency[order]
    spacing = float(np.diff(ascending).min())
    width = float(ascending[-1] - ascending[0]) + spacing
    widest = CROSSED * speed_of_light / (max(acceleration, 1e-3) * duration**2 / 8)
    bands = max(1, int(np.ceil(width / widest * (1 - 1e-9))))
    if bands == 1:
        return everything
    place = np.minimum((ascending - ascending[0]) / width * bands, bands - 1).astype(np.intp)
    return [order[place == b] for b in range(bands) if (place == b).any()]


class BandCells:
    """The cells of one band of subcarriers and one pair of arrays.

    Parameters
    ----------
    frequency : numpy.ndarray, shape (subcarrier,)
        Of the band, Hz.
    antennas : (int, int)
        Elements of the receiving and the transmitting array.
    window : str or None
        Over subcarriers, by its scipy name.
    phase_sign : int
        Sign σ of the CSI's phase.
    follow : bool
        Keep a path in its cell while it walks (:mod:`isacsim.spectrum.range_walk`), which stretches time.
    """

    def __init__(
        self,
        frequency: F64,
        antennas: tuple[int, int],
        window: str | None,
        phase_sign: int,
        *,
        follow: bool = True,
    ) -> None:
        self.antennas = antennas
        self.sign = phase_sign
        self.offset = frequency - frequency.mean()
        n = frequency.size
        spacing = float(np.diff(np.sort(frequency)).min()) if n > 1 else 1.0
        width = float(np.ptp(frequency)) + spacing
        self.delays = min(round(width / spacing), _MOST_DELAYS * n)
        self.step = 1 / width
        self.bandwidth, self.carrier = width, float(frequency.mean())
        self.stretch = stretch(width, self.carrier) if follow and self.delays > 1 else 1.0
        samples = get_window(window or "boxcar", 4097, fftbins=False)
        at = (frequency - frequency.min() + spacing / 2) / width
        taper = np.interp(at, np.linspace(0, 1, samples.size), samples)
        self.taper = taper / np.sqrt(self.delays * (taper**2).sum())
        self.index = np.rint((frequency - frequency.min()) / spacing).astype(np.intp) % self.delays
        rx, tx = (scipy.fft.fft(np.eye(m), axis=0) / m for m in antennas)
        self.beams = np.kron(rx, tx).astype(np.complex64)

    def into_delays(self, which: NDArray[np.intp]) -> Complex:
        """Matrix (delay, subcarrier) of the windowed inverse DFT, with these delay cells as rows."""
        turns = -self.sign * self.step * np.outer(which, self.offset)
        return (np.exp(2j * np.pi * turns) * self.taper).astype(np.complex64)

    def of(self, csi: Complex, *, remove_static: bool, chains: Chains = "estimated") -> Cells:
        """Cells of CSI (pair, subcarrier, packet) that have energy, in order of delay and beam."""
        mean = mean_over_packets(csi) if remove_static else np.zeros(csi.shape[:2], np.complex64)
        delays = self._with_energy(csi, mean)
        cells = self.at(csi, mean, delays, chains).reshape(-1, csi.shape[-1])
        centred = cells * np.sqrt(_centre(csi.shape[-1]))
        energy = _power(centred)
        kept = np.flatnonzero((energy > 0) & (energy >= WEAKEST * energy.max(initial=0.0)))
        if kept.size > MOST_CELLS:
            kept = np.sort(kept[np.argsort(-energy[kept], kind="stable")[:MOST_CELLS]])
        shared, whole = _coherent_energy(centred, energy, kept)
        return Cells(np.ascontiguousarray(cells[kept]), shared, whole)

    def every(self, csi: Complex, delays: int, *, remove_static: bool) -> Complex:
        """The first delay cells, in all beams, (delay * beam, packet)."""
        if delays > self.delays:
            raise InputError(f"delays must be at most {self.delays} with this band, got {delays}.")
        mean = mean_over_packets(csi) if remove_static else np.zeros(csi.shape[:2], np.complex64)
        return self.at(csi, mean, np.arange(delays), "known").reshape(-1, csi.shape[-1])

    @on_one_thread
    def at(self, csi: Complex, mean: Complex, delays: NDArray[np.intp], chains: Chains) -> Complex:
        """All beams at neighbouring delay cells, (delay, beam, packet), of CSI less its mean (pair, subcarrier)."""
        matrix = self.into_delays(delays)
        made = (matrix @ csi) - (matrix @ mean[..., np.newaxis])  # (pair, delay, packet)
        cells = np.ascontiguousarray(made.transpose(1, 2, 0))
        if self.stretch < 1:
            cells = keep_in_cells(cells, self.bandwidth, self.carrier, self.sign)
        beams = self.beams.T
        if chains == "estimated":
            beams = chain_turns(cells, self.antennas)[:, np.newaxis] * beams
        return np.ascontiguousarray((cells @ beams).transpose(0, 2, 1))

    def _with_energy(self, csi: Complex, mean: Complex) -> NDArray[np.intp]:
        """Delay cells with energy, judged over all pairs at packets that no period has in common."""
        n = csi.shape[-1]
        at = np.unique((np.arange(min(_PROBES, n)) * (np.sqrt(5) - 1) / 2 % 1 * n).astype(np.intp))
        some = (csi[:, :, at] - mean[..., np.newaxis]) * self.taper[:, np.newaxis].astype(np.float32)
        spread = np.zeros((len(csi), self.delays, at.size), np.complex64)
        spread[:, self.index] = some  # where a grid has no common spacing, one for all of a place
        transform = scipy.fft.ifft if self.sign < 0 else scipy.fft.fft
        made = transform(spread, axis=1)
        energy = (made.real**2 + made.imag**2).sum(axis=(0, 2), dtype=np.float64)
        return _arc(energy >= WEAKEST * energy.max())


def _arc(lit: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Shortest run of places on a circle that holds all that are lit."""
    at = np.flatnonzero(lit)
    gaps = np.diff(at, append=at[0] + lit.size)
    last = int(gaps.argmax())
    first = int(at[(last + 1) % at.size])
    return (first + np.arange(lit.size - int(gaps[last]) + 1)) % lit.size


@on_one_thread
def mean_over_packets(csi: Complex) -> Complex:
    """Mean of CSI (..., packet): its static part."""
    n = csi.shape[-1]
    return np.asarray(csi @ np.full(n, 1 / n, np.complex64))


def _centre(n: int) -> NDArray[np.float32]:
    """Weights of packets, mean 1: a path is in the cell where it is in the middle of the window."""
    window = get_window("hann", n + 2, fftbins=False)[1:-1]
    return np.asarray(window / window.mean(), np.float32)


def _power(cells: Complex) -> F64:
    """Mean square of each cell over packets."""
    parts = cells.view(np.float32)
    return np.asarray(np.einsum("cn,cn->c", parts, parts, dtype=np.float64) / cells.shape[1])


@on_one_thread
def _coherent_energy(cells: Complex, energy: F64, kept: NDArray[np.intp]) -> tuple[F64, F64]:
    """Energy of what moves as each kept cell does: in the kept cells, and in all."""
    gram = cells @ cells[kept].conj().T / cells.shape[1]
    alike = (gram.real**2 + gram.imag**2).astype(np.float64) / energy[kept]
    return alike[kept].sum(axis=0), alike.sum(axis=0)
