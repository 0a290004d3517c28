"""Pictures of the experiments' results, the paper's beside them where it has one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dira.config import Scaling
from dira.experiment.counting_figures import counting_figures
from dira.experiment.expansion import made_by
from dira.experiment.presets import Preset
from dira.experiment.purifiers import DENOISER
from dira.experiment.samples import counting_set
from dira.experiment.stages import Run
from dira.experiment.streamed import DETECTOR

__all__ = ["NAMES", "figures"]

Results = Mapping[str, Mapping[str, Any]]
NAMES = {"dira": "DiRA", "gan": "conditional GAN", "vae": "conditional VAE", "simulation": "more simulation"}


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
        **counting_figures(run, results),
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
    rows |= {NAMES[name]: one for name, one in made_by(run, seed).items()}
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
        axes.set(title=title, xlabel="targets", ylabel="kernel distance")
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
    pictures = run.array("process")
    n = len(next(iter(pictures.values())))
    figure = Figure(figsize=(1.6 * len(pictures), 1.75 * n), layout="constrained")
    grid = figure.subplots(n, len(pictures), squeeze=False)
    for column, (name, values) in enumerate(pictures.items()):
        for row in range(n):
            _image(grid[row][column], values[row], name if row == 0 else "")
    grid[-1][0].set_xlabel("acceleration", fontsize=8)
    grid[-1][0].set_ylabel("jerk", fontsize=8)
    return figure


def _distances(results: Results) -> Figure:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    rows = results["distances"]
    sets = ["original", "generated", "all"]
    _bars(
        axes,
        sets,
        {
            name: np.array([[rows[s][name]["kernel_clean"]["value"] for s in sets]])
            for name in rows["original"]
        },
    )
    axes.axhline(
        rows["original"]["unchanged"]["kernel_clean"]["floor"], color="k", linewidth=0.8, linestyle=":"
    )
    axes.set(ylabel="kernel distance to clean spectra", title="before and after enhancement; dotted: floor")
    figure.legend(*axes.get_legend_handles_labels(), fontsize=8, loc="outside right upper")
    return figure


def _curves(p: Preset, results: Results) -> Figure:
    figure = Figure(figsize=(11, 6), layout="constrained")
    curves = results["enhancement"][p.original]["curves"]
    edges = curves["snr_db"]
    bands = [f"{low:.0f}-{high:.0f}" for low, high in itertools.pairwise(edges)]
    classical = [name for name in curves["by_snr"] if name.startswith("CLEAN, down")]
    shown = ["unchanged", *(v[0] for v in p.variants), DENOISER, DETECTOR, *classical]
    grid = figure.subplots(2, 3)
    for line, (key, label) in zip(grid, {"by_snr": "SNR [dB]", "by_count": "targets"}.items(), strict=True):
        for axes, (score, title) in zip(
            line,
            {
                "ssim": "SSIM to clean",
                "kept_high": "share of visible targets kept",
                "added_high": "peaks invented a spectrum",
            }.items(),
            strict=True,
        ):
            for name in shown:
                rows = curves[key][name]
                x = [bands[r["group"]] if key == "by_snr" else str(r["group"]) for r in rows]
                values = [np.nan if r[score] is None else r[score] for r in rows]
                axes.plot(x, values, marker="o", label=name)
            axes.set(title=title, xlabel=label)
            axes.set_ylim(bottom=0)
    figure.legend(
        *grid[0][0].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=len(shown)
    )
    return figure
