"""Numbers of README.md and docs/counting.md."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import amount, benchmark, bounds, source, table

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
        numbers: tuple[str, ...] = (
            f"{row['count_right']['value']:.2f}",
            *bounds(row["count_right"]),
            f"{row['recall']['value']:.2f}",
            amount(row["false_a_capture"]),
        )
        text = f"| `{scenario}`… | {{}} [{{}}, {{}}] | {{}} | {{}} |"
        yield Passage(README, "Measured figures", text, numbers, source(f"counting_{scenario}"))
    stated = table("counting")["stated"]
    right = f"{round(stated['count_right'] * stated['captures'])}", f"{stated['captures']}"
    yield Passage(README, "Measured figures", "the count is right in {} of {}", right, source("counting"))
    counted_right = [f"{told[people]}" for people, told in table("people")["counted"].items()]
    counts = counted_right[0], f"{table('people')['settings']['trials']}", *counted_right[1:]
    text = "counted right in {} of {} simulated windows, two in {}, three in {}, four in {}"
    yield Passage(README, "Measured figures", text, counts, source("people"))
    error = f"{table('real')['rows'][0]['median_error']:.3f}"
    yield Passage(README, "Measured figures", "tracked speed is {} m/s", (error,), source("real"))
    written_out, recurrence = (f"{row['ratio']:.3g}" for row in benchmark("Channel of moving paths")[1:3])
    text = "`simulate_paths` is {} times as fast as the sum of all paths written out in NumPy. It is {} times"
    yield Passage(
        README, "Measured figures", text, (written_out, recurrence), "docs/results/performance.json"
    )
    yield from _people()


def _people() -> Iterator[Passage]:
    result = table("people")
    settings = result["settings"]
    yield Passage(
        COUNTING, "How good", "{} captures of each count", (f"{settings['trials']}",), source("people")
    )
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
