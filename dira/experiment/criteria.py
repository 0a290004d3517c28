"""Criteria of the experiments, each with its figure: met or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from dira.experiment.presets import Preset
from dira.experiment.purifiers import DENOISER
from dira.experiment.streamed import DETECTOR

__all__ = ["Criterion", "Gain", "accuracies", "closed", "criteria", "gain", "right_of"]

Results = Mapping[str, Mapping[str, Any]]
_CLASSICAL = ("soft threshold", "CLEAN")


@dataclass(frozen=True)
class Criterion:
    """One aim."""

    aim: str
    measured: str
    met: bool


def accuracies(results: Results, preset: Preset, variant: str, scenario: str) -> NDArray[np.float64]:
    """Accuracy of a variant in a scenario, one for each seed."""
    return np.array(
        [results[f"counting-{s}"][variant]["scenarios"][scenario]["accuracy"] for s in preset.seeds]
    )


def right_of(results: Results, seed: int, variant: str, scenario: str) -> NDArray[np.bool_]:
    """Select the test spectra of a scenario that a variant's counter counted right."""
    one = results[f"counting-{seed}"][variant]["scenarios"][scenario]
    return np.isin(np.arange(one["spectra"]), one["right"])


@dataclass(frozen=True)
class Gain:
    """Mean gain over the original data, paired by seed and by test spectrum, and halves of its 95 % intervals."""

    mean: float
    seeds: float
    """Over seeds (training set, generator, counter); NaN with one seed."""
    spectra: float
    """Over test spectra, those seeds given."""

    @property
    def sure(self) -> bool:
        """Above zero by both intervals: seeds share test spectra, so neither holds all chance."""
        return self.mean > self.seeds and self.mean > self.spectra

    @property
    def sure_loss(self) -> bool:
        """Below zero by both."""
        return -self.mean > self.seeds and -self.mean > self.spectra

    def __str__(self) -> str:
        seeds = "" if np.isnan(self.seeds) else f" ± {self.seeds:.3f}"
        return f"{self.mean:+.3f}{seeds}"


def gain(results: Results, preset: Preset, variant: str, *scenarios: str) -> Gain:
    """Gain of a variant in a scenario, or in several together."""

    def right(seed: int, name: str) -> NDArray[np.float64]:
        return np.concatenate([right_of(results, seed, name, one) for one in scenarios]).astype(float)

    pairs = np.array([right(s, variant) - right(s, "original data") for s in preset.seeds])

    def half(values: NDArray[np.float64]) -> float:
        n = values.size
        return float(student.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")

    return Gain(float(pairs.mean()), half(pairs.mean(axis=1)), half(pairs.mean(axis=0)))


def _above(one: Mapping[str, float]) -> float:
    """Distance above the floor; what is below it cannot be told from it."""
    return max(one["value"] - one["floor"], 0.0)


def criteria(results: Results, preset: Preset) -> list[Criterion]:
    """All aims."""
    return [
        *_generation(results, preset),
        *_purification(results, preset),
        *_counting(results, preset),
    ]


def _generation(results: Results, preset: Preset) -> list[Criterion]:
    def each(read: Callable[[Mapping[str, Any]], float], kind: str) -> NDArray[np.float64]:
        return np.array([read(results[f"expansion-{s}"][kind]) for s in preset.seeds])

    frechet = all("frechet_test" in results[f"expansion-{s}"]["dira"] for s in preset.seeds)
    name = "Fréchet" if frechet else "kernel"
    recall, real = (each(lambda one: one["recall"], kind) for kind in ("dira", "simulation"))
    classes = np.array(
        [
            [c["diversity"] for c in results[f"expansion-{s}"]["dira"]["classes"].values()]
            for s in preset.seeds
        ]
    ).mean(axis=0)
    copies = each(lambda one: one["copies"], "dira")
    key = "frechet_test" if frechet else "kernel_test"
    # As many spectra of another simulation: a floor with the bias of the same number.
    floor, *both = (each(lambda one: one[key]["value"], kind) for kind in ("simulation", "dira", "gan"))
    ours, gan = (np.maximum(values - floor, 0) for values in both)
    share = ours / np.maximum(gan, 1e-12)
    nearer = np.array([_nearer_than_gan(results[f"expansion-{s}"]) for s in preset.seeds])
    half = _half(nearer)
    return [
        Criterion(
            f"{name} distance of DiRA to the test set, more simulation's subtracted, below the GAN's (the paper: 0.12)",
            f"{_spread(ours)} against {_spread(gan)}: {_spread(share)} of it (subtracted: {_spread(floor)})",
            bool((ours < gan).all()),
        ),
        Criterion(
            "kernel distance below the GAN's in every class, the interval over seeds clear of zero",
            "GAN's minus ours: "
            + " / ".join(f"{m:.3g} ± {h:.2g}" for m, h in zip(nearer.mean(axis=0), half, strict=True)),
            bool((nearer.mean(axis=0) > half).all()),
        ),
        Criterion(
            "recall within 10 % of real data's",
            f"{_spread(recall)}, real data {_spread(real)}",
            bool(recall.mean() >= 0.9 * real.mean()),
        ),
        Criterion(
            "diversity of every class within 10 % of real data's",
            " / ".join(f"{value:.3f}" for value in classes) + " of it",
            bool(np.abs(classes - 1).max() <= 0.1),
        ),
        Criterion(
            "no memorisation: at most 2 % nearer to training than 1 % of held-out spectra are",
            f"{_spread(copies)}",
            bool(copies.mean() <= 0.02),
        ),
    ]


def _nearer_than_gan(expansion: Mapping[str, Any]) -> list[float]:
    """By how much the kernel distance to the test set is below the GAN's, in each class."""
    ours, gan = (expansion[kind]["classes"] for kind in ("dira", "gan"))
    return [gan[n]["kernel_test"]["value"] - ours[n]["kernel_test"]["value"] for n in ours]


def _half(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of the 95 % interval of the mean over the first axis; NaN of one alone."""
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray(student.ppf(0.975, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n))


def _purification(results: Results, preset: Preset) -> list[Criterion]:
    best = preset.variants[0][0]
    ways = (best, DENOISER, DETECTOR)
    out = []
    for what in ("original", "generated"):
        rows = {name: one["kernel_clean"] for name, one in results["distances"][what].items()}
        before, after = _above(rows["unchanged"]), {name: _above(rows[name]) for name in ways}
        out.append(
            Criterion(
                f"kernel distance of {what} spectra to clean ones, floor subtracted, down by at least ten times",
                f"{before:.3g} to " + ", ".join(f"{after[name]:.3g} ({name})" for name in ways),
                min(after.values()) <= before / 10,
            )
        )
    for scenario, one in results["enhancement"].items():
        rows = one["rows"]
        recall = {name: rows[name]["recall_0.3"] for name in ("unchanged", *ways, "clean")}
        out.append(
            Criterion(
                f"{scenario}: recall of at least 0.90 at 0.3 false maxima a spectrum",
                ", ".join(f"{value:.2f} ({name})" for name, value in recall.items()),
                max(recall[name] for name in ways) >= 0.9,
            )
        )
    rows = results["enhancement"][preset.original]["rows"]
    ours = rows[best]
    classical = {name: row for name, row in rows.items() if name.startswith(_CLASSICAL)}
    strongest = max(classical, key=lambda name: classical[name]["ssim"])
    return [
        *out,
        Criterion(
            "less than 0.3 invented peaks a spectrum: maxima above -12 dB that neither targets nor clean spectrum have",
            ", ".join(f"{rows[name]['added_high']:.2f} ({name})" for name in ("unchanged", *ways)),
            min(rows[name]["added_high"] for name in ways) < 0.3,
        ),
        Criterion(
            "SSIM of the purifier above every classical way's",
            f"{ours['ssim']:.3f} ± {ours['ssim_half']:.3f} against {classical[strongest]['ssim']:.3f} ({strongest}); "
            + ", ".join(f"{name} {rows[name]['ssim']:.3f}" for name in (DENOISER, DETECTOR)),
            ours["ssim"] > classical[strongest]["ssim"],
        ),
    ]


def _counting(results: Results, preset: Preset) -> list[Criterion]:
    variant = f"expanded, {preset.variants[0][0]}"
    scenarios = (preset.original, *preset.others)
    ours, original, clean = (
        np.array([accuracies(results, preset, name, s).mean() for s in scenarios])
        for name in (variant, "original data", "clean spectra")
    )
    gains = {s: gain(results, preset, variant, s) for s in scenarios}
    together = gain(results, preset, variant, *scenarios)

    return [
        Criterion(
            "DiRA counts better than the original data in every scenario (paired; 95 % over seeds, over test spectra)",
            ", ".join(f"{s} {g} ± {g.spectra:.3f}" for s, g in gains.items()),
            all(g.sure for g in gains.values()),
        ),
        Criterion(
            "DiRA closes at least half of the gap between original data and clean spectra, mean of the scenarios",
            f"{together} ± {together.spectra:.3f}: {closed(results, preset, *scenarios)}; "
            + ", ".join(f"{s} {closed(results, preset, s)}" for s in scenarios),
            bool(together.sure and together.mean >= 0.5 * (clean.mean() - original.mean())),
        ),
        Criterion(
            "mean over the scenarios at least 0.70 (the paper, three: 0.41 to 0.70)",
            f"{original.mean():.3f} to {ours.mean():.3f} ({together} ± {together.spectra:.3f}), clean spectra "
            f"{clean.mean():.3f}",
            bool(ours.mean() >= 0.70),
        ),
    ]


def closed(results: Results, preset: Preset, *where: str) -> str:
    """Share of the way from original data to clean spectra that DiRA goes, where there is one."""
    dira = f"expanded, {preset.variants[0][0]}"
    way, ours = (gain(results, preset, name, *where) for name in ("clean spectra", dira))
    return f"{ours.mean / way.mean:.0%} of the gap" if way.sure else f"no sure gap ({way})"


def _spread(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.3g}" + (f" ± {values.std(ddof=1):.2g}" if values.size > 1 else "")
