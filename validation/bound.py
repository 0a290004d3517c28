"""Study `bound`: error of a single path over the Cramér-Rao bound, and the threshold, by method.

Full size: 500 trials at each of 17 SNR from -32 to 40 dB, 64 subcarriers, seven methods: about 70 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.estimate import METHODS
from isacsim.estimation.relax.algorithm import relax

from .captures import STATES, axes, channel, draw_paths, noise, static_part
from .own import digests_of, estimate_by
from .peak import aj_peak
from .points import Compute, Point
from .scored import chosen_methods
from .study import Table, figure_of, opening, rms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "bound"
DESCRIPTION = "error of one path over the Cramér-Rao bound against SNR, every method, thresholds (1 h)"

# Told that there is one path, and the paper's estimator at its best; all others are asked for one path at most.
_OF_ONE: dict[str, Callable[..., xr.Dataset]] = {"relax": relax, "peaks": aj_peak}
# Further off than this many bounds, an estimate is not on the right path at all.
OUTLIER = 10.0


def errors(
    trials: int,
    snr_db: float,
    subcarriers: int,
    packets: int = 1024,
    seed: int = 0,
    method: str = "relax",
    least_speed: float = 0.0,
) -> dict[str, np.ndarray]:
    """Error over bound for every trial and state, (trials,) each; NaN where a method finds no path.

    Paths, static parts and noise (up to its power) are the same at every SNR and for every method. So differences
    between points are not chance. Speeds below `least_speed`, m/s, are
    raised: a slow path loses a part of itself where the static part is taken out, as all but relax do.
    """
    t, f = axes(subcarriers, packets)
    out = {name: np.empty(trials) for name in STATES}
    for i in range(trials):
        rng = np.random.default_rng([seed, i])
        truth = draw_paths(rng, 1, spread=0.0)
        truth["velocity"] = np.copysign(np.maximum(np.abs(truth["velocity"]), least_speed), truth["velocity"])
        h = channel(t, f, truth) + static_part(rng, f, 20.0)
        h = (h + noise(rng, h.shape, snr_db)).astype(np.complex64)
        estimate = _one_path(method, h, t, f)
        bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
        for name in STATES:
            found = estimate[name].values[0] if estimate.sizes["path"] else np.nan
            out[name][i] = (found - truth[name][0]) / bound[f"std_{name}"].values[0]
    return out


def _one_path(method: str, h: np.ndarray, t: np.ndarray, f: np.ndarray) -> xr.Dataset:
    if method in _OF_ONE:
        return _OF_ONE[method](h, t, f, n_paths=1)
    return estimate_by(method, h, time=t, frequency=f, max_paths=1)


def ratios(snr_db: float, **settings: Any) -> dict[str, Any]:
    """Root mean square of error over bound at one SNR, and shares: over ten bounds off, without a path.

    The ratio is over the trials with a path; those without are over ten bounds off.
    """
    scaled = errors(snr_db=snr_db, **settings)
    found = np.isfinite(scaled["acceleration"])
    ratio = {name: rms(e[found]) for name, e in scaled.items() if found.any() and np.isfinite(e[found]).all()}
    outliers = float((~(np.abs(scaled["acceleration"]) <= OUTLIER)).mean())
    return {"snr_db": snr_db, "ratio": ratio, "outliers": outliers, "missed": float((~found).mean())}


def threshold(rows: Sequence[dict[str, Any]]) -> float | None:
    """Lowest SNR from which upwards acceleration and jerk stay within √2 bounds and no path is missed, or None."""
    lowest = None
    for row in sorted(rows, key=lambda row: -row["snr_db"]):
        off = [row["ratio"][name]["rms"] for name in ("acceleration", "jerk") if name in row["ratio"]]
        if row["missed"] or not off or max(off) > np.sqrt(2):
            break
        lowest = float(row["snr_db"])
    return lowest


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    methods: Iterable[str] = (),
) -> Table:
    """Do the study; see `validation.study.Study`."""
    chosen = chosen_methods(methods)
    full = [*range(-32, -15, 2), -12, -8, -4, 0, 10, 20, 30, 40]
    snr_db = [-26.0, 0.0, 20.0] if quick else [float(x) for x in full]
    packets, subcarriers = (512, 16) if quick else (1024, 64)
    trials = trials or (6 if quick else 500)
    same: dict[str, Any] = {"trials": trials, "subcarriers": subcarriers, "packets": packets}
    table = opening(
        NAME,
        quick=quick,
        seed=seed,
        settings={**same, "methods": chosen, "own": digests_of(chosen), "snr_db": snr_db},
    )
    rows = compute(
        table,
        [
            Point(f"{method}, {snr:g} dB", ratios, {"method": method, "snr_db": snr, "seed": seed, **same})
            for method in chosen
            for snr in snr_db
        ],
    )
    table["methods"] = {}
    for n, method in enumerate(chosen):
        own = rows[n * len(snr_db) : (n + 1) * len(snr_db)]
        table["methods"][method] = {"rows": own, "threshold_db": threshold(own)}
    return table


def figure(table: Table) -> Figure:
    """Draw rmse over bound against SNR, one line a method, thresholds as vertical lines."""
    settings = table["settings"]
    drawing = figure_of(
        table,
        (10, 4.8),
        f"One path, {settings['subcarriers']} subcarriers over 80 MHz, {settings['packets']} packets at 1 "
        "kHz, static part "
        "20 dB above it and unknown. Vertical: threshold, from which SNR on both ratios stay below √2. Bars: 95 %; "
        "paths and noise (but for its power) are the same at every SNR, so that points of a line share their chance.",
    )
    panels = drawing.subplots(1, 2, sharey=True)
    for axis, state in zip(panels, ("acceleration", "jerk"), strict=True):
        for method, result in table["methods"].items():
            rows = [row for row in result["rows"] if state in row["ratio"]]
            snr = [row["snr_db"] for row in rows]
            ratio = [row["ratio"][state]["rms"] for row in rows]
            spread = [1.96 * row["ratio"][state]["standard_error"] for row in rows]
            threshold = result["threshold_db"]
            label = method if threshold is None else f"{method}: {threshold:g} dB"
            # A downward bar of the whole value has no place on a logarithmic axis.
            low = np.minimum(spread, 0.7 * np.array(ratio))
            line = axis.errorbar(
                snr, ratio, yerr=[low, spread], fmt=".-", lw=1.2, elinewidth=0.7, label=label
            )
            if threshold is not None:
                axis.axvline(threshold, color=line[0].get_color(), linewidth=0.8, linestyle=":")
        axis.set_yscale("log")
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set(xlabel="SNR per sample [dB]", title=state)
        axis.grid(alpha=0.3)
    panels[0].set_ylabel("rmse / bound")
    panels[1].legend(title="method: threshold", fontsize=8, title_fontsize=8)
    return drawing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", type=float, nargs="+", default=(10.0,))
    parser.add_argument("--subcarriers", type=int, default=8)
    parser.add_argument("--packets", type=int, default=1024)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least-speed", type=float, default=0.0)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=("relax",))
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    settings = {"trials": args.trials, "subcarriers": args.subcarriers, "packets": args.packets}
    settings |= {"least_speed": args.least_speed}
    result = opening(NAME, quick=False, seed=args.seed, settings={**settings, "snr_db": args.snr})
    result["methods"] = {}
    for method in args.methods:
        rows = [ratios(snr, method=method, seed=args.seed, **settings) for snr in args.snr]
        result["methods"][method] = {"rows": rows, "threshold_db": threshold(rows)}
    print(json.dumps(result, indent=1))
    if args.figure:
        figure(result).savefig(args.figure)
