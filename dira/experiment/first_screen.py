"""Findings of a run, in three sentences and one figure: the first screen of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dira.experiment.counting import BY_DETECTOR
from dira.experiment.criteria import accuracies, closed, gain
from dira.experiment.presets import Preset
from dira.experiment.purifiers import DENOISER
from dira.experiment.streamed import DETECTOR, FINE_TUNED

__all__ = ["first_figure", "sentences"]

Results = Mapping[str, Mapping[str, Any]]
MODEL = "estimate_paths on the CSI"
_SHOWN = 5


def _counts(p: Preset, results: Results) -> dict[str, float]:
    """Mean accuracy over seeds and scenarios of every row of the counting table."""
    scenarios = (p.original, *p.others)
    out = {
        name: float(np.mean([accuracies(results, p, name, s).mean() for s in scenarios]))
        for name in results[f"counting-{p.seeds[0]}"]
    }
    model = results["model-based"]["scenarios"]
    out[MODEL] = float(np.mean([model[s]["accuracy"] for s in scenarios]))
    return out


def _recalls(p: Preset, results: Results) -> dict[str, float]:
    """Mean recall over the scenarios at 0.3 false maxima a spectrum."""
    tables = [results["enhancement"][s]["rows"] for s in (p.original, *p.others)]
    names = [name for name in tables[0] if all(name in one for one in tables)]
    out = {name: float(np.mean([one[name]["recall_0.3"] for one in tables])) for name in names}
    model = results["model-based"]["scenarios"]
    out[MODEL] = float(np.mean([one["scores"]["recall_0.3"] for one in model.values()]))
    return out


def _purified(p: Preset) -> str:
    return p.variants[0][0]


def sentences(p: Preset, results: Results) -> list[str]:
    """Three sentences: what DiRA gains, what purifies, and what does better."""
    scenarios = (p.original, *p.others)
    dira = f"expanded, {_purified(p)}"
    counts, recalls, got = _counts(p, results), _recalls(p, results), gain(results, p, dira, *scenarios)
    gains = "a sure gain" if got.sure else "a sure loss" if got.sure_loss else "no sure gain"
    half = "" if np.isnan(got.seeds) else f" ± {got.seeds:.3f} over seeds"
    return [
        f"Counting: with DiRA {counts[dira]:.2f} of the test spectra are counted right, with the "
        f"{sum(p.class_sizes.values())} original spectra alone {counts['original data']:.2f}, with clean spectra "
        f"{counts['clean spectra']:.2f} (mean of {', '.join(scenarios)}): {gains} "
        f"({got.mean:+.3f}{half} ± {got.spectra:.3f} over spectra, {closed(results, p, *scenarios)}).",
        "Enhancement: of the targets, the spectra as received show "
        f"{recalls['unchanged']:.2f} at 0.3 false maxima each, purified ones {recalls[_purified(p)]:.2f}, those of the "
        f"paired denoiser {recalls[DENOISER]:.2f}; the detector finds {recalls[DETECTOR]:.2f}, and clean spectra show "
        f"{recalls['clean']:.2f}.",
        _better(counts, dira),
    ]


def _better(counts: Mapping[str, float], dira: str) -> str:
    """Every row counts here, or a row that beats DiRA could stay unsaid."""
    better = [name for name in counts if counts[name] > counts[dira] and name != "clean spectra"]
    better.sort(key=lambda name: -counts[name])
    if not better:
        return "Beside clean spectra nothing here counts better than DiRA."
    shown = "; ".join(f"{name}: {counts[name]:.2f}" for name in better[:_SHOWN])
    more = f"; and {len(better) - _SHOWN} more" if len(better) > _SHOWN else ""
    return f"What counts better than DiRA in the mean, though not always surely: {shown}{more}."


def first_figure(p: Preset, results: Results) -> Figure:
    """Counting accuracy and recall of the rows that matter, mean of the scenarios."""
    dira = f"expanded, {_purified(p)}"
    counts, recalls = _counts(p, results), _recalls(p, results)
    left = {
        "original data": counts["original data"],
        "classical augmentation": counts["classical augmentation, noise added"],
        "GAN": counts["expanded by gan"],
        "diffusion (expanded)": counts["expanded by dira"],
        "purifier (enhanced)": counts[f"original data, {_purified(p)}"],
        "DiRA (both)": counts[dira],
        "detector (enhanced)": counts[f"original data, {DETECTOR}"],
        "DiRA, detector enhances": counts[f"expanded, {DETECTOR}"],
        "simulations added": counts["original data and the purifier's simulations"],
        "stream, fine-tuned": counts[FINE_TUNED],
        "detector's count": counts[BY_DETECTOR],
        "clean spectra": counts["clean spectra"],
        "estimate_paths (CSI)": counts[MODEL],
    }
    right = {
        "unchanged": recalls["unchanged"],
        "purifier": recalls[_purified(p)],
        "paired denoiser": recalls[DENOISER],
        "detector": recalls[DETECTOR],
        "clean": recalls["clean"],
        "estimate_paths (CSI)": recalls[MODEL],
    }
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    for axes, rows, title in zip(
        figure.subplots(1, 2),
        (left, right),
        ("targets counted right", "recall at 0.3 false maxima a spectrum"),
        strict=True,
    ):
        names, values = list(rows)[::-1], list(rows.values())[::-1]
        colours = ["C1" if name.startswith(("DiRA", "purifier")) else "C0" for name in names]
        bars = axes.barh(names, values, color=colours)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.set(xlim=(0, 1.08), xlabel="share", title=title)
    figure.axes[0].axvline(1 / len(p.class_sizes), color="k", linestyle=":", linewidth=0.8)
    return figure
