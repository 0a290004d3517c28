"""Measurements for a scenario: a capture's hardware, its static channel, and the levels of its windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.conditioning import usable_subcarriers
from isacsim.errors import InputError
from isacsim.survey.alignment import align_to, reference_channel
from isacsim.survey.gains import GainSteps, gain_steps
from isacsim.survey.levels import doppler_half, split_power
from isacsim.survey.maps import ALIKE, likeness
from isacsim.survey.phases import PacketErrors, packet_errors
from isacsim.survey.static import StaticChannel, static_channel
from isacsim.survey.timing import PacketTiming, packet_timing

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Measured", "Quantised", "Recording", "measure", "quantisation", "recording", "window_levels"]

Real = NDArray[np.float64]

_FEWEST = 64
_MOSTLY = 0.7
# Weaker receivers, as shares of the strongest one's power, hear noise.
_HEARD = 1e-4
# Complex numbers looked at: 64 MiB in double precision.
_MOST_VALUES = 2**22
_MOST_WINDOWS = 24
_FEWEST_IN_WINDOW = 16


@dataclass(frozen=True, eq=False)
class Recording:
    """A stretch of a capture, subcarriers in use, packets at their own times; phases as of phase sign -1."""

    csi: NDArray[np.complex64]
    """(receiver, subcarrier, packet)"""
    frequency: Real
    """Hz"""
    time: Real
    """s"""
    carrier: float
    bandwidth: float
    timing: PacketTiming
    odd: int
    """Packets left out because their amplitudes over frequency are unlike the others'."""


@dataclass(frozen=True)
class Quantised:
    """Rounding to integers."""

    bits: int
    """0: not rounded."""
    headroom_db: float
    step: float


@dataclass(frozen=True, eq=False)
class Measured:
    """Measurements of a capture."""

    timing: PacketTiming
    errors: PacketErrors
    gains: GainSteps
    static: StaticChannel
    quantised: Quantised
    gain_db: Real
    """Power of each receiver relative to the strongest, dB; (receiver,)."""
    levels: Real
    """Levels of each window: static over moving power and moving power over noise in dB, Doppler frequency in Hz below
    which half of the moving energy lies, and variation of the amplitude; (window, 4)."""


def recording(capture: xr.Dataset, fewest: int = _FEWEST) -> Recording:
    """Take the longest stretch of a capture without gaps that fits into memory, centred.

    Raises
    ------
    InputError
        If fewer than that many packets are left.
    """
    timing = packet_timing(capture.coords["time"].values)
    time = np.asarray(capture.coords["time"].values, np.float64)
    breaks = np.searchsorted(time, timing.gap_start, side="right")
    edges = np.concatenate([[0], breaks, [time.size]])
    # Where gaps are many, what lies between them is too short to measure: then they belong to the recording.
    longest = int(np.diff(edges).argmax())
    first, last = int(edges[longest]), int(edges[longest + 1])
    if last - first < max(fewest, time.size // 4):
        first, last = 0, time.size
    array = usable_subcarriers(capture["csi"]).transpose("receiver", "subcarrier", "packet")
    most = max(fewest, _MOST_VALUES // max(array.sizes["receiver"] * array.sizes["subcarrier"], 1))
    first += max(0, (last - first - most) // 2)
    part = array.isel(packet=slice(first, min(first + most, last)))
    csi, time = np.asarray(part.values), time[first : first + part.sizes["packet"]]
    whole = np.isfinite(csi).all(axis=(0, 1)) & (csi != 0).any(axis=(0, 1))
    csi, time = csi[..., whole], time[whole]
    alike = _alike(csi) if time.size else whole[:0]
    csi, time = csi[..., alike], time[alike]
    if time.size < fewest:
        raise InputError(
            f"the capture holds {time.size} packets with CSI; {fewest} or more are needed to measure it."
        )
    if int(part.attrs.get("phase_sign", capture.attrs.get("phase_sign", -1))) > 0:
        csi = csi.conj()
    if (csi == csi[..., :1]).all():
        raise InputError("the CSI is the same in all packets: there is nothing to measure.")
    frequency = np.asarray(part.coords["frequency"].values, np.float64)
    return Recording(
        csi,
        frequency,
        time,
        float(capture.attrs.get("carrier", frequency.mean())),
        float(capture.attrs.get("bandwidth", np.ptp(frequency) * (1 + 1 / max(frequency.size - 1, 1)))),
        packet_timing(time),
        int((~alike).sum()),
    )


def _alike(csi: NDArray[np.complex64]) -> NDArray[np.bool_]:
    """Find packets shaped as the median one; all, if that leaves too few: then it is no matter of frames."""
    size = np.abs(csi)
    size /= np.maximum(np.sqrt((size**2).mean(axis=(0, 1))), np.finfo(np.float32).tiny)
    alike = likeness(size, np.median(size, axis=-1)) > ALIKE
    return alike if alike.mean() > _MOSTLY else np.ones(alike.size, bool)


def measure(taken: Recording, *, window_s: float = 1.024) -> Measured:
    """Measure hardware, static channel and levels of a recording.

    Parameters
    ----------
    taken : Recording
        From :func:`recording`.
    window_s : float
        Length of the windows of which levels are wanted, s.

    Raises
    ------
    InputError
        If there are too few packets for a window.
    """
    import xarray as xr

    quantised = quantisation(taken.csi)
    array = xr.DataArray(
        taken.csi,
        dims=("receiver", "subcarrier", "packet"),
        coords={"frequency": ("subcarrier", taken.frequency)},
    )
    channel = reference_channel(array)
    power = (np.abs(taken.csi) ** 2).mean(axis=1, dtype=np.float64)
    strongest = int(power.mean(axis=1).argmax())
    aligned = align_to(taken.csi[[strongest]], taken.frequency, channel[[strongest]])
    _, _, noise = split_power(aligned.csi[0], taken.frequency)
    # The bound on a delay of a known response in noise: σ² / 2 over the energy of its derivative.
    spread = 2 * np.pi * float(taken.frequency.std())
    energy = float((np.abs(channel[strongest]) ** 2).sum())
    delay_noise = np.sqrt(noise / 2 / max(energy, 1e-300)) / spread if spread > 0 else 0.0
    delay = aligned.delay[0]
    errors = packet_errors(
        aligned.phase[0] + 2 * np.pi * (taken.frequency.mean() - taken.carrier) * delay,
        delay,
        taken.time,
        slot=taken.timing.slot,
        interval=taken.timing.interval,
        bandwidth=taken.bandwidth,
        delay_noise=float(delay_noise),
    )
    mean = power.mean(axis=1)
    with np.errstate(divide="ignore"):
        return Measured(
            taken.timing,
            errors,
            gain_steps(10 * np.log10(power.mean(axis=0)), taken.time),
            static_channel(channel[mean > _HEARD * mean.max()], taken.frequency),
            quantised,
            np.maximum(10 * np.log10(mean / mean.max()), -60.0),
            window_levels(taken, window_s),
        )


def window_levels(taken: Recording, window_s: float) -> Real:
    """Levels of windows spread over a recording, (window, 4), as in `Measured.levels`, of the strongest receiver.

    Each packet is brought to the same power, so that gain control has no say, and in line with the window's mean.

    Raises
    ------
    InputError
        If no window holds 16 packets.
    """
    typical = float(taken.time[-1] - taken.time[0]) / (taken.time.size - 1)
    span = taken.time[-1] - taken.time[0] + typical
    count = min(_MOST_WINDOWS, max(1, round(2 * span / window_s)))
    strongest = int((np.abs(taken.csi) ** 2).mean(axis=(1, 2)).argmax())
    csi = taken.csi[strongest]
    found = []
    for start in np.linspace(taken.time[0], max(taken.time[-1] + typical - window_s, taken.time[0]), count):
        inside = slice(*np.searchsorted(taken.time, (start, start + window_s)).tolist())
        time = taken.time[inside]
        if time.size >= _FEWEST_IN_WINDOW:
            found.append(_levels(csi[:, inside], taken.frequency, time, taken.timing.median_interval))
    if not found:
        raise InputError(
            f"no window of {window_s:g} s holds {_FEWEST_IN_WINDOW} packets: there are {1 / typical:.3g} packets/s."
        )
    return np.array(found)


def _levels(csi: NDArray[np.complex64], frequency: Real, time: Real, interval: float) -> list[float]:
    power = (np.abs(csi) ** 2).mean(axis=0, dtype=np.float64)
    level = (csi * np.sqrt(power.mean() / np.maximum(power, np.finfo(np.float32).tiny)))[np.newaxis]
    channel = level[..., int(np.argsort(power)[power.size // 2])].astype(np.complex128)
    for _ in range(3):
        aligned = align_to(level, frequency, channel).csi
        channel = aligned.mean(axis=-1)
    one = aligned[0]
    static, total, noise = split_power(one, frequency)
    total = max(total, 1e-12 * static)
    noise = min(max(noise, 1e-5 * total), 0.99 * total)
    size = np.abs(one)
    return [
        float(10 * np.log10(static / (total - noise))),
        float(10 * np.log10((total - noise) / noise)),
        doppler_half(one, frequency, time, interval),
        float(np.median(size.std(axis=-1) / size.mean(axis=-1))),
    ]


def quantisation(csi: NDArray[np.complex64]) -> Quantised:
    """Measure how finely real and imaginary part are rounded, from the values themselves.

    All of them are multiples of one step, which is the smallest one but 0. Fewer bits than 17 count.
    """
    part = csi[..., : max(1, 2**18 // max(csi.shape[0] * csi.shape[1], 1))]
    values = np.unique(np.abs(np.concatenate([part.real.ravel(), part.imag.ravel()])))
    values = values[values > 0]
    largest = float(max(np.abs(csi.real).max(), np.abs(csi.imag).max()))
    if not values.size:
        return Quantised(0, 0.0, 0.0)
    step = float(values[0])
    bits = int(np.ceil(np.log2(largest / step + 1 - 1e-3))) + 1
    # Float32 keeps a multiple to 2^-24 of itself; small ones tell the step best.
    small = values[values < 2048 * step]
    off = np.abs(small / step - np.rint(small / step))
    if bits > 16 or small.size < 4 or off.max() > 0.02 or small.size < 0.2 * min(2048, largest / step):
        return Quantised(0, 0.0, 0.0)
    bits = max(bits, 2)
    return Quantised(bits, float(20 * np.log10((2 ** (bits - 1) - 1) * step / largest)), step)
