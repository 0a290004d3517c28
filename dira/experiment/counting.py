"""Counting (Fig. 11): what expansion and enhancement bring in the original scenario and in others.

Every counter sees test spectra processed as its training spectra were; where it does not, its name says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dira import TargetCounter
from dira.experiment.expansion import GENERATORS, generated
from dira.experiment.generators import generator, sampled
from dira.experiment.purifiers import DENOISER, by_validation, enhanced
from dira.experiment.samples import Spectra, counting_set
from dira.experiment.stages import Run
from dira.experiment.streamed import DETECTOR, FINE_TUNED, counted, fine_tuned, fresh
from isacsim.errors import InputError

__all__ = [
    "BY_DETECTOR",
    "LONGER",
    "PURIFIER_OFF",
    "calibration",
    "count",
    "count_stage",
    "data_ablations",
    "noisier",
]

PURIFIER_OFF = "DiRA, purifier off at test"
BY_DETECTOR = "PathDetector of the stream, its count"
Predict = Callable[[Spectra], NDArray[np.integer]]
# Counters see every spectrum moved (`CounterConfig.augment`), else they learn a training set of this size by heart and
# count others by chance. That takes so many times as many steps, and twice the usual rate. Chosen with 1400 spectra of
# `lab_cubic` at 32 x 32 bins, on spectra of validation and of the purifier's simulations: right were 0.36 at half that
# rate, 0.38 so and at twice that rate, 0.39 after twice those steps. Not chosen anew for 4 x 4 antennas.
LONGER = 2
_RATE = 2e-3


def _scenarios(run: Run) -> tuple[str, ...]:
    return (run.preset.original, *run.preset.others)


def _counter(run: Run, name: str, train: Spectra, seed: int) -> TargetCounter:
    p = run.preset
    how: dict[str, Any] = {
        "steps": LONGER * p.counter_steps,
        "batch_size": p.counter_batch,
        "learning_rate": _RATE,
    }

    def make(checkpoints: Path) -> TargetCounter:
        return TargetCounter(width=p.counter_width, augment=True).fit(
            train.values,
            train.counts,
            **how,
            seed=seed,
            **run.training(f"counter {name}", checkpoints),
        )

    model: TargetCounter = run.model(f"counter-{name}", make)
    if not model.config.augment or any(model.history[key] != value for key, value in how.items()):
        raise InputError(
            f"{run.folder / 'models' / f'counter-{name}'} was trained with other settings than today's counters; "
            "delete it."
        )
    return model


def _score(run: Run, predict: Predict, tests: dict[str, Spectra]) -> dict[str, Any]:
    """Accuracy, confusion and which were right, in each scenario."""
    classes, out = sorted(run.preset.class_sizes), dict[str, Any]()
    for scenario, test in tests.items():
        counted = predict(test)
        confusion = np.zeros((len(classes), len(classes)), np.int64)
        np.add.at(confusion, (np.searchsorted(classes, test.counts), np.searchsorted(classes, counted)), 1)
        out[scenario] = {
            "accuracy": float((counted == test.counts).mean()),
            "within_one": float((np.abs(counted - test.counts) <= 1).mean()),
            "spectra": len(counted),
            "right": np.flatnonzero(counted == test.counts).tolist(),
            "confusion": confusion.tolist(),
        }
    return out


def _by(run: Run, counter: TargetCounter) -> Predict:
    return lambda spectra: counter.predict(spectra.values, device=run.device)


def _missing(run: Run) -> dict[int, int]:
    """Count the spectra of each class that expansion adds."""
    return {n: max(0, run.preset.expanded - size) for n, size in run.preset.class_sizes.items()}


def _tests(run: Run, variable: str = "aj_noisy") -> dict[str, Spectra]:
    return {name: counting_set(run, f"test-{name}", variable) for name in _scenarios(run)}


def noisier(spectra: Spectra, seed: int) -> Spectra:
    """Spectra with noise added: exponential magnitudes, up to twice each one's median in the mean."""
    rng = np.random.default_rng([seed, 21])
    level = rng.uniform(0, 2, len(spectra.counts))[:, None, None]
    level = level * np.median(spectra.values, axis=(1, 2), keepdims=True)
    values = spectra.values + level * rng.exponential(size=spectra.values.shape)
    values /= values.max(axis=(1, 2), keepdims=True)
    return Spectra(values.astype(np.float32), spectra.counts)


def _processed(run: Run) -> dict[str, dict[str, Spectra]]:
    """Test spectra after each variant of the enhancement, by scenario."""
    per = {name: enhanced(run, f"test-{name}", one) for name, one in _tests(run).items()}
    return {variant: {name: per[name][variant] for name in per} for variant in next(iter(per.values()))}


def count(run: Run, seed: int) -> dict[str, Any]:
    """Counters of one seed: trained on original, expanded and enhanced data, tested in every scenario."""
    p, noisy = run.preset, _tests(run)
    original, generated_by, after = counting_set(run, f"train-{seed}"), generated(run, seed), _processed(run)
    more = {name: generated_by[name].take_per_class(_missing(run)) for name in GENERATORS}
    more["simulation"] = counting_set(run, "simulated").take_per_class(_missing(run))
    repeated = original.take_per_class(_missing(run))
    plan: dict[str, tuple[Spectra, dict[str, Spectra]]] = {"original data": (original, noisy)}
    plan["classical augmentation, noise added"] = (original + noisier(repeated, seed), noisy)
    plan |= {f"expanded by {name}": (original + extra, noisy) for name, extra in more.items()}
    pure, pure_more = enhanced(run, f"train-{seed}", original), enhanced(run, f"more-{seed}", more["dira"])
    for variant, tests in after.items():
        plan[f"expanded, {variant}"] = (pure[variant] + pure_more[variant], tests)
    best = p.variants[0][0]
    for variant in (best, DENOISER, DETECTOR):
        plan[f"original data, {variant}"] = (pure[variant], after[variant])
    plan["clean spectra"] = (counting_set(run, f"train-{seed}", "aj_clean"), _tests(run, "aj_clean"))
    # The classes evened and nothing new; all that the purifier has seen of the simulation; generated spectra alone.
    plan["original data repeated"] = (original + repeated, noisy)
    plan["original data and the purifier's simulations"] = (original + counting_set(run, "simulated"), noisy)
    plan["dira alone, no original data"] = (generated_by["dira"], noisy)
    out: dict[str, Any] = {}
    for i, (name, (train, tests)) in enumerate(plan.items()):
        counter = _counter(run, f"{seed}-{i:02d}", train, seed)
        out[name] = {
            "trained on": len(train.counts),
            "simulated": simulated_for(run, name),
            "model": f"counter-{seed}-{i:02d}",
            "scenarios": _score(run, _by(run, counter), tests),
        }
        if name == f"expanded, {best}":
            off = _score(run, _by(run, counter), noisy)
            out[PURIFIER_OFF] = out[name] | {"scenarios": off}
    for name, predict in {
        FINE_TUNED: _by(run, fine_tuned(run, seed)),
        BY_DETECTOR: lambda spectra: counted(run, spectra),
    }.items():
        out[name] = {
            "trained on": len(original.counts) if name == FINE_TUNED else 0,
            "simulated": simulated_for(run, name),
            "scenarios": _score(run, predict, noisy),
        }
    return out


def simulated_for(run: Run, name: str) -> str:
    """Say what a row uses of simulations beyond the original data."""
    p = run.preset
    classes = len(p.class_sizes)
    everything = f"{classes * p.simulated} "
    if name in (FINE_TUNED, BY_DETECTOR):
        return f"{fresh(run)} labelled with {'counts' if name == FINE_TUNED else 'positions'}"
    if name.endswith(DETECTOR):
        return f"{fresh(run)} labelled with positions"
    if name.endswith(DENOISER):
        return everything + "pairs"
    if "W = " in name or name == PURIFIER_OFF:
        return everything + "noise-free"
    if name == "original data and the purifier's simulations":
        return everything + "labelled with counts"
    if name == "expanded by simulation":
        return f"{sum(_missing(run).values())} labelled with counts"
    return "the same, noise-free" if name == "clean spectra" else ""


def calibration(run: Run) -> dict[str, Any]:
    """Measure how far probabilities are from shares of right counts, before and after a temperature from validation."""
    p, out = run.preset, dict[str, Any]()
    held = counting_set(run, "validation")
    best = p.variants[0][0]
    for name, fitted_on, tests in (
        ("original data", held, _tests(run)),
        (f"expanded, {best}", enhanced(run, "validation", held)[best], _processed(run)[best]),
    ):
        rows = []
        for seed in p.seeds:
            counter: TargetCounter = run.model(count_stage(run, seed)[name]["model"])
            raw = {s: _calibration_error(counter, one, run.device) for s, one in tests.items()}
            counter.calibrate(fitted_on.values, fitted_on.counts, device=run.device)
            after = {s: _calibration_error(counter, one, run.device) for s, one in tests.items()}
            rows.append(
                {"seed": seed, "temperature": counter.config.temperature, "raw": raw, "calibrated": after}
            )
        out[name] = rows
    return out


def count_stage(run: Run, seed: int) -> dict[str, Any]:
    """Result of the stage of `count`."""
    return run.stage(f"counting-{seed}", lambda: count(run, seed))


def _calibration_error(counter: TargetCounter, test: Spectra, device: str) -> float:
    """Expected calibration error (Guo et al. 2017), in ten groups of equal numbers by the highest probability.

    torchmetrics has ten groups of equal width, some of them empty or almost empty. 600 calibrated spectra of five
    classes give 0.020 there and 0.062 here, which is the noise of 60 spectra per group.
    """
    odds = counter.predict_proba(test.values, device=device)
    sure, right = odds.max(axis=1), counter.counts[odds.argmax(axis=1)] == test.counts
    groups = np.array_split(np.argsort(sure, kind="stable"), min(10, len(sure)))
    return float(sum(abs(sure[g].mean() - right[g].mean()) * len(g) for g in groups) / len(sure))


def data_ablations(run: Run) -> dict[str, Any]:
    """Run what the paper leaves out: the ratio of generated spectra, the number of original ones, foreign ones.

    Where there are fewer original ones, the generator has seen those alone, each as often as it would among all.
    """
    p, seed, tests = run.preset, run.preset.seeds[0], _tests(run)
    original, plenty = counting_set(run, f"train-{seed}"), _many(run, seed)

    def tested(name: str, train: Spectra) -> dict[str, Any]:
        scores = _score(run, _by(run, _counter(run, f"data-ablations-{name}", train, seed)), tests)
        return {"trained on": len(train.counts), "scenarios": scores}

    out: dict[str, Any] = {"ratio": {}, "share": {}, "out_of_domain": {}}
    for ratio in p.ratios:
        extra = plenty.take_per_class({n: round(ratio * size) for n, size in p.class_sizes.items()})
        out["ratio"][f"{ratio:g}"] = tested(f"ratio-{ratio:g}", original + extra)
    for share in p.shares:
        some = original.take_per_class({n: max(1, round(share * size)) for n, size in p.class_sizes.items()})
        missing = {n: max(0, p.expanded - int((some.counts == n).sum())) for n in p.class_sizes}
        more = plenty if share == 1 else _of_few(run, share, some, missing)
        out["share"][f"{share:g}"] = {
            "alone": tested(f"share-{share:g}", some),
            "with generated": tested(f"share-{share:g}-more", some + more.take_per_class(missing)),
        }
    more = generated(run, seed)["dira"].take_per_class(_missing(run))
    pure = by_validation(run, f"train-{seed}", original) + by_validation(run, f"more-{seed}", more)
    scores = _score(
        run,
        _by(run, _counter(run, "data-ablations-by-validation", pure, seed)),
        {name: by_validation(run, f"test-{name}", one) for name, one in tests.items()},
    )
    out["by validation"] = {"trained on": len(pure.counts), "scenarios": scores}
    foreign = counting_set(run, "out-of-domain")
    out["out_of_domain"] = {"scenario": p.out_of_domain, **tested("out-of-domain", original + foreign)}
    return out


def _of_few(run: Run, share: float, some: Spectra, missing: dict[int, int]) -> Spectra:
    """Generate spectra with a generator that was trained on a part of the original ones."""
    p, seed, name = run.preset, run.preset.seeds[0], f"share-{share:g}"
    training = max(1, round(share * p.generator_steps))
    labels = np.repeat(list(missing), list(missing.values()))

    def make() -> dict[str, NDArray[Any]]:
        model = generator(run, f"dira-{seed}-{name}", some, training, seed)
        return {"values": sampled(run, model, labels, seed, f"of {name}")}

    return Spectra(run.array(f"generated-{name}", make)["values"], labels)


def _many(run: Run, seed: int) -> Spectra:
    """Enough generated spectra for the largest ratio: those that there are, and more."""
    p = run.preset
    ready = generated(run, seed)["dira"]
    wanted = {n: round(max(p.ratios) * size) for n, size in p.class_sizes.items()}
    labels = np.repeat(list(wanted), [max(0, size - p.reference) for size in wanted.values()])
    if not labels.size:
        return ready

    def make() -> dict[str, NDArray[Any]]:
        values = sampled(run, run.model(f"dira-{seed}"), labels, seed + 1_000_000, "for the ratios")
        return {"values": values}

    return ready + Spectra(run.array("generated-many", make)["values"], labels)
