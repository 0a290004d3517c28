"""Pictures of what a capture holds: over time, over frequency, and both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from isacsim.figures.spectra import COLORMAP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isacsim.survey.describe import CaptureDescription

__all__ = ["capture_figure", "frequency_figure", "map_figure", "time_figure"]

_DPI = 110
_MOST_RECEIVERS = 8
_FLOOR_DB = 40.0
_RATE_BINS = 120
_COLOURS = ("#21618c", "#c0392b", "#1e8449", "#b9770e", "#6c3483", "#117a65", "#784212", "#34495e")


def time_figure(described: CaptureDescription) -> Figure:
    """Packets per second, received power, and what the chip reports, over time."""
    reported = [name for name in ("rssi", "agc", "agc_gain_db", "noise") if name in described.maps]
    figure = Figure(figsize=(10.5, 3.9 + 1.7 * bool(reported)), dpi=_DPI, layout="constrained")
    axes = figure.subplots(2 + bool(reported), 1, sharex=True)
    _rate(axes[0], described)
    _power(axes[1], described)
    if reported:
        _reported(axes[2], described, reported)
    for one in axes:
        one.grid(color="#eeeeee")
    axes[-1].set_xlabel("time after the first packet [s]")
    return figure


def _rate(axes: Axes, described: CaptureDescription) -> None:
    maps = described.maps
    # A bin of the maps may hold a packet or two: too few to count a rate by.
    together = -(-maps.sizes["bin"] // _RATE_BINS)
    whole = maps[["packets"]].coarsen(bin=together, boundary="trim")
    time, rate = whole.mean()["time"], whole.mean()["packets"] / maps.attrs["bin_s"]
    axes.step(time, rate, where="mid", color=_COLOURS[0], lw=1)
    axes.axhline(described.timing["mean_rate"], color="#888888", lw=0.8, ls="--", label="mean")
    for gap in described.timing["gaps"][:200]:
        axes.axvspan(gap["start_s"], gap["start_s"] + gap["length_s"], color="#f5b7b1", lw=0)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("packets/s")
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    axes.set_title("Packet rate; gaps are red", fontsize=10, loc="left")


def _power(axes: Axes, described: CaptureDescription) -> None:
    for i, receiver in enumerate(described.receivers[:_MOST_RECEIVERS]):
        power = described.maps["power_db"].values[i]
        axes.plot(described.maps["time"], power, lw=0.9, color=_COLOURS[i], label=receiver["name"])
    axes.set_ylabel("power [dB]")
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="lower right")
    axes.set_title("Power of the CSI, relative to the strongest receiver's mean", fontsize=10, loc="left")


def _reported(axes: Axes, described: CaptureDescription, names: list[str]) -> None:
    for i, name in enumerate(names):
        values, units = described.maps[name].values, described.maps[name].attrs["units"]
        middle = described.reported[name]["median"]
        label = f"{name} from {middle:.3g} {units}"
        axes.plot(described.maps["time"], values - middle, lw=0.9, color=_COLOURS[i], label=label)
    axes.set_ylabel("[dB]")
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="lower right")
    axes.set_title("As the chip reports it, from the median", fontsize=10, loc="left")


def map_figure(described: CaptureDescription, what: str) -> Figure:
    """Amplitude or phase over time and frequency, one picture a receiver.

    Parameters
    ----------
    described : CaptureDescription
    what : {"amplitude_db", "phase"}
        The phase is what is left when each packet is aligned to the mean channel by a phase and a slope.
    """
    count = min(len(described.receivers), _MOST_RECEIVERS)
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    figure = Figure(figsize=(10.5, 0.7 + 2.2 * rows), dpi=_DPI, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    maps = described.maps
    used = maps["used"].values
    values = maps[what].values[:count].astype(np.float64)
    finite = values[:, used][np.isfinite(values[:, used])]
    if what == "phase":
        limit = float(np.quantile(np.abs(finite), 0.99)) if finite.size else 1.0
        style: dict[str, Any] = {"cmap": "RdBu", "vmin": -max(limit, 0.05), "vmax": max(limit, 0.05)}
        label = "phase from the mean channel's [rad]"
    else:
        low, high = np.quantile(finite, (0.01, 0.995)) if finite.size else (-1.0, 0.0)
        style = {"cmap": COLORMAP, "vmin": max(low, high - _FLOOR_DB), "vmax": high}
        label = "power [dB]"
    offset = (maps["frequency"].values - described.radio["carrier"]) / 1e6
    for i, axes in enumerate(grid.flat):
        if i >= count:
            axes.set_axis_off()
            continue
        shown = np.where(used[:, np.newaxis], values[i], np.nan)
        mesh = axes.pcolormesh(maps["time"], offset, shown, shading="nearest", rasterized=True, **style)
        axes.set_title(described.receivers[i]["name"], fontsize=9, loc="left")
        axes.set_facecolor("#dddddd")
        axes.label_outer()
    figure.colorbar(mesh, ax=list(grid.flat), label=label, pad=0.01)
    figure.supxlabel("time after the first packet [s]", fontsize=10)
    figure.supylabel("frequency from the carrier [MHz]", fontsize=10)
    return figure


def frequency_figure(described: CaptureDescription) -> Figure:
    """Mean power, variation and steadiness over subcarriers."""
    maps = described.maps
    figure = Figure(figsize=(10.5, 3.4), dpi=_DPI, layout="constrained")
    axes = figure.subplots(1, 3)
    offset = (maps["frequency"].values - described.radio["carrier"]) / 1e6
    names = (
        ("mean_db", "mean power [dB]"),
        ("variation", "standard deviation over mean amplitude"),
        ("steadiness", ""),
    )
    used = maps["used"].values
    for one, (name, label) in zip(axes, names, strict=True):
        for i, receiver in enumerate(described.receivers[:_MOST_RECEIVERS]):
            values = np.where(used, maps[name].values[i], np.nan)
            one.plot(offset, values, lw=1, marker=".", ms=3, color=_COLOURS[i], label=receiver["name"])
        one.set_title(label or "mean aligned channel over rms", fontsize=9, loc="left")
        one.set_xlabel("frequency from the carrier [MHz]")
        one.grid(color="#eeeeee")
    axes[0].legend(fontsize=8, frameon=False)
    axes[2].set_ylim(0, 1.05)
    return figure


def capture_figure(described: CaptureDescription) -> Figure:
    """Rate, power, amplitude and phase of the strongest receiver in one picture."""
    maps = described.maps
    strongest = int(np.argmax([receiver["power_db"] for receiver in described.receivers]))
    figure = Figure(figsize=(11, 8.4), dpi=_DPI, layout="constrained")
    axes = figure.subplots(4, 1, sharex=True)
    _rate(axes[0], described)
    _power(axes[1], described)
    offset = (maps["frequency"].values - described.radio["carrier"]) / 1e6
    used = maps["used"].values[:, np.newaxis]
    name = described.receivers[strongest]["name"]
    for one, what, cmap in ((axes[2], "amplitude_db", COLORMAP), (axes[3], "phase", "RdBu")):
        values = np.where(used, maps[what].values[strongest].astype(np.float64), np.nan)
        finite = values[np.isfinite(values)]
        low, high = np.quantile(finite, (0.01, 0.99)) if finite.size else (0.0, 1.0)
        if what == "phase":
            high = max(abs(low), abs(high), 0.05)
            low = -high
        mesh = one.pcolormesh(
            maps["time"], offset, values, cmap=cmap, vmin=low, vmax=high, shading="nearest", rasterized=True
        )
        figure.colorbar(
            mesh, ax=one, pad=0.01, label="power [dB]" if what == "amplitude_db" else "phase [rad]"
        )
        one.set_facecolor("#dddddd")
        one.set_ylabel("from the carrier [MHz]")
        one.set_title(
            f"{'Amplitude' if what == 'amplitude_db' else 'Phase, packets aligned to the mean channel'}, {name}",
            fontsize=10,
            loc="left",
        )
    for one in axes[:2]:
        one.grid(color="#eeeeee")
    axes[-1].set_xlabel("time after the first packet [s]")
    figure.suptitle(f"{described.source}: {described.timing['packets']} packets", fontsize=11)
    return figure
