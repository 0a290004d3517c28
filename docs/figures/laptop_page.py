"""Numbers of docs/dira.md, section "What came out", and its picture: `dira reproduce --preset laptop`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from dira.experiment.counting import BY_DETECTOR
from dira.experiment.criteria import accuracies, gain
from dira.experiment.first_screen import first_figure
from dira.experiment.presets import Preset
from dira.experiment.purifiers import BY_VALIDATION, DENOISER
from dira.experiment.streamed import DETECTOR, FINE_TUNED
from docs.figures.passages import Passage
from docs.figures.results import ROOT
from isacsim.figures.spectra import png

__all__ = ["COUNTED", "ENHANCED", "aim_row", "counting_row", "enhancement_row", "passages", "picture"]

PAGE, SECTION, SOURCE = "docs/dira.md", "What came out", "docs/results/dira/laptop.json"
MODEL = "estimate_paths"
# Row of the report -> what the page calls it.
COUNTED = {
    "original data": "original data",
    "classical augmentation, noise added": "classical augmentation: noise added",
    "original data repeated": "the original data twice",
    "expanded by gan": "expanded by the GAN",
    "expanded by vae": "expanded by the VAE",
    "expanded by dira": "expanded by diffusion",
    "original data, {best}": "original data, purified",
    "expanded, {best}": "**DiRA**: expanded and purified",
    f"original data, {DENOISER}": "original data, paired denoiser",
    f"expanded, {DENOISER}": "expanded, paired denoiser",
    f"original data, {DETECTOR}": "original data, drawn by the detector",
    f"expanded, {DETECTOR}": "expanded, drawn by the detector",
    "expanded by simulation": "expanded by simulation",
    "original data and the purifier's simulations": "all simulations of the purifier, with labels",
    FINE_TUNED: "counter of a stream, fine-tuned on original data",
    BY_DETECTOR: "detector of a stream, its count",
    "clean spectra": "clean spectra",
    MODEL: "`estimate_paths` on the CSI",
}
ENHANCED = {
    "unchanged": "as received",
    "soft threshold": "soft threshold",
    "CLEAN, down": "CLEAN",
    "{best}": "purifier, T* = 50",
    BY_VALIDATION: "purifier, T* and a by validation",
    DENOISER: "paired denoiser",
    DETECTOR: "detector",
    "clean of another sample": "clean of another sample",
    "clean": "clean",
    MODEL: "`estimate_paths`, drawn",
}


@cache
def _report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / SOURCE).read_text(encoding="utf-8"))
    return found


def _preset() -> Preset:
    return Preset(**_report()["frozen"]["preset"])


def _scenarios() -> tuple[str, ...]:
    p = _preset()
    return (p.original, *p.others)


def counting_row(name: str) -> tuple[str, tuple[str, ...]]:
    """Row of the first table, and its numbers."""
    p, results = _preset(), _report()["results"]
    row = name.format(best=p.variants[0][0])
    if name == MODEL:
        each = [results["model-based"]["scenarios"][s]["accuracy"] for s in _scenarios()]
        gained = ""
    else:
        each = [accuracies(results, p, row, s).mean() for s in _scenarios()]
        got = gain(results, p, row, *_scenarios())
        gained = f"{got.mean:+.2f} ± {got.seeds:.2f} ± {got.spectra:.2f}"
    cells = [f"{value:.2f}" for value in [*each, np.mean(each)]]
    text = f"| {COUNTED[name]} |" + " {} |" * len(cells)
    if name in (MODEL, "original data"):
        return text, tuple(cells)
    return text + " {} |", (*cells, gained)


def enhancement_row(name: str) -> tuple[str, tuple[str, ...]]:
    """Row of the second table, means over the scenarios, and its numbers."""
    p, results = _preset(), _report()["results"]
    wanted = name.format(best=p.variants[0][0])

    def row(scenario: str) -> dict[str, float]:
        if name == MODEL:
            scores: dict[str, float] = results["model-based"]["scenarios"][scenario]["scores"]
            return scores
        rows = results["enhancement"][scenario]["rows"]
        if wanted in rows:
            return dict(rows[wanted])
        return dict(next(of for key, of in rows.items() if key.startswith(wanted)))

    rows = [row(scenario) for scenario in _scenarios()]
    keys = ("recall_0.3", "recall_1", "ssim", "added_high")
    numbers = tuple(f"{np.mean([one[key] for one in rows]):.2f}" for key in keys)
    return f"| {ENHANCED[name]} |" + " {} |" * len(keys), numbers


def aim_row(aim: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Row of the table of aims: what was measured, as the report says it, and whether it is met."""
    return f"| {aim['aim']} | {{}} | {{}} |", (aim["measured"], "met" if aim["met"] else "not met")


def passages() -> Iterator[Passage]:
    """Every passage of the section."""
    for name in COUNTED:
        yield Passage(PAGE, SECTION, *counting_row(name), SOURCE)
    for name in ENHANCED:
        yield Passage(PAGE, "What enhancement keeps", *enhancement_row(name), SOURCE)
    for aim in _report()["aims"]:
        yield Passage(PAGE, "The aims", *aim_row(aim), SOURCE)
    rows = ("expanded, {best}", "original data", "clean spectra", MODEL)
    means = tuple(counting_row(name)[1][len(_scenarios())] for name in rows)
    text = "gains nothing in counting here: {} right with it, {} without, {} on clean spectra, {} by"
    yield Passage("README.md", "", text, means, SOURCE)
    recall = (enhancement_row(DETECTOR)[1][0], enhancement_row("unchanged")[1][0])
    text = "it finds {} of the targets at 0.3 false ones, where received spectra show {}."
    yield Passage(PAGE, SECTION, text, recall, SOURCE)


def picture() -> bytes:
    """Figure of the report's first screen."""
    return png(first_figure(_preset(), _report()["results"]))
