"""Numbers and picture of docs/people.md: `python -m dira.experiment.people` and `dira.pretraining.people`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dira.experiment.people import MOST
from dira.models.files import CONFIG
from dira.models.shipped import shipped_models
from docs.figures.passages import Passage
from docs.figures.results import ROOT
from isacsim.figures.spectra import png

__all__ = ["passages", "people_picture"]

PAGE, SOURCE = "docs/people.md", "docs/results/dira/people.json"
WEIGHTS = "dira/weights/PeopleCounter"
FIRST = "walker, noise alone"


@cache
def _cases() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / SOURCE).read_text(encoding="utf-8"))["cases"]
    return found


def _trained() -> dict[str, dict[str, Any]]:
    """Record of each counter that comes with dira."""
    folders = shipped_models("PeopleCounter").items()
    return {
        name: json.loads((folder / CONFIG).read_text(encoding="utf-8"))["history"] for name, folder in folders
    }


def passages() -> Iterator[Passage]:
    """The table's rows, and what README says of them."""
    cases = _cases()
    for name, ways in cases.items():
        for way, found in ways.items():
            start = f"| {title(name)} |" if way == "counter" else f"| {title(name)}; by the rule |"
            yield Passage(
                PAGE, "How good", f"{start} {{}} | {{}} | {{}} | {{}} | {{}} |", _row(found), SOURCE
            )
    right = tuple(f"{cases[FIRST][way]['right']:.2f}" for way in ("counter", "rule"))
    text = "a network counts {} of windows with 1 to 7 people right, the rule {} ("
    yield Passage("README.md", "", text, right, SOURCE)
    for name, of in _trained().items():
        numbers = f"{of['crowds']['bodies']}", f"{of['steps']}", *(f"{share:.2f}" for _, share in _curve(of))
        text = f"| `{name}` | {{}} | {{}} | {' / '.join(['{}'] * 3)} |"
        yield Passage(PAGE, "How it learned", text, numbers, f"{WEIGHTS}/{name}/config.json")


def title(name: str) -> str:
    """Name of a case as the page has it."""
    scenario, _, rest = name.partition(",")
    return f"`{scenario}`" + (f",{rest}" if rest else "")


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    columns = ("right", "right_of_1_to_5", "within_one", "mean_error")
    return *(f"{found[column]:.2f}" for column in columns), f"{found['captures']}"


def _curve(of: dict[str, Any]) -> list[tuple[int, float]]:
    """Steps, and the share of validation captures that is right after them."""
    return sorted((int(steps), share) for steps, share in of["validation_right_after"].items())


def people_picture() -> bytes:
    """Confusion matrices of the counter and the rule, and the share right after so many steps of training."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    grid = figure.subplots(1, 3)
    for axes, way in zip(grid, ("counter", "rule"), strict=False):
        counts = np.array(_cases()[FIRST][way]["confusion"], float)[1:]
        shares = counts / counts.sum(axis=1, keepdims=True)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, column in zip(*np.nonzero(shares >= 0.005), strict=True):
            colour = "w" if shares[row, column] > 0.6 else "k"
            axes.text(
                column, row, f"{shares[row, column]:.2f}", ha="center", va="center", color=colour, fontsize=7
            )
        axes.set_xticks(range(MOST + 2), [*map(str, range(MOST + 1)), "?"])
        axes.set_yticks(range(MOST), [*map(str, range(1, MOST + 1))])
        axes.set(
            xlabel="people counted (?: cannot tell)",
            ylabel="people in the capture",
            title=f"one antenna: {way}",
        )
    for name, of in _trained().items():
        grid[2].plot(*zip(*_curve(of), strict=True), "o-", label=name)
    grid[2].set(
        xlabel="steps of 64 crowds", ylabel="share counted right (0 to 7)", title="training", xscale="log"
    )
    grid[2].legend()
    grid[2].grid(alpha=0.3)
    return png(figure)
