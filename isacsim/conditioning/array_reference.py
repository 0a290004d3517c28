"""The common phase error out of all channels of a device at once: against its own static channel (docs/arrays.md).

All pairs of elements of a device share phase and timing error of a packet. Projected on the static channel, they give
both: phase and slope over subcarriers of ``Σ H conj(S)``. What moves is in there too, but each pair and each delay sees
it with another phase, so that it averages out where there are many. The static channel S is the mean of what has been
aligned; it starts as the first packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from isacsim.compute.jit import JIT, fma
from isacsim.compute.phasor import cis
from isacsim.compute.threads import on_one_thread
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["align_arrays", "align_devices", "places_known"]

Complex = NDArray[np.complex64]
Real = NDArray[np.float64]

# Static channel from a first packet, then from means; it changes by less than the noise of its mean after that.
_ROUNDS = 3
# A chain is taken as turned by π where it looks against the static channel by more than this, and others do not.
_AGAINST = 0.5


@njit(parallel=True, **JIT)
def _project(csi, static, out):  # type: ignore[no-untyped-def]
    """Fill out (rx, subcarrier, packet) with Σ over transmitting elements of csi · conj(static).

    csi (rx, tx, subcarrier, packet), static (rx, tx, subcarrier).
    """
    n_rx, n_tx, n_sub, n_packet = csi.shape
    for item in prange(n_rx * n_sub):
        m, k = item // n_sub, item % n_sub
        row = out[m, k]
        for i in range(n_packet):
            row[i] = 0.0
        for n in range(n_tx):
            one = csi[m, n, k]
            c, d = static[m, n, k].real, static[m, n, k].imag
            for i in range(n_packet):
                a, b = one[i].real, one[i].imag
                row[i] += complex(fma(a, c, b * d), fma(b, c, -(a * d)))


@njit(parallel=True, **JIT)
def _correction(slope, phase, offset, out):  # type: ignore[no-untyped-def]
    """Fill out (subcarrier, packet) with exp(-j(phase + slope · offset)); phase and slope · offset in turns."""
    for k in prange(offset.size):
        for i in range(slope.size):
            c, s = cis(-(phase[i] + slope[i] * offset[k]))
            out[k, i] = complex(c, s)


@njit(parallel=True, **JIT)
def _mean(csi, factor, sign, out):  # type: ignore[no-untyped-def]
    """Fill out (rx, tx, subcarrier) with the mean over packets of csi · factor · sign; sign (rx, packet)."""
    n_rx, n_tx, n_sub, n_packet = csi.shape
    for item in prange(n_rx * n_tx * n_sub):
        m, n, k = item // (n_tx * n_sub), item // n_sub % n_tx, item % n_sub
        x = y = 0.0
        for i in range(n_packet):
            value = csi[m, n, k, i] * factor[k, i] * sign[m, i]
            x += value.real
            y += value.imag
        out[m, n, k] = complex(x / n_packet, y / n_packet)


@njit(parallel=True, **JIT)
def _apply(csi, factor, sign, out):  # type: ignore[no-untyped-def]
    n_rx, n_tx, n_sub, n_packet = csi.shape
    for item in prange(n_rx * n_tx * n_sub):
        m, n, k = item // (n_tx * n_sub), item // n_sub % n_tx, item % n_sub
        for i in range(n_packet):
            out[m, n, k, i] = csi[m, n, k, i] * factor[k, i] * sign[m, i]


@on_one_thread
def align_devices(array: xr.DataArray) -> xr.DataArray:
    """Align the packets of each device of a capture; see `align_arrays`.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
        With the coordinates ``device``, ``rx_element`` and ``tx_element``.

    Raises
    ------
    InputError
        If the coordinates are missing, or a device lacks some of its pairs of elements.
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    names = ("device", "rx_element", "tx_element")
    if lacking := [name for name in names if name not in array.coords]:
        raise InputError(
            f"reference='array' needs the coordinate {lacking[0]}, which this capture does not have."
        )
    device, rx, tx = (array.coords[name].values for name in names)
    values = array.values
    out = np.empty(values.shape, np.complex64)
    for one in dict.fromkeys(device.tolist()):
        own = np.flatnonzero(device == one)
        own = own[np.lexsort((tx[own], rx[own]))]
        n_rx, n_tx = np.unique(rx[own]).size, np.unique(tx[own]).size
        if n_rx * n_tx != own.size:
            raise InputError(
                f"reference='array' takes every pair of elements of a device; device {one} has {n_rx} receiving and "
                f"{n_tx} transmitting elements, but {own.size} pairs."
            )
        csi = np.ascontiguousarray(values[own], np.complex64).reshape(n_rx, n_tx, *values.shape[1:])
        out[own] = align_arrays(csi, array.coords["frequency"].values).reshape(own.size, *values.shape[1:])
    return array.copy(data=out)


def align_arrays(csi: Complex, frequency: Real, *, rounds: int = _ROUNDS) -> Complex:
    """Take phase, timing and chains turned by π out of the packets of one device.

    Parameters
    ----------
    csi : numpy.ndarray, complex64, shape (rx, tx, subcarrier, packet)
        All pairs of a device's elements.
    frequency : numpy.ndarray, shape (subcarrier,)
        Hz, ascending.
    rounds : int
        How often the static channel is made anew.

    Returns
    -------
    numpy.ndarray, complex64, of csi's shape
        The pairs' phases against each other are kept, but for receive chains that were turned by π.
    """
    n_rx, _, n_sub, n_packet = csi.shape
    offset = frequency - frequency.mean()
    static = np.ascontiguousarray(csi[..., 0])
    projected = np.empty((n_rx, n_sub, n_packet), np.complex64)
    factor = np.empty((n_sub, n_packet), np.complex64)
    sign = np.ones((n_rx, n_packet), np.float32)
    for _ in range(rounds):
        _project(csi, static, projected)
        slope = _slope(projected, frequency)
        _correction(slope, np.zeros(n_packet), offset, factor)
        level = np.einsum("mkt,kt->mt", projected, factor)
        phase, sign = _phase_and_signs(level, projected)
        factor *= np.exp(-1j * phase).astype(np.complex64)
        _mean(csi, factor, sign, static)
    out = np.empty_like(csi)
    _apply(csi, factor, sign, out)
    return out


def _slope(projected: Complex, frequency: Real) -> Real:
    """Slope of the phase over frequency, turns/Hz; of neighbours at the most common spacing, (packet,)."""
    if frequency.size < 2:
        return np.zeros(projected.shape[-1])
    steps = np.diff(frequency)
    spacing = float(np.median(steps))
    common = np.flatnonzero(np.abs(steps - spacing) < 0.25 * abs(spacing))
    turned = np.einsum("mkt,mkt->t", projected[:, common + 1], projected[:, common].conj())
    return np.asarray(np.angle(turned) / (2 * np.pi * spacing), np.float64)


def _phase_and_signs(level: Complex, projected: Complex) -> tuple[Real, NDArray[np.float32]]:
    """Phase of each packet in rad, and the sign of each receive chain in it, (packet,) and (rx, packet)."""
    sign = np.ones(level.shape, np.float32)
    # Twice the phase does not see signs.
    phase = np.angle(np.sum(level**2, axis=0)) / 2
    seen = (level * np.exp(-1j * phase)).real / np.maximum(
        np.abs(projected).sum(axis=1), np.finfo(np.float32).tiny
    )
    # The half turn that is left: as most of the energy says.
    half = np.sign(np.sum(level * np.exp(-1j * phase), axis=0).real)
    seen *= np.where(half == 0, 1, half)
    sign[seen < -_AGAINST] = -1
    return np.asarray(np.angle(np.sum(level * sign, axis=0)), np.float64), sign


def places_known(capture: xr.Dataset) -> bool:
    """Tell whether receivers are pairs of an array whose elements' places are known; files do not hold them."""
    if "rx_position" not in capture.coords or "tx_element" not in capture.coords:
        return False
    return bool(capture.coords["rx_element"].values.any() or capture.coords["tx_element"].values.any())
