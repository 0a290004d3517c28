"""A page of every command, made of what its ``--help`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.testing import CliRunner

import dira.cli
import isacsim.cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

WIDTH = "96"


def _commands(path: list[str], command: Any) -> Iterator[list[str]]:
    below = getattr(command, "commands", {})
    if not below or command.invoke_without_command:
        yield path
    for name, inner in below.items():
        yield from _commands([*path, name], inner)


def _section(app: typer.Typer, program: str, path: list[str]) -> str:
    plain = {"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    shown = CliRunner().invoke(app, [*path, "--help"], env=plain, prog_name=program)
    if shown.exit_code != 0:
        raise RuntimeError(f"{program} {' '.join(path)} --help ended with {shown.exit_code}: {shown.output}")
    text = "\n".join(line.rstrip() for line in shown.output.strip("\n").splitlines())
    return f"## {' '.join([program, *path])}\n\n```text\n{text}\n```"


def write_page(page: Path) -> None:
    """Write the page of both programs' commands."""
    parts = [
        "# Commands",
        "Each command ends with exit code 0. It ends with 2 and one sentence where an argument or a file cannot be"
        " used, and with 130 on Ctrl-C. This page is what `--help` prints.",
    ]
    for program, app in (("isacsim", isacsim.cli.app), ("dira", dira.cli.app)):
        parts += [_section(app, program, path) for path in _commands([], typer.main.get_command(app)) if path]
    text = "\n\n".join(parts) + "\n"
    if not page.is_file() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", lambda app, config: write_page(Path(app.srcdir) / "api" / "commands.md"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
