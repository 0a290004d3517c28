"""Pictures of counting (Fig. 11): by training data, scenario, SNR, amplitude spread and number of spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dira.experiment.counting import BY_DETECTOR
from dira.experiment.criteria import accuracies, right_of
from dira.experiment.presets import Preset
from dira.experiment.purifiers import DENOISER
from dira.experiment.samples import data
from dira.experiment.stages import Run

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PAPER_COUNTING", "counting_figures", "label"]

Results = Mapping[str, Mapping[str, Any]]
# Fig. 11: original scenario and the two others.
PAPER_COUNTING = {
    "original data": (0.64, 0.32, 0.28),
    "expanded by dira": (0.65, 0.48, 0.45),
    "DiRA": (0.67, 0.71, 0.71),
}


def counting_figures(run: Run, results: Results) -> dict[str, Figure]:
    """All pictures by name."""
    p = run.preset
    return {
        "counting": _counting(p, results),
        "confusion": _confusion(p, results),
        "snr": _by(run, results, "snr"),
        "spread": _by(run, results, "spread"),
        "data-ablations": _data_ablations(p, results),
    }


def label(p: Preset, variant: str) -> str:
    """A variant's name as readers see it."""
    dira = variant == f"expanded, {p.variants[0][0]}"
    return (
        f"DiRA: {variant}"
        if dira
        else variant.replace("by dira", "by diffusion").replace("dira alone", "diffusion alone")
    )


def _counting(p: Preset, results: Results) -> Figure:
    scenarios = (p.original, *p.others)
    variants = list(results[f"counting-{p.seeds[0]}"])
    figure = Figure(figsize=(11, 0.42 * len(variants) + 1.5), layout="constrained")
    axes = figure.subplots()
    at, height = np.arange(len(variants))[::-1], 0.26
    for i, s in enumerate(scenarios):
        got = np.array([accuracies(results, p, v, s) for v in variants])
        spread = got.std(axis=1, ddof=1) if got.shape[1] > 1 else None
        axes.barh(at + (1 - i) * height, got.mean(axis=1), height, xerr=spread, label=s, capsize=2)
    axes.axvline(1 / len(p.class_sizes), color="k", linestyle=":", linewidth=0.8)
    axes.set_yticks(at, [label(p, v) for v in variants])
    axes.set(xlabel="counting accuracy (dotted: chance; bars: standard deviation over seeds)", xlim=(0, 1))
    axes.legend(fontsize=8)
    return figure


def _confusion(p: Preset, results: Results) -> Figure:
    shown, scenarios = (
        ["original data", f"expanded, {p.variants[0][0]}", "clean spectra"],
        (p.original, *p.others),
    )
    figure = Figure(figsize=(3 * len(shown) + 1, 2.9 * len(scenarios)), layout="constrained")
    grid = figure.subplots(len(scenarios), len(shown), squeeze=False)
    for line, s in zip(grid, scenarios, strict=True):
        for axes, name in zip(line, shown, strict=True):
            by_seed = [results[f"counting-{seed}"][name]["scenarios"][s]["confusion"] for seed in p.seeds]
            table = np.sum(by_seed, axis=0)
            share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
            axes.imshow(share, vmin=0, vmax=1, cmap="Blues")
            for (i, j), value in np.ndenumerate(share):
                axes.text(
                    j,
                    i,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="k" if value < 0.6 else "w",
                )
            axes.set_xticks(range(len(p.class_sizes)), [str(n) for n in p.class_sizes])
            axes.set_yticks(range(len(p.class_sizes)), [str(n) for n in p.class_sizes])
            axes.set_title(f"{s}: {label(p, name)}", fontsize=8)
    grid[-1][0].set(xlabel="counted", ylabel="targets")
    return figure


def _shown(p: Preset) -> list[str]:
    return [
        "original data",
        "expanded by dira",
        f"expanded, {p.variants[0][0]}",
        f"original data, {DENOISER}",
        BY_DETECTOR,
        "clean spectra",
    ]


def _thirds(values: NDArray[np.float64], within: NDArray[Any]) -> NDArray[np.int64]:
    """Low, middle or high: 0, 1 or 2, by rank among the samples of the same group."""
    third = np.empty(len(values), np.int64)
    for group in np.unique(within):
        rows = np.flatnonzero(within == group)
        third[rows[np.argsort(values[rows], kind="stable")]] = 3 * np.arange(len(rows)) // len(rows)
    return third


def _spread_db(samples: xr.Dataset) -> NDArray[np.float64]:
    """Strongest over weakest target's amplitude, in dB."""
    amplitude = samples["target_amplitude"].values
    return np.asarray(20 * np.log10(np.nanmax(amplitude, axis=1) / np.nanmin(amplitude, axis=1)))


def _by(run: Run, results: Results, what: str) -> Figure:
    """Accuracy in thirds of the test spectra, by SNR or by amplitude spread among spectra of as many targets."""
    p = run.preset
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, s in zip(
        np.ravel(figure.subplots(1, 1 + len(p.others), sharey=True)), (p.original, *p.others), strict=True
    ):
        samples = data(run, f"test-{s}")
        values = samples["snr_db"].values if what == "snr" else _spread_db(samples)
        within = np.zeros(len(values)) if what == "snr" else samples["n_targets"].values
        third = _thirds(values, within)
        at = [float(np.median(values[third == k])) for k in range(3)]
        for name in _shown(p):
            right = np.mean([right_of(results, seed, name, s) for seed in p.seeds], axis=0)
            axes.plot(at, [right[third == k].mean() for k in range(3)], marker="o", label=label(p, name))
        quantity = "SNR" if what == "snr" else "strongest over weakest target's amplitude"
        axes.set(title=s, xlabel=f"{quantity} [dB]")
        axes.set_ylim(bottom=0)
    axes.legend(fontsize=7)
    figure.axes[0].set_ylabel("accuracy")
    return figure


def _data_ablations(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    rows, scenarios = results["data-ablations"], (p.original, *p.others)
    left, right = figure.subplots(1, 2, sharey=True)
    zero = results[f"counting-{p.seeds[0]}"]["original data"]["scenarios"]
    for i, s in enumerate(scenarios):
        ratio = [zero[s]["accuracy"], *(r["scenarios"][s]["accuracy"] for r in rows["ratio"].values())]
        left.plot([0, *(100 * float(r) for r in rows["ratio"])], ratio, marker="o", label=s)
        for how, style in (("alone", "-"), ("with generated", "--")):
            shares = [one[how]["scenarios"][s]["accuracy"] for one in rows["share"].values()]
            share = [100 * float(x) for x in rows["share"]]
            right.plot(share, shares, style, marker="o", color=f"C{i}", label=f"{s}, {how}")
    left.set(xlabel="generated spectra, % of the original ones", ylabel="accuracy")
    right.set(xlabel="original spectra, %")
    left.set_ylim(bottom=0)
    left.legend(fontsize=8)
    right.legend(fontsize=7)
    return figure
