"""Spectra of many cells to one image, in which every path keeps its height (docs/method.md, "Resolved cells").

A cell that holds the share s of a path's energy A² has the spectrum ``P_c = (s A²)² U`` about it. The image is

``P = Σ_c P_c / √(max P_c) / L_c · A_c^(4(1-β))``,

A_c² the energy of the path that the cell holds, from all cells that move alike, and L_c the same from the cells that
are added. One path makes ``Σ_c s_c A² / A² · A^(4(1-β)) U = A^(4(1-β)) U``, for any β and wherever it lies between
cells: the s_c add up to 1, as the transforms into cells are orthogonal (Parseval).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.compute.threads import on_one_thread
from isacsim.spectrum.cells import mean_over_packets
from isacsim.spectrum.lag_product import lag_product, statistics, unit_exponent
from isacsim.spectrum.separation import Sources, find_sources
from isacsim.spectrum.transform import AJTransform

if TYPE_CHECKING:
    from isacsim.spectrum.plan import SpectrumPlan

__all__ = ["CellProducts", "resolved_spectra", "rows_of_cells", "rows_of_paths", "rows_of_self_terms"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Complex = NDArray[np.complex64]

_Made = tuple[bool, Complex, F64]
"""True where time was stretched to keep paths in their cells; lag products (cell, N); energies (3, cell)."""

# Cells that go through a transform together; bounds memory, changes no bit.
_TOGETHER = 512
# beams="auto" separates blindly where the sources' modulus is below this.
STANDS_STILL = 1.3
# How large CSI is, is judged by every so many packets; a power of two more or less does not matter.
_COARSE = 8


@dataclass(frozen=True, eq=False)
class CellProducts:
    """Lag products of the cells of captures on one window."""

    window: SpectrumPlan
    products: tuple[Complex, ...]
    """For each of the window's transforms, (cell, N): the captures' cells one after another."""
    counts: tuple[NDArray[np.intp], ...]
    """Number of them in each capture."""
    energy: tuple[F64, ...]
    """(3, cell): energy of the path in each cell, within the cells here and in all cells. The last row is the root of
    its spectrum's peak; where it is 0, the peak is not known, and the largest bin gives it."""
    exponent: NDArray[np.int64]
    """The captures were multiplied by 2^-exponent first; shape (capture,)."""


def rows_of_cells(window: SpectrumPlan, values: Complex) -> CellProducts:
    """Lag products of the cells of CSI (capture, pair, subcarrier, packet)."""
    settings = window.settings

    def of_band(band: int, csi: Complex) -> _Made:
        if settings.cube:
            every = window.cells[band].every(csi, settings.delays, remove_static=settings.remove_static)
            return True, _products(window, every[:, np.newaxis]), _alone(np.ones(len(every)))
        if settings.beams != "fixed" and len(csi) > 1:
            mean = mean_over_packets(csi) if settings.remove_static else np.zeros(csi.shape[:2], np.complex64)
            # Signatures that move count as many sources.
            most = None if settings.beams == "blind" else len(csi) // 2
            sources = find_sources(csi, mean, most=most)
            if settings.beams == "blind" or sources.modulus < STANDS_STILL:
                separated = _separated(sources, csi, mean)
                return False, _products(window, separated), _alone(sources.amplitude_sq)
        cells = window.cells[band].of(csi, remove_static=settings.remove_static, chains=settings.chains)
        energy = np.stack([cells.shared, cells.amplitude_sq, np.zeros(len(cells.shared))])
        return True, _products(window, cells.values[:, np.newaxis]), energy

    return _rows(window, values, of_band)


def rows_of_paths(window: SpectrumPlan, values: Complex) -> CellProducts:
    """Lag products of single paths' CSI (capture, path, subcarrier, packet), each in a cell of its own."""

    def of_band(band: int, csi: Complex) -> _Made:
        mean, power = statistics(csi)
        return False, _products(window, csi, mean), _alone(power.mean(axis=1), known=True)

    return _rows(window, values, of_band)


def rows_of_self_terms(
    window: SpectrumPlan,
    of_band: Callable[[float, int], Complex],
    amplitude: F64,
    exponent: NDArray[np.int64],
) -> CellProducts:
    """Lag products of paths that are known, each in a cell of its own.

    Parameters
    ----------
    window : SpectrumPlan
        The window.
    of_band : callable
        Of a band's frequency in Hz and a capture's number: its paths' lag products (path, N).
    amplitude : numpy.ndarray, shape (capture, path)
        The paths' amplitudes.
    exponent : numpy.ndarray of int, shape (capture,)
        Both were multiplied by 2^-exponent.
    """
    captures = range(len(amplitude))
    counts = np.full(len(amplitude), amplitude.shape[1], np.intp)
    energy = _alone(amplitude.ravel() ** 2, known=True)
    bands = len(window.blocks)
    products = [
        np.concatenate([of_band(window.frequencies[band], c) for c in captures]) for band in range(bands)
    ]
    nothing = np.zeros((0, window.grid.length), np.complex64)
    return CellProducts(
        window,
        (*[nothing] * bands, *products),
        (*[0 * counts] * bands, *[counts] * bands),
        (*[energy[:, :0]] * bands, *[energy] * bands),
        exponent,
    )


def _alone(amplitude_sq: F64, *, known: bool = False) -> F64:
    """Energies of cells that hold a whole path each; known: and nothing else."""
    return np.stack([amplitude_sq, amplitude_sq, amplitude_sq * known])


@on_one_thread
def _separated(sources: Sources, csi: Complex, mean: Complex) -> Complex:
    """CSI of each source (source, subcarrier, packet)."""
    made = sources.separate @ csi.reshape(len(csi), -1)
    made = made.reshape(-1, *csi.shape[1:])
    made -= (sources.separate @ mean)[..., np.newaxis]
    return np.asarray(made)


def _products(window: SpectrumPlan, csi: Complex, mean: NDArray[np.complex128] | None = None) -> Complex:
    """Lag products (cell, N) of CSI (cell, subcarrier, packet), averaged over subcarriers; less its mean or not."""
    if mean is None or not window.settings.remove_static:
        mean = np.zeros(csi.shape[:2], np.complex128)
    lag, sign = 2 * window.grid.lag, window.phase_sign
    return lag_product(csi, mean.astype(np.complex64), lag, phase_sign=sign, average=True)[:, 0]


def _rows(window: SpectrumPlan, values: Complex, of_band: Callable[[int, Complex], _Made]) -> CellProducts:
    """Lag products of cells, which `of_band` makes of a band's number and its CSI of one capture."""
    bands = len(window.blocks)
    empty: tuple[Complex, F64] = np.zeros((0, window.grid.length), np.complex64), np.zeros((3, 0))
    made: list[list[tuple[Complex, F64]]] = [[] for _ in window.transforms]
    exponent = np.zeros(len(values), np.int64)
    for c, capture in enumerate(values):
        exponent[c] = unit_exponent(np.abs(capture[..., ::_COARSE]).max())
        if exponent[c]:
            capture = capture * np.float32(np.exp2(-float(exponent[c])))
        for band, which in enumerate(window.blocks):
            csi = capture if bands == 1 else np.ascontiguousarray(capture[:, which])
            in_cells, products, energy = of_band(band, csi)
            made[band if in_cells else bands + band].append((products, energy))
            made[bands + band if in_cells else band].append(empty)
    return CellProducts(
        window,
        tuple(np.concatenate([products for products, _ in band]) for band in made),
        tuple(np.array([len(products) for products, _ in band], np.intp) for band in made),
        tuple(np.concatenate([energy for _, energy in band], axis=1) for band in made),
        exponent,
    )


def resolved_spectra(many: Sequence[CellProducts]) -> F32:
    """Images of all captures of all given rows, (capture, acceleration, jerk), before their exponents.

    The bits of an image do not depend on what else is transformed with it.
    """
    shape = many[0].window.transforms[0].shape
    if many[0].window.settings.cube:
        return _cubes(many)
    total = np.zeros((sum(len(rows.exponent) for rows in many), *shape), np.float32)
    for band in range(len(many[0].products)):
        for transform in {
            id(rows.window.transforms[band]): rows.window.transforms[band] for rows in many
        }.values():
            capture, products, energy = _of_band(many, band, transform)
            for first in range(0, len(capture), _TOGETHER):
                some = slice(first, first + _TOGETHER)
                _add(total, capture[some], transform(products[some, np.newaxis]), energy[:, some], many[0])
    return total


def _of_band(
    many: Sequence[CellProducts], band: int, transform: AJTransform
) -> tuple[NDArray[np.intp], Complex, F64]:
    """All cells of one band that share a transform: the capture of each, its lag product, its path's energy."""
    capture, first = [], 0
    for rows in many:
        own = np.repeat(np.arange(len(rows.exponent)), rows.counts[band]) + first
        first += len(rows.exponent)
        if rows.window.transforms[band] is transform:
            capture.append(own)
    shared = [rows for rows in many if rows.window.transforms[band] is transform]
    return (
        np.concatenate(capture),
        np.concatenate([rows.products[band] for rows in shared]),
        np.concatenate([rows.energy[band] for rows in shared], axis=1),
    )


def _add(total: F32, capture: NDArray[np.intp], spectra: F32, energy: F64, rows: CellProducts) -> None:
    """Add spectra of cells to the images of their captures."""
    largest = spectra.max(axis=(1, 2)).astype(np.float64)
    lit = (largest > 0) & (energy[:2] > 0).all(axis=0)
    shared, whole, known = energy[:, lit]
    root = np.where(known > 0, known, np.sqrt(largest[lit]))
    weight = np.zeros(len(largest))
    power = 2 - 2 * rows.window.settings.equalise
    weight[lit] = whole**power / (root * shared * len(rows.window.blocks))
    weight32 = weight.astype(np.float32)
    for c in range(len(capture)):
        total[capture[c]] += spectra[c] * weight32[c]


def _cubes(many: Sequence[CellProducts]) -> F32:
    """Spectra of all cells, (capture * cell, acceleration, jerk), mean over sub-bands."""
    bands = len(many[0].window.blocks)
    total = np.zeros(())
    for band in range(bands):
        made = [rows.window.transforms[band](rows.products[band][:, np.newaxis]) for rows in many]
        total = total + np.concatenate(made) / bands
    return total.astype(np.float32)
