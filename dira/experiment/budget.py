"""Estimate the time of a run, from rates measured on this machine for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from dira import TargetCounter
from dira.experiment.counting import LONGER
from dira.experiment.generators import diffusion
from dira.experiment.model_based import estimate
from dira.experiment.presets import Preset
from dira.experiment.samples import wanted
from dira.experiment.stages import Run
from isacsim.dataset.synthetic.batch import make_samples

__all__ = ["budget"]


def _rate(what: Callable[[], Any], amount: int) -> float:
    """Amount per second: first once to warm up, then once to measure."""
    what()
    begun = time.perf_counter()
    what()
    return amount / (time.perf_counter() - begun)


def _rates(run: Run) -> dict[str, float]:
    p, n = run.preset, 64
    rng = np.random.default_rng(0)
    spectra, counts = rng.random((n, p.bins, p.bins), np.float32), rng.choice(list(p.class_sizes), n)
    counts[: len(p.class_sizes)] = list(p.class_sizes)
    how: dict[str, Any] = {"device": run.device, "precision": p.precision, "seed": 0}
    net = diffusion(run)
    train = _rate(lambda: net.fit(spectra, counts, steps=4, batch_size=p.batch, **how), 4 * p.batch)
    steps = 4
    evaluate = _rate(
        lambda: net.sample(counts, seed=0, sampler="ddim", steps=steps, device=run.device), steps * n
    )
    counter = TargetCounter(width=p.counter_width)
    count = _rate(
        lambda: counter.fit(spectra, counts, steps=3, batch_size=p.counter_batch, **how), 3 * p.counter_batch
    )
    scenario = run.scenario(p.original)
    simulate = _rate(lambda: make_samples(scenario, seed=0, indices=range(2)), 2)
    middle = list(p.class_sizes)[len(p.class_sizes) // 2]
    captures = _rate(lambda: estimate(scenario, seed=0, index=0, n_targets=middle), 1)
    return {
        "training [spectra/s]": train,
        "network evaluations [1/s]": evaluate,
        "counter training [spectra/s]": count,
        "simulation on one core [samples/s]": simulate,
        "estimate_paths [captures/s]": captures,
    }


def _amounts(run: Run) -> dict[str, tuple[float, str]]:
    """Amounts that each part needs, with the rate that each refers to."""
    p: Preset = run.preset
    classes, seeds = len(p.class_sizes), len(p.seeds)
    original = sum(p.class_sizes.values())
    more = sum(max(0, p.expanded - size) for size in p.class_sizes.values())
    tests = p.test * classes * (1 + len(p.others))
    _, first_steps = p.samplers[0]
    per_spectrum = sum(
        t * w for _, t, w in p.variants if not (w == 1 and any(t == u and v > 1 for _, u, v in p.variants))
    )
    extra = sum(max(0, round(max(p.ratios) * size) - p.reference) for size in p.class_sizes.values())
    # Those of the experiments, and the one of the features at four times the steps.
    counters = LONGER * (seeds * (len(p.variants) + 15) + len(p.ratios) + 2 * len(p.shares) + 2) + 4
    parts = [share for share in p.shares if share < 1]
    extra += sum(max(0, p.expanded - round(s * size)) for s in parts for size in p.class_sizes.values())
    # What the guidance is chosen on: a spectrum once for each strength of three kinds, and without.
    chosen = min(64, p.validation * classes) * (
        (3 * len(p.scales) + 1) * p.variants[0][1] + len(p.far_scales) * sum(p.t_stars)
    )
    # And what is enhanced at the T* that was chosen: at most the largest.
    chosen += max(p.t_stars) * (tests + original + more)
    train, evaluate = "training [spectra/s]", "network evaluations [1/s]"
    return {
        "simulation": (
            sum(sum(w.per_class.values()) for w in wanted(run).values()),
            "simulation on one core [samples/s]",
        ),
        "generators, GANs and VAEs": (
            p.generator_steps
            * p.batch
            * (seeds * (2 + p.baseline_share) + sum(parts) + 0.25 * len(p.gan_rates)),
            train,
        ),
        "training-set sizes": (len(p.sizes) * p.sizes_steps * p.batch, train),
        "purifier and denoiser": (2 * p.purifier_steps * p.batch, train),
        "generating": (
            first_steps * (seeds * p.reference * classes + extra + len(p.sizes) * p.sampled * classes),
            evaluate,
        ),
        "samplers": (sum(s for _, s in p.samplers) * p.sampled * classes, evaluate),
        "enhancing": (per_spectrum * (tests + seeds * (original + more)) + chosen, evaluate),
        "counters": (counters * p.counter_steps * p.counter_batch, "counter training [spectra/s]"),
        "estimate_paths": (
            min(p.model_based, p.test * classes) * (1 + len(p.others)),
            "estimate_paths [captures/s]",
        ),
    }


def budget(run: Run) -> dict[str, Any]:
    """Rates of this machine, and the seconds that each part will take at them."""
    rates = _rates(run)
    parts = {name: amount / rates[rate] for name, (amount, rate) in _amounts(run).items()}
    return {"rates": rates, "seconds": parts, "total": sum(parts.values())}
