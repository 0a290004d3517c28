"""Windows of a capture, one after the other, each conditioned; the capture need not be in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_integer, check_number
from isacsim.conditioning.array_reference import places_known
from isacsim.conditioning.choice import capture_coherence
from isacsim.conditioning.conditioning import Gain, Reference, condition
from isacsim.conditioning.pace import Pace, packet_pace
from isacsim.csi import LONGEST_GAP
from isacsim.errors import InputError
from isacsim.spectrum.grid import MIN_PACKETS, WindowResolution

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CaptureWindow", "WindowCutter", "named_receivers"]

# A window of which more is missing would be more spline than measurement.
_MOST_MISSING = 0.5
# Packets at their own times may be few and far between; this many hold a path.
_FEWEST = 8
_WINDOW_S = 1.024
# Variables over packets that conditioning takes.
_READ = ("csi", "agc_gain_db", "rssi")
# Values of CSI read at once: 32 MiB of complex64.
_MOST_VALUES = 2**22


@dataclass(frozen=True, eq=False)
class CaptureWindow:
    """One window of a capture."""

    csi: xr.DataArray
    """Conditioned CSI (receiver, subcarrier, packet), uniform in time or at the packets' own times."""
    received: int
    """Packets that the capture holds of it; the others are interpolated."""
    number: int = 0
    """Its place in the capture: it starts ``number`` hops after the first one, used or not."""
    interpolated: bool = False
    """True if packets were brought to other times than their own."""
    longest_gap: float = 0.0
    """Longest interval between packets received, s."""

    def without_csi(self) -> CaptureWindow:
        """The window with its times, but no subcarrier: what labels need."""
        return replace(self, csi=self.csi.isel(subcarrier=slice(0, 0)).copy())

    @property
    def start(self) -> float:
        """First packet, s on the capture's clock."""
        return float(self.csi.coords["time"][0])

    @property
    def centre(self) -> float:
        """Middle between first and last packet, s on the capture's clock."""
        return float(self.csi.coords["time"][[0, -1]].mean())

    @property
    def packets(self) -> int:
        """Packets of the conditioned CSI."""
        return int(self.csi.sizes["packet"])

    @property
    def interval(self) -> float:
        """Packet interval, s; the mean one where packets are at their own times."""
        time = self.csi.coords["time"].values
        return float(time[-1] - time[0]) / (time.size - 1)

    def grid(self, lag_ratio: float = 0.089) -> WindowResolution:
        """Axes that the window resolves."""
        # Resolution is the span's: where few packets were received, more would resolve the same.
        packets = max(self.packets, MIN_PACKETS)
        interval = self.interval * (self.packets - 1) / (packets - 1)
        return WindowResolution(packets, interval, float(self.csi.coords["frequency"].mean()), lag_ratio)


@dataclass(frozen=True, eq=False)
class WindowCutter:
    """Windows of a capture, made one after the other: the capture need not be in memory."""

    capture: xr.Dataset
    time: NDArray[np.float64]
    """s; shape (packet,)."""
    window_s: float
    hop_s: float
    start_s: float
    room: int
    """Windows that the capture has room for."""
    count: int
    """Windows asked for of these."""
    pace: Pace
    reference: Reference
    pair: tuple[int, int] | None
    gain: Gain
    uniform: bool

    @classmethod
    def of(
        cls,
        capture: xr.Dataset,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
        start_s: float = 0.0,
        max_windows: int | None = None,
        reference: Reference = "auto",
        pair: tuple[int, int] | None = None,
        gain: Gain = "auto",
        uniform: bool = True,
    ) -> WindowCutter:
        """Settle where the windows lie, and which receivers they take; arguments as for :func:`capture_windows`."""
        capture = named_receivers(capture)
        # Such as the noise-free CSI of a simulated capture: it would be read for nothing.
        unused = [n for n, v in capture.data_vars.items() if "packet" in v.dims and n not in _READ]
        capture = capture.drop_vars(unused)
        time = np.asarray(capture.coords["time"].values, np.float64)
        if time.size < 2 or (np.diff(time) <= 0).any():
            raise InputError(
                f"the capture's {time.size} packet times must be two or more that ascend strictly."
            )
        pace = packet_pace(time)
        # A packet owns the interval after it: a window of Q packets is Q intervals long.
        span = time[-1] - time[0] + pace.median
        if window_s is None:
            window_s = min(_nominal_length(capture, pace.window(_WINDOW_S, MIN_PACKETS, LONGEST_GAP)), span)
        hop_s = window_s if hop_s is None else hop_s
        for name, value in (("window_s", window_s), ("hop_s", hop_s)):
            check_number(name, value, above=0, unit="s")
        if max_windows is not None:
            check_integer("max_windows", max_windows, least=1)
        if uniform:
            # Says in numbers why a slow capture has no spectrum, before anything is computed.
            length = round(window_s / pace.interval)
            WindowResolution(length, pace.interval, float(capture.coords["frequency"].mean()))
        tolerance = pace.median / 2
        if not (start_s >= 0 and start_s + window_s <= span + tolerance):
            raise InputError(
                f"a window of {window_s:g} s from {start_s:g} s on does not fit into the capture's {span:.4g} s."
            )
        room = int((span + tolerance - start_s - window_s) / hop_s) + 1
        count = room if max_windows is None else min(room, max_windows)
        if pair is None and _chosen_by_coherence(capture, reference):
            pair = capture_coherence(capture, gain=gain).pair
        return cls(capture, time, window_s, hop_s, start_s, room, count, pace, reference, pair, gain, uniform)

    @property
    def packet_rate(self) -> float:
        """Packets per second (`isacsim.conditioning.pace`)."""
        return 1 / self.pace.interval

    def __iter__(self) -> Iterator[CaptureWindow | str]:
        """Make each window, or the sentence why it cannot be used.

        Raises
        ------
        InputError
            If none can be used.
        """
        length = round(self.window_s / self.pace.interval)
        any_used = False
        first_skipped = ""
        stretch: tuple[int, int, xr.Dataset] | None = None
        for n in range(self.count):
            start = self.start_s + n * self.hop_s
            first = self.time[0] + start - self.pace.median / 2
            low, high = np.searchsorted(self.time, (first, first + self.window_s)).tolist()
            where = f"the window at {start:.3f} s"
            made: CaptureWindow | str
            if self.uniform and high - low < length * (1 - _MOST_MISSING):
                made = f"{where} has {high - low} of {length} packets only."
            elif high - low < _FEWEST:
                made = f"{where} has {high - low} packets, it needs {_FEWEST}: take longer windows."
            else:
                if stretch is None or low < stretch[0] or high > stretch[1]:
                    stretch = self._read(low, high)
                try:
                    made = self._window(n, stretch[2].isel(packet=np.arange(low, high) - stretch[0]))
                except InputError as error:
                    if not any_used and n == self.room - 1:
                        raise
                    made = f"{where}: {error}"
            any_used = any_used or isinstance(made, CaptureWindow)
            first_skipped = first_skipped or (made if isinstance(made, str) else "")
            yield made
        if not any_used:
            raise InputError(f"no window of {self.window_s:g} s can be used; {first_skipped}")

    def _read(self, low: int, high: int) -> tuple[int, int, xr.Dataset]:
        """Bring packets low to high into memory, and as many after them as may be held: chunks on a disk are long."""
        many = _MOST_VALUES // (self.capture.sizes["receiver"] * self.capture.sizes["subcarrier"])
        until = min(max(high, low + many), self.time.size)
        return low, until, self.capture.isel(packet=slice(low, until)).load()

    def _window(self, number: int, packets: xr.Dataset) -> CaptureWindow:
        """Condition the packets of a window."""
        csi = condition(
            packets, reference=self.reference, pair=self.pair, gain=self.gain, uniform=self.uniform
        )
        time = np.asarray(packets.coords["time"].values, np.float64)
        moved = not np.array_equal(csi.coords["time"].values, time)
        return CaptureWindow(csi, time.size, number, moved, float(np.diff(time).max()))


def named_receivers(capture: xr.Dataset) -> xr.Dataset:
    """Name the receivers of a capture read from a file after antenna and stream, so that messages can."""
    if "receiver" in capture.coords:
        return capture
    if "rx_element" in capture.coords and "tx_element" in capture.coords:
        pairs = zip(capture.coords["rx_element"].values, capture.coords["tx_element"].values, strict=True)
        names = [f"rx{rx}-tx{tx}" for rx, tx in pairs]
    else:
        names = [str(i) for i in range(capture.sizes["receiver"])]
    return capture.assign_coords(receiver=("receiver", names))


def _nominal_length(capture: xr.Dataset, otherwise: float) -> float:
    attrs: dict[Any, Any] = capture.attrs
    if "scenario" in attrs and "packets" in attrs and "packet_rate" in attrs:
        return float(attrs["packets"]) / float(attrs["packet_rate"])
    return otherwise


def _chosen_by_coherence(capture: xr.Dataset, reference: Reference) -> bool:
    """Tell whether `condition` would choose the receivers by their coherence."""
    if capture.sizes["receiver"] < 2 or "reference" in capture.coords["role"].values:
        return False
    broken = bool(capture.attrs.get("shared_phase_error", 1))
    return reference in ("product", "ratio") or (reference == "auto" and broken and not places_known(capture))
