"""Windows of a real capture for study `realism`, and simulated windows of the same radio.

A simulated window has the subcarriers, carrier and packet times of a real one, and goes through the same
conditioning. It is matched in two levels, measured in the same way on both after conditioning: static over moving
power, moving power over noise. Room, walking and hardware are those of the shipped scenarios `walker` and
`intel5300`; nothing else is fitted.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim import load_scenario
from isacsim.channel import impairments
from isacsim.conditioning.conditioning import condition, usable_subcarriers
from isacsim.conditioning.windows import capture_windows
from isacsim.dataset.real.files import CaptureFile
from isacsim.errors import CaptureError, InputError
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import Received
from isacsim.survey.levels import levels_db

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Matched", "RealWindows", "read_file", "read_windows", "simulated_windows"]

Real = NDArray[np.float64]

# In captures of three chips the packets of one kind stay above 0.92; beacons in 20 of 80 MHz come to 0.37.
_ALIKE = 0.8


@dataclass(frozen=True, eq=False)
class RealWindows:
    """Conditioned windows of a capture, and what a simulation of the same radio needs."""

    csi: list[xr.DataArray]
    """Each (subcarrier, packet), uniform in time."""
    times: list[Real]
    """Packet times as received, s about the window's middle."""
    start: Real
    """Start of each window, s on the capture's clock."""
    window_s: float
    carrier: float
    interval: float
    """Median packet interval, s."""
    pair: bool
    """True if a second receive channel is the reference."""
    conditioning: str
    cleaned: bool
    """True if packets unlike the others were left out, and all brought to the same power."""
    odd: int
    """Packets left out."""
    levels: Real
    """Static over moving and moving over noise of each window, dB; shape (window, 2)."""

    @property
    def frequency(self) -> Real:
        """Subcarriers in use, Hz."""
        return np.asarray(self.csi[0].coords["frequency"].values, np.float64)

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Mark windows that share no packet; shape (window, window)."""
        gap = np.abs(self.start[:, np.newaxis] - self.start)
        return np.asarray(gap > self.window_s - self.interval)


def read_windows(
    file: CaptureFile, *, carrier: float | None, window_s: float, hop_s: float, cleaned: bool
) -> RealWindows:
    """Read a capture, cut it into overlapping windows and condition each as every command does.

    Parameters
    ----------
    file : CaptureFile
        A receiver's file or a saved capture.
    carrier : float, optional
        Hz, for files that do not say it.
    window_s, hop_s : float
        Length of a window and the step to the next, s.
    cleaned : bool
        Leave out packets with another frequency response, such as beacons that fill a quarter of the band. Bring the
        others to one power: this removes gain steps, and fading common to all subcarriers with them.

    Raises
    ------
    InputError
        Naming the file: it cannot be read, its packet rate is too low, or it has no two windows that share no packet.
    """
    capture = read_file(file.path, carrier)
    odd = 0
    if cleaned:
        alike = _alike(capture)
        odd = int((~alike).sum())
        capture = _equal_power(capture.isel(packet=alike))
    # What a saved simulation knows of itself, a real capture does not.
    for name in ("packet_rate", "shared_phase_error"):
        capture.attrs.pop(name, None)
    try:
        cut = capture_windows(capture, window_s=window_s, hop_s=hop_s, gain="none")
    except InputError as error:
        raise type(error)(f"{file.source}: {error}") from error
    span = cut.used[-1].start - cut.used[0].start
    if span < window_s - 1 / cut.packet_rate:
        raise InputError(
            f"{file.source}: the usable windows of {window_s:g} s begin within {span:.3g} s; study realism needs two "
            "that share no packet."
        )
    received = capture.coords["time"].values
    times = []
    for window in cut.used:
        first, last = window.csi.coords["time"].values[[0, -1]]
        inside = received[(received >= first) & (received <= last)]
        times.append(inside - (first + last) / 2)
    csi = [window.csi.isel(receiver=0) for window in cut.used]
    return RealWindows(
        csi,
        times,
        np.array([window.start for window in cut.used]),
        window_s,
        float(capture.attrs["carrier"]),
        1 / cut.packet_rate,
        cut.used[0].csi.attrs["reference"] >= 0,
        cut.conditioning,
        cleaned,
        odd,
        np.array([levels_db(one) for one in csi]),
    )


def read_file(path: Path, carrier: float | None) -> xr.Dataset:
    """A capture, with a carrier in Hz for a receiver's file that does not say its own.

    Raises
    ------
    CaptureError
        As :func:`isacsim.read_capture`.
    """
    from isacsim.capture import read_capture
    from isacsim.capture.netcdf import load_capture, looks_saved
    from isacsim.capture.packets import CaptureWarning

    if looks_saved(path):
        return load_capture(path)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)  # replicated streams are dropped, as in every command
        try:
            return read_capture(path)
        except CaptureError:
            if carrier is None:
                raise
            return read_capture(path, carrier=carrier)


def _alike(capture: xr.Dataset) -> NDArray[np.bool_]:
    """Find packets that have about the median amplitude over subcarriers, by the cosine between the two."""
    csi = usable_subcarriers(capture.csi).transpose("packet", "receiver", "subcarrier").values
    size = np.abs(csi).reshape(len(csi), -1)
    size /= np.linalg.norm(size, axis=1, keepdims=True)
    median = np.median(size, axis=0)
    return np.asarray(size @ median > _ALIKE * np.linalg.norm(median))


def _equal_power(capture: xr.Dataset) -> xr.Dataset:
    csi = capture.csi.transpose("receiver", "subcarrier", "packet")
    power = (np.abs(usable_subcarriers(csi).values) ** 2).mean(axis=(0, 1))
    factor = np.sqrt(power.mean() / power).astype(np.float32)
    return capture.assign(csi=csi.copy(data=csi.values * factor))


@dataclass(frozen=True, eq=False)
class Matched:
    """Simulated windows, and how far off their levels stayed."""

    csi: list[xr.DataArray]
    off_db: tuple[float, float]
    """Median of theirs less the real ones': static over moving, moving over noise."""


def _scenario(real: RealWindows, body: str, impaired: bool) -> Scenario:
    """Scenario `walker` with the capture's radio, one person, and the hardware of scenario `intel5300`."""
    room, hardware = load_scenario("walker"), load_scenario("intel5300").impairments
    f = real.frequency
    spacing = float(np.diff(f).min())
    index = np.rint((f - real.carrier) / spacing).astype(int)
    if np.abs(index * spacing - (f - real.carrier)).max() > 0.01 * spacing:
        raise InputError("study realism needs subcarriers at multiples of their spacing from the carrier.")
    template = room.targets.template
    assert template is not None
    target = template.model_dump() | ({} if body == "walker" else {"body": {"kind": "point"}})
    people = int(body != "nobody")
    first = room.radio.receivers[0]
    x, y, z = first.position_m
    half = speed_of_light / real.carrier / 2
    places = [(x, y, z), (x + half, y, z)][: 2 if real.pair else 1]
    packets = max(one.sizes["packet"] for one in real.csi) + 8
    return Scenario.model_validate(
        {
            "name": "realism",
            "description": "one person, seen by the radio of a capture",
            "motion_model": "exact",
            "snr_db": 0.0,
            "radio": {
                "carrier_hz": real.carrier,
                "bandwidth_hz": float(np.ptp(f)) + spacing,
                "subcarriers": tuple(index.tolist()),
                "subcarrier_spacing_hz": spacing,
                "packet_rate_hz": 1 / real.interval,
                "packets": packets,
                "transmitter_m": room.radio.transmitter_m,
                "receivers": [{"name": f"rx{n}", "position_m": place} for n, place in enumerate(places)],
            },
            "environment": room.environment.model_dump(),
            # Packet times are the capture's own: no jitter, no loss.
            "impairments": hardware.model_dump(exclude={"jitter", "loss"}) if impaired else {},
            "targets": {"count": {"min": people, "max": people}, "template": target},
            "spectrum": {"acceleration_max_m_s2": 1e-3, "jerk_max_m_s3": 1e-3},
        }
    )


def simulated_windows(real: RealWindows, body: str, *, impaired: bool, n: int, seed: int) -> Matched:
    """Simulate windows of the capture's radio; window i goes by real window i modulo their number.

    Parameters
    ----------
    real : RealWindows
        The capture.
    body : {"point", "walker", "nobody"}
        What walks; both bodies walk the same ways. nobody: as much white noise as the capture has motion and noise.
    impaired : bool
        With carrier and timing errors, gain steps and 8 bits, besides noise.
    n : int
        How many.
    seed : int
        Of everything random.
    """
    scenario = _scenario(real, body, impaired)
    which = np.arange(n) % len(real.csi)
    target = np.array([_seen(levels, body) for levels in real.levels])[which]
    offset = np.zeros(2)
    pilot = min(n, max(len(real.csi), 12))
    for _ in range(2):
        tried = [_one(real, scenario, i, seed, target[i] + offset) for i in range(pilot)]
        found = [_seen(levels_db(one), body) for one in tried]
        offset += np.median(target[:pilot] - found, axis=0)
    windows = [_one(real, scenario, i, seed, target[i] + offset) for i in range(n)]
    off = np.median([_seen(levels_db(one), body) for one in windows] - target, axis=0)
    return Matched(windows, (float(off[0]), float(off[1])))


def _seen(levels: Sequence[float] | Real, body: str) -> tuple[float, float]:
    """Levels to match in dB: both, or with nobody there static over all the rest, which is noise."""
    moving, noise = levels
    if body != "nobody":
        return float(moving), float(noise)
    return float(moving - 10 * np.log10(1 + 10 ** (-noise / 10))), 0.0


def _one(real: RealWindows, scenario: Scenario, i: int, seed: int, levels: Any) -> xr.DataArray:
    """Window i with static and moving power ``levels[0]`` and moving power and noise ``levels[1]`` dB apart."""
    which = i % len(real.csi)
    time = real.times[which]
    drawn = realise(scenario, seed=seed, index=i)
    # With nobody there the second level is 0: noise stands for what moves.
    power = float((drawn.amplitude**2).sum()) if drawn.amplitude.size else 1.0
    gain = np.sqrt(power * 10 ** (levels[0] / 10) / (np.abs(drawn.static) ** 2).mean())
    drawn = replace(drawn, static=drawn.static * gain)
    damage = impairments.draw_impairments(drawn.drawn, time, seed, i)
    damage = replace(damage, snr_db=float(levels[1] - 10 * np.log10(power)))
    clean = drawn.noiseless_csi(time)
    csi = impairments.apply(clean, drawn.drawn, damage, seed, i)
    capture = Received(drawn, time, damage, clean, csi).bare_capture()
    # Grid and gain as in the capture, which knows neither.
    capture.attrs.pop("packet_rate")
    if real.cleaned:
        capture = _equal_power(capture)
    conditioned = condition(
        capture,
        reference="product" if real.pair else "self",
        pair=(0, 1) if real.pair else None,
        gain="none",
    )
    return conditioned.isel(receiver=0)
