"""Numbers of the pages are those of the tables in docs/results, and every picture has what makes it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from docs.figures.numbers import PASSAGES, mend
from docs.figures.passages import Passage, PassageError, differences, mended
from docs.figures.pictures import BY_COMMAND, BY_FUNCTION, ELSEWHERE, IMAGES

ROOT = Path(__file__).resolve().parents[2]
PAGES = list(dict.fromkeys(passage.page for passage in PASSAGES))


def of(page: str) -> tuple[str, list[Passage]]:
    return (ROOT / page).read_text(encoding="utf-8"), [one for one in PASSAGES if one.page == page]


def test_the_pages_with_studies_are_looked_at() -> None:
    assert {
        "README.md",
        "docs/counting.md",
        "docs/arrays.md",
        "docs/validation.md",
        "docs/tracking.md",
        "docs/bodies.md",
    } <= set(PAGES)
    assert len(PASSAGES) > 150


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_those_of_their_tables(page: str) -> None:
    text, passages = of(page)
    wrong = [line for passage in passages for line in differences(passage, text)]
    assert not wrong, "\n".join([*wrong, "make figures puts the tables' numbers into the pages."])


@pytest.mark.parametrize("page", PAGES)
def test_any_number_that_differs_is_noticed_and_mended(page: str) -> None:
    text, passages = of(page)
    for passage in passages:
        for n, number in enumerate(passage.numbers):
            # Another digit within the number, as a slip of the pen leaves.
            other = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), number, count=1)
            if other == number:  # "-" for none
                other = "7"
            numbers = (*passage.numbers[:n], other, *passage.numbers[n + 1 :])
            changed = mended(replace(passage, numbers=numbers), text)
            assert changed != text
            (said,) = differences(passage, changed)
            assert f"the page says {other}, {passage.source} says {number}" in said
            assert mended(passage, changed) == text


def test_all_pages_are_mended_at_once(tmp_path: Path) -> None:
    for page in PAGES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, tmp_path / page)
    assert mend(tmp_path) == []
    passage = PASSAGES[0]
    file = tmp_path / passage.page
    wrong = mended(replace(passage, numbers=("0.01", *passage.numbers[1:])), file.read_text(encoding="utf-8"))
    file.write_text(wrong, encoding="utf-8")
    assert mend(tmp_path) == [passage.page]
    assert file.read_bytes() == (ROOT / passage.page).read_bytes()


PAGE = """# Page

It is 3 of 40.

## First

| `lab`: a room | 0.5 [0.1,
## Second

```
# no heading
```

It is 3.5 s, then 1.4e-4
m and 7.

## Third

It is 3.5 s.
"""


def passage(text: str, *numbers: str, section: str = "Second") -> Passage:
    return Passage("page.md", section, text, numbers, "table.json")


def test_a_passage_is_found_over_line_breaks_and_behind_code() -> None:
    found = passage("is {} s, then {} m and {}", "3.5", "1.4e-4", "8")
    (said,) = differences(found, PAGE)
    assert "the page says 7, table.json says 8" in said
    assert "m and 8." in mended(found, PAGE)


@pytest.mark.parametrize(
    ("text", "section", "says"),
    [
        ("is {} m", "Second", "0 times"),
        ("is {} s", "", "2 times"),
        ("is {} s", "Fourth", "no section 'Fourth'"),
        ("then {} s", "Second", "0 times"),
    ],
)
def test_a_passage_that_is_not_there_once_is_an_error(text: str, section: str, says: str) -> None:
    with pytest.raises(PassageError, match=says):
        differences(passage(text, "3.5", section=section), PAGE)


def test_a_number_is_whole() -> None:
    with pytest.raises(PassageError, match="0 times"):
        differences(passage("{} of 4", "3", section=""), "13 of 40")
    assert differences(passage("{} of", "13", section=""), "13 of 40") == []
    assert differences(passage("of {}", "4", section=""), "13 of 40") != []


def test_places_and_numbers_are_as_many() -> None:
    with pytest.raises(ValueError, match="places for"):
        passage("{} of {}", "3")


def test_every_picture_has_what_makes_it() -> None:
    there = {file.name for file in IMAGES.glob("*.png")}
    made = {*BY_COMMAND, *BY_FUNCTION, *ELSEWHERE}
    assert there == made


@pytest.mark.parametrize("page", sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]), ids=lambda p: p.name)
def test_every_picture_of_a_page_is_there(page: Path) -> None:
    names = re.findall(r"!\[[^]]*\]\(([^):]+)\)", page.read_text(encoding="utf-8"))
    assert [name for name in names if not (page.parent / name).is_file()] == []
