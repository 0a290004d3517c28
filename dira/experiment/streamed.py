"""Models trained on a stream of simulations of the original scenario: what labels without end are worth."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dira import PathDetector, TargetCounter
from dira.experiment.samples import Spectra, counting_set, data
from dira.experiment.stages import Run
from dira.metrics.detection import true_paths
from isacsim.dataset.loading.reuse import ReusedSamples
from isacsim.dataset.synthetic.endless import EndlessSamples

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "DETECTOR",
    "FINE_TUNED",
    "counted",
    "detector",
    "drawn",
    "fine_tuned",
    "fresh",
    "spectra_like",
    "truth_of",
]

DETECTOR = "PathDetector"
FINE_TUNED = "counter of the stream, fine-tuned on original data"
# Streams of different seeds share no sample, and a stream's seeds are never those of a data set.
_SEEDS = {"detector": 8000, "counter": 8001}
_RATE = 1.5e-3
# Counters of the stream see each spectrum moved, as all counters here do.
_COUNTER_RATE = 1e-3


def _stream(run: Run, name: str) -> ReusedSamples:
    """Thinned simulations of the original scenario, each used several times under the exact symmetries."""
    scenario = run.scenario(run.preset.original)
    endless = EndlessSamples([scenario], seed=_SEEDS[name], workers=1, thinned=True)
    return endless.reused(run.preset.stream_uses, folder=run.folder / "streams" / name)


def fresh(run: Run) -> int:
    """Number of different labelled simulations that a model of the stream has seen: each is used several times."""
    return _stream(run, "counter").fresh(run.preset.stream_steps * run.preset.stream_batch)


def detector(run: Run) -> PathDetector:
    """The detector, its probabilities and its threshold from the validation set."""
    p = run.preset

    def make(checkpoints: Path) -> PathDetector:
        widths = (32, 64, 96, 128) if p.bins >= 64 else (8, 16)
        model = PathDetector(widths=widths, scaling={"power": 0.5}).fit(
            stream=_stream(run, "detector"),
            steps=p.stream_steps,
            batch_size=p.stream_batch,
            learning_rate=_RATE,
            warmup=min(200, p.stream_steps // 2),
            decay="cosine",
            average=0.998,
            seed=17,
            **run.training(DETECTOR, checkpoints),
        )
        held = data(run, "validation")
        return model.calibrate(held["aj_noisy"], held, device=run.device)

    model: PathDetector = run.model("detector", make)
    return model


def spectra_like(run: Run, values: NDArray[np.float32]) -> xr.DataArray:
    """Spectra with the axes and the settings of the run's own."""
    first = data(run, "validation")["aj_noisy"].isel(sample=0, drop=True)
    return first.expand_dims(sample=len(values)).copy(data=values)


def drawn(run: Run, spectra: Spectra) -> NDArray[np.float32]:
    """Self-terms of the paths that the detector finds."""
    return detector(run).enhance(spectra_like(run, spectra.values), device=run.device)


def counted(run: Run, spectra: Spectra) -> NDArray[np.intp]:
    """Likeliest number by the detector's odds, of those that may be there."""
    found = detector(run).detect(spectra_like(run, spectra.values), device=run.device)
    odds = found["count_probability"]
    classes = np.array(sorted(run.preset.class_sizes))
    return np.asarray(classes[odds.values[:, classes].argmax(axis=1)])


def _of_the_stream(run: Run) -> TargetCounter:
    p = run.preset

    def make(checkpoints: Path) -> TargetCounter:
        return TargetCounter(width=p.counter_width, augment=True).fit(
            stream=_stream(run, "counter"),
            steps=p.stream_steps,
            batch_size=p.stream_batch,
            learning_rate=_COUNTER_RATE,
            seed=18,
            **run.training("the counter of the stream", checkpoints),
        )

    model: TargetCounter = run.model("stream-counter", make)
    return model


def fine_tuned(run: Run, seed: int) -> TargetCounter:
    """The counter of the stream, fine-tuned on the original data of a seed."""
    p, original = run.preset, counting_set(run, f"train-{seed}")

    def make(_: Path) -> TargetCounter:
        model = copy.deepcopy(_of_the_stream(run))
        return model.fine_tune(
            original.values, original.counts, steps=p.fine_tuning_steps, seed=seed, device=run.device
        )

    model: TargetCounter = run.model(f"fine-tuned-{seed}", make)
    return model


def truth_of(samples: xr.Dataset) -> Any:
    """True paths of a set within its axes."""
    axes = samples["aj_noisy"].coords
    return true_paths(samples, most=(float(axes["acceleration"].max()), float(axes["jerk"].max())))
