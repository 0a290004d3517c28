"""Docstrings begin with a noun or a verb: no question stands in place of a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = [path for name in ("isacsim", "dira", "validation") for path in sorted((ROOT / name).rglob("*.py"))]
NO_BEGIN = {"What", "Whether", "How", "Which", "Of"}


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring, those of attributes too, which stand after an assignment."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for statement in node.body:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(words))) if words.strip():
                    yield statement.lineno, words


def questions(text: str) -> list[str]:
    """Docstrings that begin as a question does."""
    found = [(line, words.split()) for line, words in docstrings(text)]
    return [f"{line}: {' '.join(words[:8])}" for line, words in found if words[0].rstrip(",:;.") in NO_BEGIN]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_begin_with_a_noun_or_a_verb(path: Path) -> None:
    assert not questions(path.read_text(encoding="utf-8"))


def test_the_checker_sees_what_it_should() -> None:
    text = 'def f():\n    """Whether it works."""\n\n\nclass A:\n    """Kind."""\n\n    x: int\n    """Of it."""\n'
    assert questions(text) == ["2: Whether it works.", "9: Of it."]
    assert len(MODULES) > 300
