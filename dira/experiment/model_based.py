"""Counting without any training: as many targets as `estimate_paths` finds paths in the CSI itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from dira.experiment.samples import data
from dira.experiment.stages import Run
from isacsim.conditioning import condition
from isacsim.estimation import estimate_paths
from isacsim.scenario import Scenario
from isacsim.simulation import simulate

__all__ = ["model_based", "strengths"]

# Least strength of a path, in dB below the strongest: weaker ones are taken for images of the reference's own.
_FLOORS_DB = (8.0, 10.0, 12.0, 15.0, 20.0, 40.0)
# Of the band, for time's sake; paths that may be found beyond the largest count.
_SUBCARRIERS, _BEYOND = 32, 3


def strengths(scenario: Scenario, most: int, *, seed: int, index: int, n_targets: int) -> list[float]:
    """Strengths of the paths found in one capture, dB below the strongest."""
    capture = simulate(scenario, seed=seed, index=index, n_targets=n_targets)
    # The ratio, unlike the product, does not square the gain.
    csi = condition(capture, reference="ratio").isel(receiver=0)
    some = slice(None, None, max(1, csi.sizes["subcarrier"] // _SUBCARRIERS))
    found = estimate_paths(csi.isel(subcarrier=some), method="relax", max_paths=most + _BEYOND)
    amplitude = found["amplitude"].values
    return (20 * np.log10(amplitude.max() / amplitude)).tolist() if amplitude.size else []


def _strengths(run: Run, name: str) -> tuple[list[list[float]], list[int]]:
    """Strengths of the paths found in captures of a set, dB below each capture's strongest."""
    p, samples = run.preset, data(run, name)
    counts = samples["n_targets"].values
    rows = np.linspace(0, len(counts) - 1, min(p.model_based, len(counts))).astype(int).tolist()
    out = []
    scenario = run.scenario(str(samples["scenario"].values[0]))
    for done, i in enumerate(rows):
        run.tell(f"estimate_paths on {name}", done, len(rows))
        seed, index = int(samples["seed"].values[i]), int(samples["index"].values[i])
        out.append(strengths(scenario, max(p.class_sizes), seed=seed, index=index, n_targets=int(counts[i])))
    return out, counts[rows].tolist()


def _counted(strengths: list[list[float]], floor_db: float) -> list[int]:
    return [sum(s <= floor_db for s in one) for one in strengths]


def model_based(run: Run) -> dict[str, Any]:
    """Accuracy in each scenario; the floor is chosen on captures of the validation set."""
    p = run.preset
    held, truth = _strengths(run, "validation")
    floor = max(_FLOORS_DB, key=lambda f: np.mean(np.array(_counted(held, f)) == truth))
    out: dict[str, Any] = {"floor_db": floor, "scenarios": {}}
    for scenario in (p.original, *p.others):
        strengths, counts = _strengths(run, f"test-{scenario}")
        found = _counted(strengths, floor)
        out["scenarios"][scenario] = {
            "accuracy": float(np.mean(np.array(found) == counts)),
            "within_one": float(np.mean(np.abs(np.array(found) - counts) <= 1)),
            "captures": len(counts),
            "found": found,
            "truth": counts,
        }
    return out
