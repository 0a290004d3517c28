"""Content of a capture, as data: packets, gaps, antennas, amplitudes, phases, what was dropped or assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.conditioning.cutting import named_receivers
from isacsim.conditioning.pace import Pace, packet_pace
from isacsim.errors import InputError
from isacsim.survey.maps import capture_maps
from isacsim.survey.timing import PacketTiming, packet_timing

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CaptureDescription", "describe_capture"]

# Whole numbers that say of what kind a packet is, not how much of something it has.
_KINDS = ("frame_control", "frame_kind", "frame_type", "transmitter", "chanspec", "rate")
_MOST_KINDS = 12
# Receivers whose phases agree less than this share no oscillator.
_COHERENT = 0.5
# Shares of packets and of steadiness from which on a sentence says so.
_ODD_SHARE, _UNSTEADY = 0.02, 0.3
# What no receiver of Wi-Fi reports in dBm.
_PLAUSIBLE_DBM = (-130.0, 20.0)


@dataclass(frozen=True, eq=False)
class CaptureDescription:
    """Content of a capture; from :func:`describe_capture`."""

    source: str
    """File or scenario."""
    radio: dict[str, Any]
    """format, chip, carrier, bandwidth and spacing in Hz, subcarriers, used, dead and unsteady ones by index."""
    timing: dict[str, Any]
    """packets, duration_s, rates, intervals, jitter_s, lost, gaps (start_s, length_s), bursts; records_dropped by the
    reader."""
    receivers: list[dict[str, Any]]
    """Facts of each: name, device, rx and tx element, role, power_db below the strongest, variation, steadiness, and
    phase coherence with each receiver. Variation is the standard deviation of the amplitude over its mean, median over
    subcarriers. Steadiness is the mean aligned channel over its rms, median."""
    reported: dict[str, dict[str, Any]]
    """Range of each packet variable: least, median, most, units."""
    kinds: dict[str, dict[str, int]]
    """Packets by frame kind, transmitter, ...: where the file says so."""
    dropped: list[str]
    """Records that the reader dropped or repaired, and why."""
    assumed: list[str]
    """Facts that the file does not hold and that were given or assumed."""
    remarks: list[str]
    """Remarks on what is odd about it."""
    maps: xr.Dataset
    """Over (receiver, subcarrier, bin): amplitude_db, phase; over bin: packets, power_db, packet variables; over
    (receiver, subcarrier): mean_db, variation, steadiness. From `isacsim.survey.maps.capture_maps`."""

    def to_dict(self) -> dict[str, Any]:
        """Everything but the maps, as JSON has it."""
        names = (
            "source",
            "radio",
            "timing",
            "receivers",
            "reported",
            "kinds",
            "dropped",
            "assumed",
            "remarks",
        )
        return {name: getattr(self, name) for name in names}


def describe_capture(
    capture: xr.Dataset, *, bins: int = 400, progress: Callable[[int, int], object] | None = None
) -> CaptureDescription:
    """Say what a capture holds.

    Parameters
    ----------
    capture : xarray.Dataset
        Read from a receiver's file, simulated, or opened lazily (`isacsim.capture.netcdf.open_capture`): packets are
        gone through in stretches, so memory does not grow with the capture.
    bins : int
        Stretches of time in the maps.
    progress : callable, optional
        Told how many packets are done, and of how many.

    Returns
    -------
    CaptureDescription

    Raises
    ------
    InputError
        If it has no CSI over receiver, subcarrier and packet, fewer than two packets, or times that do not ascend.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("intel5300"), seed=0)
    >>> described = isacsim.describe_capture(capture)
    >>> described.radio["used"], len(described.receivers)
    (30, 3)
    """
    if "csi" not in capture or not {"receiver", "subcarrier", "packet"} <= set(capture["csi"].dims):
        raise InputError("a capture needs csi over receiver, subcarrier and packet.")
    capture = named_receivers(capture)
    time = capture.coords["time"].values
    timing = packet_timing(time)
    maps = capture_maps(capture, bins=bins, progress=progress)
    reported = _reported(capture)
    return CaptureDescription(
        str(capture.attrs.get("source", capture.attrs.get("scenario_name", "capture"))),
        _radio(capture, maps),
        _timing(timing, packet_pace(time), float(time[0]))
        | {"records_dropped": int(capture.attrs.get("n_dropped", 0))},
        _receivers(capture, maps),
        reported,
        _kinds(capture),
        [line for line in str(capture.attrs.get("warnings", "")).splitlines() if line],
        _assumed(capture),
        _remarks(timing, maps, reported),
        maps,
    )


def _radio(capture: xr.Dataset, maps: xr.Dataset) -> dict[str, Any]:
    attrs, frequency = capture.attrs, capture.coords["frequency"].values.astype(np.float64)
    index = _indices(capture)
    used = maps["used"].values
    spacing = float(np.median(np.diff(frequency))) if frequency.size > 1 else float("nan")
    return {
        "format": str(attrs.get("format", "simulated" if "scenario" in attrs else "saved capture")),
        "chip": str(attrs.get("chip", "")),
        "carrier": float(attrs.get("carrier", frequency.mean())),
        "bandwidth": float(attrs.get("bandwidth", np.ptp(frequency) + spacing)),
        "spacing": spacing,
        "subcarriers": int(frequency.size),
        "used": int(used.sum()),
        "lowest": int(index[used].min(initial=index[-1])),
        "highest": int(index[used].max(initial=index[0])),
        "dead": index[maps["dead"].values].tolist(),
        "unsteady": index[maps["unsteady"].values].tolist(),
    }


def _indices(capture: xr.Dataset) -> np.ndarray:
    """Subcarrier numbers, 0 at the carrier; positions where there is neither number nor carrier."""
    if "subcarrier_index" in capture.coords:
        return np.asarray(capture.coords["subcarrier_index"].values, int)
    frequency = capture.coords["frequency"].values.astype(np.float64)
    if "carrier" not in capture.attrs or frequency.size < 2:
        return np.arange(frequency.size)
    return np.rint((frequency - capture.attrs["carrier"]) / np.diff(frequency).min()).astype(int)


def _timing(timing: PacketTiming, pace: Pace, origin: float) -> dict[str, Any]:
    longest = np.argsort(timing.gap_length)[::-1]
    return {
        "packets": timing.packets,
        "duration_s": timing.duration,
        "mean_rate": timing.mean_rate,
        "median_interval_s": timing.median_interval,
        "grid_rate": 1 / timing.interval,
        "window_rate": 1 / pace.interval,
        "window_rate_of": "mean interval" if pace.bursts else "median interval",
        "jitter_s": timing.jitter,
        "lost": timing.lost,
        "mean_burst": timing.mean_burst,
        "bursts": bool(timing.bursts),
        "gaps": [
            {"start_s": float(timing.gap_start[i]) - origin, "length_s": float(timing.gap_length[i])}
            for i in longest
        ],
        "gap_share": float(timing.gap_length.sum()) / timing.duration,
    }


def _receivers(capture: xr.Dataset, maps: xr.Dataset) -> list[dict[str, Any]]:
    used = maps["used"].values
    power = maps["power"].values
    top = max(float(power.max()), np.finfo(np.float64).tiny)
    names = [str(name) for name in capture.coords["receiver"].values]
    found = []
    for i, name in enumerate(names):
        of = {
            key: capture.coords[coord].values[i].item()
            for key, coord in (("device", "device"), ("rx", "rx_element"), ("tx", "tx_element"))
            if coord in capture.coords
        }
        found.append(
            {
                "name": name,
                **of,
                "role": str(capture.coords["role"].values[i]) if "role" in capture.coords else "unknown",
                "power_db": float(10 * np.log10(max(power[i] / top, 1e-30))),
                "variation": float(np.median(maps["variation"].values[i, used])),
                "steadiness": float(np.median(maps["steadiness"].values[i, used])),
                "coherence": dict(zip(names, maps["coherence"].values[i].round(4).tolist(), strict=True)),
            }
        )
    return found


def _reported(capture: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Range of each number that the file holds for each packet."""
    found = {}
    for name, variable in capture.data_vars.items():
        if variable.dims != ("packet",) or name in _KINDS or variable.dtype.kind not in "fiu":
            continue
        values = variable.values.astype(np.float64)
        values = values[np.isfinite(values)]
        if values.size:
            least, middle, most = np.quantile(values, (0, 0.5, 1)).tolist()
            units = str(variable.attrs.get("units", ""))
            found[str(name)] = {"least": least, "median": middle, "most": most, "units": units}
    return found


def _kinds(capture: xr.Dataset) -> dict[str, dict[str, int]]:
    """Packets of each kind, the most frequent first."""
    found = {}
    for name, variable in capture.variables.items():
        if variable.dims != ("packet",) or not (name in _KINDS or variable.dtype.kind in "USTOb"):
            continue
        values = variable.values
        whole = values.dtype.kind == "f" and np.isfinite(values).all()
        counts = Counter(map(str, values.astype(np.int64) if whole else values))
        shown = counts.most_common(_MOST_KINDS)
        if rest := values.size - sum(n for _, n in shown):
            shown.append((f"{len(counts) - _MOST_KINDS} others", rest))
        found[str(name)] = dict(shown)
    return found


def _assumed(capture: xr.Dataset) -> list[str]:
    attrs = capture.attrs
    if "scenario" in attrs:
        return [f"nothing: simulated by isacsim {attrs.get('isacsim', '')} with seed {attrs.get('seed')}"]
    found = []
    if attrs.get("phase_sign_source") == "assumed":
        found.append(
            "phase sign: -1; if it is +1, velocities, accelerations and jerks have the opposite sign"
        )
    elif "phase_sign_source" in attrs:
        found.append(f"phase sign: {attrs.get('phase_sign')}, as given")
    if attrs.get("format") == "intel5300":
        found.append(f"carrier: {attrs['carrier'] / 1e9:g} GHz, as given; the file does not say it")
    if "packet_rate" in attrs:
        found.append(f"packet times: {attrs['packet_rate']:g} packets/s, as given")
    if "role" in capture.coords and (capture.coords["role"].values == "unknown").all():
        found.append("roles of the receivers: unknown; a reference is chosen by phase coherence")
    if "agc_gain_db" not in capture:
        found.append("gain: as the chip reports the CSI; gain control is not undone")
    return found


def _remarks(timing: PacketTiming, maps: xr.Dataset, reported: dict[str, dict[str, Any]]) -> list[str]:
    found = []
    if timing.bursts:
        found.append(
            f"packets come in bursts: half of the intervals are below {timing.median_interval * 1e3:.3g} ms, yet there "
            f"are {timing.mean_rate:.3g} packets/s"
        )
    if timing.gap_length.size:
        found.append(
            f"gaps: {timing.gap_length.size}, together {timing.gap_length.sum():.3g} s, the longest "
            f"{timing.gap_length.max():.3g} s"
        )
    odd = float(maps.attrs["odd_packets"]) / timing.packets
    if odd > _ODD_SHARE:
        found.append(
            f"{100 * odd:.0f} % of the packets have another shape over frequency than the rest: another kind of frame, "
            "bandwidth or transmitter, or a channel that changes much"
        )
    if maps.attrs["not_finite"]:
        found.append(f"{maps.attrs['not_finite']} packets hold NaN or infinite values and are left out here")
    for word, what in (("dead", "are constant"), ("unsteady", "hold no steady channel")):
        if n := int(maps[word].values.sum()):
            found.append(f"{n} subcarriers in use {what} (by number in the radio's list)")
    coherence = maps["coherence"].values
    if len(coherence) > 1:
        best = float((coherence - np.eye(len(coherence))).max())
        if best < _COHERENT:
            found.append(f"no two receivers keep their phase difference (coherence {best:.2f} at best)")
    for name, values in reported.items():
        low, high = _PLAUSIBLE_DBM
        if values["units"] == "dBm" and (values["least"] < low or values["most"] > high):
            found.append(
                f"{name} from {values['least']:g} to {values['most']:g} dBm: no such power is received"
            )
    return found
