"""From CSI to lag products, one capture or many, and from lag products to many spectra at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isacsim.compute.memory import check_memory
from isacsim.compute.threads import on_one_thread
from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.spectrum.cells import BandCells, sub_bands
from isacsim.spectrum.grid import ACCELERATION_MAX, WindowResolution
from isacsim.spectrum.lag_product import lag_product, statistics, unit_exponent
from isacsim.spectrum.resolved import CellProducts, resolved_spectra, rows_of_cells, rows_of_paths
from isacsim.spectrum.settings import SpectrumSettings
from isacsim.spectrum.subcarriers import delay_bins, frequency_blocks
from isacsim.spectrum.transform import AJTransform, plan
from isacsim.spectrum.transform_kernels import BLOCK

__all__ = ["LagProducts", "SpectrumPlan", "n_transforms", "spectra", "unit_exponent"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Products = NDArray[np.complex64]

# Spectra of up to so many bins need no look at the memory.
_MODEST_BINS = 2**18


@dataclass(frozen=True, eq=False)
class SpectrumPlan:
    """A window of packets and subcarriers, planned: what all captures on it share."""

    grid: WindowResolution
    acceleration: F64
    jerk: F64
    carrier: float
    transforms: tuple[AJTransform, ...]
    """One for each frequency that has axes of its own; for "resolved" again without the cells' stretched time."""
    blocks: tuple[NDArray[np.intp] | slice, ...]
    """The subcarriers of each."""
    delay: F64 | None
    """s; with delay bins each is a capture of its own."""
    into_bins: Products | None
    """(delay, subcarrier)"""
    phase_sign: int
    settings: SpectrumSettings
    cells: tuple[BandCells, ...] = ()
    """Cells of each block, for "resolved"."""
    frequencies: tuple[float, ...] = ()
    """In the middle of each block, Hz."""

    @classmethod
    def of(cls, array: CsiArray, settings: SpectrumSettings) -> SpectrumPlan:
        """Plan for an array's times, frequencies and phase sign.

        Raises
        ------
        InputError
            If the axes, the subcarrier or the delays do not fit the window and the band, or the bins into memory.
        """
        f = array.frequency
        grid = WindowResolution(array.time.size, array.interval, float(f.mean()), settings.lag_ratio)
        a, r = settings.axes(grid)
        if a.size * r.size > _MODEST_BINS:
            check_memory(
                8.0 * BLOCK * a.size * r.size,
                f"{a.size} bins of acceleration and {r.size} of jerk (bins_acceleration, bins_jerk, --bins)",
                how="take fewer",
            )
        carrier, delay, matrix = grid.frequency, None, None
        blocks = _blocks(settings, f, grid.packets * grid.interval, float(np.abs(a).max()))
        if settings.cube:
            width = float(np.ptp(f)) + (float(np.diff(np.sort(f)).min()) if f.size > 1 else 0.0)
            delay = np.arange(settings.delays) / max(width, 1e-300)
        if settings.combine == "delay":
            delay, matrix = delay_bins(array, settings)
        elif settings.combine == "single":
            k = f.size // 2 if settings.subcarrier is None else array.place_of(settings.subcarrier)
            carrier, blocks = float(f[k]), (np.array([k]),)
        frequencies = [float(f[block].mean()) for block in blocks]
        cells: tuple[BandCells, ...] = ()
        if settings.combine == "resolved":
            antennas = settings.antennas or (1, 1)
            cells = tuple(
                BandCells(f[block], antennas, settings.delay_window, array.phase_sign) for block in blocks
            )
            # What is not brought into cells keeps its time.
            frequencies = frequencies * 2
        stretches = [band.stretch for band in cells] + [1.0] * (len(frequencies) - len(cells))
        transforms = tuple(
            plan(
                grid.length,
                grid.interval * stretch,
                grid.kappa * stretch * frequency / grid.frequency,
                a,
                r,
                lags=settings.lags,
                min_lag=settings.min_lag,
                window=settings.window,
                decimation=settings.decimation,
                stretched=settings.combine == "resolved" and settings.lags == "positive",
                lag_window=settings.lag_window,
            )
            for frequency, stretch in zip(frequencies, stretches, strict=True)
        )
        if settings.device is not None:
            transforms = tuple(_on_device(transform, settings.device) for transform in transforms)
        return cls(
            grid,
            a,
            r,
            carrier,
            transforms,
            blocks,
            delay,
            matrix,
            array.phase_sign,
            settings,
            cells,
            tuple(frequencies),
        )

    @property
    def beams(self) -> int:
        """Beams of a cube."""
        return math.prod(self.settings.antennas or (1, 1))

    def rows(self, values: Products) -> LagProducts | CellProducts:
        """Lag products of CSI (capture, group, subcarrier, packet).

        The self-terms of a group are added; for "resolved" a group is the antenna pairs of one capture.
        """
        if self.cells:
            return rows_of_cells(self, values)
        if self.into_bins is not None:
            bins = _into_bins(self.into_bins, values)  # (capture, group, delay, packet)
            values = bins.swapaxes(1, 2).reshape(-1, values.shape[1], 1, values.shape[-1])
        values = np.ascontiguousarray(values)
        mean, power = statistics(values)
        exponent = unit_exponent(np.sqrt(power.max(axis=(1, 2))))
        if exponent.any():
            scale = np.exp2(-exponent)[:, np.newaxis, np.newaxis]
            values, mean = values * scale[..., np.newaxis].astype(np.float32), mean * scale
        if not self.settings.remove_static:
            mean = np.zeros_like(mean)
        n, group = values.shape[:2]
        products = []
        for block in self.blocks:
            some = values[:, :, block]
            r = lag_product(
                some.reshape(n * group, *some.shape[2:]),
                mean[:, :, block].astype(np.complex64).reshape(n * group, -1),
                2 * self.grid.lag,
                phase_sign=self.phase_sign,
                average=self.settings.combine != "noncoherent",
            )
            # (capture, group, subcarrier, N) -> one row a capture and subcarrier, groups beside each other
            products.append(r.reshape(n, group, *r.shape[1:]).swapaxes(1, 2))
        return LagProducts(self, tuple(products), exponent)

    def self_terms(self, values: Products) -> LagProducts | CellProducts:
        """Lag products of single paths' CSI (capture, path, subcarrier, packet), added as self-terms are.

        For "resolved" every path has a cell of its own, in the middle of which it lies.
        """
        return rows_of_paths(self, values) if self.cells else self.rows(values)


@dataclass(frozen=True, eq=False)
class LagProducts:
    """Lag products of captures on one window."""

    window: SpectrumPlan
    products: tuple[Products, ...]
    """For each of the window's transforms, (capture, subcarrier, group, N)."""
    exponent: NDArray[np.int64]
    """The captures were multiplied by 2^-exponent first; shape (capture,)."""


def spectra(many: Sequence[LagProducts | CellProducts]) -> F32:
    """Magnitude spectra of all captures of all given rows, shape (capture, acceleration, jerk).

    The bits of a spectrum do not depend on what else is transformed with it.

    Raises
    ------
    InputError
        If a spectrum is too large or too small for float32.
    """
    exponent = np.concatenate([rows.exponent for rows in many])
    if many[0].window.settings.cube:
        exponent = np.repeat(exponent, many[0].window.settings.delays * many[0].window.beams)
    if many[0].window.cells:
        total = resolved_spectra([rows for rows in many if isinstance(rows, CellProducts)])
        power = 4 if many[0].window.settings.cube else 4 * (1 - many[0].window.settings.equalise)
    else:
        total = _summed([rows for rows in many if isinstance(rows, LagProducts)])
        power = 4
    return _rescale(total, exponent, power) if exponent.any() else total


def _summed(many: Sequence[LagProducts]) -> F32:
    """Mean over subcarriers of the spectra of all captures."""
    total: F32 | None = None
    weight = 0
    for p in range(len(many[0].products)):
        made = _transform([(rows.window.transforms[p], rows.products[p]) for rows in many])
        total = made if total is None else total + made
        weight += many[0].products[p].shape[1]
    assert total is not None
    if weight > 1:
        total *= np.float32(1 / weight)
    return total


def _transform(part: Sequence[tuple[AJTransform, Products]]) -> F32:
    """Spectra of all captures, summed over subcarriers; those that share a transform go through it together."""
    out: dict[int, F32] = {}
    for transform in {id(t): t for t, _ in part}.values():
        which = [i for i, (t, _) in enumerate(part) if t is transform]
        rows = _stack([part[i][1] for i in which])
        made = transform(rows.reshape(-1, *rows.shape[2:])).reshape(*rows.shape[:2], *transform.shape)
        stops = np.cumsum([part[i][1].shape[0] for i in which])
        out |= dict(zip(which, np.split(made.sum(axis=1), stops[:-1]), strict=True))
    return np.concatenate([out[i] for i in range(len(part))])


def _stack(many: list[Products]) -> Products:
    """Concatenate (capture, subcarrier, group, N); groups are filled up with zeros, which add nothing to any bit."""
    if len(many) == 1:
        return many[0]
    group = max(r.shape[2] for r in many)
    out = np.zeros((sum(len(r) for r in many), many[0].shape[1], group, many[0].shape[3]), np.complex64)
    first = 0
    for r in many:
        out[first : first + len(r), :, : r.shape[2]] = r
        first += len(r)
    return out


def _rescale(spectrum: F32, exponent: NDArray[np.int64], power: float) -> F32:
    with np.errstate(over="ignore", under="ignore"):
        scale = np.exp2(power * exponent.astype(np.float64))[:, np.newaxis, np.newaxis]
        out = (spectrum.astype(np.float64) * scale).astype(np.float32)
    lost = ~np.isfinite(out).all(axis=(1, 2)) | (
        (spectrum.max(axis=(1, 2)) > 0) & (out.max(axis=(1, 2)) == 0)
    )
    if lost.any():
        at = int(np.flatnonzero(lost)[0])
        raise InputError(
            f"csi has amplitudes of about 2^{int(exponent[at])}, whose fourth power does not fit into float32; scale "
            "the csi to about 1 first."
        )
    return out


def _on_device(transform: AJTransform, device: str) -> AJTransform:
    try:
        from isacsim.spectrum.transform_torch import on_device
    except ImportError as error:
        raise ImportError(
            f"device={device!r} needs torch, which is not installed: pip install 'isacsim[torch]'."
        ) from error
    return on_device(transform, device)


@on_one_thread
def _into_bins(matrix: Products, values: Products) -> Products:
    return np.asarray(matrix @ values)


def n_transforms(settings: SpectrumSettings, frequency: F64, duration: float) -> int:
    """Number of transforms in a plan for subcarriers at these frequencies in Hz and a window in s."""
    resolved, largest = settings.combine == "resolved", ACCELERATION_MAX
    if resolved and settings.acceleration is not None:
        largest = float(np.abs(settings.acceleration).max())
    return (2 if resolved else 1) * len(_blocks(settings, frequency, duration, largest))


def _blocks(
    settings: SpectrumSettings, f: F64, duration: float, largest: float
) -> tuple[NDArray[np.intp] | slice, ...]:
    """Subcarriers that share axes; a single one is chosen by the caller."""
    if settings.combine == "noncoherent":
        return tuple(frequency_blocks(f))
    if settings.combine == "resolved":
        return tuple(sub_bands(f, duration, largest))
    if settings.combine in ("coherent", "delay", "single"):
        return (slice(None),)
    raise ValueError(f"no plan for combine={settings.combine!r}")
