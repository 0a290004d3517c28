"""Tables of the report."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from dira.experiment.counting_figures import PAPER_COUNTING, label
from dira.experiment.criteria import accuracies, gain
from dira.experiment.figures import NAMES
from dira.experiment.finding import FALSE
from dira.experiment.presets import Preset
from dira.experiment.purifiers import BY_VALIDATION
from dira.metrics.fidelity import SCORES

__all__ = ["table", "tables"]

_SETS = {"training": "train", "test": "test"}
Results = Mapping[str, Mapping[str, Any]]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table, as HTML."""
    line = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll wraps"><table><thead><tr>{line}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _number(value: float | None) -> str:
    """A score; none where there is nothing to measure (an empty spectrum keeps no target)."""
    return "-" if value is None else f"{value:.3f}"


def _interval(one: Mapping[str, float]) -> str:
    return f"{one['value']:.3g} [{one['low']:.3g}, {one['high']:.3g}]"


def tables(p: Preset, results: Results) -> dict[str, str]:
    """All tables by name, as HTML."""
    return {name: make(p, results) for name, make in _TABLES.items()}


def _classes_table(p: Preset, results: Results) -> str:
    """Every generator of every seed: distances in all and over the classes."""
    rows = [
        [
            NAMES[kind],
            str(seed),
            _interval(one["kernel_test"]),
            f"{one['kernel_test']['floor']:.3g}",
            _interval(one["frechet_test"]) if "frechet_test" in one else "-",
            f"{one['precision']:.3f}",
            f"{one['recall']:.3f}",
            f"{one['copies']:.3f}",
            *(_over_classes(one, key) for key in ("kernel_train", "kernel_test")),
            *_training(one.get("training")),
        ]
        for seed in p.seeds
        for kind, one in results[f"expansion-{seed}"].items()
    ]
    head = ["", "seed", "kernel distance [95 %]", "floor", "Fréchet [95 %]", "precision", "recall", "copies"]
    head += ["over classes, to training set", "to test set", "parameters", "steps", "ms a step (DiRA's)"]
    return table(head, rows)


def _enhancement_table(p: Preset, results: Results) -> str:
    """Tabulate the ways to remove noise, in every scenario."""
    scores = {f"recall_{false:g}": f"recall at {false:g} false" for false in FALSE} | SCORES
    model = results["model-based"]["scenarios"]
    rows = [
        [scenario, name, *(_number(row[key]) for key in scores)]
        for scenario, one in results["enhancement"].items()
        for name, row in (
            one["rows"]
            | {f"estimate_paths, {model[scenario]['captures']} captures": model[scenario]["scores"]}
        ).items()
    ]
    return table(["scenario", "", *scores.values()], rows)


def _distances_table(p: Preset, results: Results) -> str:
    """Distances to clean spectra, before and after."""
    sets = results["distances"]
    return table(
        ["", *sets["original"]],
        [
            [f"{s}, {what}", *(_interval(one[key]) for one in sets[s].values())]
            for s in ("original", "generated", "all")
            for key, what in (("kernel_clean", "kernel distance"), ("frechet_clean", "Fréchet distance"))
            if key in sets[s]["unchanged"]
        ],
    )


def _sizes_table(p: Preset, results: Results) -> str:
    """By the number of training spectra."""
    return table(
        [
            "training spectra",
            "steps",
            *(f"{d} distance to the {to} set" for d in ("kernel", "Fréchet") for to in _SETS),
            "copies",
        ],
        [
            [
                size,
                str(one["steps"]),
                *(
                    _interval(one[f"{d}_{to}"]) if f"{d}_{to}" in one else "-"
                    for d in ("kernel", "frechet")
                    for to in _SETS.values()
                ),
                f"{one['copies']:.3f}",
            ]
            for size, one in results["sizes"].items()
        ],
    )


def _samplers_table(p: Preset, results: Results) -> str:
    """By sampler and steps."""
    return table(
        ["sampler", "steps", "kernel distance [95 %]", "precision", "recall", "spectra/s"],
        [
            [
                r["sampler"],
                str(r["steps"]),
                _interval(r["kernel_test"]),
                f"{r['precision']:.3f}",
                f"{r['recall']:.3f}",
                f"{r['spectra_per_second']:.2f}",
            ]
            for r in results["samplers"]["rows"]
        ],
    )


def _calibration_table(p: Preset, results: Results) -> str:
    """Calibration errors, before and after a temperature."""
    return table(
        [
            "trained on",
            "seed",
            "temperature",
            *(f"{s}, {when}" for s in (p.original, *p.others) for when in ("raw", "after")),
        ],
        [
            [
                name,
                str(r["seed"]),
                f"{r['temperature']:.2f}",
                *(f"{r[when][s]:.3f}" for s in (p.original, *p.others) for when in ("raw", "calibrated")),
            ]
            for name, rows in results["calibration"].items()
            for r in rows
        ],
    )


def _guidance_table(p: Preset, results: Results) -> str:
    """By T*, distance, reference and strength of the guidance."""
    rows = results["guidance"]["rows"]
    return table(
        ["T*", "distance", "reference", "a", *SCORES.values()],
        [
            [str(r["t_star"]), r["distance"], r["reference"], f"{r['a']:g}", *(_number(r[k]) for k in SCORES)]
            for r in rows
        ],
    )


def _over_classes(one: Mapping[str, Any], key: str) -> str:
    """Mean and standard deviation over the classes, as the paper has them."""
    values = [c[key]["value"] for c in one["classes"].values() if key in c]
    return f"{np.mean(values):.3g} ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else "-"


def _training(one: Mapping[str, Any] | None) -> list[str]:
    if one is None:
        return ["", "", ""]
    each = [one["step_seconds"], one["step_seconds_of_dira"]]
    step = "" if None in each else f"{1e3 * each[0]:.0f} ({1e3 * each[1]:.0f})"
    return [f"{one['parameters']:,}", str(one["steps"]), step]


def _counting_table(p: Preset, results: Results) -> str:
    scenarios = (p.original, *p.others)
    dira = f"expanded, {p.variants[0][0]}"
    rows = []
    for name, one in results[f"counting-{p.seeds[0]}"].items():
        each = [accuracies(results, p, name, s).mean() for s in scenarios]
        got = gain(results, p, name, *scenarios)
        paper = PAPER_COUNTING.get("DiRA" if name == dira else name)
        rows.append(
            [
                label(p, name),
                str(one["trained on"]),
                one["simulated"],
                *(f"{x:.3f}" for x in [*each, np.mean(each)]),
                "" if name == "original data" else f"{got} ± {got.spectra:.3f}",
                " / ".join(f"{x:.2f}" for x in paper) if paper else "",
            ]
        )
    out_of_domain = results["data-ablations"]["out_of_domain"]
    noise_free = f"{len(p.class_sizes) * p.simulated} noise-free"
    foreign = f"{out_of_domain['trained on'] - sum(p.class_sizes.values())} labelled with counts"
    single = {
        f"expanded, {BY_VALIDATION} (one seed)": (results["data-ablations"]["by validation"], noise_free),
        f"original data and spectra of {out_of_domain['scenario']} (one seed)": (out_of_domain, foreign),
    }
    model = results["model-based"]["scenarios"]
    captures = model[p.original]["captures"]
    single[f"estimate_paths on the CSI ({captures} captures each)"] = (
        {"scenarios": model, "trained on": 0},
        "",
    )
    for name, (one, beside) in single.items():
        each = [one["scenarios"][s]["accuracy"] for s in scenarios]
        numbers = [f"{x:.3f}" for x in [*each, np.mean(each)]]
        rows.append([name, str(one["trained on"]), beside, *numbers, "", ""])
    gains = f"gain{' ± seeds' if len(p.seeds) > 1 else ''} ± spectra"
    return table(["trained on", "spectra", "simulated beside", *scenarios, "mean", gains, "paper"], rows)


_TABLES = {
    "classes": _classes_table,
    "enhancement": _enhancement_table,
    "distances": _distances_table,
    "sizes": _sizes_table,
    "counting": _counting_table,
    "samplers": _samplers_table,
    "calibration": _calibration_table,
    "guidance": _guidance_table,
}
