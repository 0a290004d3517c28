"""Phases and slow amplitudes over one window, as Legendre series of u = t / h, h half the window.

A component is ``g_c(t) exp(j phi(t))`` in every cell c: phi is a polynomial, g_c a sum of the first `N_BASIS`
orthonormal polynomials. A path's phase is ``-2 pi d(t) / wavelength``, so its velocity, acceleration and jerk are
derivatives of phi at the window's centre.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

__all__ = ["N_BASIS", "PHASE_ORDER", "SlowBasis"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Polynomials of a component's amplitude: about 3 Hz to either side at one second.
N_BASIS = 7
# Highest order of a phase; states are read from orders 1 to 3.
PHASE_ORDER = 5
# Points at which a course's phase is read.
POINTS = 64


class SlowBasis:
    """Legendre series at the packets and at the slots that hold several packets each.

    Parameters
    ----------
    time : ndarray (packet,)
        Packet times about the window's centre, s.
    starts : ndarray of int (slot,)
        The first packet of each slot.
    wavelength : float
        At the mean subcarrier, m.
    """

    def __init__(self, time: Array, starts: NDArray[np.intp], wavelength: float) -> None:
        self.half = float(time[-1])
        self.wavelength = wavelength
        self.starts = starts
        u = time / self.half
        counts = np.diff(np.append(starts, time.size))
        # Rows of the problem are slots' sums over sqrt(count): white noise keeps its variance.
        self.weight = 1 / np.sqrt(counts)
        self.slot_u = np.add.reduceat(u, starts) / counts
        root = np.sqrt(counts)
        self.constant = root / np.linalg.norm(root)
        self.scale = 1 / np.linalg.norm(root)
        self.at_packets = legendre.legvander(u, PHASE_ORDER)
        self.at_slots = legendre.legvander(self.slot_u, PHASE_ORDER)
        # Orthonormal over the slots' packets; the factor sqrt(count) is in the chirp.
        plain = legendre.legvander(self.slot_u, N_BASIS - 1)
        _, upper = np.linalg.qr(plain * self.constant[:, None])
        to_plain = np.linalg.inv(upper) * np.sign(np.diag(upper))
        self.basis = plain @ to_plain
        points = np.linspace(-1, 1, POINTS)
        self.point_basis = legendre.legvander(points, N_BASIS - 1) @ to_plain
        self.point_phase = legendre.legvander(points, PHASE_ORDER)
        self.point_speed = np.stack(
            [legendre.legval(points, legendre.legder(row)) for row in np.eye(PHASE_ORDER + 1)], axis=1
        ) / (2 * np.pi * self.half)
        self._convert()

    def _convert(self) -> None:
        """Matrices between Legendre coefficients of the phase and velocity, acceleration and jerk."""
        h, n = self.half, PHASE_ORDER + 1
        powers = np.zeros((n, n))
        for k in range(n):
            powers[: k + 1, k] = legendre.leg2poly(np.eye(n)[k])[: k + 1]
        turn = -2 * np.pi / self.wavelength
        self.to_state = np.stack([powers[1] / h, powers[2] * 2 / h**2, powers[3] * 6 / h**3]) / turn
        self.from_state = np.zeros((n, 3))
        self.from_state[:4] = turn * np.linalg.inv(powers[:4, :4])[:, 1:] * np.array([h, h**2 / 2, h**3 / 6])

    def chirp(self, phase: Array) -> Complex:
        """Unit components at the slots: the mean over each slot's packets, times sqrt(count).

        Parameters
        ----------
        phase : ndarray ([component,] PHASE_ORDER + 1)
            Legendre coefficients.

        Returns
        -------
        complex ndarray ([component,] slot)
        """
        packets = np.exp(1j * (phase @ self.at_packets.T))
        return np.add.reduceat(packets, self.starts, axis=-1) * (self.weight * self.scale)

    def apart(self, phase: Array, other: Array) -> float:
        """Root mean square difference of two Doppler courses, Hz."""
        return float(np.sqrt((((phase - other) @ self.point_speed.T) ** 2).mean()))

    def course(self, amplitudes: Complex, order: int) -> Array:
        """Phases that the slow amplitudes of the strongest channel have gathered.

        Parameters
        ----------
        amplitudes : complex ndarray ([component,] basis, channel)
            Amplitudes; fewer than `N_BASIS` rows are the first ones.
        order : int
            Highest order of the polynomial.

        Returns
        -------
        ndarray ([component,] PHASE_ORDER + 1)
            Legendre coefficients, the constant left out.
        """
        _, vectors = np.linalg.eigh(amplitudes @ amplitudes.conj().swapaxes(-1, -2))
        slow = vectors[..., -1] @ self.point_basis[:, : amplitudes.shape[-2]].T
        weight = np.abs(slow) ** 2
        angle = np.unwrap(np.angle(slow), axis=-1)
        rows = self.point_phase[:, : order + 1]
        normal = (weight[..., None, :] * rows.T) @ rows
        normal += 1e-9 * weight.sum(axis=-1)[..., None, None] * np.eye(order + 1)
        out = np.zeros((*slow.shape[:-1], PHASE_ORDER + 1))
        out[..., : order + 1] = np.linalg.solve(normal, ((weight * angle) @ rows)[..., None])[..., 0]
        out[..., 0] = 0
        return out
