"""Numbers about dira's models: docs/detector.md, docs/dira.md, and the detector's in README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import ROOT, percent

__all__ = ["passages"]

DETECTORS = "docs/results/dira/detectors.json"
WAYS = "docs/results/dira/ways.json"
FILLING = "docs/results/dira/filling.json"
FEW_LABELS = "docs/results/dira/few_labels.json"
RECORD = "dira/weights/record.json"
ROOMS = ("lab", "corridor", "hall")
MAXIMA, CLEAN = "spectrum, maxima", "clean spectrum, maxima (ceiling)"
MODEL = "model: estimate_paths"


def passages() -> Iterator[Passage]:
    """Every passage about trained models."""
    yield from _detectors()
    yield from _ways()
    yield from _readme()
    yield from _shipped()
    yield from _filling()
    yield from _few_labels()


@cache
def _table(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return found


def _share(value: float) -> str:
    """A share with two digits, halves up: the tables hold three or four."""
    return str(Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _detectors() -> Iterator[Passage]:
    """Recall, errors and counts of each detector, of those that the page names."""
    for name in ("points_4x4", "points_4x1", "rooms_4x4"):
        for spectra, of in _table(DETECTORS)[name]["test"].items():
            recall = " / ".join(["{}"] * 3)
            text = f"`{name}` | `{spectra}` | {recall} | {{}}, {{}} | {{}} |"
            numbers = (
                *(_share(of["recall"][false]) for false in ("0.1", "0.3", "1.0")),
                *(_share(error) for error in of["rms_bins"]),
                _share(of["count_right"]),
            )
            yield Passage("docs/detector.md", "What they find", text, numbers, DETECTORS)

    way = _table(DETECTORS)["short_way"]
    text = (
        "learned from {} thinned captures of `lab`. It finds {} of {} targets in {} whole ones. Another learned from "
        "the same captures simulated whole, and finds {} ("
    )
    thinned, whole = (f"{way[how]['recall']['0.3']:.3f}" for how in ("thinned", "whole"))
    numbers = (f"{way['samples']}", thinned, f"{way['whole']['targets']}", f"{way['test']}", whole)
    yield Passage("docs/detector.md", "What follows", text, numbers, DETECTORS)


def _ways() -> Iterator[Passage]:
    page, section = "docs/detector.md", "Beside other ways"
    found = _table(WAYS)
    for scenario, ways in found["results"].items():
        recall = {way: _share(of["recall"]["0.3"]) for way, of in ways.items()}
        itself = [
            number
            for way in ("PathDetector", MODEL)
            for number in (_share(ways[way]["as_said"]["recall"]), _false(ways[way]["as_said"]["false"]))
        ]
        numbers = *(recall[way] for way in (MAXIMA, "soft threshold", "CLEAN", "PathDetector")), *itself
        text = f"`{scenario}` | {{}} | {{}} | {{}} | {{}} | {{}}, {{}} | {{}}, {{}} | {{}} |"
        yield Passage(page, section, text, (*numbers, recall[CLEAN]), WAYS)
        counted = [_share(ways[way]["count_right"]) for way in (MAXIMA, "PathDetector", MODEL, CLEAN)]
        text = f"`{scenario}` | {{}} | {{}} | {{}} | {{}} |"
        yield Passage(page, "Counted right", text, tuple(counted), WAYS)
    yield Passage(page, section, "{} captures of each scenario", (f"{found['captures']}",), WAYS)


def _false(value: float) -> str:
    return f"{value:.2f}" if value else "0"


def _readme() -> Iterator[Passage]:
    of = [_table(WAYS)["results"][room] for room in ROOMS]
    ranges = [
        [ways["PathDetector"]["recall"]["0.3"] for ways in of],
        [ways[MAXIMA]["recall"]["0.3"] for ways in of],
        [ways[MODEL]["as_said"]["recall"] for ways in of],
    ]
    found, maxima, model = ([percent(min(one)), percent(max(one))] for one in ranges)
    false = [f"{end([ways[MODEL]['as_said']['false'] for ways in of]):.1f}" for end in (min, max)]
    texts = {
        "a trained detector finds {}-{} % of the targets": found,
        "The spectrum's maxima show {}-{} %": maxima,
        "`estimate_paths` finds {}-{} % with {}-{} false": [*model, *false],
    }
    for text, numbers in texts.items():
        yield Passage("README.md", "", text, tuple(numbers), WAYS)


def _shipped() -> Iterator[Passage]:
    """The models that come with dira."""
    record = _table(RECORD)
    generator, purifier, counter = record["generator"], record["purifier"], record["counter"]
    distance = generator["frechet"]
    best = max(record["enhance"]["rows"], key=lambda row: row["ssim"])

    def kept(row: str) -> tuple[str, ...]:
        of = purifier[row]
        added = [of["added"], of["added_high"]]
        few = [f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in added]
        return _share(of["ssim"]), _share(of["kept"]), _share(of["kept_high"]), *few

    noisy = kept("noisy")
    texts = {
        "on {} simulated spectra": (f"{record['samples']['train']}",),
        "generator, {} spectra | Fréchet distance {} ({} between halves of the real ones), kernel distance {}, "
        "precision {}, recall {};": (
            f"{distance['generated']}",
            _share(distance["value"]),
            _share(distance["floor"]),
            f"{generator['kernel']['value']:.3f}",
            _share(generator["precision"]),
            _share(generator["recall"]),
        ),
        "{} spectra as received | SSIM {}, visible targets kept {} / {} (down to -20 / -12 dB); invented maxima that "
        "the clean spectra do not show {} / {} per spectrum": (f"{purifier['spectra']}", *noisy),
        "(T* = {}, the larger of two tried, and a = {}, by validation) | SSIM {}, {} / {}, {} / {}:": (
            f"{best['t_star']}",
            f"{best['scale']:g}",
            *kept("enhanced"),
        ),
        "after the paired denoiser | SSIM {}, {} / {}, {} / {}:": kept("paired denoiser"),
        "of another sample | SSIM {}, {} / {}, {} / {}: chance": kept("clean of another sample"),
        "0.20) | {} as received, {} purified ({} spectra), {} after the paired denoiser, {} clean": (
            _share(counter["aj_noisy"]["accuracy"]),
            _share(counter["aj_enhanced"]["accuracy"]),
            f"{counter['aj_enhanced']['spectra']}",
            _share(counter["paired denoiser"]["accuracy"]),
            _share(counter["aj_clean"]["accuracy"]),
        ),
    }
    for text, numbers in texts.items():
        yield Passage("docs/dira.md", "The models that come with it", text, numbers, RECORD)


def _filling() -> Iterator[Passage]:
    """What the shipped encoder explains of hidden patches."""
    found = _table(FILLING)
    page, section = "docs/encoder.md", "What the encoder that comes with dira has learned"
    texts = {
        "It explains {} to {} of the variance": found["explained"].values(),
        "The mean of the window's open patches explains {} to {},": found["explained_by_visible"].values(),
    }
    for text, shares in texts.items():
        yield Passage(page, section, text, (_share(min(shares)), _share(max(shares))), FILLING)
    yield Passage(page, section, "{} windows of each of seven scenarios", (f"{found['windows']}",), FILLING)


def _few_labels() -> Iterator[Passage]:
    """Accuracy of every way to learn from few labels, and its spread over the draws."""
    found = _table(FEW_LABELS)
    page, section, rows = "docs/few_labels.md", "In simulated rooms", found["rows"]
    places = dict.fromkeys((row["task"], row["labels"]) for row in rows)
    for task, labels in places:
        of = [row for row in rows if (row["task"], row["labels"]) == (task, labels)]
        text = f"| {task} | {labels} | " + " | ".join(["{}"] * len(of)) + " |"
        yield Passage(page, section, text, tuple(_share(row["accuracy"]) for row in of), FEW_LABELS)
    spread = sorted(row["accuracy_std"] for row in rows)
    numbers = f"{found['draws']}", _share(spread[len(spread) // 2]), _share(spread[-1])
    text = "the mean of {} draws of the labels. Their standard deviation is {} in the median and {} at most"
    yield Passage(page, section, text, numbers, FEW_LABELS)
    five = {row["method"]: row["accuracy"] for row in rows if (row["task"], row["labels"]) == ("activity", 5)}
    text = "tells four simulated activities with {} from 5 labels a class, the same network from scratch with {} ("
    yield Passage("README.md", "", text, (_share(five["lora"]), _share(five["scratch"])), FEW_LABELS)
