"""Study `counting`: how often the count is right, and how close matched paths come to the joint bound.

The paper's way, counting the peaks of the AJ spectrum above a threshold, is shown on the same captures.

Full size: 300 captures with 3-7 targets and 300 with 1-8, 100 at each of 22 points of the sweeps, and 500 without a
target of either kind: about 1 hour on one core.
"""

from __future__ import annotations

import argparse
import json
import time as clock
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from isacsim.errors import InputError
from isacsim.estimation import estimate_paths
from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.relax import relax

from .captures import STATES, axes, channel, draw_paths, noise, static_part
from .counting_figure import figure
from .points import Compute, Point
from .study import Table, opening, share

__all__ = ["captures", "empty_captures", "false_alarms", "figure", "match", "one_capture", "run", "summary"]

NAME = "counting"
DESCRIPTION = (
    "number of targets: accuracy, confusion, F1, error on matched paths; relax and peak counting (1 h)"
)

# The first seed; those below 100 000 were looked at while the estimator was made.
FIRST = 7_000_000
MATCH = {"acceleration": 0.2, "jerk": 1.5}


def match(estimate: Any, truth: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Indices (estimate, truth) of pairs within 0.2 m/s^2 and 1.5 m/s^3, as many and as close as can be."""
    cost = np.zeros((estimate["acceleration"].size, truth["acceleration"].size))
    for name, width in MATCH.items():
        off = np.abs(np.asarray(estimate[name])[:, None] - truth[name]) / width
        cost = np.maximum(cost, off)
    i, j = linear_sum_assignment(np.where(cost <= 1, cost, 1e3))
    near = cost[i, j] <= 1
    return i[near], j[near]


def one_capture(
    seed: int,
    targets: tuple[int, int],
    snr: tuple[float, float],
    subcarriers: int,
    packets: int,
    span: float = 80e6,
    spread: float = 0.3,
    peaks: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Draw, estimate and compare one capture; everything about it follows from the seed.

    With `peaks` the paper's peak counting has a go at it too.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(targets[0], targets[1] + 1))
    snr_db = float(rng.uniform(*snr))
    t, f = axes(subcarriers, packets, span=span)
    truth = draw_paths(rng, n, spread) if n else None
    h = channel(t, f, truth) + static_part(rng, f, 20.0)
    h = (h + noise(rng, h.shape, snr_db)).astype(np.complex64)
    started = clock.process_time()
    estimate = relax(h, t, f, **options)
    seconds = clock.process_time() - started
    row: dict[str, Any] = {
        "seed": seed,
        "snr_db": snr_db,
        "truth": n,
        "found": int(estimate.sizes["path"]),
        "seconds": seconds,
        "log": estimate.attrs["log"],
    }
    if peaks:
        counted = _peaks(h, t, f, options.get("max_paths", 10))
        row["peaks_found"] = int(counted["acceleration"].size)
        row["peaks_matched"] = int(match(counted, truth)[0].size) if truth is not None else 0
    if truth is not None:
        i, j = match(estimate, truth)
        bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
        row["matched"] = int(i.size)
        for name in STATES:
            error = estimate[name].values[i] - truth[name][j]
            row[f"error_{name}"] = error.tolist()
            row[f"bound_{name}"] = bound[f"std_{name}"].values[j].tolist()
    return row


def _peaks(h: np.ndarray, t: np.ndarray, f: np.ndarray, most: int) -> Any:
    """Find the spectrum's peaks; none where the window is too short to have a spectrum."""
    try:
        return estimate_paths(h, time=t, frequency=f, method="peaks", max_paths=most)
    except InputError:
        return {"acceleration": np.empty(0), "jerk": np.empty(0)}


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


def captures(
    seeds: Iterable[int] = range(300),
    *,
    targets: tuple[int, int] = (3, 7),
    snr: tuple[float, float] = (5.0, 25.0),
    subcarriers: int = 32,
    packets: int = 1024,
    span: float = 80e6,
    **options: Any,
) -> list[dict[str, Any]]:
    """Many captures, a row each; the defaults are the project's stated target, with nothing known about the count."""
    options.setdefault("max_paths", 10)
    one_capture(10**6, targets, snr, subcarriers, packets, span, **options)  # compile before the clock starts
    return [one_capture(s, targets, snr, subcarriers, packets, span, **options) for s in seeds]


def empty_captures(
    seeds: Iterable[int],
    *,
    static: bool,
    subcarriers: int = 32,
    packets: int = 1024,
    seed: int = 0,
    **options: Any,
) -> list[dict[str, Any]]:
    """Captures without a moving path: how many are found, and the gain that the first one brought."""
    t, f = axes(subcarriers, packets)
    rows = []
    for i in seeds:
        rng = np.random.default_rng([FIRST + seed, i, static])
        h = noise(rng, (f.size, t.size), 10.0) + (static_part(rng, f, 20.0) if static else 0)
        estimate = relax(h.astype(np.complex64), t, f, **options)
        penalty, steps = estimate.attrs["penalty"], estimate.criterion.values
        rows.append(
            {
                "found": estimate.sizes["path"],
                "gain": float(steps[0] - steps[1] + penalty),
                "penalty": penalty,
            }
        )
    return rows


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


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`. `trials` is the number of captures of the main part."""
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
            given: dict[str, Any] = {"snr": (15.0, 15.0), "spread": 0.3, name: value}
            if name == "snr_db":
                given["snr"] = (given.pop("snr_db"), value)
            # Seeds of their own: the sweeps are no repetition of the main part.
            points = _parts(
                f"{name} {value:g}", captures, first + 500_000, each, targets=(1, 8), peaks=True, **given
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
