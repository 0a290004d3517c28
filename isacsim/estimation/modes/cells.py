"""CSI to a few series that hold all that moves: delay cells of every antenna pair, the strongest directions of them.

The subcarriers of each antenna pair are projected on an orthonormal basis of the path lengths searched. Packets of
one slot are summed; chirps are summed in the same way, so nothing is approximated. The cells are compressed onto the
singular vectors above the noise level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.chirps import SlowBasis

__all__ = ["CellSeries", "compress"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# At most so many channels after compression.
MOST_CHANNELS = 24
# The static part of a conditioned capture may lie beyond the reference's: this share of the path lengths is below 0.
BELOW_ZERO = 0.25
# The noise's level is read at this quantile of the delay-Doppler map: targets fill less than the rest.
NOISE_QUANTILE = 0.3
# A Doppler bin is occupied where its mean over cells is so many times the median bin.
OCCUPIED = 3.0
# Hz beyond the occupied band, and slots for each Hz of it and second.
BAND_MARGIN, SLOTS_PER_CYCLE = 12.0, 3.0
# The largest singular value of noise, squared, is below this times (sqrt(cells) + sqrt(slots))^2 variances.
NOISE_EDGE = 1.05
# Relative rounding of complex64 CSI, squared: less than this of the capture's power is not looked at.
ROUNDING = 4 * float(np.finfo(np.float32).eps) ** 2


@dataclass(frozen=True)
class CellSeries:
    """Moving part of one capture.

    Attributes
    ----------
    values : complex ndarray (channel, slot)
        Static part removed.
    directions : complex ndarray (pair, subcarrier, channel)
        What one unit of each channel is in the CSI.
    basis : SlowBasis
        Chirps and slow amplitudes at the slots.
    slot : ndarray of int (slot,)
        Each slot's place on the even grid of `slots` over the window.
    slots : int
        How many slots the even grid has.
    noise : float
        Variance of one sample.
    band : float
        Half the width of the Doppler band that is looked at, Hz.
    total : float
        Sum of |CSI|^2 over the capture, static part included.
    """

    values: Complex
    directions: NDArray[np.complex64]
    basis: SlowBasis
    slot: NDArray[np.intp]
    slots: int
    noise: float
    band: float
    total: float

    @property
    def energy(self) -> float:
        """Sum of |values|^2."""
        return float((np.abs(self.values) ** 2).sum())


def compress(csi: NDArray[np.complexfloating], grid: SamplingGrid, limits: Limits) -> CellSeries:
    """Bring CSI to its strongest channels.

    Parameters
    ----------
    csi : complex ndarray (pair, subcarrier, packet)
        Static part included, subcarriers in the grid's order, phases that fall as a path grows.
    grid : SamplingGrid
        Packet times and subcarrier frequencies.
    limits : Limits
        How far the search goes.

    Returns
    -------
    CellSeries
    """
    power = float(np.mean(csi.real**2 + csi.imag**2))
    moving = (csi - csi.mean(axis=2, keepdims=True, dtype=np.complex128)).astype(np.complex64)
    to_cells = _delay_basis(grid, limits)
    cells = (to_cells.conj().T @ moving).reshape(-1, grid.time.size)
    doppler = _doppler_power(cells)
    noise = float(np.quantile(doppler, NOISE_QUANTILE)) / -np.log(1 - NOISE_QUANTILE)
    noise = max(noise, ROUNDING * power)
    wavelength = SPEED_OF_LIGHT / grid.centre
    band = _band(doppler.mean(axis=0), grid, limits.velocity / wavelength)

    slots = min(grid.time.size, int(np.ceil(SLOTS_PER_CYCLE * 2 * grid.half * band)))
    place = np.minimum(((grid.time / grid.half + 1) / 2 * slots).astype(np.intp), slots - 1)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    basis = SlowBasis(grid.time, starts, wavelength)
    series = np.add.reduceat(cells, starts, axis=1) * basis.weight.astype(np.float32)
    series = series.astype(np.complex128)
    series -= np.outer(series @ basis.constant, basis.constant)
    vectors = _strongest(series, noise)
    directions = to_cells @ vectors.reshape(csi.shape[0], to_cells.shape[1], -1)
    return CellSeries(
        vectors.conj().T @ series,
        directions.astype(np.complex64),
        basis,
        place[starts],
        slots,
        noise,
        band,
        power * csi.size,
    )


def _delay_basis(grid: SamplingGrid, limits: Limits) -> NDArray[np.complex64]:
    """Orthonormal columns over the subcarriers that hold all path lengths searched, (subcarrier, cell)."""
    n = grid.frequency.size
    if n == 1:
        return np.ones((1, 1), np.complex64)
    width = float(grid.frequency[-1] - grid.frequency[0]) + grid.spacing
    span = limits.path_length * (1 + BELOW_ZERO)
    cells = int(np.ceil(span * width / SPEED_OF_LIGHT)) + 2
    if cells >= n:
        return np.eye(n, dtype=np.complex64)
    length = span * (np.arange(cells) + 0.5) / cells - BELOW_ZERO * limits.path_length
    steering = np.exp(-2j * np.pi / SPEED_OF_LIGHT * np.outer(grid.offset, length))
    return np.linalg.qr(steering)[0].astype(np.complex64)


def _doppler_power(cells: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Periodogram of each cell over the packets; noise alone has the variance of one sample as its mean."""
    window = np.hanning(cells.shape[1] + 2)[1:-1]
    window = (window / np.sqrt((window**2).sum())).astype(np.float32)
    spectrum = scipy.fft.fft(cells * window, axis=1)
    return spectrum.real**2 + spectrum.imag**2


def _band(mean: NDArray[np.floating], grid: SamplingGrid, widest: float) -> float:
    """Half the width of the Doppler band that is occupied, Hz."""
    shift = np.abs(scipy.fft.fftfreq(mean.size, 2 * grid.half / (mean.size - 1)))
    occupied = shift[(mean > OCCUPIED * np.median(mean)) & (shift < widest + BAND_MARGIN)]
    return float(min((occupied.max() if occupied.size else 0.0) + BAND_MARGIN, widest + BAND_MARGIN))


def _strongest(series: Complex, noise: float) -> Complex:
    """Singular vectors over the cells, (cell, channel), that stand above noise."""
    cells, slots = series.shape
    edge = NOISE_EDGE * noise * (np.sqrt(cells) + np.sqrt(slots)) ** 2
    short = cells <= slots
    energy, vectors = np.linalg.eigh(series @ series.conj().T if short else series.conj().T @ series)
    keep = (np.arange(energy.size) >= energy.size - MOST_CHANNELS) & (energy > edge)
    vectors = vectors[:, keep][:, ::-1]
    if short:
        return vectors
    left = series @ vectors
    return left / np.linalg.norm(left, axis=0)
