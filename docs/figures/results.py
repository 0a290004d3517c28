"""The studies' tables in docs/results/validation, and how their numbers are written."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "ROOT", "amount", "benchmark", "bounds", "percent", "rows", "source", "table"]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "results" / "validation"


def source(name: str) -> str:
    """Path of a study's table from the repository's root."""
    return f"docs/results/validation/{name}.json"


@cache
def table(name: str) -> dict[str, Any]:
    """A study's table by its file's name without `.json`."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def benchmark(title: str) -> list[dict[str, Any]]:
    """Rows of the section of docs/results/performance.json whose title begins so."""
    sections = json.loads((ROOT / "docs" / "results" / "performance.json").read_text(encoding="utf-8"))[
        "sections"
    ]
    (section,) = (one for one in sections if one["title"].startswith(f"{title}:"))
    return list(section["rows"])


def rows(name: str, **equal: Any) -> list[dict[str, Any]]:
    """Rows of a table whose fields have these values."""
    return [row for row in table(name)["rows"] if all(row[key] == value for key, value in equal.items())]


def amount(value: float) -> str:
    """A mean count with two digits, a plain 0 where there was none."""
    return f"{value:.2f}" if value else "0"


def percent(value: float, digits: int = 0) -> str:
    """A share in percent, without the sign."""
    return f"{100 * value:.{digits}f}"


def bounds(share: dict[str, float]) -> tuple[str, str]:
    """Ends of an interval of a share; 1 where the upper end rounds to it."""
    high = f"{share['high']:.2f}"
    return f"{share['low']:.2f}", "1" if high == "1.00" else high
