"""Where a capture was sampled: packet times and subcarrier frequencies, checked once and centred."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.fft import next_fast_len

from isacsim.errors import InputError

__all__ = ["SPEED_OF_LIGHT", "SamplingGrid"]

Array = NDArray[np.float64]

MIN_PACKETS = 8
# Packet times are looked at for repetition up to so many packet rates, in bins of a turn there.
_MOST_RATES, _BINS_PER_TURN = 8.0, 8
# A tone that correlates more than this with a constant, at the packet times, stands for an alias.
_ALIKE = 0.5
# Intervals that differ by less than this share are even.
_EVEN = 1e-3


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
    def packet_rate(self) -> float:
        """Packets per second: of the median interval, or on average if that is more."""
        steps = np.diff(self.time)
        return float(1 / min(np.median(steps), steps.mean()))

    @property
    def nyquist_velocity(self) -> float:
        """The velocity at which the Doppler shift reaches half the packet rate, m/s."""
        return SPEED_OF_LIGHT * self.packet_rate / (2 * self.centre)

    @cached_property
    def unambiguous_velocity(self) -> float:
        """The velocity beyond which another one looks alike at these packet times, m/s.

        Half the lowest Doppler shift, from half the packet rate on, at which a tone at the packet times correlates by
        half with a constant. Even packets, also with losses: `nyquist_velocity`. Jittered ones may have none up to
        `_MOST_RATES` packet rates, which is what then stands here.
        """
        steps = np.diff(self.time)
        if np.ptp(steps) < _EVEN * steps.mean():
            return self.nyquist_velocity
        highest = _MOST_RATES * self.packet_rate
        width = 1 / (_BINS_PER_TURN * highest)
        bins = np.round((self.time - self.time[0]) / width).astype(np.int64)
        size = next_fast_len(2 * int(bins[-1]) + 1, real=True)
        alike = np.abs(np.fft.rfft(np.bincount(bins, minlength=size), size)) / self.time.size
        shift = np.arange(alike.size) / (size * width)
        among = (shift > self.packet_rate / 2) & (shift < highest)
        at = np.flatnonzero(among & (alike > _ALIKE))
        if not at.size:
            return SPEED_OF_LIGHT * highest / (2 * self.centre)
        # The top of the first rise above the level.
        rise = at[: int(np.argmax(np.append(np.diff(at) > 1, True))) + 1]
        lowest = float(shift[rise[int(alike[rise].argmax())]])
        return SPEED_OF_LIGHT * lowest / (2 * self.centre)
