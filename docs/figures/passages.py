"""Passages of a page whose numbers come from a file: they are found by the words about them, compared, replaced."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Passage", "PassageError", "differences", "mended"]

# A number as prose has it: 300, -26, 0.003, 1.4e-4, 3 and 0.5 of "3-0.5".
_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
# A cell of a table, or a part of one.
_CELL = r"([^|\n]+?)"


class PassageError(Exception):
    """A passage that a page does not have, or has more than once."""


@dataclass(frozen=True)
class Passage:
    """Some words of a page with the numbers among them.

    Attributes
    ----------
    page : str
        Path from the repository's root.
    section : str
        Heading of the section; ``""`` for the whole page.
    text : str
        Words about the numbers, in the page's Markdown: ``{}`` stands for a number, ``…`` for any words on the same
        line. Line breaks of the page do not matter. Short is better: the rest of a sentence may change.
    numbers : tuple of str
        What stands at each ``{}``.
    source : str
        File that they come from.
    """

    page: str
    section: str
    text: str
    numbers: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        """Refuse a text that has another number of places than there are numbers."""
        if self.text.count("{}") != len(self.numbers):
            raise ValueError(f"{self.text!r} has {self.text.count('{}')} places for {self.numbers}.")

    def __str__(self) -> str:
        where = f"{self.page}, section {self.section!r}" if self.section else self.page
        return f"{where}: {self.text!r}"


def differences(passage: Passage, page: str) -> list[str]:
    """Sentences that say where a page and a passage's numbers differ.

    Parameters
    ----------
    passage : Passage
        The passage.
    page : str
        The page's text.

    Raises
    ------
    PassageError
        If the page does not have the passage exactly once.
    """
    found = _found(passage, page)
    return [
        f"{passage}: the page says {found[n + 1]}, {passage.source} says {number}."
        for n, number in enumerate(passage.numbers)
        if found[n + 1] != number
    ]


def mended(passage: Passage, page: str) -> str:
    """Put a passage's numbers into a page.

    Parameters
    ----------
    passage, page
        As for `differences`.

    Returns
    -------
    str
        The page's new text.
    """
    found = _found(passage, page)
    for n in reversed(range(len(passage.numbers))):
        begin, end = found.span(n + 1)
        page = page[:begin] + passage.numbers[n] + page[end:]
    return page


def _found(passage: Passage, page: str) -> re.Match[str]:
    pattern = re.compile(_pattern(passage.text))
    all_found = list(pattern.finditer(page, *_section(passage, page)))
    if len(all_found) != 1:
        raise PassageError(
            f"{passage} is there {len(all_found)} times, and must be once: "
            f"where a page's words change, change the passage in docs/figures too."
        )
    return all_found[0]


def _pattern(text: str) -> str:
    place = _CELL if text.startswith("|") else _NUMBER
    pieces = {"{}": place, "…": r"[^|\n]*?"}
    parts = re.split(r"(\{\}|…|\s+)", text)
    pattern = "".join(pieces.get(part, r"\s+" if part.isspace() else re.escape(part)) for part in parts)
    # A number at either end of the passage must be whole.
    if re.match(r"\{\}|\d", text):
        pattern = r"(?<![\d.])" + pattern
    return pattern + r"(?!\d|\.\d)" if re.search(r"(\{\}|\d)$", text) else pattern


def _section(passage: Passage, page: str) -> tuple[int, int]:
    """Begin and end of the passage's section within the page."""
    if not passage.section:
        return 0, len(page)
    begin, level, fenced, at = -1, 0, False, 0
    for line in page.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        heading = None if fenced else re.match(r"(#+) (.+)", line)
        if heading and begin >= 0 and len(heading[1]) <= level:
            return begin, at
        if heading and begin < 0 and heading[2].strip() == passage.section:
            begin, level = at, len(heading[1])
        at += len(line)
    if begin < 0:
        raise PassageError(f"{passage.page} has no section {passage.section!r} (docs/figures names it).")
    return begin, at
