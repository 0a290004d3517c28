"""A capture as consecutive windows, each conditioned: uniform in time for spectra, or at the packets' own times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_integer, check_number
from isacsim.conditioning.array_reference import places_known
from isacsim.conditioning.conditioning import (
    Gain,
    Reference,
    compensate_gain,
    condition,
    most_coherent_pair,
    usable_subcarriers,
    without_jumps,
)
from isacsim.conditioning.pace import packet_pace
from isacsim.csi import LONGEST_GAP
from isacsim.errors import InputError
from isacsim.spectrum.grid import BINS, MIN_PACKETS, WindowResolution

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CaptureWindow", "Windows", "capture_windows", "common_axes", "named_receivers"]

# A window of which more is missing would be more spline than measurement.
_MOST_MISSING = 0.5
# Packets at their own times may be few and far between; this many hold a path.
_FEWEST = 8
_WINDOW_S = 1.024


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
class Windows:
    """The windows of a capture that could be used."""

    used: list[CaptureWindow]
    skipped: list[str]
    """One sentence for each window that could not."""
    remaining: int
    """Further windows that the capture has room for, beyond the limit asked for."""
    packet_rate: float
    """Packets per second (`isacsim.conditioning.pace`)."""
    window_s: float
    """Length asked for, or settled on, in s."""
    hop_s: float
    """From one window's start to the next one's, s."""
    reference: Reference
    pair: tuple[int, int] | None
    """Surveillance and reference receiver by position, if they were chosen by coherence or given."""

    @property
    def conditioning(self) -> str:
        """Record of what was done to the CSI."""
        return str(self.used[0].csi.attrs["conditioning"])


def capture_windows(
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
) -> Windows:
    """Cut a capture into consecutive windows and condition each.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file.
    window_s : float, optional
        Length of a window in s; default: a simulated capture's own, else 1.024, or more where that holds too few
        packets or packets come in bursts; at most all there is.
    hop_s : float, optional
        From one window's start to the next one's in s; default: ``window_s``.
    start_s : float
        Start of the first window in s after the first packet.
    max_windows : int, optional
        At most so many.
    reference, pair, gain
        As for :func:`isacsim.conditioning.condition`. A pair that nobody names is chosen once, over the whole capture.
    uniform : bool
        Bring each window onto a uniform grid. False: packets stay at their own times.

    Returns
    -------
    Windows
        Uniform windows with gaps of over a tenth of their length, or with over half of their packets missing, are
        skipped. At their own times packets may be missing as they like, if eight are left.

    Raises
    ------
    InputError
        If the packet rate gives a window too few packets (says how many), or no window can be used.
    """
    capture = named_receivers(capture)
    time = np.asarray(capture.coords["time"].values, np.float64)
    if time.size < 2 or (np.diff(time) <= 0).any():
        raise InputError(f"the capture's {time.size} packet times must be two or more that ascend strictly.")
    pace = packet_pace(time)
    interval = pace.interval
    # A packet owns the interval after it: a window of Q packets is Q intervals long.
    span = time[-1] - time[0] + pace.median
    if window_s is None:
        window_s = min(_nominal_length(capture, pace.window(_WINDOW_S, MIN_PACKETS, LONGEST_GAP)), span)
    hop_s = window_s if hop_s is None else hop_s
    for name, value in (("window_s", window_s), ("hop_s", hop_s)):
        check_number(name, value, above=0, unit="s")
    if max_windows is not None:
        check_integer("max_windows", max_windows, least=1)
    length = round(window_s / interval)
    if uniform:
        # Says in numbers why a slow capture has no spectrum, before anything is computed.
        WindowResolution(length, interval, float(capture.coords["frequency"].mean()))
    tolerance = pace.median / 2
    if not (start_s >= 0 and start_s + window_s <= span + tolerance):
        raise InputError(
            f"a window of {window_s:g} s from {start_s:g} s on does not fit into the capture's {span:.4g} s."
        )
    count = int((span + tolerance - start_s - window_s) / hop_s) + 1
    if pair is None and _chosen_by_coherence(capture, reference):
        whole = usable_subcarriers(compensate_gain(capture, gain=gain))
        pair = most_coherent_pair(without_jumps(whole, capture)[0])
    used: list[CaptureWindow] = []
    skipped: list[str] = []
    for n in range(count if max_windows is None else min(count, max_windows)):
        first = time[0] + start_s + n * hop_s - tolerance
        inside = np.flatnonzero((time >= first) & (time < first + window_s))
        where = f"the window at {start_s + n * hop_s:.3f} s"
        if uniform and inside.size < length * (1 - _MOST_MISSING):
            skipped.append(f"{where} has {inside.size} of {length} packets only.")
            continue
        if inside.size < _FEWEST:
            skipped.append(f"{where} has {inside.size} packets, it needs {_FEWEST}: take longer windows.")
            continue
        try:
            csi = condition(
                capture.isel(packet=inside), reference=reference, pair=pair, gain=gain, uniform=uniform
            )
        except InputError as error:
            if not used and n == count - 1:
                raise
            skipped.append(f"{where}: {error}")
            continue
        moved = not np.array_equal(csi.coords["time"].values, time[inside])
        used.append(CaptureWindow(csi, int(inside.size), n, moved, float(np.diff(time[inside]).max())))
    if not used:
        raise InputError(f"no window of {window_s:g} s can be used; {skipped[0]}")
    return Windows(
        used, skipped, count - len(used) - len(skipped), 1 / interval, window_s, hop_s, reference, pair
    )


def common_axes(
    windows: list[CaptureWindow], *, lag_ratio: float = 0.089, bins: int = BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Default axes that every window's packet rate allows: those of the slowest.

    Raises
    ------
    InputError
        As :meth:`isacsim.spectrum.grid.WindowResolution.allowed`.
    """
    return min((w.grid(lag_ratio).allowed(bins) for w in windows), key=lambda axes: float(axes[0][-1]))


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
