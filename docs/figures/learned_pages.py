"""Numbers about dira's models: docs/detector.md, docs/dira.md, and the detector's in README.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import ROOT, percent

__all__ = ["passages"]

DETECTORS = "docs/results/dira/detectors.json"
WAYS = "docs/results/dira/ways.json"
LAPTOP = "docs/results/dira/laptop.json"
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
    yield from _aims()
    yield from _findings()


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


def _numbers(beginning: str) -> list[str]:
    """Numbers of the one aim of the laptop experiments that begins so, as the report states them."""
    (aim,) = (one for one in _table(LAPTOP)["aims"] if one["aim"].startswith(beginning))
    return re.findall(r"-?\d+(?:\.\d+)?", aim["measured"])


def _aims() -> Iterator[Passage]:
    """The table of aims, rounded as the page has it."""
    ours, spread, gan, gan_spread, ratio, ratio_spread, less = _numbers("Fréchet distance")[:7]
    recall, recall_spread, real = _numbers("recall within")[:3]
    diversity = sorted(float(one) for one in _numbers("diversity"))
    original, generated = _numbers("kernel distance of original"), _numbers("kernel distance of generated")
    rows = _table(LAPTOP)["results"]["enhancement"]["lab"]["rows"]
    ways = ("T* = 50, W = 2", "paired denoiser", "unchanged")
    both = [_share(rows[way][kept]) for way in ways for kept in ("kept", "kept_high")]
    invented = [f"{rows[way]['added_high']:.{digits}f}" for way, digits in zip(ways, (0, 1, 0), strict=True)]
    gains = _numbers("DiRA counts better")
    mean = _numbers("mean over the scenarios")[:5]
    clean = _numbers("SSIM above")
    texts = {
        "more simulation's ({}) subtracted | {} ± {} against {} ± {}: {} ± {} |": (
            *(less, ours, spread, gan, gan_spread),
            *(_share(float(one)) for one in (ratio, ratio_spread)),
        ),
        "within 10 % of real data's | {} ± {}, real data {} |": (
            recall,
            f"{float(recall_spread):.3f}",
            real,
        ),
        "diversity of every class within 10 % | {} to {} of it": (
            f"{diversity[0]:.3f}",
            f"{diversity[-1]:.3f}",
        ),
        "no memorisation | {} ± {} nearer": tuple(_numbers("no memorisation")[:2]),
        "down ten times | original {} to {}, generated {} to {} |": tuple(
            _share(float(one)) for one in (*original[:2], *generated[:2])
        ),
        "down to -20 / -12 dB | {} / {} against {} / {} (unchanged spectra: {} / {})": tuple(both),
        "90 % kept | {} / {} |": tuple(both[:2]),
        "above -12 dB | {} (unchanged {}, paired denoiser {})": (invented[0], invented[2], invented[1]),
        "every classical method | {} against {} (CLEAN); paired denoiser {} |": (
            clean[0],
            clean[2],
            f"{rows['paired denoiser']['ssim']:.3f}",
        ),
        "in each scenario | lab +{} ± {} ± {}, corridor +{} ± {} ± {}, hall +{} ± {} ± {} |": tuple(gains),
        "0.41 to 0.70) | {} to {}: +{} ± {} ± {} |": tuple(mean),
        "other scenarios | {}, {} |": tuple(_numbers("at least 0.71")),
    }
    for text, numbers in texts.items():
        yield Passage("docs/dira.md", "What came out", text, numbers, LAPTOP)


def _findings() -> Iterator[Passage]:
    """The sentences below the table that repeat numbers of the laptop experiments."""
    rows = _table(LAPTOP)["results"]["enhancement"]["lab"]["rows"]
    ways = ("T* = 50, W = 2", "unchanged", "T* and a by validation, W = 1")
    ours, unchanged, chosen = (f"{rows[way]['added_high']:.0f}" for way in ways)
    clean = rows["CLEAN, down to -4 dB"]
    denoiser = rows["paired denoiser"]
    kept = [_share(row[name]) for row in (clean, denoiser) for name in ("kept", "kept_high")]
    right = [f"{of['accuracy']:.2f}" for of in _table(LAPTOP)["results"]["model-based"]["scenarios"].values()]
    texts = {
        "purifies little.** {} of {} invented maxima stay.": (ours, unchanged),
        "chosen by validation, {} stay.": (chosen,),
        "than the denoiser ({} / {} against {} / {})": tuple(kept),
        "as many maxima ({}),": (f"{clean['added_high']:.1f}",),
        "right in {} (0.91 to 1), {} (0.74 to 0.95) and {} (0.63 to 0.88)": tuple(right),
    }
    for text, numbers in texts.items():
        yield Passage("docs/dira.md", "What came out", text, numbers, LAPTOP)
