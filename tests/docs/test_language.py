"""The language of README, changelog and pages in docs/: short sentences, wrapped lines, code that is not clipped."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# docs/changelog.md and docs/contributing.md include the files of the root.
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted(page for page in DOCS.glob("*.md") if page.name not in {"changelog.md", "contributing.md"}),
    *sorted((DOCS / "howto").glob("*.md")),
]

AVERAGE, LONGEST, WIDTH = 20, 35, 100  # words, words, characters
FENCE = re.compile(r"^( *)```.*?^\1```[^\n]*$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}[^\n]*\n)+")
# Tables, headings, HTML.
NO_PROSE = re.compile(r"\s*(\|.*\|$|#|<)")
MARK = re.compile(r"^ *(?:[-*+]|\d+[.)]) +")
# What cannot be broken at a space: code, and links with their address.
ATOM = re.compile(r"`+[^`]+`+|!?\[[^]]*\]\([^)]*\)")
END = re.compile(r"(?<=[.!?])[*_)\"”]*\s+(?=[^a-z\s])")
NOT_AN_END = re.compile(r"\b(e\.g|i\.e|cf|vs|et al|Fig|eq|Eq|Sec|No|J)\.(?=\s)")


def prose(text: str) -> str:
    """The text without code blocks."""
    return INDENTED.sub("\n", FENCE.sub("", text))


def blocks(text: str) -> list[str]:
    """Paragraphs and items of lists, without tables, headings and code; a code span is one word."""
    found = []
    for block in re.split(r"\n\s*\n", prose(text)):
        items: list[list[str]] = [[]]
        for line in block.splitlines():
            if NO_PROSE.match(line):
                continue
            if MARK.match(line):
                items.append([])
            items[-1].append(MARK.sub("", line).strip())
        found += [" ".join(lines) for lines in items if lines]
    return found


def sentences(text: str) -> list[str]:
    """The sentences of a page, links reduced to their words and code to the word "Code"."""
    found = []
    for block in blocks(text):
        block = re.sub(r"!\[[^]]*\]\([^)]*\)", "", block)
        block = re.sub(r"`+[^`]+`+", "Code", block)
        block = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", block)
        found += [part for part in END.split(NOT_AN_END.sub(r"\1", block)) if words(part)]
    return found


def words(sentence: str) -> int:
    """The number of words that hold a letter or a digit."""
    return sum(any(character.isalnum() for character in word) for word in sentence.split())


def too_wide(text: str) -> list[str]:
    """Lines over the width that could be broken; tables and headings cannot."""
    long = (line for line in prose(text).splitlines() if len(line) > WIDTH)
    return [line for line in long if not NO_PROSE.match(line) and " " in ATOM.sub("", line.strip())]


def marks_by_accident(text: str) -> list[str]:
    """Lines within a paragraph that begin as an item of a list does: pages show them as one."""
    found = []
    for block in re.split(r"\n\s*\n", prose(text)):
        lines = [line for line in block.splitlines() if line.strip()]
        in_list = bool(lines and MARK.match(lines[0]))
        for before, line in itertools.pairwise(lines):
            in_list = in_list or bool(MARK.match(line) and before.endswith(":"))
            found += [line] if MARK.match(line) and not in_list else []
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_are_short(page: Path) -> None:
    lengths = {sentence: words(sentence) for sentence in sentences(page.read_text(encoding="utf-8"))}
    long = [f"{length}: {sentence}" for sentence, length in lengths.items() if length > LONGEST]
    assert not long, "\n".join(long)
    assert sum(lengths.values()) / len(lengths) <= AVERAGE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_wrapped(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not too_wide(text)
    assert not marks_by_accident(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_is_not_clipped(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = [match[0] for pattern in (FENCE, INDENTED) for match in pattern.finditer(text)]
    assert not [line for block in code for line in block.splitlines() if len(line) > WIDTH]


def test_the_checker_sees_what_it_should() -> None:
    long = " ".join(["Word"] * 36)
    page = f"# A heading\n\nOne sentence. {long}.\n\n- an item `a b c`\n\n| {long} |\n\n```\n{long}\n```\n"
    assert [words(sentence) for sentence in sentences(page)] == [2, 36, 3]
    assert too_wide(f"{long}\n") and not too_wide(f"`{long}`\n")
    assert marks_by_accident("- one\n- two\n\n1. one\n2. two\n\nThese:\n- one\n- two\n") == []
    assert marks_by_accident("It takes\n1. second.\n") == ["1. second."]
    assert marks_by_accident("It is 4\n- 3 wide.\n") == ["- 3 wide."]
