"""Pictures of the experiments' results, the paper's beside them where it has one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dira.config import Scaling
from dira.experiment.enhancement import DENOISER
from dira.experiment.expansion import generated
from dira.experiment.presets import Preset
from dira.experiment.samples import counting_set
from dira.experiment.stages import Run
from dira.experiment.verdicts import accuracies

__all__ = ["NAMES", "PAPER_COUNTING", "figures"]

Results = Mapping[str, Mapping[str, Any]]
NAMES = {"dira": "DiRA", "gan": "conditional GAN", "vae": "conditional VAE", "simulation": "more simulation"}
# Fig. 11: original scenario and the two others.
PAPER_COUNTING = {
    "original data": (0.64, 0.32, 0.28),
    "expanded by dira": (0.65, 0.48, 0.45),
    "DiRA": (0.67, 0.71, 0.71),
}


def figures(run: Run, results: Results) -> dict[str, Figure]:
    """All pictures by name."""
    p = run.preset
    return {
        "examples": _examples(run),
        "classes": _classes(p, results),
        "sizes": _sizes(p, results),
        "process": _process(run),
        "distances": _distances(results),
        "enhancement": _curves(p, results),
        "counting": _counting(p, results),
        "confusion": _confusion(p, results),
        "snr": _by_snr(p, results),
        "beyond": _beyond(p, results),
    }


def _image(axes: Any, values: NDArray[np.floating], title: str = "") -> None:
    scaled = Scaling().to_model(np.asarray(values, np.float32)[None, None])[0, 0]
    axes.imshow(scaled.T, origin="lower", vmin=-1, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=8)


def _examples(run: Run) -> Figure:
    p, seed = run.preset, run.preset.seeds[0]
    rows = {"simulated": counting_set(run, "reference")}
    rows |= {NAMES[name]: one for name, one in generated(run, seed).items()}
    figure = Figure(figsize=(1.6 * len(p.class_sizes) + 1, 1.7 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(p.class_sizes), squeeze=False)
    for line, (name, one) in zip(grid, rows.items(), strict=True):
        for axes, n in zip(line, p.class_sizes, strict=True):
            _image(axes, one.values[np.flatnonzero(one.counts == n)[0]], f"{name}: {n} targets")
    grid[-1][0].set_xlabel("acceleration", fontsize=8)
    grid[-1][0].set_ylabel("jerk", fontsize=8)
    return figure


def _bars(axes: Any, groups: list[str], rows: dict[str, NDArray[np.float64]]) -> None:
    """Bars by group (column), one colour a row; rows are (repetition, group), whose spread is drawn."""
    width, at = 0.8 / len(rows), np.arange(len(groups))
    for i, (name, values) in enumerate(rows.items()):
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else None
        axes.bar(
            at + (i - (len(rows) - 1) / 2) * width,
            values.mean(axis=0),
            width,
            yerr=spread,
            label=name,
            capsize=2,
        )
    axes.set_xticks(at, groups)


def _classes(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (key, title) in zip(
        figure.subplots(1, 2),
        {"kernel_train": "to the training set", "kernel_test": "to the test set"}.items(),
        strict=True,
    ):
        rows = {}
        for kind in NAMES:
            rows[NAMES[kind]] = np.array(
                [
                    [
                        results[f"expansion-{s}"][kind]["classes"][str(n)].get(key, {}).get("value", np.nan)
                        for n in p.class_sizes
                    ]
                    for s in p.seeds
                ]
            )
        _bars(axes, [f"{n}" for n in p.class_sizes], rows)
        axes.set(title=f"kernel distance {title}", xlabel="targets", yscale="symlog")
        axes.set_yscale("symlog", linthresh=0.01)
    axes.legend(fontsize=8)
    return figure


def _sizes(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    rows = results["sizes"]
    for key, label in (("kernel_train", "to the training set"), ("kernel_test", "to the test set")):
        got = [rows[str(n)][key] for n in p.sizes]
        value = np.array([g["value"] for g in got])
        half = [value - [g["low"] for g in got], np.array([g["high"] for g in got]) - value]
        axes.errorbar(p.sizes, value, half, marker="o", capsize=3, label=label)
    axes.set(xlabel="training spectra", ylabel="kernel distance", title=f"after {p.sizes_steps} steps")
    axes.legend(fontsize=8)
    return figure


def _process(run: Run) -> Figure:
    pictures = run.array("process", dict)
    n = len(next(iter(pictures.values())))
    figure = Figure(figsize=(1.6 * len(pictures), 1.75 * n), layout="constrained")
    grid = figure.subplots(n, len(pictures), squeeze=False)
    for column, (name, values) in enumerate(pictures.items()):
        for row in range(n):
            _image(grid[row][column], values[row], name if row == 0 else "")
    return figure


def _distances(results: Results) -> Figure:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    rows = results["distances"]
    sets = ["original", "generated", "all"]
    _bars(
        axes,
        sets,
        {name: np.array([[rows[s][name]["value"] for s in sets]]) for name in rows["original"]},
    )
    axes.axhline(rows["original"]["unchanged"]["floor"], color="k", linewidth=0.8, linestyle=":")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set(ylabel="kernel distance to clean spectra", title="before and after enhancement; dotted: floor")
    axes.legend(fontsize=8)
    return figure


def _curves(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(11, 6), layout="constrained")
    curves = results["enhancement"][p.original]["curves"]
    edges = curves["snr_db"]
    bands = [f"{low:.0f}-{high:.0f}" for low, high in itertools.pairwise(edges)]
    shown = ["unchanged", *(v[0] for v in p.variants), DENOISER]
    grid = figure.subplots(2, 3)
    for line, (key, label) in zip(grid, {"by_snr": "SNR [dB]", "by_count": "targets"}.items(), strict=True):
        for axes, (score, title) in zip(
            line,
            {
                "ssim": "SSIM to clean",
                "kept_high": "visible targets kept (above -12 dB)",
                "added_high": "peaks invented (above -12 dB, not in clean)",
            }.items(),
            strict=True,
        ):
            for name in shown:
                rows = curves[key][name]
                x = [bands[r["group"]] if key == "by_snr" else str(r["group"]) for r in rows]
                axes.plot(x, [r[score] for r in rows], marker="o", label=name)
            axes.set(title=title, xlabel=label)
    grid[0][0].legend(fontsize=7)
    return figure


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
    axes.set_yticks(at, variants)
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
            of = [results[f"counting-{seed}"][name]["scenarios"][s]["confusion"] for seed in p.seeds]
            table = np.sum(of, axis=0)
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
            axes.set_title(f"{s}: {name}", fontsize=8)
    grid[-1][0].set(xlabel="counted", ylabel="targets")
    return figure


def _by_snr(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    shown = [
        "original data",
        "expanded by dira",
        f"expanded, {p.variants[0][0]}",
        f"original data, {DENOISER}",
    ]
    shown += ["delay-resolved stack", "clean spectra"]
    for axes, s in zip(
        np.ravel(figure.subplots(1, 1 + len(p.others), sharey=True)), (p.original, *p.others), strict=True
    ):
        for name in shown:
            of = [results[f"counting-{seed}"][name]["scenarios"][s] for seed in p.seeds]
            edges = np.array(of[0]["snr_db"])
            values = np.array([one["by_snr"] for one in of]).mean(axis=0)
            axes.plot((edges[:-1] + edges[1:])[: values.size] / 2, values, marker="o", label=name)
        axes.set(title=s, xlabel="SNR [dB]")
    axes.legend(fontsize=7)
    figure.axes[0].set_ylabel("accuracy")
    return figure


def _beyond(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    rows, scenarios = results["beyond"], (p.original, *p.others)
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
    left.legend(fontsize=8)
    right.legend(fontsize=7)
    return figure
