"""Measures of the weights that come with dira, on test spectra that nothing was trained on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dira import PairedDenoiser, TargetCounter
from dira.metrics.distances import frechet_distance, kernel_distance, precision_recall
from dira.metrics.fidelity import Judged, of_another

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["conditions", "judge_counter", "judge_generator", "judge_purifier"]


def conditions(samples: xr.Dataset) -> dict[str, NDArray[Any]]:
    """The generator's conditions."""
    return {
        "n_targets": samples["n_targets"].values,
        "scenario": np.array(samples["scenario"].values.tolist()),
    }


def judge_generator(
    generated: NDArray[np.float32], features: TargetCounter, test: xr.Dataset
) -> dict[str, Any]:
    """Distances of as many generated spectra as there are in the test set, of the same conditions."""
    real = test["aj_noisy"].values
    precision, recall = precision_recall(real, generated, features=features)
    return {
        "features": "of a counter trained on simulations of its own",
        "frechet": asdict(frechet_distance(real, generated, features=features)),
        "kernel": asdict(kernel_distance(real, generated, features=features)),
        "precision": precision,
        "recall": recall,
    }


def judge_purifier(test: xr.Dataset, denoiser: PairedDenoiser, device: str) -> dict[str, Any]:
    """Likeness to the clean spectra, targets kept and maxima invented, before and after, and by chance."""
    clean = test["aj_clean"].values
    rows = {
        "noisy": test["aj_noisy"].values,
        "enhanced": test["aj_enhanced"].values,
        "paired denoiser": denoiser.enhance(test["aj_noisy"], device=device),
        "all zero": np.zeros_like(clean),
        "clean of another sample": of_another(clean, test["n_targets"].values),
    }
    judged = {name: Judged.of(values, test).scores() for name, values in rows.items()}
    return {"spectra": len(clean), **judged}


def judge_counter(
    counter: TargetCounter, test: xr.Dataset, enhanced: xr.Dataset, denoiser: PairedDenoiser, device: str
) -> dict[str, Any]:
    """Accuracy on spectra of each kind."""
    sets = {
        "aj_noisy": (test["aj_noisy"], test),
        "aj_clean": (test["aj_clean"], test),
        "aj_enhanced": (enhanced["aj_enhanced"], enhanced),
        "paired denoiser": (denoiser.enhance(test["aj_noisy"], device=device), test),
    }
    return {
        name: {
            "accuracy": counter.score(values, samples["n_targets"].values, device=device),
            "spectra": samples.sizes["sample"],
        }
        for name, (values, samples) in sets.items()
    }
