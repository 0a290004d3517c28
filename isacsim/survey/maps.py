"""Amplitude and phase of a capture over time and frequency, in one pass over its packets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import InputError
from isacsim.survey.alignment import align_to, blocks, reference_channel

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ALIKE", "capture_maps", "likeness"]

Real = NDArray[np.float64]

_MOST_VALUES = 2**20
# Packets of one kind are above 0.92 in captures of three chips, beacons in 20 of 80 MHz at 0.37.
ALIKE = 0.8
"""Cosine from which on a packet's amplitudes are like a channel's."""
# A subcarrier of noise reaches about 1/√packets, a channel with somebody in it 0.9.
_STEADY = 0.3


@dataclass
class _Sums:
    """Sums over the packets; arrays are (receiver, subcarrier[, bin]) but for the last ones."""

    channel: NDArray[np.complex128]
    bins: int
    power: Real = field(init=False)
    amplitude: Real = field(init=False)
    aligned: NDArray[np.complex128] = field(init=False)
    least: Real = field(init=False)
    most: Real = field(init=False)
    bin_power: Real = field(init=False)
    bin_aligned: NDArray[np.complex128] = field(init=False)
    count: Real = field(init=False)
    cross: NDArray[np.complex128] = field(init=False)
    sizes: Real = field(init=False)
    odd: int = 0
    not_finite: int = 0

    def __post_init__(self) -> None:
        shape = self.channel.shape
        self.power, self.amplitude = np.zeros(shape), np.zeros(shape)
        self.aligned = np.zeros(shape, np.complex128)
        self.least, self.most = np.full(shape, np.inf), np.zeros(shape)
        self.bin_power, self.count = np.zeros((*shape, self.bins)), np.zeros(self.bins)
        self.bin_aligned = np.zeros((*shape, self.bins), np.complex128)
        self.cross = np.zeros((shape[0], shape[0], shape[1]), np.complex128)
        self.sizes = np.zeros(self.cross.shape)

    def add(self, csi: NDArray[np.complex64], frequency: Real, which: NDArray[np.int64], used: Any) -> None:
        """Add packets (receiver, subcarrier, packet) that belong to bins ``which``, ascending."""
        finite = np.isfinite(csi).all(axis=(0, 1))
        if not finite.all():
            self.not_finite += int((~finite).sum())
            csi, which = csi[..., finite], which[finite]
        if not which.size:
            return
        size = np.abs(csi).astype(np.float64)
        # Guard and empty subcarriers may be far stronger than the rest: they have no say in the alignment.
        turned = np.zeros(csi.shape, np.complex128)
        turned[:, used] = align_to(csi[:, used], frequency[used], self.channel[:, used]).csi
        self.power += (size**2).sum(axis=-1)
        self.amplitude += size.sum(axis=-1)
        self.aligned += turned.sum(axis=-1)
        self.least = np.minimum(self.least, size.min(axis=-1))
        self.most = np.maximum(self.most, size.max(axis=-1))
        first = np.flatnonzero(np.diff(which, prepend=-1))
        self.count[which[first]] += np.diff(np.append(first, which.size))
        self.bin_power[..., which[first]] += np.add.reduceat(size**2, first, axis=-1)
        self.bin_aligned[..., which[first]] += np.add.reduceat(turned, first, axis=-1)
        for i in range(len(csi)):
            for j in range(i):
                self.cross[i, j] += (csi[i] * csi[j].conj()).sum(axis=-1)
                self.sizes[i, j] += (size[i] * size[j]).sum(axis=-1)
        self.odd += int((likeness(size[:, used], np.abs(self.channel[:, used])) < ALIKE).sum())

    def coherence(self, used: Any) -> Real:
        """As `isacsim.conditioning.reference.phase_coherence`."""
        out = np.eye(len(self.cross))
        tiny = np.finfo(np.float32).tiny
        for i in range(len(out)):
            for j in range(i):
                each = np.abs(self.cross[i, j, used]) / np.maximum(self.sizes[i, j, used], tiny)
                out[i, j] = out[j, i] = float(np.median(each))
        return out


def capture_maps(
    capture: xr.Dataset, *, bins: int = 400, progress: Callable[[int, int], object] | None = None
) -> xr.Dataset:
    """Go through the packets once and keep what pictures and tables need.

    Parameters
    ----------
    capture : xarray.Dataset
        With named receivers; its CSI may be lazy.
    bins : int
        Most stretches of time, all of the same length.
    progress : callable, optional
        Told how many packets are done, and of how many.

    Returns
    -------
    xarray.Dataset
        ``amplitude_db`` and ``phase`` (receiver, subcarrier, bin), NaN where a bin holds no packet. The first is
        power in dB relative to the strongest receiver's mean over all. The second is the remaining phase of packets
        aligned to the mean channel, rad. ``packets`` (bin), ``power_db`` (receiver, bin), means of the packet
        variables (bin). ``power`` (receiver), ``mean_db``, ``variation``, ``steadiness`` (receiver, subcarrier);
        ``used``, ``dead`` and ``unsteady`` (subcarrier). ``coherence`` (receiver, other). Coordinates ``time`` (bin)
        in s after the first packet, ``frequency``. Attributes ``odd_packets``, ``not_finite``.
    """
    import xarray as xr

    array = capture["csi"].transpose("receiver", "subcarrier", "packet")
    time = np.asarray(capture.coords["time"].values, np.float64)
    frequency = np.asarray(capture.coords["frequency"].values, np.float64)
    bins = max(1, min(bins, time.size))
    width = (time[-1] - time[0]) / bins * (1 + 1e-9)
    which = np.floor((time - time[0]) / width).astype(np.int64)
    valid = capture.coords["valid"].values if "valid" in capture.coords else np.ones(frequency.size)
    used = np.asarray(valid, bool)
    if not used.any():
        raise InputError("the capture marks every subcarrier as not valid.")
    channel = np.zeros(array.shape[:2], np.complex128)
    channel[:, used] = reference_channel(array.isel(subcarrier=np.flatnonzero(used)))
    sums = _Sums(channel, bins)
    for part in blocks(time.size, channel.size, _MOST_VALUES):
        sums.add(array.isel(packet=part).values, frequency, which[part], used)
        if progress is not None:
            progress(part.stop, time.size)
    n = max(time.size - sums.not_finite, 1)
    power, tiny = sums.power / n, np.finfo(np.float64).tiny
    of_receiver = power[:, used].mean(axis=1)
    top = max(float(of_receiver.max()), tiny)
    mean = sums.amplitude / n
    deviation = np.sqrt(np.maximum(power - mean**2, 0))
    dead = used & (sums.most <= sums.least * (1 + 1e-6)).all(axis=0)
    steadiness = np.abs(sums.aligned / n) / np.sqrt(np.maximum(power, tiny))
    with np.errstate(divide="ignore", invalid="ignore"):
        in_bins = sums.bin_power / sums.count
        level = 10 * np.log10(in_bins / top)
        phase = np.where(sums.count > 0, np.angle(sums.bin_aligned * channel[..., np.newaxis].conj()), np.nan)
        of_bins = 10 * np.log10(in_bins[:, used].mean(axis=1) / top)
        mean_db = 10 * np.log10(power / top)
    dims = ("receiver", "subcarrier")
    return xr.Dataset(
        {
            "amplitude_db": ((*dims, "bin"), level.astype(np.float32), {"units": "dB"}),
            "phase": ((*dims, "bin"), phase.astype(np.float32), {"units": "rad"}),
            "packets": ("bin", sums.count),
            "power_db": (("receiver", "bin"), of_bins, {"units": "dB"}),
            **_variables(capture, which, bins),
            "power": ("receiver", of_receiver),
            "mean_db": (dims, mean_db, {"units": "dB"}),
            "variation": (dims, deviation / np.maximum(mean, tiny), {"units": "1"}),
            "steadiness": (dims, steadiness, {"units": "1"}),
            "used": ("subcarrier", used),
            "dead": ("subcarrier", dead),
            "unsteady": ("subcarrier", used & ~dead & (steadiness < _STEADY).all(axis=0)),
            "coherence": (("receiver", "other"), sums.coherence(used)),
        },
        coords={
            "receiver": capture.coords["receiver"].values,
            "frequency": ("subcarrier", frequency, {"units": "Hz"}),
            "time": ("bin", width * (np.arange(bins) + 0.5), {"units": "s"}),
        },
        attrs={"odd_packets": sums.odd, "not_finite": sums.not_finite, "bin_s": width},
    )


def likeness(size: Real, like: Real) -> Real:
    """Cosine between each packet's amplitudes (receiver, subcarrier, packet) and a channel's."""
    norm = np.sqrt((size**2).sum(axis=(0, 1)) * (like**2).sum())
    return np.asarray(
        (size * like[..., np.newaxis]).sum(axis=(0, 1)) / np.maximum(norm, np.finfo(float).tiny)
    )


def _variables(capture: xr.Dataset, which: NDArray[np.int64], bins: int) -> dict[str, Any]:
    """Means of the packet variables over each bin."""
    out: dict[str, Any] = {}
    for name in ("rssi", "agc", "agc_gain_db", "noise"):
        if name in capture and capture[name].dims == ("packet",):
            values = capture[name].values.astype(np.float64)
            there = np.isfinite(values)
            count = np.bincount(which[there], minlength=bins)
            with np.errstate(invalid="ignore"):
                mean = np.bincount(which[there], values[there], minlength=bins) / np.where(
                    count, count, np.nan
                )
            out[name] = ("bin", mean, {"units": str(capture[name].attrs.get("units", ""))})
    return out
