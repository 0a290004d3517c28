"""Study `bound`: error of a single path over the Cramér-Rao bound, and the threshold SNR."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.relax import relax
from validation.captures import STATES, axes, channel, draw_paths, noise, static_part


def errors(
    trials: int, snr_db: float, subcarriers: int, packets: int = 1024, seed: int = 0, **options: Any
) -> dict[str, np.ndarray]:
    """Error over bound for every trial and state, (trials,) each; none is left out."""
    t, f = axes(subcarriers, packets)
    out = {name: np.empty(trials) for name in STATES}
    for i in range(trials):
        rng = np.random.default_rng([seed, i])
        truth = draw_paths(rng, 1, spread=0.0)
        h = channel(t, f, truth) + static_part(rng, f, 20.0)
        h = (h + noise(rng, h.shape, snr_db)).astype(np.complex64)
        estimate = relax(h, t, f, n_paths=1, **options)
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
    **options: Any,
) -> dict[str, Any]:
    """Root mean square of error over bound at every SNR, and the share of trials over ten bounds off."""
    rows = []
    for snr in snr_db:
        scaled = errors(trials, snr, subcarriers, packets, seed, **options)
        rows.append(
            {
                "snr_db": snr,
                "trials": trials,
                "ratio": {name: float(np.sqrt((e**2).mean())) for name, e in scaled.items()},
                "outliers": float((np.abs(scaled["acceleration"]) > 10).mean()),
            }
        )
    at_bound = [
        row["snr_db"]
        for row in rows
        if row["ratio"]["acceleration"] <= np.sqrt(2) and row["ratio"]["jerk"] <= np.sqrt(2)
    ]
    return {
        "subcarriers": subcarriers,
        "packets": packets,
        "rows": rows,
        "threshold_db": min(at_bound, default=None),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", type=float, nargs="+", default=(10.0,))
    parser.add_argument("--subcarriers", type=int, default=8)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    result = run(snr_db=args.snr, subcarriers=args.subcarriers, trials=args.trials, seed=args.seed)
    print(json.dumps(result, indent=1))
