"""Where the next component may be: a bank of dechirps over acceleration and jerk, a Fourier transform over velocity.

Energy is gathered over a few Hz about each velocity and over the strongest channels of what is left, so that a
component whose amplitude wanders is found whole, and there are no cross-terms between components.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.cells import CellSeries

__all__ = ["ChirpBank"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Steps of the bank in cycles of phase at the window's edge, quadratic and cubic.
QUADRATIC_STEP, CUBIC_STEP = 1.0, 1.2
# The strongest channels of the residual that the bank looks at.
CHANNELS = 4
# Polynomials that a candidate's amplitude may have, for a start.
WIDE = 5
CANDIDATES = 6
# Rounds of re-reading a candidate's phase.
ROUNDS = 3
# A candidate may leave the limits by this factor.
SLACK = 1.2


class ChirpBank:
    """The bank's tables for one capture's slots.

    Parameters
    ----------
    series : CellSeries
        The capture.
    limits : Limits
        Range of the search.
    """

    def __init__(self, series: CellSeries, limits: Limits) -> None:
        self.series = series
        self.gather(WIDE)
        self.limits = np.array([limits.velocity, limits.acceleration, limits.jerk])
        basis = series.basis
        h, wavelength = basis.half, basis.wavelength
        a = _even(limits.acceleration, QUADRATIC_STEP * 2 * wavelength / h**2)
        r = _even(limits.jerk, CUBIC_STEP * 6 * wavelength / h**3)
        self.acceleration, self.jerk = (grid.ravel() for grid in np.meshgrid(a, r, indexing="ij"))
        t = ((np.arange(series.slots) + 0.5) / series.slots * 2 - 1) * h
        t[series.slot] = basis.slot_u * h
        length = np.outer(self.acceleration, t**2 / 2) + np.outer(self.jerk, t**3 / 6)
        self.dechirp = np.exp(2j * np.pi / wavelength * length).astype(np.complex64)
        self.size = int(scipy.fft.next_fast_len(int(np.ceil(1.2 * series.slots))))
        shift = scipy.fft.fftfreq(self.size, 2 * h / series.slots)
        self.velocity = -shift * wavelength
        self.allowed = np.abs(shift) <= min(series.band, limits.velocity / wavelength)

    def gather(self, polynomials: int) -> None:
        """Set how far amplitudes may wander while candidates are sought: by so many polynomials."""
        self.width = polynomials

    @property
    def reach(self) -> int:
        """Bins of velocity to either side that energy is gathered over."""
        cycles = (self.width - 1) / 2
        return max(1, round(cycles * self.size / self.series.slots))

    @property
    def trials(self) -> float:
        """About how many different components the bank tells apart."""
        return float(self.acceleration.size * self.allowed.sum() / (2 * self.reach + 1))

    def candidates(self, residual: Complex, count: int) -> list[Array]:
        """Return the best phases of what is left, best first.

        Parameters
        ----------
        residual : complex ndarray (channel, slot)
            What is left of the capture.
        count : int
            How many to return at most.

        Returns
        -------
        list of ndarray (PHASE_ORDER + 1,)
            Legendre coefficients.
        """
        basis = self.series.basis
        found = []
        for start in self._maxima(residual):
            phase = start
            for _ in range(ROUNDS):
                phase = phase + basis.course(self._matched(phase, residual), 3)
            if (np.abs(basis.to_state @ phase) > SLACK * self.limits).any():
                continue
            energy = (np.abs(self._matched(phase, residual)) ** 2).sum(axis=1)
            # Once more the constant part: a true path hardly wanders.
            found.append((energy.sum() + energy[0], phase))
        found.sort(key=lambda item: -item[0])
        return [phase for _, phase in found[:count]]

    def _matched(self, phase: Array, residual: Complex) -> Complex:
        basis = self.series.basis
        atoms = basis.chirp(phase)[:, None] * basis.basis[:, : self.width]
        return atoms.conj().T @ residual.T

    def _maxima(self, residual: Complex) -> list[Array]:
        _, vectors = np.linalg.eigh(residual @ residual.conj().T)
        strongest = vectors[:, ::-1][:, :CHANNELS].conj().T @ residual
        gridded = np.zeros((strongest.shape[0], self.series.slots), np.complex64)
        gridded[:, self.series.slot] = strongest
        power = np.zeros((self.acceleration.size, self.size), np.float32)
        for channel in gridded:
            spectrum = scipy.fft.fft(self.dechirp * channel, self.size, axis=1, overwrite_x=True)
            power += spectrum.real**2
            power += spectrum.imag**2
        reach = self.reach
        wrapped = np.concatenate([power[:, -reach:], power, power[:, :reach]], axis=1)
        total = np.cumsum(wrapped, axis=1, dtype=np.float64)
        gathered = total[:, 2 * reach :].copy()
        gathered[:, 1:] -= total[:, : self.size - 1]
        gathered += power
        best, which = gathered.max(axis=0), gathered.argmax(axis=0)
        best[~self.allowed] = 0
        starts = []
        for _ in range(CANDIDATES):
            k = int(best.argmax())
            if best[k] <= 0:
                break
            state = np.array([self.velocity[k], self.acceleration[which[k]], self.jerk[which[k]]])
            starts.append(self.series.basis.from_state @ state)
            best[(np.arange(-2 * reach, 2 * reach + 1) + k) % self.size] = 0
        return starts


def _even(limit: float, step: float) -> Array:
    """Equal steps no wider than `step`, from -limit to limit, zero included."""
    n = int(np.ceil(limit / step))
    return np.linspace(-limit, limit, 2 * n + 1)
