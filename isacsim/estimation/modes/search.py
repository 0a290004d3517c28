"""Where the next component may be: a bank of dechirps over acceleration and jerk, a Fourier transform over velocity.

Energy is gathered over a few Hz about each velocity and over the strongest channels of the residual. So a component
whose amplitude wanders is found whole, and there are no cross-terms between components.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from isacsim.compute.jit import JIT
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.cells import CellSeries

__all__ = ["ChirpBank"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Single = NDArray[np.complex64]
Reals = NDArray[np.float32]

# Steps of the bank in cycles of phase at the window's edge, quadratic and cubic.
QUADRATIC_STEP, CUBIC_STEP = 1.5, 1.8
# The strongest channels of the residual that the bank looks at.
CHANNELS = 3
# Polynomials that a candidate's amplitude may have, for a start.
WIDE = 5
CANDIDATES = 6
# Rounds of re-reading a candidate's phase.
ROUNDS = 3
# Dechirps at a time: what a core's cache holds.
BLOCK = 32
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
        self.limits = np.array([limits.velocity, limits.acceleration, limits.jerk])
        basis = series.basis
        h, wavelength = basis.half, basis.wavelength
        a = _even(limits.acceleration, QUADRATIC_STEP * 2 * wavelength / h**2)
        r = _even(limits.jerk, CUBIC_STEP * 6 * wavelength / h**3)
        self.acceleration, self.jerk = (grid.ravel() for grid in np.meshgrid(a, r, indexing="ij"))
        t = ((np.arange(series.slots) + 0.5) / series.slots * 2 - 1) * h
        t[series.slot] = basis.slot_u * h
        self.size = int(scipy.fft.next_fast_len(int(np.ceil(1.2 * series.slots))))
        self.dechirp = np.zeros((a.size * r.size, self.size), np.complex64)
        quadratic, cubic = (
            np.exp(2j * np.pi / wavelength * np.outer(*pair)).astype(np.complex64)
            for pair in ((a, t**2 / 2), (r, t**3 / 6))
        )
        table = self.dechirp.reshape(a.size, r.size, self.size)
        np.multiply(quadratic[:, None], cubic, out=table[:, :, : series.slots])
        shift = scipy.fft.fftfreq(self.size, 2 * h / series.slots)
        self.velocity = -shift * wavelength
        self.allowed = np.abs(shift) <= min(series.band, limits.velocity / wavelength)

    @property
    def reach(self) -> int:
        """Bins of velocity to either side that energy is gathered over."""
        cycles = (WIDE - 1) / 2
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
        phases = self._maxima(residual)
        if not phases.size:
            return []
        for _ in range(ROUNDS):
            phases = phases + basis.course(self._matched(phases, residual), 3)
        phases = phases[(np.abs(phases @ basis.to_state.T) <= SLACK * self.limits).all(axis=1)]
        energy = (np.abs(self._matched(phases, residual)) ** 2).sum(axis=2)
        # Once more the constant part: a true path hardly wanders.
        order = np.argsort(-(energy.sum(axis=1) + energy[:, 0]))
        return list(phases[order[:count]])

    def _matched(self, phases: Array, residual: Complex) -> Complex:
        """Inner products with the first polynomials of each phase, (phase, basis, channel)."""
        basis = self.series.basis
        atoms = basis.chirp(phases).conj()[:, None] * basis.basis[:, :WIDE].T
        return (atoms.reshape(-1, residual.shape[1]) @ residual.T).reshape(-1, WIDE, residual.shape[0])

    def _maxima(self, residual: Complex) -> Array:
        """Phases at the velocities that gather the most energy, each with its best acceleration and jerk."""
        _, vectors = np.linalg.eigh(residual @ residual.conj().T)
        strongest = vectors[:, ::-1][:, :CHANNELS].conj().T @ residual
        gridded = np.zeros((strongest.shape[0], self.size), np.complex64)
        gridded[:, self.series.slot] = strongest
        reach = self.reach
        best, which = np.zeros(self.size, np.float32), np.zeros(self.size, np.int64)
        for first in range(0, self.acceleration.size, BLOCK):
            dechirped = self.dechirp[first : first + BLOCK, None] * gridded
            spectrum = scipy.fft.fft(dechirped, axis=2, overwrite_x=True)
            _gather(spectrum, first, reach, best, which)
        best[~self.allowed] = 0
        starts = []
        for _ in range(CANDIDATES):
            k = int(best.argmax())
            if best[k] <= 0:
                break
            starts.append([self.velocity[k], self.acceleration[which[k]], self.jerk[which[k]]])
            best[(np.arange(-2 * reach, 2 * reach + 1) + k) % self.size] = 0
        return np.array(starts).reshape(-1, 3) @ self.series.basis.from_state.T


@njit(**JIT)
def _gather(
    spectrum: Single, first: int, reach: int, best: Reals, which: NDArray[np.int64]
) -> None:  # pragma: no cover - compiled
    """Energy of all channels within `reach` bins, around the circle, and once more the bin's own: the best row.

    `spectrum` is (row, channel, bin); `best` and `which` hold each bin's best so far and its row, from `first` on.
    """
    n = spectrum.shape[2]
    wide, total = np.empty(n + 2 * reach, np.float32), np.empty(n, np.float32)
    for i in range(spectrum.shape[0]):
        total[:] = 0
        for c in range(spectrum.shape[1]):
            for k in range(n):
                z = spectrum[i, c, k]
                total[k] += z.real * z.real + z.imag * z.imag
        wide[:reach] = total[n - reach :]
        wide[reach : n + reach] = total
        wide[n + reach :] = total[:reach]
        for shift in range(2 * reach + 1):
            for k in range(n):
                total[k] += wide[k + shift]
        for k in range(n):
            if total[k] > best[k]:
                best[k], which[k] = total[k], first + i


def _even(limit: float, step: float) -> Array:
    """Equal steps no wider than `step`, from -limit to limit, zero included."""
    n = int(np.ceil(limit / step))
    return np.linspace(-limit, limit, 2 * n + 1)
