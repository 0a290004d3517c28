"""The figure of study `counting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .study import Table, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure"]

_SWEEP_LABELS = {
    "snr_db": "SNR [dB]",
    "spread": "amplitude spread σ of ln A",
    "subcarriers": "subcarriers over 80 MHz",
    "packets": "packets at 1 kHz",
}


def figure(table: Table) -> Figure:
    """Draw confusion matrices of both ways of counting, and accuracy along the sweeps."""
    settings = table["settings"]
    main: Table = table["all"] if "all" in table else table["stated"]
    alarms = [f"{100 * x['false_alarms']:.2g} %" for x in table["false_alarms"]]
    stated = table["stated"]
    drawing = figure_of(
        table,
        (13, 7.6),
        f"Above: captures by true and found count (32 subcarriers over 80 MHz, 1024 packets, 5-25 dB, σ = 0.3). With "
        f"3-7 targets: count right {100 * stated['count_right']:.1f} %, F1 {stated['f1']:.3f} (relax); "
        f"{100 * stated['peaks']['count_right']['value']:.1f} %, {stated['peaks']['f1']:.3f} (peaks). Below: count "
        f"right with 1-8 targets, {settings['captures_a_sweep_point']} captures a point, bands 95 %. False alarms in "
        f"{settings['captures_without_target']} captures of noise {alarms[0]}, of a static scene {alarms[1]}.",
    )
    parts: Any = drawing.subfigures(2, 1, height_ratios=(1.1, 1))
    above, below = parts
    for axis, (title, part) in zip(
        above.subplots(1, 2), {"relax": main, "peaks (the paper's)": main["peaks"]}.items(), strict=True
    ):
        _draw_confusion(axis, part["confusion"], title)
    names = list(dict.fromkeys(row["of"] for row in table["sweeps"]))
    for axis, name in zip(below.subplots(1, len(names), sharey=True, squeeze=False)[0], names, strict=True):
        rows = [row for row in table["sweeps"] if row["of"] == name]
        x = [row["value"] for row in rows]
        for label, right, f1 in (
            ("relax", [r["count_right_interval"] for r in rows], [r["f1"] for r in rows]),
            ("peaks", [r["peaks"]["count_right"] for r in rows], [r["peaks"]["f1"] for r in rows]),
        ):
            (line,) = axis.plot(x, [s["value"] for s in right], ".-", label=f"{label}, count right")
            low, high = [s["low"] for s in right], [s["high"] for s in right]
            axis.fill_between(x, low, high, color=line.get_color(), alpha=0.15, lw=0)
            axis.plot(x, f1, ".:", color=line.get_color(), lw=1, label=f"{label}, F1")
        if name in ("subcarriers", "packets"):
            axis.set_xscale("log", base=2)
            axis.set_xticks(x, [f"{v:g}" for v in x])
        axis.set(xlabel=_SWEEP_LABELS[name], ylim=(-0.03, 1.03))
        axis.grid(alpha=0.3)
        if name == names[0]:
            axis.set_ylabel("share")
            below.legend(*axis.get_legend_handles_labels(), fontsize=8, ncols=4, loc="outside upper center")
    return drawing


def _draw_confusion(axis: Axes, confusion: dict[str, list[int]], title: str) -> None:
    """Write the counts into a matrix, each row shaded by its shares."""
    counts = np.array(list(confusion.values()))
    axis.imshow(counts / counts.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), n in np.ndenumerate(counts):
        if n:
            dark = n > 0.6 * counts[i].sum()
            axis.text(j, i, str(n), ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axis.set_yticks(range(len(counts)), list(confusion))
    axis.set_xticks(range(counts.shape[1]))
    axis.set(xlabel="found", ylabel="true", title=title)
