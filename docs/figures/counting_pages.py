"""Numbers of README.md and docs/counting.md."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import amount, bounds, source, table

__all__ = ["passages"]

README = "README.md"
COUNTING = "docs/counting.md"
# Scenarios of the README's table.
SHOWN = (
    *("default", "lab_cubic", "corridor_cubic", "hall_cubic", "lab_siso", "corridor_siso", "hall_siso"),
    *("lab", "corridor", "hall"),
)


@cache
def counted(scenario: str) -> dict[str, Any]:
    """The row of a scenario, `isacsim validate counting --method auto --scenario NAME --trials 100`."""
    (row,) = table(f"counting_{scenario}")["rows"]
    if (row["scenario"], row["method"], row["captures"]) != (scenario, "auto", 100):
        raise ValueError(f"{source(f'counting_{scenario}')} is of another scenario, method or size.")
    return dict(row)


def passages() -> Iterator[Passage]:
    """Every passage of both pages."""
    for scenario in SHOWN:
        row = counted(scenario)
        numbers = (
            f"{row['count_right']['value']:.2f}",
            *bounds(row["count_right"]),
            f"{row['recall']['value']:.2f}",
            amount(row["false_a_capture"]),
        )
        text = f"| `{scenario}`… | {{}} [{{}}, {{}}] | {{}} | {{}} |"
        yield Passage(README, "", text, numbers, source(f"counting_{scenario}"))
    yield from _people()


def _people() -> Iterator[Passage]:
    result = table("people")
    settings = result["settings"]
    yield Passage(COUNTING, "How good", "{} captures of each count", (f"{settings['trials']}",), source("people"))
    for people, told in result["counted"].items():
        cells = [
            (f"**{times}**" if str(n) == people else f"{times}") if (times := told.get(str(n), 0)) else ""
            for n in (1, 2, 3, 4, 5, -1)
        ]
        # The rule for bodies ends at five: more were counted as points.
        more = [f"{times} ({n})" for n, times in told.items() if int(n) > 5]
        cells.append(", ".join(more))
        text = f"| {people} " + "".join("| {} " if cell else "| " for cell in cells) + "|"
        yield Passage(COUNTING, "How good", text, tuple(cell for cell in cells if cell), source("people"))
