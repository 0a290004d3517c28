"""Numbers of docs/solver.md: `python -m dira.pretraining.solver_judging`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import ROOT, percent

__all__ = ["QUANTITIES", "WAYS", "calibration_row", "passages", "way_row"]

PAGE, SOURCE = "docs/solver.md", "docs/results/dira/solver.json"
QUANTITIES = {
    "count": "count",
    "power": "Σ A²",
    "largest_a": "largest a",
    "smallest_a": "smallest a",
    "strongest_a": "a of the strongest",
    "strongest_r": "r of the strongest",
    "delay_spread": "delay spread",
    "static_power": "static power",
}
VIEWS = ("whole", "half of the packets", "one antenna of four")
WAYS = {
    "Cramér-Rao": "Cramér-Rao bound",
    "estimate_paths": "`estimate_paths`",
    "detector": "`PathDetector`",
    "posterior": "posterior",
}
_COLUMNS = ("std_acceleration", "std_jerk", "error_acceleration", "error_jerk", "counted")


@cache
def _figures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / SOURCE).read_text(encoding="utf-8"))
    return found


def calibration_row(name: str) -> tuple[str, tuple[str, ...]]:
    """Row of the first table, and its numbers."""
    text, numbers = f"| {QUANTITIES[name]} |", list[str]()
    for view in VIEWS:
        one = _figures()[view]["calibration"][name]
        text += " {}, {}; {} |"
        numbers += [percent(one["covered_50"]), percent(one["covered_90"]), f"{one['p']:.1g}"]
    return text, tuple(numbers)


def way_row(way: str) -> tuple[str, tuple[str, ...]]:
    """Row of the second table, and its numbers; a dash where a way has none."""
    text, numbers = f"| {WAYS[way]} |", list[str]()
    for column in _COLUMNS:
        value = _figures()["beside"][way].get(column)
        text += " – |" if value is None else " {} |"
        numbers += [] if value is None else [f"{value:.2f}" if column == "counted" else f"{value:.2g}"]
    return text, tuple(numbers)


def passages() -> Iterator[Passage]:
    """Every passage of the page."""
    section = "What it gives"
    for name in QUANTITIES:
        yield Passage(PAGE, section, *calibration_row(name), SOURCE)
    for way in WAYS:
        yield Passage(PAGE, section, *way_row(way), SOURCE)
    speed = _figures()["windows_a_second"]
    numbers = (f"{speed['both']:.0f}", f"{speed['described']:.0f}", f"{speed['drawn']:.0f}")
    text = "{} windows a second with 64 draws each, {} described and {} drawn from"
    yield Passage(PAGE, section, text, numbers, SOURCE)
    counted = tuple(f"{_figures()[view]['counted']:.2f}" for view in VIEWS)
    text = "likeliest count is right in {} of the windows, {} with half of the packets, {} with one antenna"
    yield Passage(PAGE, section, text, counted, SOURCE)
