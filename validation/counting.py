"""Study `counting`: how often the count is right, and how close matched paths come to the joint bound.

The paper's way, counting the peaks of the AJ spectrum above a threshold, is shown on the same captures. Asked for
methods or scenarios, the study compares those instead (`counting_methods`).

Full size: 300 captures with 3-7 targets and 300 with 1-8, 50 at each of 22 points of the sweeps, and 500 without a
target of either kind: about 15 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import counting_figure, counting_methods
from .captures import STATES
from .counted import FIRST, captures, empty_captures
from .points import Compute, Point
from .study import Table, opening, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["false_alarms", "figure", "run", "summary"]

NAME = "counting"
DESCRIPTION = (
    "number of targets: accuracy, confusion, F1, error on matched paths; relax and peak counting (15 min)"
)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rates over captures, and rmse over matched paths against the bound's own root mean square."""
    found, true = np.array([r["found"] for r in rows]), np.array([r["truth"] for r in rows])
    hits = sum(r.get("matched", 0) for r in rows)
    seconds = np.array([r["seconds"] for r in rows])
    table: dict[str, Any] = {
        "captures": len(rows),
        "count_right": float((found == true).mean()),
        "f1": 2 * hits / max(int(found.sum() + true.sum()), 1),
        "seconds": {
            "mean": float(seconds.mean()),
            "median": float(np.median(seconds)),
            "95 %": float(np.quantile(seconds, 0.95)),
            "max": float(seconds.max()),
            "share_within_half_a_second": float((seconds <= 0.5).mean()),
        },
        "wrong": [(r["seed"], r["truth"], r["found"]) for r in rows if r["found"] != r["truth"]],
        "confusion": _confusion(true, found),
    }
    table["count_right_interval"] = share(int((found == true).sum()), len(rows))
    if "peaks_found" in rows[0]:
        peaks = np.array([r["peaks_found"] for r in rows])
        peak_hits = sum(r["peaks_matched"] for r in rows)
        table["peaks"] = {
            "count_right": share(int((peaks == true).sum()), len(rows)),
            "f1": 2 * peak_hits / max(int(peaks.sum() + true.sum()), 1),
            "confusion": _confusion(true, peaks),
        }
    for name in STATES:
        error = np.concatenate([r.get(f"error_{name}", []) for r in rows])
        bound = np.concatenate([r.get(f"bound_{name}", []) for r in rows])
        if error.size:
            table[f"rmse_over_bound_{name}"] = float(np.sqrt((error**2).mean() / (bound**2).mean()))
            table[f"normalised_rms_{name}"] = float(np.sqrt(((error / bound) ** 2).mean()))
    return table


def _confusion(true: np.ndarray, found: np.ndarray) -> dict[str, list[int]]:
    """By true count, how many captures had 0, 1, ... 10 found."""
    return {str(n): np.bincount(found[true == n], minlength=11).tolist() for n in np.unique(true).tolist()}


def false_alarms(rows: list[dict[str, Any]], *, static: bool) -> dict[str, Any]:
    """Share of captures without a moving path in which one was found, and quantiles of the gain."""
    levels = (0.5, 0.9, 0.99, 1.0)
    hits = sum(row["found"] > 0 for row in rows)
    gains = np.quantile([row["gain"] for row in rows], levels)
    return {
        "captures": len(rows),
        "static": static,
        "false_alarms": hits / len(rows),
        "interval": share(hits, len(rows)),
        "penalty": rows[0]["penalty"],
        "gain_quantiles": dict(zip(map(str, levels), gains.tolist(), strict=True)),
    }


# What the sweeps vary, each alone, from 1-8 targets at 15 dB, 32 subcarriers, 1024 packets, sigma = 0.3.
SWEEPS: dict[str, tuple[float, ...]] = {
    "snr_db": (-25.0, -20.0, -15.0, -10.0, 0.0, 10.0, 20.0),
    "spread": (0.0, 0.3, 0.6, 1.0),
    "subcarriers": (2, 4, 8, 16, 32, 64),
    "packets": (256, 512, 768, 1024, 2048),
}
_QUICK_SWEEPS: dict[str, tuple[float, ...]] = {"snr_db": (-45.0, 15.0)}
# Captures at a time: what a stopped run loses, and what a process takes on.
_PART = 50


def _parts(name: str, function: Callable[..., Any], first: int, count: int, **arguments: Any) -> list[Point]:
    """Some captures, part by part."""
    return [
        Point(
            f"{name}, captures from {start}",
            function,
            {"seeds": range(start, min(start + _PART, first + count)), **arguments},
        )
        for start in range(first, first + count, _PART)
    ]


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    methods: Iterable[str] = (),
    scenarios: Iterable[str] = (),
) -> Table:
    """Do the study; see `validation.study.Study`. `trials` is the number of captures of the main part."""
    if methods or scenarios:
        return counting_methods.run(
            NAME,
            quick=quick,
            seed=seed,
            compute=compute,
            trials=trials,
            methods=methods,
            scenarios=scenarios,
        )
    trials = trials or (8 if quick else 300)
    each, empty = max(trials // 6, 1), max(trials * 5 // 3, 1)
    sweeps = _QUICK_SWEEPS if quick else SWEEPS
    mixtures = {"stated": (3, 7)} if quick else {"stated": (3, 7), "all": (1, 8)}
    table = opening(
        NAME,
        quick=quick,
        seed=seed,
        settings={
            "trials": trials,
            "captures_a_sweep_point": each,
            "captures_without_target": empty,
            "stated": {
                "targets": [3, 7],
                "snr_db": [5, 25],
                "spread": 0.3,
                "subcarriers": 32,
                "packets": 1024,
            },
            "sweep_from": {
                "targets": [1, 8],
                "snr_db": 15,
                "spread": 0.3,
                "subcarriers": 32,
                "packets": 1024,
            },
        },
    )
    first = FIRST + 10**6 * seed
    # Lists of points, each with what its rows make up.
    mixed = {
        name: _parts(f"{name} targets", captures, first, trials, targets=targets, peaks=True)
        for name, targets in mixtures.items()
    }
    swept: list[tuple[str, float, list[Point]]] = []
    for name, values in sweeps.items():
        for value in values:
            changed: dict[str, Any] = {"snr": (15.0, 15.0), "spread": 0.3, name: value}
            if name == "snr_db":
                changed["snr"] = (changed.pop("snr_db"), value)
            # Seeds of their own: the sweeps are no repetition of the main part.
            points = _parts(
                f"{name} {value:g}", captures, first + 500_000, each, targets=(1, 8), peaks=True, **changed
            )
            swept.append((name, value, points))
    without = {
        static: _parts(f"no target, static {static}", empty_captures, 0, empty, static=static, seed=seed)
        for static in (False, True)
    }
    lists = [*mixed.values(), *(points for _, _, points in swept), *without.values()]
    flat = iter(compute(table, [point for points in lists for point in points]))
    rows = iter([[row for _ in points for row in next(flat)] for points in lists])
    # The rows hold every error; the table keeps what they come to.
    for name in mixed:
        table[name] = summary(next(rows))
    table["sweeps"] = [{"of": name, "value": value, **summary(next(rows))} for name, value, _ in swept]
    table["false_alarms"] = [false_alarms(next(rows), static=static) for static in without]
    return table


def figure(table: Table) -> Figure:
    """Draw what `run` returned, of either kind."""
    return counting_methods.figure(table) if "rows" in table else counting_figure.figure(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--captures", type=int, default=300)
    parser.add_argument("--targets", type=int, nargs=2, default=(3, 7))
    parser.add_argument("--span", type=float, default=80e6)
    parser.add_argument("--output", default="")
    parser.add_argument(
        "--false-alarms", action="store_true", help="noise-only and static-only captures instead"
    )
    args = parser.parse_args()
    if args.false_alarms:
        alarms = [
            false_alarms(empty_captures(range(args.captures), static=static), static=static)
            for static in (False, True)
        ]
        print(json.dumps(alarms, indent=1))
        raise SystemExit
    result = captures(
        range(args.first, args.first + args.captures), targets=tuple(args.targets), span=args.span
    )
    print(json.dumps(summary(result), indent=1))
    if args.output:
        with open(args.output, "w") as file:
            json.dump(result, file)
