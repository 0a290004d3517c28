"""A capture to the Doppler energies of its windows, some seconds at a time.

The static channel is the mean over a stretch of up to a minute: over one or two seconds it follows the walker, and the
sign of the speed is lost. A stretch is all of the CSI that is held at once, so a capture that was opened and not read
(`isacsim.capture.netcdf.open_capture`, or on dask) may be of any length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.jumps import undo_jumps
from isacsim.conditioning.pace import Pace, packet_pace
from isacsim.conditioning.static_channel import Groups, StaticChannel, coherent_groups
from isacsim.errors import InputError
from isacsim.tracking.energy import Kernel, WindowEnergy
from isacsim.tracking.settings import TrackSettings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MOST_STATIC_S", "Recording", "check_channels", "window_count"]

MOST_STATIC_S = 60.0
"""Longest stretch whose mean is the static channel, s."""

# Values of CSI held at once: 64 MiB of complex64, 93 s of 3 antennas with 30 subcarriers at 1000 packets/s.
_MOST_VALUES = 2**23
# Packets at once when errors are taken out, which needs several arrays of that size.
_BLOCK = 4096
# Packets that tell which receivers share an oscillator.
_PACKETS_TO_GROUP = 512


@dataclass(frozen=True, eq=False)
class Recording:
    """A checked capture."""

    csi: xr.DataArray
    """(receiver, subcarrier, packet), perhaps not in memory."""
    time: NDArray[np.float64]
    """s; shape (packet,)."""
    frequency: NDArray[np.float64]
    """Hz; shape (subcarrier,)."""
    gain: NDArray[np.float32] | None
    """Factor that undoes the gain control; shape (packet,)."""
    aligned: bool
    """True if its packets have errors to remove."""
    phase_sign: int

    @classmethod
    def of(cls, capture: xr.Dataset, reference: str) -> Recording:
        """Check a capture; ``reference`` is one of `isacsim.tracking.settings.REFERENCES`.

        Raises
        ------
        InputError
            If it is no capture, or its packets do not ascend in time.
        """
        lacking = {"receiver", "subcarrier", "packet"} - set(getattr(capture.get("csi"), "dims", ()))
        if lacking:
            raise InputError("the capture has no csi (receiver, subcarrier, packet).")
        csi = capture["csi"].transpose("receiver", "subcarrier", "packet")
        time = np.asarray(csi.coords["time"].values, np.float64)
        if time.size < 2 or not (np.diff(time) > 0).all():
            raise InputError(
                f"the capture's {time.size} packet times must be two or more that ascend strictly."
            )
        if "valid" in csi.coords:
            csi = csi.isel(subcarrier=np.flatnonzero(csi.coords["valid"].values))
        frequency = np.asarray(csi.coords["frequency"].values, np.float64)
        aligned = reference == "self" or (
            reference == "auto" and bool(capture.attrs.get("shared_phase_error", 1))
        )
        gain = None
        if not aligned and "agc_gain_db" in capture:
            gain = (10 ** (-capture["agc_gain_db"].values / 20)).astype(np.float32)
            gain = gain if gain.ndim == 1 else gain[:, np.newaxis]
        sign = capture.attrs.get("phase_sign", csi.attrs.get("phase_sign", -1))
        return cls(csi, time, frequency, gain, aligned, int(sign))

    @property
    def pace(self) -> Pace:
        """Packet rate and its regularity."""
        return packet_pace(self.time)

    @property
    def static_s(self) -> float:
        """Length of the stretch that a static channel is the mean of, s."""
        return float(self.time[-1] - self.time[0]) / self._stretches()

    def read(self, packets: slice) -> NDArray[np.complex64]:
        """Bring some packets into memory (receiver, subcarrier, packet).

        Raises
        ------
        InputError
            If a value is not finite.
        """
        values = np.asarray(self.csi.isel(packet=packets).values, np.complex64)
        if not np.isfinite(values).all():
            raise InputError("csi holds NaN or infinite values; drop those packets or subcarriers first.")
        return values if self.gain is None else values * self.gain[..., packets]

    def groups(self) -> Groups:
        """Receivers that share their errors."""
        if not self.aligned:
            return (tuple(range(self.csi.sizes["receiver"])),)
        return coherent_groups(undo_jumps(self.read(slice(0, _PACKETS_TO_GROUP)))[0])

    def windows(
        self, settings: TrackSettings, groups: Groups, done: Callable[[int], Any]
    ) -> Iterator[WindowEnergy]:
        """Make the windows one after the other; ``done`` is told how many there are so far."""
        kernel = Kernel(settings)
        count = window_count(self.time, settings)
        borders = np.linspace(0, count, self._stretches() + 1).round().astype(int)
        for low, high in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
            for number, window in enumerate(self._stretch(low, high, kernel, groups), low + 1):
                yield window
                done(number)

    def _stretch(self, low: int, high: int, kernel: Kernel, groups: Groups) -> Iterator[WindowEnergy]:
        """Windows of one stretch, whose CSI goes with this function."""
        settings, begin = kernel.settings, float(self.time[0])
        edges = settings.first(low, begin), settings.first(high - 1, begin) + settings.window_s
        inside = slice(*(int(i) for i in np.searchsorted(self.time, edges)))
        csi, time = self.read(inside), self.time[inside]
        if self.aligned:
            csi, _ = undo_jumps(csi)
        static = StaticChannel(self.frequency, groups, aligned=self.aligned)
        static.fit(csi)
        # As many windows at once as a block of packets holds.
        many = max(int((_BLOCK * settings.interval - settings.window_s) / settings.hop_s), 1)
        for first in range(low, high, many):
            until = min(first + many, high)
            edges = settings.first(first, begin), settings.first(until - 1, begin) + settings.window_s
            block = slice(*(int(i) for i in np.searchsorted(time, edges)))
            moving = static.moving(csi[..., block])
            for number in range(first, until):
                yield kernel.window(moving, time[block], number, begin)

    def _stretches(self) -> int:
        values = self.csi.size
        return max(
            int(np.ceil((self.time[-1] - self.time[0]) / MOST_STATIC_S)), int(np.ceil(values / _MOST_VALUES))
        )


def window_count(time: NDArray[np.float64], settings: TrackSettings) -> int:
    """Count the windows in packets (packet,).

    Raises
    ------
    InputError
        If none does.
    """
    # A packet owns the interval after it.
    span = float(time[-1] - time[0]) + settings.interval
    if span < settings.window_s:
        raise InputError(
            f"window_s must be at most {span:.3g} s, all that the capture has, got {settings.window_s:g}."
        )
    return int((span - settings.window_s) / settings.hop_s + 1e-6) + 1


def check_channels(receivers: int, subcarriers: int, groups: Groups, *, aligned: bool) -> int:
    """Give the complex channels that are left to see motion in.

    Raises
    ------
    InputError
        If taking errors out leaves none.
    """
    left = receivers * subcarriers - (2 * len(groups) if aligned else 0)
    if left < 1:
        raise InputError(
            f"{receivers} x {subcarriers} receivers and subcarriers are too few to tell motion from phase, timing and "
            "gain errors; three subcarriers are the least, or reference='none' if there are no such errors."
        )
    return left
