"""Study `bound`: error of a single path over the Cramér-Rao bound, and the threshold, by method."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.cpf import cpf
from isacsim.estimation.haf import haf
from isacsim.estimation.qml import qml
from isacsim.estimation.relax import relax
from validation.captures import STATES, axes, channel, draw_paths, noise, static_part

METHODS: dict[str, Callable[..., xr.Dataset]] = {
    "relax": relax,
    "qml": qml,
    "cpf": cpf,
    "cpf-haf": partial(cpf, lag_ratio=0.089),
    "haf": haf,
}


def errors(
    trials: int, snr_db: float, subcarriers: int, packets: int = 1024, seed: int = 0, method: str = "relax"
) -> dict[str, np.ndarray]:
    """Error over bound for every trial and state, (trials,) each; none is left out."""
    t, f = axes(subcarriers, packets)
    out = {name: np.empty(trials) for name in STATES}
    for i in range(trials):
        rng = np.random.default_rng([seed, i])
        truth = draw_paths(rng, 1, spread=0.0)
        h = channel(t, f, truth) + static_part(rng, f, 20.0)
        h = (h + noise(rng, h.shape, snr_db)).astype(np.complex64)
        estimate = METHODS[method](h, t, f, n_paths=1)
        bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
        for name in STATES:
            out[name][i] = (estimate[name].values[0] - truth[name][0]) / bound[f"std_{name}"].values[0]
    return out


def run(
    *,
    snr_db: Sequence[float] = (10.0,),
    subcarriers: int = 8,
    packets: int = 1024,
    trials: int = 4000,
    seed: int = 0,
    methods: Sequence[str] = ("relax",),
) -> dict[str, Any]:
    """Root mean square of error over bound at every SNR, and the share of trials over ten bounds off.

    The threshold is the lowest SNR from which upwards acceleration and jerk stay within sqrt(2) bounds.
    """
    table: dict[str, Any] = {"subcarriers": subcarriers, "packets": packets, "trials": trials, "seed": seed}
    table["methods"] = {}
    for method in methods:
        rows = []
        for snr in sorted(snr_db):
            scaled = errors(trials, snr, subcarriers, packets, seed, method)
            ratio = {name: float(np.sqrt((e**2).mean())) for name, e in scaled.items()}
            outliers = float((np.abs(scaled["acceleration"]) > 10).mean())
            rows.append({"snr_db": snr, "ratio": ratio, "outliers": outliers})
        threshold = None
        for row in reversed(rows):
            if max(row["ratio"]["acceleration"], row["ratio"]["jerk"]) > np.sqrt(2):
                break
            threshold = row["snr_db"]
        table["methods"][method] = {"rows": rows, "threshold_db": threshold}
    return table


def plot(table: dict[str, Any], path: Path) -> None:
    """Draw rmse over bound against SNR, one line a method, thresholds as vertical lines."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axis, state in zip(figure.subplots(1, 2, sharey=True), ("acceleration", "jerk"), strict=True):
        for method, result in table["methods"].items():
            snr = [row["snr_db"] for row in result["rows"]]
            ratio = [row["ratio"][state] for row in result["rows"]]
            (line,) = axis.semilogy(snr, ratio, ".-", label=method)
            if result["threshold_db"] is not None:
                axis.axvline(result["threshold_db"], color=line.get_color(), linewidth=0.5)
        axis.axhline(1, color="black", linewidth=0.5)
        axis.set(
            xlabel="SNR, dB", ylabel="rmse / bound", title=f"{state}, {table['subcarriers']} subcarriers"
        )
        axis.legend()
    figure.savefig(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", type=float, nargs="+", default=(10.0,))
    parser.add_argument("--subcarriers", type=int, default=8)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=("relax",))
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    result = run(
        snr_db=args.snr,
        subcarriers=args.subcarriers,
        trials=args.trials,
        seed=args.seed,
        methods=args.methods,
    )
    print(json.dumps(result, indent=1))
    if args.figure:
        plot(result, args.figure)
