"""Paths told apart by their samples alone, without knowing how antennas or their chains stand to each other.

Every path reaches the antenna pairs with a fixed column of complex factors, its signature, whatever the chains' phases.
JADE (J.-F. Cardoso and A. Souloumiac, IEE Proc. F 140(6), 1993) finds the signatures from fourth-order cumulants:
samples of different paths are independent, and a single path's have constant modulus. How many there are says MDL on
the eigenvalues of the pairs' covariance (M. Wax and T. Kailath, IEEE Trans. ASSP 33(2), 1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.compute.jit import JIT
from isacsim.compute.threads import on_one_thread

__all__ = ["Sources", "count_sources", "find_sources"]

Complex = NDArray[np.complex128]

# Subcarriers and packets that signatures are learned from, at most.
_SUBCARRIERS, _PACKETS = 32, 256
# Rotations below this angle, rad, change nothing any more; at most so many rounds of all pairs.
_STILL, _ROUNDS = 1e-4, 60
# Share of all energy below which an eigenvalue is no path's. A signature turns a little over the band, as the antennas'
# delays differ by fractions of a carrier period: at 80 MHz of 5.8 GHz a second source has 1e-4 to 4e-4 of a path.
_LEAST = 5e-4


@dataclass(frozen=True, eq=False)
class Sources:
    """Sources that were found.

    Attributes
    ----------
    separate : complex64 ndarray (source, pair)
        Makes each source's CSI of the pairs' CSI, at the amplitude that it has at a pair.
    amplitude_sq : ndarray (source,)
        Its squared amplitude, mean over pairs.
    modulus : float
        Mean over sources, weighted with their energy, of ``E|s|⁴ / (E|s|²)²``: 1 where each is one path with a
        signature that stands still; 2 for many paths together.
    """

    separate: NDArray[np.complex64]
    amplitude_sq: NDArray[np.float64]
    modulus: float


def count_sources(eigenvalues: NDArray[np.float64], samples: int) -> int:
    """Number of sources by minimum description length.

    Parameters
    ----------
    eigenvalues : numpy.ndarray, shape (pair,)
        Of the covariance, descending.
    samples : int
        Independent noise samples that it was estimated from.
    """
    p = eigenvalues.size
    e = np.maximum(eigenvalues, eigenvalues[0] * 1e-12)
    lengths = []
    for k in range(p):
        rest = e[k:]
        fit = -samples * (np.log(rest).sum() - rest.size * np.log(rest.mean()))
        lengths.append(fit + 0.5 * k * (2 * p - k) * np.log(samples))
    return int(np.argmin(lengths))


@on_one_thread
def find_sources(
    csi: NDArray[np.complex64], mean: NDArray[np.complex64], *, most: int | None = None
) -> Sources:
    """Signatures of the paths in CSI (pair, subcarrier, packet) less its mean (pair, subcarrier).

    Sources that have less than 5e-4 of all energy are left out. Nothing is looked for, as if nothing stood still, where
    there are more than ``most`` sources.
    """
    n_pair, n_subcarrier, n_packet = csi.shape
    every = (-(-n_subcarrier // _SUBCARRIERS), -(-n_packet // _PACKETS))
    x = (csi[:, :: every[0], :: every[1]] - mean[:, :: every[0], np.newaxis]).reshape(n_pair, -1)
    x = x.astype(np.complex128)
    samples = x.shape[1]
    values, vectors = np.linalg.eigh(x @ x.conj().T / samples)
    values, vectors = values[::-1], vectors[:, ::-1]
    m = count_sources(values, samples) if values[0] > 0 else 0
    m = min(m, int((values > _LEAST * values.sum()).sum()))
    if m == 0 or (most is not None and m > most):
        return Sources(np.zeros((0, n_pair), np.complex64), np.zeros(0), np.inf)
    noise = max(float(values[m:].mean()), 0.0)
    spread = np.sqrt(np.maximum(values[:m] - noise, 1e-6 * values[0]))
    whiten = vectors[:, :m].conj().T / spread[:, np.newaxis]
    white = whiten @ x
    rotation = _jade(white)
    signatures = (vectors[:, :m] * spread) @ rotation  # (pair, source)
    amplitude_sq = (np.abs(signatures) ** 2).mean(axis=0)
    separate = np.sqrt(amplitude_sq)[:, np.newaxis] * (rotation.conj().T @ whiten)
    power = np.abs(rotation.conj().T @ white) ** 2
    modulus = np.average((power**2).mean(axis=1) / power.mean(axis=1) ** 2, weights=amplitude_sq)
    return Sources(separate.astype(np.complex64), amplitude_sq, float(modulus))


def _jade(z: Complex) -> Complex:
    """Unitary matrix whose columns are the sources' signatures in white z (m, sample)."""
    m, n = z.shape
    products = (z[:, np.newaxis] * z.conj()).reshape(m * m, n)
    covariance = (z @ z.conj().T) / n
    pseudo = (z @ z.T) / n
    moments = (products @ products.conj().T / n).reshape(m, m, m, m)
    # cum(z_i, z_j*, z_k*, z_l), of the products z_i z_j* and (z_k z_l*)*.
    moments -= np.einsum("ij,lk->ijkl", covariance, covariance)
    moments -= np.einsum("ik,lj->ijkl", covariance, covariance)
    moments -= np.einsum("il,jk->ijkl", pseudo, pseudo.conj())
    values, vectors = np.linalg.eigh(moments.reshape(m * m, m * m))
    strongest = np.argsort(-np.abs(values), kind="stable")[:m]
    matrices = (vectors[:, strongest] * values[strongest]).T.reshape(m, m, m)
    rotation = np.eye(m, dtype=np.complex128)
    _diagonalise(np.ascontiguousarray(matrices), rotation, _STILL, _ROUNDS)
    return rotation


@njit(**JIT)
def _diagonalise(matrices, rotation, still, rounds):  # type: ignore[no-untyped-def]
    """Rotate all matrices (which, m, m) to be as diagonal as they can be together, by Jacobi's angles.

    J.-F. Cardoso and A. Souloumiac, SIAM J. Matrix Anal. Appl. 17(1), 1996. ``rotation`` gathers the rotations.
    """
    count, m = matrices.shape[0], matrices.shape[1]
    for _ in range(rounds):
        moved = False
        for p in range(m - 1):
            for q in range(p + 1, m):
                g = np.zeros((3, 3))
                for k in range(count):
                    a = matrices[k, p, p] - matrices[k, q, q]
                    b = matrices[k, p, q]
                    c = matrices[k, q, p]
                    h = np.array([a, b + c, 1j * (c - b)])
                    for i in range(3):
                        for j in range(3):
                            g[i, j] += (h[i] * h[j].conjugate()).real
                _, axes = np.linalg.eigh(g)
                x = axes[0, 2]
                y = axes[1, 2]
                w = axes[2, 2]
                if x < 0:
                    x, y, w = -x, -y, -w
                c = np.sqrt((x + 1) / 2)
                s = complex(y, -w) / (2 * c)
                if abs(s) < still:
                    continue
                moved = True
                for k in range(count):
                    for i in range(m):  # columns: M R
                        u = matrices[k, i, p]
                        v = matrices[k, i, q]
                        matrices[k, i, p] = c * u + s * v
                        matrices[k, i, q] = c * v - s.conjugate() * u
                    for i in range(m):  # rows: R^H M
                        u = matrices[k, p, i]
                        v = matrices[k, q, i]
                        matrices[k, p, i] = c * u + s.conjugate() * v
                        matrices[k, q, i] = c * v - s * u
                for i in range(m):
                    u = rotation[i, p]
                    v = rotation[i, q]
                    rotation[i, p] = c * u + s * v
                    rotation[i, q] = c * v - s.conjugate() * u
        if not moved:
            return
