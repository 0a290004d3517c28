"""Quantity expansion: DiRA's generator against a GAN, a VAE and more simulation (Fig. 5-7), and the samplers."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from dira import TargetCounter
from dira.experiment.baselines import TOLD, baselines
from dira.experiment.generators import features, generator, size_of
from dira.experiment.samples import Spectra, counting_set
from dira.experiment.stages import Run
from dira.metrics import frechet_distance, kernel_distance, nearest_neighbours, precision_recall

__all__ = ["GENERATORS", "expand", "generated", "samplers", "sizes"]

GENERATORS = ("dira", "gan", "vae")


def generated(run: Run, seed: int) -> dict[str, Spectra]:
    """Spectra of every generator, ``reference`` of each class, the first ones of which expand the training set."""
    p = run.preset
    train = counting_set(run, f"train-{seed}")
    labels = np.tile(list(p.class_sizes), p.reference)
    dira = generator(run, f"dira-{seed}", train, p.generator_steps, seed)

    def make() -> dict[str, NDArray[Any]]:
        sampler, steps = p.samplers[0]
        told = run.progress(f"generating of dira-{seed}")
        made = {
            "dira": dira.sample(
                labels, seed=seed, sampler=sampler, steps=steps, device=run.device, progress=told
            )
        }
        for name, model in baselines(run, train, seed, dira).items():
            made[name] = model.sample(labels, seed=seed, device=run.device)
        return made

    return {name: Spectra(values, labels) for name, values in run.array(f"generated-{seed}", make).items()}


def expand(run: Run, seed: int) -> dict[str, Any]:
    """Fig. 5 and 6: distances of what was generated to training and reference set, in all and by class."""
    train, reference = counting_set(run, f"train-{seed}"), counting_set(run, "reference")
    judge, sets = features(run), generated(run, seed)
    # More simulation is what no generator can beat: its distance is the noise of measuring.
    sets["simulation"] = counting_set(run, "simulated").first(
        dict.fromkeys(run.preset.class_sizes, run.preset.reference)
    )
    out: dict[str, Any] = {}
    for name, made in sets.items():
        run.tell(f"judging {name}-{seed}", 0, 1)
        out[name] = _judged(run, judge, train, reference, made, seed)
        if name in GENERATORS:
            model = run.model(f"{name}-{seed}", lambda _: None)
            history = {k: model.history.get(k) for k in ("steps", "seconds", "best", *TOLD)}
            out[name]["training"] = {"parameters": size_of(model), **history}
    return out


def _judged(
    run: Run, judge: TargetCounter, train: Spectra, reference: Spectra, made: Spectra, seed: int
) -> dict[str, Any]:
    p = run.preset
    out: dict[str, Any] = {
        "kernel_test": asdict(
            kernel_distance(reference.values, made.values, features=judge, seed=seed, resamples=p.resamples)
        ),
        "kernel_train": asdict(
            kernel_distance(
                train.values, made.mixed_as(train).values, features=judge, seed=seed, resamples=p.resamples
            )
        ),
    }
    if min(len(reference.values), len(made.values)) >= p.least:
        out["frechet_test"] = asdict(
            frechet_distance(
                reference.values, made.values, features=judge, seed=seed, resamples=20, least=p.least
            )
        )
    precision, recall = precision_recall(reference.values, made.values, features=judge)
    near = nearest_neighbours(train.values, made.values, reference.values)
    out |= {
        "precision": precision,
        "recall": recall,
        "copies": near.copies,
        "nearest_median": float(np.median(near.generated)),
        "nearest_median_held_out": float(np.median(near.held_out)),
        "classes": {},
    }
    for n in p.class_sizes:
        one, other, learnt = (x.few(np.flatnonzero(x.counts == n)) for x in (reference, made, train))
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
    whole, reference, judge = (
        counting_set(run, f"train-{seed}"),
        counting_set(run, "reference"),
        features(run),
    )
    labels = np.tile(list(p.class_sizes), p.sampled)
    out = {}
    for size in p.sizes:
        share = size / len(whole.counts)
        train = whole.first({n: max(1, round(share * of)) for n, of in p.class_sizes.items()})
        model = generator(run, f"size-{size}", train, p.sizes_steps, seed)
        sampler, steps = p.samplers[0]
        made = model.sample(labels, seed=seed, sampler=sampler, steps=steps, device=run.device)
        out[str(size)] = {
            "steps": p.sizes_steps,
            "kernel_test": asdict(
                kernel_distance(reference.values, made, features=judge, resamples=p.resamples)
            ),
            "kernel_train": asdict(
                kernel_distance(
                    train.values,
                    Spectra(made, labels).mixed_as(train).values,
                    features=judge,
                    resamples=p.resamples,
                )
            ),
            "copies": nearest_neighbours(train.values, made, reference.values).copies,
        }
    return out


def samplers(run: Run) -> list[dict[str, Any]]:
    """Which sampler reaches what in how many steps."""
    p, seed = run.preset, run.preset.seeds[0]
    reference, judge = counting_set(run, "reference"), features(run)
    model = run.model(f"dira-{seed}", lambda _: None)
    labels = np.tile(list(p.class_sizes), p.sampled)
    rows = []
    for sampler, steps in p.samplers:
        begun = time.perf_counter()
        told = run.progress(f"sampling with {sampler}, {steps} steps")
        made = model.sample(labels, seed=seed, sampler=sampler, steps=steps, device=run.device, progress=told)
        seconds = time.perf_counter() - begun
        got = kernel_distance(reference.values, made, features=judge, resamples=p.resamples)
        precision, recall = precision_recall(reference.values, made, features=judge)
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
