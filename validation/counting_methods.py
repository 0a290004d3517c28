"""Study `counting` by scenario: every method on the same captures of shipped scenarios, conditioned as by a command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .counted import FIRST
from .own import digests_of
from .points import Compute
from .scored import GATE, MOST, chosen_methods, chosen_scenarios, rows_of_scenarios, shared_summary
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_shares", "figure", "labels", "run"]


def run(
    name: str,
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None,
    methods: Iterable[str],
    scenarios: Iterable[str],
) -> Table:
    """Make the table of methods by scenario, ``rows``; `trials` captures of each scenario."""
    trials = trials or (2 if quick else 100)
    settings: dict[str, Any] = {
        "trials": trials,
        "methods": chosen_methods(methods),
        "scenarios": chosen_scenarios(scenarios),
        "own": digests_of(methods),
        "first_seed": FIRST + 10**6 * seed,
        "most_paths": MOST,
        "gate": GATE,
    }
    table = opening(name, quick=quick, seed=seed, settings=settings)
    found = rows_of_scenarios(table, compute, captures=trials)
    table["rows"] = [
        {
            "scenario": scenario,
            "method": method,
            **shared_summary([row for row in rows if row["method"] == method]),
        }
        for scenario, rows in found.items()
        for method in settings["methods"]
    ]
    return table


def labels(rows: list[dict[str, Any]]) -> list[str]:
    """One a row of a table: the scenario, the method, and whether that was told the count."""
    return [
        f"{row['scenario']}, {row['method']}" + ", count given" * row.get("count_given", False)
        for row in rows
    ]


def figure(table: Table) -> Figure:
    """Draw count right, recall, false paths and time, a line a scenario and method."""
    rows, gate = table["rows"], table["settings"]["gate"]
    drawing = figure_of(
        table,
        (13, 2.2 + 0.28 * len(rows)),
        f"Captures as `isacsim estimate` conditions them; count unknown, at most {table['settings']['most_paths']} "
        f"paths, but for methods that must be told it (count given). Matched within {gate['acceleration']:g} m/s² and "
        f"{gate['jerk']:g} m/s³; refusals and “cannot tell” (hollow) count as wrong. Bars: 95 %. "
        "Time: median, processor.",
    )
    panels = drawing.subplots(1, 4, sharey=True)
    for axis, (key, title) in zip(
        panels, {"count_right": "count right", "recall": "recall"}.items(), strict=False
    ):
        draw_shares(axis, [row[key] for row in rows], title)
    unsure = [row["cannot_tell"] for row in rows]
    panels[0].plot([np.nan if s is None else s["value"] for s in unsure], range(len(rows)), "o", mfc="none")
    for axis, values, title in (
        (panels[2], [row["false_a_capture"] for row in rows], "false a capture"),
        (panels[3], [row["seconds"]["median"] for row in rows], "time a capture [s]"),
    ):
        axis.barh(range(len(rows)), values, height=0.5)
        axis.set(title=title)
        axis.grid(alpha=0.3)
    panels[0].set_yticks(range(len(rows)), labels(rows), fontsize=8)
    panels[0].invert_yaxis()
    return drawing


def draw_shares(axis: Axes, shares: list[dict[str, float] | None], title: str, *, color: str = "C0") -> None:
    """Draw shares with their intervals, one above the other; None leaves its line empty."""
    for k, one in enumerate(shares):
        if one is not None:
            axis.plot([one["low"], one["high"]], [k, k], color=color, lw=1)
            axis.plot(one["value"], k, "o", color=color, ms=4)
    axis.set(title=title, xlim=(-0.03, 1.03), ylim=(-0.5, len(shares) - 0.5))
    axis.grid(alpha=0.3)
