"""Counting without any training: as many targets as `estimate_paths` finds paths of different motion in the CSI."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dira.experiment.samples import data
from dira.experiment.stages import Run
from isacsim.conditioning.conditioning import condition
from isacsim.estimation.estimate import estimate_paths
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate

__all__ = ["SUBCARRIERS", "model_based", "strengths"]

# Least strength of a target, in dB below the weakest of as many as there are at least: what is weaker is none.
_FLOORS_DB = (4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 40.0)
# Paths that differ by no more, m/s² and m/s³, are one target: the ratio brings images of each at other delays, and a
# fit may split a path in two that nearly cancel.
_ONE = (0.1, 1.0)
# Of the band, for time's sake; paths that may be found beyond the largest count, as images of the strongest come first.
SUBCARRIERS, _BEYOND = 32, 13


def strengths(
    scenario: Scenario, counts: Collection[int], *, seed: int, index: int, n_targets: int
) -> list[float]:
    """Strengths of the targets found in one capture, see `distinct`; counts are those that may be there."""
    capture = simulate(scenario, seed=seed, index=index, n_targets=n_targets)
    # The ratio, unlike the product, does not square the gain.
    csi = condition(capture, reference="ratio", uniform=False).isel(receiver=0)
    some = slice(None, None, max(1, csi.sizes["subcarrier"] // SUBCARRIERS))
    found = estimate_paths(csi.isel(subcarrier=some), method="relax", max_paths=max(counts) + _BEYOND)
    motion = np.stack([found[name].values for name in ("acceleration", "jerk")], axis=1)
    return distinct(motion, found["amplitude"].values, min(counts))


def distinct(motion: NDArray[np.float64], amplitude: NDArray[np.float64], least: int) -> list[float]:
    """Strengths of paths of different motions, in dB below the least-th strongest, strongest first.

    The strongest itself tells nothing: a path that was split into two has any amplitude.
    """
    separate: list[int] = []
    for i in np.argsort(-amplitude).tolist():
        if not (np.abs(motion[separate] - motion[i]) <= _ONE).all(axis=1).any():
            separate.append(i)
    if not separate:
        return []
    amplitudes = amplitude[separate]
    return (20 * np.log10(amplitudes[min(least, amplitudes.size) - 1] / amplitudes)).tolist()


def _strengths(run: Run, name: str) -> tuple[list[list[float]], list[int]]:
    """Strengths of the targets found in captures of a set, and how many there are."""
    p, samples = run.preset, data(run, name)
    counts = samples["n_targets"].values
    rows = np.linspace(0, len(counts) - 1, min(p.model_based, len(counts))).astype(int).tolist()
    out = []
    scenario = run.scenario(str(samples["scenario"].values[0]))
    for done, i in enumerate(rows):
        run.tell(f"estimate_paths on {name}", done, len(rows))
        seed, index = int(samples["seed"].values[i]), int(samples["index"].values[i])
        out.append(strengths(scenario, p.class_sizes, seed=seed, index=index, n_targets=int(counts[i])))
    return out, counts[rows].tolist()


def _counted(found: list[list[float]], floor_db: float, counts: Collection[int]) -> list[int]:
    """Count those above the floor, as near as one of the counts comes: a trained counter gives no others either."""
    return [int(np.clip(sum(s <= floor_db for s in one), min(counts), max(counts))) for one in found]


def model_based(run: Run) -> dict[str, Any]:
    """Accuracy in each scenario; the floor is chosen on captures of the validation set."""
    p = run.preset
    held, truth = _strengths(run, "validation")
    floor = max(_FLOORS_DB, key=lambda f: np.mean(np.array(_counted(held, f, p.class_sizes)) == truth))
    out: dict[str, Any] = {"floor_db": floor, "scenarios": {}}
    for scenario in (p.original, *p.others):
        dropped, counts = _strengths(run, f"test-{scenario}")
        found = _counted(dropped, floor, p.class_sizes)
        out["scenarios"][scenario] = {
            "accuracy": float(np.mean(np.array(found) == counts)),
            "within_one": float(np.mean(np.abs(np.array(found) - counts) <= 1)),
            "captures": len(counts),
            "found": found,
            "truth": counts,
        }
    return out
