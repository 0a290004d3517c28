"""Where a capture was sampled: packet times and subcarrier frequencies, checked once and centred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import c as SPEED_OF_LIGHT

from isacsim.errors import InputError

__all__ = ["SPEED_OF_LIGHT", "SamplingGrid"]

Array = NDArray[np.float64]

MIN_PACKETS = 8


@dataclass(frozen=True)
class SamplingGrid:
    """A sampling grid with its time origin at the window's centre, (t_first + t_last) / 2.

    Attributes
    ----------
    time : ndarray (packet,)
        Seconds from the window's centre, strictly rising, any spacing.
    frequency : ndarray (subcarrier,)
        Hz, strictly rising, any spacing.
    order : ndarray of int (subcarrier,)
        What sorted the subcarriers: ``csi[order]`` belongs to ``frequency``.
    """

    time: Array
    frequency: Array
    order: NDArray[np.intp]

    @classmethod
    def from_axes(cls, time: ArrayLike, frequency: ArrayLike) -> SamplingGrid:
        """Check the two axes and centre the time.

        Parameters
        ----------
        time : array_like (packet,)
            Packet times, s; strictly rising, at least eight.
        frequency : array_like (subcarrier,)
            Subcarrier frequencies, Hz; positive, distinct.

        Returns
        -------
        SamplingGrid

        Raises
        ------
        InputError
            Where an axis is empty, of another dimension, not finite, or repeats a value.
        """
        t = np.asarray(time, dtype=np.float64)
        f = np.atleast_1d(np.asarray(frequency, dtype=np.float64))
        if t.ndim != 1 or t.size < MIN_PACKETS:
            raise InputError(
                f"time needs one dimension and at least {MIN_PACKETS} packets, not shape {t.shape}"
            )
        if f.ndim != 1 or f.size < 1:
            raise InputError(
                f"frequency needs one dimension and at least one subcarrier, not shape {f.shape}"
            )
        if not np.isfinite(t).all() or (np.diff(t) <= 0).any():
            raise InputError("time must be finite and strictly rising from packet to packet")
        order = np.argsort(f, kind="stable")
        f = f[order]
        if not np.isfinite(f).all() or f[0] <= 0 or (np.diff(f) <= 0).any():
            raise InputError("frequency must be finite, positive and different for every subcarrier, in Hz")
        return cls(t - (t[0] + t[-1]) / 2, f, order)

    @property
    def half(self) -> float:
        """Half the window's length, s."""
        return float(self.time[-1])

    @property
    def centre(self) -> float:
        """Mean subcarrier frequency, Hz: the carrier that initial phases are well determined at."""
        return float(self.frequency.mean())

    @property
    def offset(self) -> Array:
        """Subcarrier frequencies from their mean, Hz."""
        return self.frequency - self.centre

    @property
    def reach(self) -> float:
        """The largest offset from the mean subcarrier, Hz; 1 with a single subcarrier, to divide by."""
        return float(np.abs(self.offset).max()) or 1.0

    @property
    def spacing(self) -> float:
        """The smallest subcarrier spacing, Hz; 0 with a single subcarrier."""
        return float(np.diff(self.frequency).min()) if self.frequency.size > 1 else 0.0

    @property
    def unambiguous_length(self) -> float:
        """Path lengths repeat after c / spacing, m; 0 with a single subcarrier."""
        return SPEED_OF_LIGHT / self.spacing if self.spacing else 0.0

    @property
    def nyquist_velocity(self) -> float:
        """The velocity at which the Doppler shift reaches half the median packet rate, m/s."""
        return SPEED_OF_LIGHT / (2 * self.centre * float(np.median(np.diff(self.time))))
