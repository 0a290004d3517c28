"""Docstrings begin with a noun or a verb, not with a question, and their sentences are short."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_language import LONGEST, sentences, words

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


def long_sentences(text: str) -> list[str]:
    """Sentences of docstrings with too many words; tables in reStructuredText are none."""
    found = []
    for line, said in docstrings(text):
        # An indented line and a heading's underline end a paragraph; so does the description of an argument.
        prose = re.sub(r"^ *(?:-{3,}|={3,}.*?^={3,}[ =]*)$", "", inspect.cleandoc(said), flags=re.M | re.S)
        paragraph: list[str] = []
        depth = -1
        for part in [*prose.splitlines(), ""]:
            indent = len(part) - len(part.lstrip()) if part.strip() else -1
            if indent != depth:
                found += [f"{line}: {one}" for one in sentences("\n".join(paragraph)) if words(one) > LONGEST]
                paragraph, depth = [], indent
            paragraph.append(part.strip())
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_begin_with_a_noun_or_a_verb(path: Path) -> None:
    assert not questions(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_of_docstrings_are_short(path: Path) -> None:
    assert not long_sentences(path.read_text(encoding="utf-8"))


def test_the_checker_sees_what_it_should() -> None:
    text = 'def f():\n    """Whether it works."""\n\n\nclass A:\n    """Kind."""\n\n    x: int\n    """Of it."""\n'
    assert questions(text) == ["2: Whether it works.", "9: Of it."]
    long = " ".join(["word"] * 20)
    text = f"    x : {long}\n        {long}.\n    y\n        It {long}\n        {long}."
    text = f'def f():\n    """Do.\n\n{text}\n    """\n'
    assert [one.split()[:2] for one in long_sentences(text)] == [["2:", "It"]]
    assert long_sentences(f'"""Do.\n\n{"=" * 3} {"=" * 3}\n{long} {long}\n{"=" * 3} {"=" * 3}\n"""\n') == []
    assert len(MODULES) > 300
