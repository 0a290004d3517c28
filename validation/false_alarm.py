"""Study `false-alarm`: how often a method finds a path where nothing moves.

The captures are those of a scenario without its targets: its static part, noise and impairments, conditioned as by
every command. Only methods that decide on the number of paths themselves can be wrong here.

Full size: 500 captures of `default`, every such method: about 1 minute on one core.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.errors import InputError
from isacsim.estimation.estimate import COUNT_GIVEN, METHODS
from isacsim.scenario.catalogue import load_scenario

from .counted import FIRST
from .counting_methods import draw_shares, labels
from .own import digests_of
from .points import Compute
from .scored import MOST, chosen_methods, chosen_scenarios, rows_of_scenarios
from .study import Table, figure_of, opening, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "false-alarm"
DESCRIPTION = (
    "captures of noise and a static scene: share in which a path is found, every method that counts (1 min)"
)


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
    chosen = chosen_methods(methods, [m for m in METHODS if m not in COUNT_GIVEN])
    if told := [m for m in chosen if m in COUNT_GIVEN]:
        raise InputError(f"method {told[0]} must be told the number of paths: it can raise no false alarm.")
    settings: dict[str, Any] = {
        "trials": trials,
        "methods": chosen,
        "scenarios": chosen_scenarios(scenarios),
        "own": digests_of(chosen),
        "first_seed": FIRST + 10**6 * seed,
        "most_paths": MOST,
    }
    for scenario in settings["scenarios"]:
        if load_scenario(scenario).movers:
            raise InputError(
                f"in scenario {scenario} things other than targets move, so a detection is no false alarm."
            )
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    found = rows_of_scenarios(table, compute, captures=trials, n_targets=0)
    table["rows"] = [
        {"scenario": scenario, "method": method, **summary([row for row in rows if row["method"] == method])}
        for scenario, rows in found.items()
        for method in chosen
    ]
    return table


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Share of captures with a path, and how many had 0, 1, 2 ... of them; "cannot tell" is no path."""
    found = np.array([0 if row["cannot_tell"] else row["found"] for row in rows])
    return {
        "captures": len(rows),
        "false_alarms": share(int((found > 0).sum()), len(rows)),
        "cannot_tell": sum(bool(row["cannot_tell"]) for row in rows),
        "refused": sum(row["refused"] for row in rows),
        "found": np.bincount(found, minlength=MOST + 1).tolist(),
        "seconds": float(np.median([row["seconds"] for row in rows])),
    }


def figure(table: Table) -> Figure:
    """Draw the share of captures in which a path was found, a line a scenario and method."""
    rows = table["rows"]
    drawing = figure_of(
        table,
        (9, 2.2 + 0.3 * len(rows)),
        "Captures of scenarios without their targets, conditioned as by every command: share in which a path is found. "
        "Bars: 95 %. Dotted: 5 %.",
    )
    axis = drawing.subplots()
    draw_shares(axis, [row["false_alarms"] for row in rows], "share of captures with a path")
    axis.axvline(0.05, color="black", lw=0.8, ls=":")
    axis.set_yticks(range(len(rows)), labels(rows), fontsize=8)
    axis.invert_yaxis()
    return drawing
