"""The page docs/results/performance.md from docs/results/performance.json, which `make bench` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "results"
PAGE = FOLDER / "performance.md"
TABLE = FOLDER / "performance.json"


def page(result: dict[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    result : dict
        ``date``, ``machine`` and ``versions`` (sentences), and ``sections``: each has ``title``, ``unit``, ``rows``
        with ``what``, ``seconds`` and ``ratio`` to the first row, and ``notes``.
    """
    lines = [
        "# Performance",
        "",
        "Written by `make bench`. Times are medians of one run on one machine; the ratios are what to compare.",
        "",
        f"- {result['date']}, {result['machine']}",
        f"- {result['versions']}",
        "",
    ]
    for section in result["sections"]:
        head = f"| what | time a {section['unit']} | against ours |"
        lines += [f"## {section['title']}", "", head, "|---|---:|---:|"]
        for n, row in enumerate(section["rows"]):
            ratio = f"{row['ratio']:.3g} x" if n else "1"
            lines.append(f"| {row['what']} | {_time(row['seconds'])} | {ratio} |")
        lines += ["", *(f"{note}\n" for note in section["notes"])]
    return "\n".join(lines).rstrip() + "\n"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} µs" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms"
