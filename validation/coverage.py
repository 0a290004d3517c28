"""Study `coverage`: agreement of the standard errors that a method reports with its errors.

Of matched paths (0.45 m/s², 2 m/s³), the share whose error lies within one and two reported standard errors: 68 and
95 % where they are right. Paths whose standard errors are withheld (NaN) are counted and left out of those shares. An
error beyond the gate never enters, so very wide ones look better than they are. So the width is given beside the
errors.

Full size: 500 captures of `default`, every method that counts: about 6 minutes on one core for `relax`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.estimation.estimate import COUNT_GIVEN, METHODS

from .counted import FIRST
from .counting_methods import draw_shares, labels
from .own import digests_of
from .points import Compute
from .scored import (
    GATE,
    MOST,
    STATES,
    chosen_methods,
    chosen_scenarios,
    errors_of,
    rows_of_scenarios,
    shared_summary,
)
from .study import Table, figure_of, opening, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "coverage"
DESCRIPTION = (
    "share of errors within 1 and 2 reported standard deviations, and their width, by scenario (6 min)"
)

# What a normal error does.
WITHIN = {1: 0.683, 2: 0.954}


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    methods: Iterable[str] = (),
    scenarios: Iterable[str] = (),
) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (3 if quick else 500)
    settings: dict[str, Any] = {
        "trials": trials,
        "methods": chosen_methods(methods, [m for m in METHODS if m not in COUNT_GIVEN]),
        "scenarios": chosen_scenarios(scenarios),
        "own": digests_of(methods),
        "first_seed": FIRST + 10**6 * seed,
        "most_paths": MOST,
        "gate": GATE,
    }
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    found = rows_of_scenarios(table, compute, captures=trials)
    table["rows"] = []
    for scenario, rows in found.items():
        for method in settings["methods"]:
            own = [row for row in rows if row["method"] == method]
            shared = shared_summary(own)
            kept = {
                name: shared[name] for name in ("count_given", "captures", "targets", "count_right", "recall")
            }
            table["rows"].append({"scenario": scenario, "method": method, **kept, **summary(own)})
    return table


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage of each state over matched paths, median width and rmse of those whose standard errors are finite."""
    columns = {name: errors_of(rows, name) for name in STATES}
    known = np.all([np.isfinite(std) & np.isfinite(error) for error, std in columns.values()], axis=0)
    out: dict[str, Any] = {"matched": int(known.size), "finite": None}
    if known.size:
        out["finite"] = share(int(known.sum()), known.size)
    for name, (error, std) in columns.items():
        if known.any():
            off, width = np.abs(error[known]), std[known]
            out[name] = {
                "within": {str(n): share(int((off <= n * width).sum()), off.size) for n in WITHIN},
                "median_width": float(np.median(width)),
                "rmse": float(np.sqrt((off**2).mean())),
                "median_error": float(np.median(off)),
            }
    return out


def figure(table: Table) -> Figure:
    """Draw coverage, a line a scenario and method and a panel a state, with the width over the rmse beside it."""
    rows = table["rows"]
    drawing = figure_of(
        table,
        (13, 2.4 + 0.34 * len(rows)),
        "Share of matched paths whose error lies within one (blue) and two (orange) reported standard errors; "
        "dotted: of a normal error. Right: share of matched paths that have standard errors. "
        "Number: median standard error / "
        "rmse. Bars: 95 % as if paths of one capture were independent.",
    )
    panels = drawing.subplots(1, 4, sharey=True)
    for axis, name in zip(panels, STATES, strict=False):
        for n, right in WITHIN.items():
            shares = [row[name]["within"][str(n)] if name in row else None for row in rows]
            draw_shares(axis, shares, name, color=f"C{n - 1}")
            axis.axvline(right, color=f"C{n - 1}", lw=0.8, ls=":")
        for k, row in enumerate(rows):
            if name in row:
                ratio = row[name]["median_width"] / max(row[name]["rmse"], np.finfo(float).tiny)
                axis.text(0, k, f"{ratio:.2g}", fontsize=8, va="center")
    draw_shares(panels[3], [row["finite"] for row in rows], "finite standard errors")
    panels[0].set_yticks(range(len(rows)), labels(rows), fontsize=8)
    panels[0].invert_yaxis()
    return drawing
