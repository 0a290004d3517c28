"""Study `counting`: how often the count is right, and how close matched paths come to the joint bound."""

from __future__ import annotations

import argparse
import json
import time as clock
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.relax import relax
from validation.captures import STATES, axes, channel, draw_paths, noise, static_part

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
    **options: Any,
) -> dict[str, Any]:
    """Draw, estimate and compare one capture; everything about it follows from the seed."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(targets[0], targets[1] + 1))
    snr_db = float(rng.uniform(*snr))
    t, f = axes(subcarriers, packets, span=span)
    truth = draw_paths(rng, n) if n else None
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
    if truth is not None:
        i, j = match(estimate, truth)
        bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
        row["matched"] = int(i.size)
        for name in STATES:
            error = estimate[name].values[i] - truth[name][j]
            row[f"error_{name}"] = error.tolist()
            row[f"bound_{name}"] = bound[f"std_{name}"].values[j].tolist()
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rates over captures, and rmse over matched paths against the bound's own root mean square."""
    found, true = np.array([r["found"] for r in rows]), np.array([r["truth"] for r in rows])
    hits = sum(r.get("matched", 0) for r in rows)
    table: dict[str, Any] = {
        "captures": len(rows),
        "count_right": float((found == true).mean()),
        "f1": 2 * hits / max(int(found.sum() + true.sum()), 1),
        "seconds_mean": float(np.mean([r["seconds"] for r in rows])),
        "seconds_max": float(np.max([r["seconds"] for r in rows])),
        "wrong": [(r["seed"], r["truth"], r["found"]) for r in rows if r["found"] != r["truth"]],
        "confusion": {
            str(n): np.bincount(found[true == n], minlength=11).tolist() for n in np.unique(true).tolist()
        },
    }
    for name in STATES:
        error = np.concatenate([r.get(f"error_{name}", []) for r in rows])
        bound = np.concatenate([r.get(f"bound_{name}", []) for r in rows])
        if error.size:
            table[f"rmse_over_bound_{name}"] = float(np.sqrt((error**2).mean() / (bound**2).mean()))
            table[f"normalised_rms_{name}"] = float(np.sqrt(((error / bound) ** 2).mean()))
    return table


def run(
    seeds: Iterable[int] = range(300),
    *,
    targets: tuple[int, int] = (3, 7),
    snr: tuple[float, float] = (5.0, 25.0),
    subcarriers: int = 32,
    packets: int = 1024,
    span: float = 80e6,
    **options: Any,
) -> dict[str, Any]:
    """Run the study; the defaults are the project's stated target, with nothing known about the count."""
    options.setdefault("max_paths", 10)
    one_capture(10**6, targets, snr, subcarriers, packets, span, **options)  # compile before the clock starts
    rows = [one_capture(s, targets, snr, subcarriers, packets, span, **options) for s in seeds]
    return {"summary": summary(rows), "rows": rows}


def false_alarms(
    captures: int = 500,
    *,
    static: bool = False,
    subcarriers: int = 32,
    packets: int = 1024,
    seed: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Share of captures without a moving path in which one is found, and quantiles of the gain it brought."""
    t, f = axes(subcarriers, packets)
    gains, found = [], 0
    for i in range(captures):
        rng = np.random.default_rng([seed, i, static])
        h = noise(rng, (f.size, t.size), 10.0) + (static_part(rng, f, 20.0) if static else 0)
        estimate = relax(h.astype(np.complex64), t, f, **options)
        steps = estimate.criterion.values
        gains.append(float(steps[0] - steps[1] + estimate.attrs["penalty"]))
        found += estimate.sizes["path"] > 0
    levels = (0.5, 0.9, 0.99, 1.0)
    return {
        "captures": captures,
        "static": static,
        "false_alarms": found / captures,
        "penalty": estimate.attrs["penalty"],
        "gain_quantiles": dict(zip(map(str, levels), np.quantile(gains, levels).tolist(), strict=True)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--captures", type=int, default=300)
    parser.add_argument("--targets", type=int, nargs=2, default=(3, 7))
    parser.add_argument("--span", type=float, default=80e6)
    parser.add_argument("--output", default="")
    parser.add_argument(
        "--false-alarms", action="store_true", help="noise-only and static-only captures instead"
    )
    args = parser.parse_args()
    if args.false_alarms:
        print(json.dumps([false_alarms(args.captures, static=static) for static in (False, True)], indent=1))
        raise SystemExit
    result = run(range(args.first, args.first + args.captures), targets=tuple(args.targets), span=args.span)
    print(json.dumps(result["summary"], indent=1))
    if args.output:
        with open(args.output, "w") as file:
            json.dump(result, file)
