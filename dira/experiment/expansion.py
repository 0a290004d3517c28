"""Quantity expansion: DiRA's generator against a GAN, a VAE and more simulation (Fig. 5-7), and the samplers."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from dira import TargetCounter
from dira.experiment.baselines import STEP_SECONDS, baselines
from dira.experiment.generators import features, generator, sampled, size_of
from dira.experiment.samples import Spectra, counting_set
from dira.experiment.stages import Run
from dira.metrics.distances import frechet_distance, kernel_distance, nearest_neighbours, precision_recall

__all__ = ["GENERATORS", "distances", "expand", "generated", "made_by", "samplers", "sizes"]

GENERATORS = ("dira", "gan", "vae")


def generated(run: Run, seed: int) -> dict[str, Spectra]:
    """Spectra of every generator, ``reference`` of each class, the first ones of which expand the training set."""
    p = run.preset
    train = counting_set(run, f"train-{seed}")
    dira = generator(run, f"dira-{seed}", train, p.generator_steps, seed)

    def make() -> dict[str, NDArray[Any]]:
        labels = _labels(run)
        spectra = {"dira": sampled(run, dira, labels, seed, f"of dira-{seed}")}
        for name, model in baselines(run, train, seed, dira).items():
            spectra[name] = model.sample(labels, seed=seed, device=run.device)
        return spectra

    run.array(f"generated-{seed}", make)
    return made_by(run, seed)


def made_by(run: Run, seed: int) -> dict[str, Spectra]:
    """Return the spectra that `generated` has made."""
    return {name: Spectra(values, _labels(run)) for name, values in run.array(f"generated-{seed}").items()}


def _labels(run: Run) -> NDArray[np.int64]:
    return np.tile(list(run.preset.class_sizes), run.preset.reference)


def expand(run: Run, seed: int) -> dict[str, Any]:
    """Fig. 5 and 6: distances of what was generated to training and reference set, in all and by class."""
    train, reference = counting_set(run, f"train-{seed}"), counting_set(run, "reference")
    judge, sets = features(run), generated(run, seed)
    # More simulation is what no generator can beat: its distance is the noise of measuring.
    sets["simulation"] = counting_set(run, "simulated").take_per_class(
        dict.fromkeys(run.preset.class_sizes, run.preset.reference)
    )
    out: dict[str, Any] = {}
    for name, spectra in sets.items():
        run.tell(f"judging {name}-{seed}", 0, 1)
        out[name] = _judged(run, judge, train, reference, spectra, seed)
        if name in GENERATORS:
            model = run.model(f"{name}-{seed}")
            history = {k: model.history.get(k) for k in ("steps", "seconds", "best", *STEP_SECONDS)}
            out[name]["training"] = {"parameters": size_of(model), **history}
    return out


def distances(run: Run, to: str, real: Any, produced: Any, seed: int = 0) -> dict[str, Any]:
    """Kernel distance, and Fréchet distance where there are spectra enough, by name."""
    p, judge = run.preset, features(run)
    out: dict[str, Any] = {
        f"kernel_{to}": asdict(
            kernel_distance(real, produced, features=judge, seed=seed, resamples=p.resamples)
        )
    }
    if min(len(real), len(produced)) >= p.least:
        out[f"frechet_{to}"] = asdict(
            frechet_distance(real, produced, features=judge, seed=seed, resamples=20, least=p.least)
        )
    return out


def _judged(
    run: Run, judge: TargetCounter, train: Spectra, reference: Spectra, produced: Spectra, seed: int
) -> dict[str, Any]:
    p = run.preset
    out = distances(run, "test", reference.values, produced.values, seed)
    out |= distances(run, "train", train.values, produced.rebalanced_like(train).values, seed)
    precision, recall = precision_recall(reference.values, produced.values, features=judge)
    near = nearest_neighbours(train.values, produced.values, reference.values)
    out |= {
        "precision": precision,
        "recall": recall,
        "copies": near.copies,
        "nearest_median": float(np.median(near.generated)),
        "nearest_median_held_out": float(np.median(near.held_out)),
        "classes": {},
    }
    for n in p.class_sizes:
        one, other, learnt = (x.take(np.flatnonzero(x.counts == n)) for x in (reference, produced, train))
        here: dict[str, Any] = {"diversity": _diversity(judge, other) / _diversity(judge, one)}
        for what, real in (("kernel_test", one), ("kernel_train", learnt)):
            if min(len(real.values), len(other.values)) >= 4:
                got = kernel_distance(real.values, other.values, features=judge, seed=seed, resamples=0)
                here[what] = {"value": got.value, "floor": got.floor}
        out["classes"][str(n)] = here
    return out


def _diversity(judge: TargetCounter, spectra: Spectra) -> float:
    """Mean distance between the features of two spectra."""
    return float(pdist(judge.features(spectra.values[:500])).mean())


def sizes(run: Run) -> dict[str, Any]:
    """Fig. 7: the number of training spectra at a fixed number of steps."""
    p, seed = run.preset, run.preset.seeds[0]
    whole, reference = counting_set(run, f"train-{seed}"), counting_set(run, "reference")
    labels = np.tile(list(p.class_sizes), p.sampled)
    out = {}
    for size in p.sizes:
        share = size / len(whole.counts)
        train = whole.take_per_class(
            {n: max(1, round(share * whole_size)) for n, whole_size in p.class_sizes.items()}
        )
        model = generator(run, f"size-{size}", train, p.sizes_steps, seed)
        spectra = sampled(run, model, labels, seed, f"of size-{size}")
        alike = Spectra(spectra, labels).rebalanced_like(train).values
        out[str(size)] = {
            "steps": p.sizes_steps,
            **distances(run, "test", reference.values, spectra),
            **distances(run, "train", train.values, alike),
            "copies": nearest_neighbours(train.values, spectra, reference.values).copies,
        }
    return out


def samplers(run: Run) -> list[dict[str, Any]]:
    """Compare samplers: the quality that each reaches, by number of steps."""
    p, seed = run.preset, run.preset.seeds[0]
    reference, judge = counting_set(run, "reference"), features(run)
    model = run.model(f"dira-{seed}")
    labels = np.tile(list(p.class_sizes), p.sampled)
    rows = []
    for sampler, steps in p.samplers:
        begun = time.perf_counter()
        progress = run.progress(f"sampling with {sampler}, {steps} steps")
        spectra = model.sample(
            labels, seed=seed, sampler=sampler, steps=steps, device=run.device, progress=progress
        )
        seconds = time.perf_counter() - begun
        got = kernel_distance(reference.values, spectra, features=judge, resamples=p.resamples)
        precision, recall = precision_recall(reference.values, spectra, features=judge)
        rows.append(
            {
                "sampler": sampler,
                "steps": steps,
                "kernel_test": asdict(got),
                "precision": precision,
                "recall": recall,
                "spectra_per_second": len(labels) / seconds,
            }
        )
    return rows
