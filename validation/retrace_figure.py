"""The figure of the study `retrace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .study import Table, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure"]

# Lower end of the upper panels, s.
_SHORTEST = 0.05


def figure(table: Table) -> Figure:
    """Draw which model holds at which speed and window, phase errors, and where the AJ peak lies."""
    settings = table["settings"]
    tolerated = settings["tolerated_wavelengths"]
    limits = settings["windows_s"][0], settings["windows_s"][-1]
    drawing = figure_of(
        table,
        (12, 9),
        "A point at 1.2 m height in the room of lab_rt, 5.8 GHz, traced anew at every packet. Top: longest window "
        f"about its centre in which a model's phase stays within {tolerated:g} wavelengths of the traced one, median "
        "over the places: green, one solve and its Doppler shift do; blue, the cubic does; red, only the exact "
        f"geometry (or tracing anew) does; below {limits[0]:g} s extrapolated. Bottom left: largest phase error, "
        "median and range. Bottom right: distance of the AJ peak from the acceleration at the centre, in resolution "
        "cells, of the traced CSI and of one with Doppler alone, median.",
    )
    axes = drawing.subplots(2, 2)
    low, high = _SHORTEST, limits[1]
    for axis, motion, title in zip(
        axes[0],
        ("straight", "turn"),
        (
            "straight on, constant speed",
            f"turning by {settings['turn']['deg']:g}° within {settings['turn']['s']:g} s",
        ),
        strict=True,
    ):
        rows = [row for row in table["longest_window_s"] if row["motion"] == motion]
        speed = [row["speed_m_s"] for row in rows]
        bound = {m: np.clip([row[m] or high for row in rows], low, high) for m in ("doppler", "cubic")}
        axis.fill_between(speed, low, bound["doppler"], color="C2", alpha=0.35, lw=0)
        axis.fill_between(speed, bound["doppler"], bound["cubic"], color="C0", alpha=0.35, lw=0)
        axis.fill_between(speed, bound["cubic"], high, color="C3", alpha=0.35, lw=0)
        axis.plot(speed, bound["doppler"], "C2.-", label="Doppler alone")
        axis.plot(speed, bound["cubic"], "C0.-", label="cubic")
        axis.set(xscale="log", yscale="log", xlim=(speed[0], speed[-1]), ylim=(low, high), title=title)
        axis.set_xlabel("speed [m/s]")
        axis.set_ylabel("window [s]")
        axis.legend(fontsize=8, loc="lower left")
        _plain(axis.xaxis, [0.3, 0.5, 1, 2, 3])
        _plain(axis.yaxis, [0.05, 0.1, 0.2, 0.5, 1, 2])
    speeds = np.array(settings["speed_m_s"])
    shown = sorted({float(speeds[np.abs(speeds - near).argmin()]) for near in (0.5, 1.26, 3.0)})
    for n, near in enumerate(shown):
        row = next(r for r in table["rows"] if r["motion"] == "straight" and r["speed_m_s"] == near)
        window = [w["window_s"] for w in row["windows"]]
        for model, line in (("doppler", "-"), ("cubic", "--"), ("exact", ":")):
            each = [w[model]["wavelengths"] for w in row["windows"]]
            axes[1, 0].plot(
                window, [e["median"] for e in each], f"C{n}{line}", label=f"{model}, {near:g} m/s"
            )
            least, most = ([e[k] for e in each] for k in ("least", "most"))
            axes[1, 0].fill_between(window, least, most, color=f"C{n}", alpha=0.08, lw=0)
        for name, line in (("doppler", "-"), ("traced", "--")):
            off = [w["peak_off_cells"][name][0]["median"] for w in row["windows"]]
            axes[1, 1].plot(window, off, f"C{n}{line}", label=f"{name}, {near:g} m/s")
    axes[1, 0].axhline(tolerated, color="k", lw=0.6)
    axes[1, 1].axhline(0.5, color="k", lw=0.6)
    for axis, label in zip(axes[1], ("phase error [wavelengths]", "peak off in a [cells]"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="window [s]", ylabel=label, title="straight on")
        axis.legend(fontsize=7)
        axis.grid(alpha=0.3)
        _plain(axis.xaxis, [0.128, 0.25, 0.5, 1, 2])
    return drawing


def _plain(axis: Any, ticks: list[float]) -> None:
    axis.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    axis.set_ticks([], minor=True)
