"""Two paths that one component holds: their Doppler courses stay close, or cross.

While components are found one by one, a pair a few Hz apart looks like one path whose amplitude wanders. Nothing is
left that the bank could find. So pairs of courses about each component are tried on what it holds and what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isacsim.estimation.modes.cells import CellSeries
from isacsim.estimation.modes.chirps import SlowBasis
from isacsim.estimation.modes.fit import ComponentFit

__all__ = ["PairGrid"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Step and reach of the grid of differences between two courses, Hz rms over the window.
STEP, REACH = 2.5, 10.1
# Polynomials of each amplitude and their ridge, on columns of unit norm.
RIDGE = np.array([1e-3, 3e-2, 0.1])
# The strongest channels of what a component holds.
CHANNELS = 6
# Pairs of one component this near to each other, Hz, are one start.
SAME = 3.0


class PairGrid:
    """Differences of two courses that a component may hold, and their tables for one capture's slots.

    Parameters
    ----------
    series : CellSeries
        The capture.
    """

    def __init__(self, series: CellSeries) -> None:
        self.series = series
        basis = series.basis
        # Differences in Hz to Legendre coefficients of orders 1 to 3.
        _, upper = np.linalg.qr(basis.point_speed[:, 1:4] / np.sqrt(basis.point_speed.shape[0]))
        axis = np.arange(-REACH // STEP, REACH // STEP + 1) * STEP
        hertz = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        size = np.linalg.norm(hertz, axis=1)
        hertz = hertz[(size > 0) & (size <= REACH)]
        # The lattice is symmetric: its first half holds one of each two that differ in sign.
        half = hertz[: len(hertz) // 2]
        first = np.concatenate([hertz, half / 2])
        second = np.concatenate([np.zeros_like(hertz), -half / 2])
        self.first, self.second = (self._phases(x, upper) for x in (first, second))
        self.turn_first, self.turn_second = (
            np.exp(1j * (x @ basis.at_slots.T)) for x in (self.first, self.second)
        )

    def _phases(self, hertz: Array, upper: Array) -> Array:
        out = np.zeros((len(hertz), self.series.basis.at_slots.shape[1]))
        out[:, 1:4] = np.linalg.solve(upper, hertz.T).T
        return out

    def pairs(self, fit: ComponentFit, component: int, count: int) -> list[tuple[float, Array, Array]]:
        """Return the best pairs in place of a component: energy they explain beyond it, and their phases.

        Parameters
        ----------
        fit : ComponentFit
            All components.
        component : int
            Which to part.
        count : int
            How many pairs at most.

        Returns
        -------
        list of (float, ndarray, ndarray)
            Best first.
        """
        basis = self.series.basis
        phase, block = fit.components[component].phase, fit.block(component)
        held = fit.residual + (fit.columns[:, block] @ fit.amplitudes[block]).T
        _, vectors = np.linalg.eigh(held @ held.conj().T)
        strongest = (vectors[:, ::-1][:, :CHANNELS].conj().T @ held).T
        k = RIDGE.size
        atoms = basis.chirp(phase)[:, None] * basis.basis[:, :k]
        one = _explained(atoms.T[None], strongest)[0]
        pair = np.concatenate(
            [turn[:, None] * atoms.T for turn in (self.turn_first, self.turn_second)], axis=1
        )
        gain = _explained(pair, strongest) - one
        out: list[tuple[float, Array, Array]] = []
        for i in np.argsort(-gain):
            new = (phase + self.first[i], phase + self.second[i])
            if all(_apart(basis, new, old[1:]) >= SAME for old in out):
                out.append((float(gain[i]), *new))
            if len(out) == count:
                break
        return out


def _apart(basis: SlowBasis, pair: tuple[Array, Array], other: tuple[Array, Array]) -> float:
    """Measure how far the courses of two pairs are from each other, Hz, in the better order."""
    return min(
        max(basis.apart(a, b) for a, b in zip(pair, turned, strict=True)) for turned in (other, other[::-1])
    )


def _explained(atoms: Complex, values: Complex) -> Array:
    """Energy of `values` (slot, channel) that each set of atoms (set, atom, slot) explains."""
    matched = (atoms.conj().reshape(-1, atoms.shape[2]) @ values).reshape(*atoms.shape[:2], -1)
    gram = atoms.conj() @ atoms.swapaxes(1, 2)
    gram += np.diag(np.tile(RIDGE, atoms.shape[1] // RIDGE.size))
    return np.einsum("sac,sac->s", matched.conj(), np.linalg.solve(gram, matched)).real
