"""CSI as functions take it: a NumPy array with time and frequency beside it, or an xarray that carries them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["HIGHEST_HZ", "LONGEST_GAP", "LOWEST_HZ", "CsiArray", "read"]

# Packets may lie this share of their interval off the uniform grid; a path at 100 Hz Doppler then errs by 0.6 % of a
# radian at 1000 packets/s.
_UNIFORM = 0.01
LONGEST_GAP = 0.1
"""Longest gap between packets over which CSI is interpolated, as a share of the window."""
# What any Wi-Fi radio could work on, Hz: others are in another unit, or offsets from a carrier.
LOWEST_HZ, HIGHEST_HZ = 1e8, 1e12


@dataclass(frozen=True)
class CsiArray:
    """Checked CSI: values complex64 (..., subcarrier, packet), ascending times in s, frequencies in Hz, phase sign."""

    values: NDArray[np.complex64]
    time: NDArray[np.float64]
    frequency: NDArray[np.float64]
    phase_sign: int
    dims: tuple[str, ...]
    coords: dict[str, Any]
    subcarriers: NDArray[np.intp] | None = None
    """Indices of these among the subcarriers passed; None: all of them."""

    @cached_property
    def interval(self) -> float:
        """Packet interval in s.

        Raises
        ------
        InputError
            If the packets are not uniform in time.
        """
        q = self.time.size
        interval = (self.time[-1] - self.time[0]) / (q - 1) if q > 1 else 0.0
        if q < 2 or interval <= 0:
            raise InputError(f"time must ascend over at least two packets, got {q} of them.")
        off = np.abs(self.time - np.linspace(self.time[0], self.time[-1], q)).max()
        if off > _UNIFORM * interval:
            raise InputError(
                f"time is not uniform: a packet lies {off * 1e6:.3g} µs off a grid of {interval * 1e6:.6g} µs (at most "
                f"{_UNIFORM:.0%} of the interval is allowed); resample with isacsim.conditioning.resample first."
            )
        return float(interval)

    def place_of(self, subcarrier: int) -> int:
        """Find a subcarrier of the array that was passed, counted from the end if negative.

        Raises
        ------
        InputError
            If there is none of that number, or it holds one number in every packet.
        """
        if self.subcarriers is None:
            if not -self.frequency.size <= subcarrier < self.frequency.size:
                raise InputError(f"subcarrier must be below {self.frequency.size}, got {subcarrier}.")
            return subcarrier
        found = np.flatnonzero(self.subcarriers == subcarrier)
        if not found.size:
            raise InputError(
                f"subcarrier {subcarrier} carries no channel (it holds one number in every packet) or is not there; "
                f"{self.subcarriers.size} others do, such as {self.subcarriers[self.subcarriers.size // 2]}."
            )
        return int(found[0])


def read(
    csi: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    phase_sign: int | None = None,
) -> CsiArray:
    """Check CSI and what belongs to it; subcarriers that hold one number in every packet are left out.

    Nulls, guards and DC are such where a receiver reports zeros for them: they carry no channel.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape (..., subcarrier, packet)
        An xarray may have its dimensions in any order.
    time, frequency : array_like, optional
        In s and Hz; default: the xarray's coordinates.
    phase_sign : {-1, 1}, optional
        Default: the xarray's attribute, else -1.

    Raises
    ------
    InputError
        Naming what is missing, of the wrong shape, not finite or not ascending.
    """
    dims: tuple[str, ...]
    coords: dict[str, Any] = {}
    if hasattr(csi, "data_vars"):
        raise InputError("csi is a whole data set; pass the array in it, as capture.csi.")
    if hasattr(csi, "dims") and hasattr(csi, "coords"):
        array: Any = csi
        if missing := {"subcarrier", "packet"} - set(array.dims):
            raise InputError(
                f"csi needs the dimensions subcarrier and packet, got {', '.join(map(str, array.dims))} "
                f"({sorted(missing)[0]} is missing); pass the array capture.csi, not the whole capture."
            )
        array = array.transpose(..., "subcarrier", "packet")
        time = array.coords["time"].values if time is None and "time" in array.coords else time
        if frequency is None and "frequency" in array.coords:
            frequency = array.coords["frequency"].values
        if phase_sign is None:
            phase_sign = array.attrs.get("phase_sign")
        dims = tuple(map(str, array.dims[:-2]))
        coords = {n: c for n, c in array.coords.items() if set(c.dims) <= set(dims)}
        values = np.asarray(array.values)
    else:
        values = np.asarray(csi)
        dims = tuple(f"dim_{i}" for i in range(values.ndim - 2))
    if values.ndim < 2 or values.size < 1:
        raise InputError(f"csi must be (..., subcarrier, packet) and not empty, got shape {values.shape}.")
    if not np.iscomplexobj(values):
        raise InputError(
            f"csi must be complex, got {values.dtype}: an AJ spectrum is computed from the phase."
        )
    if not _all_finite(values):
        raise InputError(
            "csi holds NaN or infinite values; drop or repair those packets or subcarriers first."
        )
    if values.dtype != np.complex64:
        values = _single(values)
    values = np.ascontiguousarray(values)
    if time is None or frequency is None:
        missing_name = "time" if time is None else "frequency"
        raise InputError(f"{missing_name} must be given: csi is an array without that coordinate.")
    t = _axis("time", time, values.shape[-1])
    if (np.diff(t) <= 0).any():
        raise InputError("time must ascend strictly from packet to packet.")
    f = _axis("frequency", frequency, values.shape[-2])
    if not (f.min() >= LOWEST_HZ and f.max() <= HIGHEST_HZ):
        off = f.min() if f.min() < LOWEST_HZ else f.max()
        raise InputError(
            f"frequency must be positive absolute frequencies in Hz, of radios from {LOWEST_HZ:g} to "
            f"{HIGHEST_HZ:g}, got {off:g}."
        )
    sign = -1 if phase_sign is None else phase_sign
    if sign not in (-1, 1):
        raise InputError(f"phase_sign must be -1 or 1, got {phase_sign!r}.")
    alive = _alive(values)
    if alive is None:
        return CsiArray(values, t, f, int(sign), dims, coords)
    values = np.ascontiguousarray(values[..., alive, :])
    return CsiArray(values, t, f[alive], int(sign), dims, coords, alive)


def _alive(values: NDArray[np.complex64]) -> NDArray[np.intp] | None:
    """Subcarriers that carry a channel, None for all: nulls, guards and DC hold one number in every packet."""
    if values.shape[-1] < 2:
        return None
    # Two packets tell nearly always that a subcarrier lives.
    still = (values[..., 0] == values[..., 1]).all(axis=tuple(range(values.ndim - 2)))
    if not still.any():
        return None
    held = values[..., still, :]
    still[still] = (held == held[..., :1]).all(axis=(*range(held.ndim - 2), -1))
    # A channel without noise in which nothing moves is constant throughout; so is one subcarrier alone.
    return None if still.all() or not still.any() else np.flatnonzero(~still)


def _all_finite(values: NDArray[Any]) -> bool:
    """Tell whether all values are finite; the sum of squares shows it in a quarter of the time, unless it overflows."""
    if values.dtype == np.complex64 and values.flags.c_contiguous:
        parts = values.view(np.float32).ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(np.dot(parts, parts)):
                return True
    return bool(np.isfinite(values).all())


def _single(values: NDArray[Any]) -> NDArray[np.complex64]:
    """Convert to complex64, and refuse what would become infinite or zero."""
    largest = float(np.maximum(abs(values.real), abs(values.imag)).max())
    # As Python's floats: NumPy would cast the larger one to compare it.
    low, high = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    if largest > high or 0 < largest < low:
        raise InputError(
            f"csi holds values up to {largest:.3g}, beyond the range of complex64 ({low:.2g} to {high:.2g}); scale it, "
            "e.g. to a largest magnitude of 1."
        )
    return values.astype(np.complex64)


def _axis(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    given = np.asarray(value)
    if given.dtype.kind not in "iuf":
        unit = "seconds" if name == "time" else "hertz"
        raise InputError(f"{name} must be numbers in {unit}, got an array of {given.dtype}.")
    axis = np.atleast_1d(given.astype(np.float64))
    if axis.shape != (size,):
        raise InputError(f"{name} must have one value for each of the {size} of csi, got shape {axis.shape}.")
    if not np.isfinite(axis).all():
        raise InputError(f"{name} must be finite.")
    return axis
