"""Captures of the counting study, each drawn from its seed, estimated and compared with its truth."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from isacsim.errors import InputError
from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.estimate import estimate_paths
from isacsim.estimation.relax.algorithm import relax

from .captures import STATES, axes, channel, draw_paths, noise, static_part

__all__ = ["FIRST", "captures", "empty_captures", "match", "one_capture"]

# The first seed; those below 100 000 were looked at while the estimator was made.
FIRST = 7_000_000
MATCH = {"acceleration": 0.2, "jerk": 1.5}


def match(
    estimate: Any, truth: dict[str, np.ndarray], gate: Mapping[str, float] = MATCH
) -> tuple[np.ndarray, np.ndarray]:
    """Indices (estimate, truth) of pairs within a gate (0.2 m/s^2, 1.5 m/s^3), as many and as close as can be."""
    cost = np.zeros((estimate["acceleration"].size, truth["acceleration"].size))
    for name, width in gate.items():
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
