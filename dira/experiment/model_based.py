"""Counting and enhancement without any training: `estimate_paths` on the CSI, and the spectrum of what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isacsim
from dira.experiment.finding import FALSE, as_found, estimated_paths
from dira.experiment.samples import data
from dira.experiment.stages import Run
from dira.experiment.streamed import truth_of
from dira.metrics.detection import match_detections
from dira.metrics.fidelity import Judged
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["estimate", "model_based"]


def estimate(scenario: Scenario, *, seed: int, index: int, n_targets: int) -> NDArray[np.float64]:
    """Estimate the paths of one capture; see `estimated_paths`."""
    return estimated_paths(simulate(scenario, seed=seed, index=index, n_targets=n_targets))[1]


def _rendered(rows: NDArray[np.float64], like: xr.DataArray) -> NDArray[np.float32]:
    """Self-terms of the paths."""
    names = ("acceleration", "jerk", "amplitude")
    paths = as_found([rows]).isel(sample=0).rename(detection="path")
    return np.asarray(isacsim.render_spectrum(paths[[*names]], like).values, np.float32)


def _of_scenario(run: Run, name: str) -> dict[str, Any]:
    """Counts, and scores of the spectra of what was found, of some captures of a test set."""
    p, samples = run.preset, data(run, f"test-{name}")
    rows = np.linspace(0, samples.sizes["sample"] - 1, min(p.model_based, samples.sizes["sample"]))
    some = samples.isel(sample=rows.astype(int))
    counts, scenario = some["n_targets"].values, run.scenario(name)
    like = some["aj_clean"].isel(sample=0, drop=True)
    most = np.array([float(like[axis].max()) for axis in ("acceleration", "jerk")])
    found: list[NDArray[np.float64]] = []
    for i, (seed, index, n) in enumerate(
        zip(*(some[key].values.tolist() for key in ("seed", "index", "n_targets")), strict=True)
    ):
        run.tell(f"estimate_paths on test-{name}", i, len(counts))
        found.append(estimate(scenario, seed=int(seed), index=int(index), n_targets=int(n)))
    # No spectrum shows what lies beyond its axes.
    within = [one[~(np.abs(one[:, :2]) > most).any(axis=1)] for one in found]
    images = np.stack([_rendered(one, like) for one in within])
    matches = match_detections(as_found(within), truth_of(some))
    # A trained counter gives no other numbers either.
    by_class = np.clip([len(one) for one in found], min(p.class_sizes), max(p.class_sizes))
    return {
        "accuracy": float(np.mean(by_class == counts)),
        "within_one": float(np.mean(np.abs(by_class - counts) <= 1)),
        "captures": len(counts),
        "found": [len(one) for one in found],
        "truth": counts.tolist(),
        "scores": Judged.of(images, some).scores() | {f"recall_{f:g}": matches.recall(f) for f in FALSE},
    }


def model_based(run: Run) -> dict[str, Any]:
    """Accuracy of the number of paths found, and scores of their spectra, in each scenario."""
    p = run.preset
    return {"scenarios": {name: _of_scenario(run, name) for name in (p.original, *p.others)}}
