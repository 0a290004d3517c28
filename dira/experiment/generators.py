"""DiRA's generator of the experiments, and the counter whose features distances are measured on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dira import ConditionalDiffusion, TargetCounter
from dira.experiment.samples import Spectra, counting_set
from dira.experiment.stages import Run

__all__ = ["diffusion", "features", "generator", "sampled", "size_of"]


def features(run: Run) -> TargetCounter:
    """The counter whose features distances are measured on, of spectra that nothing else here is judged by."""
    p = run.preset

    def make(checkpoints: Path) -> TargetCounter:
        both = counting_set(run, "features") + counting_set(run, "features", "aj_clean")
        # Not moved: distances are to see where maxima lie.
        return TargetCounter(width=p.counter_width, augment=False).fit(
            both.values,
            both.counts,
            steps=4 * p.counter_steps,
            batch_size=p.counter_batch,
            seed=99,
            **run.training("the features", checkpoints),
        )

    model: TargetCounter = run.model("features", make)
    return model


def diffusion(run: Run) -> ConditionalDiffusion:
    """DiRA's generator, untrained."""
    p = run.preset
    return ConditionalDiffusion(unet=p.unet.model_dump(), prediction=p.prediction)


def generator(run: Run, name: str, train: Spectra, steps: int, seed: int) -> ConditionalDiffusion:
    """DiRA's generator, trained on some spectra."""
    p = run.preset

    def make(checkpoints: Path) -> ConditionalDiffusion:
        return diffusion(run).fit(
            train.values,
            train.counts,
            steps=steps,
            batch_size=p.batch,
            learning_rate=p.learning_rate,
            seed=seed,
            **run.training(name, checkpoints),
        )

    model: ConditionalDiffusion = run.model(name, make)
    return model


def sampled(
    run: Run, model: ConditionalDiffusion, labels: NDArray[np.int64], seed: int, what: str
) -> NDArray[np.float32]:
    """Spectra of a generator by the sampler that everything but the table of samplers goes by."""
    sampler, steps = run.preset.samplers[0]
    progress = run.progress(f"generating {what}")
    return model.sample(labels, seed=seed, sampler=sampler, steps=steps, device=run.device, progress=progress)


def size_of(model: Any) -> int:
    """Parameters of a trained model."""
    return sum(parameter.numel() for parameter in model.fitted()[0].parameters())
