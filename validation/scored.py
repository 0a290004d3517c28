"""Captures of scenarios, estimated by any of the methods and compared with their truth, a row each."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.checks import check_choice
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.pairs import pairs_together
from isacsim.errors import InputError
from isacsim.estimation.estimate import COUNT_GIVEN, METHODS, TOGETHER
from isacsim.scenario.catalogue import load_scenario
from isacsim.simulation.capture import simulate
from isacsim.simulation.truth import truth_at

from .counted import match
from .own import estimate_by, is_own, own_estimator
from .points import Compute, Point
from .study import Table, rms, share

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.scenario.model import Scenario

__all__ = [
    "GATE",
    "MOST",
    "STATES",
    "chosen_methods",
    "chosen_scenarios",
    "compare",
    "errors_of",
    "rows_of",
    "rows_of_scenarios",
    "shared_summary",
]

STATES = ("velocity", "acceleration", "jerk")
# An estimate belongs to a target within these, m/s² and m/s³.
GATE = {"acceleration": 0.45, "jerk": 2.0}
# Paths that a method which is not told the number may find.
MOST = 12
# Captures at a time: what a stopped run loses, and what a process takes on.
_PART = 10


def chosen_methods(asked: Iterable[str], otherwise: Sequence[str] = METHODS) -> list[str]:
    """Methods of a study, each once, users' own among them; an `InputError` names one that there is not."""
    chosen = list(dict.fromkeys(asked or otherwise))
    for name in chosen:
        if is_own(name):
            own_estimator(name)
        else:
            check_choice("method", name, METHODS)
    return chosen


def chosen_scenarios(asked: Iterable[str]) -> dict[str, str]:
    """Scenarios of a study, each with its fingerprint: a run that goes on must find what it left."""
    return {name: load_scenario(name).fingerprint() for name in dict.fromkeys(asked or ("default",))}


def rows_of_scenarios(
    table: Table, compute: Compute, *, captures: int, n_targets: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """All captures of a study by scenario; methods, scenarios and seed are those of its table."""
    methods, first = table["settings"]["methods"], table["settings"]["first_seed"]
    points = {
        scenario: [
            Point(
                f"{scenario}, captures from {start}",
                rows_of,
                {
                    "scenario": scenario,
                    "methods": methods,
                    "seeds": range(start, min(start + _PART, first + captures)),
                    "n_targets": n_targets,
                },
            )
            for start in range(first, first + captures, _PART)
        ]
        for scenario in table["settings"]["scenarios"]
    }
    done = iter(compute(table, [point for parts in points.values() for point in parts]))
    return {scenario: [row for _ in parts for row in next(done)] for scenario, parts in points.items()}


def rows_of(
    scenario: str, methods: Sequence[str], seeds: Iterable[int], n_targets: int | None = None
) -> list[dict[str, Any]]:
    """Simulate, condition, estimate and compare: a row a capture and method.

    Parameters
    ----------
    scenario : str
        Name or path.
    methods : sequence of str
        Out of `METHODS`; all see the same captures.
    seeds : iterable of int
        One a capture, as of ``isacsim estimate SCENARIO --seed``.
    n_targets : int, optional
        Targets in each capture, in place of the scenario's draw.
    """
    loaded = load_scenario(scenario)
    out = []
    for seed in seeds:
        csi, truth = _capture(loaded, seed, n_targets)
        for method in methods:
            _warm(scenario, method)
            out.append({"seed": seed, "method": method, **compare(csi, truth, method)})
    return out


def _capture(
    scenario: Scenario, seed: int, n_targets: int | None
) -> tuple[xr.DataArray, dict[str, np.ndarray]]:
    """Conditioned CSI of the first receiver or array, and the targets' truth at the window's centre."""
    capture = simulate(scenario, seed=seed, n_targets=n_targets)
    csi = pairs_together(condition(capture), 0)
    centre = float(csi.coords["time"][[0, -1]].mean())
    truth = truth_at(capture, str(csi.coords["receiver"].values.flat[0]), centre)
    assert truth is not None  # simulated just now, by this version
    return csi, {name: truth[name].values for name in STATES}


@cache
def _warm(scenario: str, method: str) -> None:
    """Compile before the clock starts."""
    compare(*_capture(load_scenario(scenario), 0, None), method)


def compare(csi: xr.DataArray, truth: dict[str, np.ndarray], method: str) -> dict[str, Any]:
    """Estimate by one method, and match within `GATE`.

    Methods of `COUNT_GIVEN` are told how many targets there are; the others may find up to `MOST`. One that refuses a
    capture has found nothing.

    Returns
    -------
    dict
        ``truth``, ``found``, ``matched``, ``seconds`` of processor time, ``refused``, and ``cannot_tell``, None where
        the method never says so. For each state ``error_*`` and ``std_*`` of the matched paths, with None for
        standard errors that are not finite.
    """
    if "receiver" in getattr(csi, "dims", ()) and method not in TOGETHER:
        csi = csi.isel(receiver=0)
    count = truth["acceleration"].size
    told = method in COUNT_GIVEN
    row: dict[str, Any] = {"truth": count, "found": 0, "matched": 0, "refused": False, "cannot_tell": None}
    started = clock.process_time()
    found = None
    if count or not told:
        try:
            found = estimate_by(method, csi, max_paths=count if told else MOST)
        except InputError:
            row["refused"] = True
    row["seconds"] = clock.process_time() - started
    if found is None:
        return row
    row["found"] = found.sizes["path"]
    if "cannot_tell" in found.attrs:
        row["cannot_tell"] = bool(found.attrs["cannot_tell"])
    i, j = match(found, truth, GATE)
    row["matched"] = int(i.size)
    for name in STATES:
        off = found[name].values[i] - truth[name][j]
        row[f"error_{name}"] = [float(x) if np.isfinite(x) else None for x in off]
        row[f"std_{name}"] = [float(x) if np.isfinite(x) else None for x in found[f"std_{name}"].values[i]]
    return row


def errors_of(rows: list[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Errors and standard errors of one state over all matched paths; NaN where there is none."""
    columns = [[x for row in rows for x in row.get(f"{what}_{name}", [])] for what in ("error", "std")]
    error, std = (np.array(column, dtype=float) for column in columns)
    return error, std


def shared_summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Summarise captures of one scenario by one method; "cannot tell" and refusals count as wrong."""
    given = rows[0]["method"] in COUNT_GIVEN
    targets, found = sum(row["truth"] for row in rows), sum(row["found"] for row in rows)
    matched = sum(row["matched"] for row in rows)
    right = sum(
        row["found"] == row["truth"] and not row["cannot_tell"] and not row["refused"] for row in rows
    )
    unsure = [row["cannot_tell"] for row in rows if row["cannot_tell"] is not None]
    seconds = np.array([row["seconds"] for row in rows])
    out: dict[str, Any] = {
        "count_given": given,
        "captures": len(rows),
        "targets": targets,
        "count_right": None if given else share(right, len(rows)),
        "recall": share(matched, targets) if targets else None,
        "false_a_capture": (found - matched) / len(rows),
        "cannot_tell": share(sum(unsure), len(rows)) if unsure else None,
        "refused": sum(row["refused"] for row in rows),
        "seconds": {"median": float(np.median(seconds)), "mean": float(seconds.mean())},
        "error": {},
    }
    for name in STATES:
        error = errors_of(rows, name)[0]
        if error.size and np.isfinite(error).all():
            out["error"][name] = rms(error)
    return out
