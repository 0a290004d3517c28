"""The figure of study `realism`: a window's spectrogram, real and simulated, and the distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.figures.spectra import COLORMAP

from .realism_match import SHIPPED, STATISTICS
from .realism_measures import DISTANCES
from .study import Table, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLOURS = {"point": "#1f77b4", "walker": "#d62728", "nobody": "#888888"}
_FLOOR_DB = -25


def draw(table: Table) -> Figure:
    """Draw the table of `validation.realism.run`."""
    files = [one["file"] for one in table["settings"]["captures"]]
    drawing = figure_of(
        table,
        (15, 18.5 + 1.2 + 0.36 * len(_matched(table))),
        "Top: Doppler spectrograms (static part removed, dB below the maximum) of the window with most motion of each "
        "capture, as received and cleaned, and of a simulated walker and point with the packet times and levels of the "
        "latter, impaired. Below: distance of simulated windows from the real ones, captures by number; lower is "
        "closer; bars: ± 1.96 bootstrap standard deviations; black lines: the same distance between halves of the "
        "capture, mean and range, where it is long enough. But for MMD² the distance of small sets is never zero. At "
        "the bottom: energy distance of whole simulated captures over that between the capture's halves, by scenario, "
        "before (intel5300, walker) and after (from-capture). Trials are simulated windows; a point is a set.",
    )
    matched = _matched(table)
    last = (1.2 + 0.36 * len(matched)) / 18.5 * 2.5
    parts: Any = drawing.subfigures(3, 1, height_ratios=(1.15, 1.35, last))
    _spectrograms(parts[0], table, files)
    grid = parts[1].subplots(3, 3)
    for axes, (name, (label, unit)) in zip(grid.flat, DISTANCES.items(), strict=True):
        _panel(axes, table, files, name)
        axes.set_title(label, fontsize=10)
        axes.set_ylabel(unit, fontsize=9)
    grid[0, 0].legend(fontsize=7)
    _matching(parts[2], matched)
    return drawing


def _matched(table: Table) -> list[dict[str, Any]]:
    return [row for row in table["matched"] if row.get("floor")]


def _matching(part: Any, rows: list[dict[str, Any]]) -> None:
    """Energy distances over the floor: a panel a scenario, a line a capture, a column a statistic."""
    names = [*SHIPPED, "from-capture"]
    grid = part.subplots(1, len(names), sharey=True, squeeze=False)[0]
    shown: Any = None
    for axes, name in zip(grid, names, strict=True):
        ratio = np.array(
            [
                [
                    row["distances"][name][what]["energy"] / max(row["floor"][what]["energy"], 1e-9)
                    for what in STATISTICS
                ]
                for row in rows
            ]
        ).reshape(len(rows), len(STATISTICS))
        shown = axes.imshow(np.log10(ratio), cmap="RdYlGn_r", vmin=-0.5, vmax=2, aspect="auto")
        axes.set_xticks(range(len(STATISTICS)), list(STATISTICS), rotation=40, fontsize=8)
        axes.set_yticks(range(len(rows)), [row["capture"] for row in rows], fontsize=7)
        axes.set_title(f"{'after' if name == 'from-capture' else 'before'}: {name}", fontsize=10)
        for (i, j), value in np.ndenumerate(ratio):
            axes.text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=7)
    part.colorbar(shown, ax=list(grid), label="energy distance / floor, log10", pad=0.01)


def _row(table: Table, file: str, cleaned: bool, impaired: bool) -> dict[str, Any]:
    wanted = (file, cleaned, impaired)
    row: dict[str, Any] = next(
        r for r in table["rows"] if (r["capture"], r["cleaned"], r["impaired"]) == wanted
    )
    return row


def _spectrograms(part: Any, table: Table, files: list[str]) -> None:
    grid = part.subplots(4, len(files), squeeze=False, sharex=True)
    mesh: Any = None
    for n, (column, file) in enumerate(zip(grid.T, files, strict=True), 1):
        received, cleaned = (_row(table, file, wanted, True)["example"] for wanted in (False, True))
        shown = {
            f"{n}: {file}, as received": received["real"],
            f"{n}: cleaned": cleaned["real"],
            "simulated walker": cleaned["walker"],
            "simulated point": cleaned["point"],
        }
        for axes, (title, picture) in zip(column, shown.items(), strict=True):
            level = np.array([line.split() for line in picture["db"]], np.float64)
            mesh = axes.pcolormesh(
                picture["s"], picture["hz"], level, cmap=COLORMAP, vmin=_FLOOR_DB, vmax=0, shading="nearest"
            )
            axes.set_ylabel("Doppler [Hz]", fontsize=8)
            axes.set_title(title, fontsize=9)
        column[-1].set_xlabel("time from the window's middle [s]", fontsize=9)
    part.colorbar(mesh, ax=grid, label="dB below maximum", pad=0.01, aspect=40)


def _panel(axes: Axes, table: Table, files: list[str], name: str) -> None:
    """One distance: a group for each capture and treatment of the gain, four sets in it."""
    labels = []
    for n, (file, cleaned) in enumerate((f, g) for f in files for g in (False, True)):
        labels.append(f"{files.index(file) + 1}\n{'cleaned' if cleaned else 'as received'}")
        for k, (body, impaired) in enumerate((b, i) for b in _COLOURS for i in (False, True)):
            row = _row(table, file, cleaned, impaired)
            at = row["distances"][body][name]
            axes.errorbar(
                n + 0.13 * (k - 2.5),
                at["value"],
                [[at["value"] - at["low"]], [at["high"] - at["value"]]],
                fmt="s" if impaired else "o",
                ms=5,
                color=_COLOURS[body],
                mfc=_COLOURS[body] if impaired else "white",
                lw=1,
                label=f"{body}, {'impaired' if impaired else 'clean'}" if n == 0 else None,
            )
        floor = row["floor"].get(name)
        if floor is not None:
            axes.plot([n - 0.4, n + 0.4], [floor["value"]] * 2, "k-", lw=1.2)
            axes.fill_between([n - 0.4, n + 0.4], floor["low"], floor["high"], color="k", alpha=0.12, lw=0)
    axes.set_xticks(range(len(labels)), labels, fontsize=7)
    axes.grid(axis="y", alpha=0.3)
    if name == "kernel":
        axes.axhline(0, color="k", lw=0.6)
    else:
        axes.set_ylim(0, None)
