"""Commands that docs pages, README and tutorials show have that name and those options; the site's own Python runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import dira.cli
import isacsim.cli

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("*.md")),
    *sorted((DOCS / "howto").glob("*.md")),
    *sorted((DOCS / "gallery").glob("*.py")),
]
FENCED = re.compile(r"^ *```(?:console|bash)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)``?((?:isacsim|dira) [^`]+)``?(?!`)")
WORD = re.compile(r"[a-z][a-z-]*")


@cache
def programs() -> dict[str, Any]:
    return {
        "isacsim": typer.main.get_command(isacsim.cli.app),
        "dira": typer.main.get_command(dira.cli.app),
    }


def shown(page: Path) -> Iterator[list[str]]:
    """Words of every command that a page shows."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    lines = [line.strip().removeprefix("$ ") for line in lines] + INLINE.findall(text)
    for line in lines:
        if line.startswith(("isacsim ", "dira ")):
            yield shlex.split(line.replace("\n", " ").partition(" #")[0])


def wrong(words: list[str]) -> str | None:
    """What is wrong with a command, if anything."""
    command: Any = programs()[words[0]]
    rest = words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    while rest and getattr(command, "commands", None):
        if rest[0].startswith("-") or not WORD.fullmatch(rest[0]):
            break
        if rest[0] not in command.commands:
            return f"{' '.join(words)}: there is no {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
        known |= {o for parameter in command.params for o in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            return f"{' '.join(words)}: there is no {option}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_exist(page: Path) -> None:
    pytest.importorskip("filelock", reason="dira's commands need the extra dira")
    assert [found for found in map(wrong, shown(page)) if found] == []


def test_wrong_commands_are_found() -> None:
    assert (
        wrong(["isacsim", "simulate", "lab", "--sed", "3"])
        == "isacsim simulate lab --sed 3: there is no --sed"
    )
    assert wrong(["isacsim", "simulat", "lab"]) == "isacsim simulat lab: there is no simulat"
    assert wrong(["isacsim", "scenarios", "check", "mine.yaml"]) is None
    assert sum(1 for page in PAGES for _ in shown(page)) > 100


@pytest.mark.parametrize(
    ("page", "replaced"),
    [
        ("quickstart.md", ()),
        ("howto/noise_free.md", (("n_samples=100", "n_samples=2, workers=0"),)),
        ("howto/scenarios.md", (('"lab", seed=3', '"lab_siso", seed=3'),)),
    ],
)
def test_python_of_a_page_runs(
    page: str, replaced: tuple[tuple[str, str], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for old, new in replaced:
        assert block.count(old) == 1
        block = block.replace(old, new)
    exec(compile(block, page, "exec"), {"__name__": "page"})
