"""A page of each study, made of the tables (JSON) and figures that ``isacsim validate`` wrote into docs/results.

No number is typed: a page shows what the study's file holds, with its seed, settings, machine and versions.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isacsim.validation.study import STUDIES, load_study

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MOST_ROWS = 60
MOST_COLUMNS = 9
SHORT = 26  # characters of a cell, in a table of several files


def _words(value: Any) -> str:
    """A value for a cell: shares with their interval, numbers with four digits."""
    if isinstance(value, dict):
        if {"value", "low", "high"} <= value.keys():
            return f"{value['value']:.3g} [{value['low']:.3g}, {value['high']:.3g}]"
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None:
        return ""
    return str(value).replace("|", "\\|").replace("\n", " ")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _rows(table: dict[str, Any]) -> str:
    rows = table.get("rows")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return ""
    names = list(rows[0])
    if len(rows) > MOST_ROWS or len(names) > 2 * MOST_COLUMNS or any(list(row) != names for row in rows):
        return ""
    if len(names) > MOST_COLUMNS:  # one below the other: a table so wide is read by nobody
        return "\n".join(
            _table(["what", "value"], [[f"`{name}`", _words(row[name])] for name in names]) for row in rows
        )
    return _table([f"`{name}`" for name in names], [[_words(row[name]) for name in names] for row in rows])


def _together(tables: list[dict[str, Any]]) -> str:
    """Rows of all files of a study that go by scenario, without the columns that are long."""
    rows = [
        row
        for table in tables
        for row in table.get("rows", [])
        if isinstance(row, dict) and "scenario" in row
    ]
    if len(tables) < 2 or len({tuple(row) for row in rows}) != 1:
        return ""
    shown = [[name, *(_words(row[name]) for row in rows)] for name in rows[0]]
    columns = [column for column in shown if max(map(len, column[1:])) <= SHORT]
    head, *body = (list(line) for line in zip(*columns, strict=True))
    return "## All scenarios\n\n" + _table([f"`{name}`" for name in head], body) + "\n"


def _section(path: Path, table: dict[str, Any]) -> str:
    settings = {"seed": table["seed"], **table["settings"]}
    if "core_seconds" in table:
        settings["processor time in s"] = table["core_seconds"]
    settings |= {"machine": ", ".join(map(str, table["machine"].values())), "versions": table["versions"]}
    parts = [f"## {path.stem}\n"]
    figure = path.with_suffix(".png")
    if figure.is_file():
        parts.append(f"![Figure of the table {path.stem}](../validation/{figure.name})\n")
    parts.append(_rows(table))
    parts.append(f"The whole table: [{path.name}](../validation/{path.name}).\n")
    parts.append(_table(["setting", "value"], [[name, _words(value)] for name, value in settings.items()]))
    return "\n".join(part for part in parts if part)


def write_pages(docs: Path) -> list[str]:
    """Write the pages, and return the names of those that there are."""
    tables: dict[str, list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for path in sorted((docs / "results" / "validation").glob("*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        if table.get("study") in STUDIES:
            tables[table["study"]].append((path, table))
    folder = docs / "results" / "studies"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.stem not in tables:
            old.unlink()
    for name, found in tables.items():
        text = (
            f"# {name}\n\nStudy: {load_study(name).DESCRIPTION}\n\n"
            f"Command: `isacsim validate {name}`. What it shows and what not: [Studies](../../validation.md).\n\n"
            + _together([table for _, table in found])
            + "\n".join(_section(path, table) for path, table in found)
        )
        page = folder / f"{name}.md"
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
    return sorted(tables)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", lambda app, config: write_pages(Path(app.srcdir)))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
