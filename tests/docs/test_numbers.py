"""Numbers of the pages are those of the tables in docs/results, and every picture has what makes it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml
from scipy.optimize import linear_sum_assignment

from benchmarks import conftest as bench
from benchmarks.page import PAGE as PERFORMANCE
from benchmarks.page import TABLE, page
from benchmarks.tables import TABLE as PARTS
from docs.figures import chain
from docs.figures.numbers import PASSAGES, mend
from docs.figures.passages import Passage, PassageError, differences, mended
from docs.figures.pictures import BY_COMMAND, BY_FUNCTION, ELSEWHERE, IMAGES, page_code

ROOT = Path(__file__).resolve().parents[2]
PAGES = list(dict.fromkeys(passage.page for passage in PASSAGES))


def of(name: str) -> tuple[str, list[Passage]]:
    return (ROOT / name).read_text(encoding="utf-8"), [one for one in PASSAGES if one.page == name]


def test_the_pages_with_studies_are_looked_at() -> None:
    assert {
        "README.md",
        "docs/counting.md",
        "docs/arrays.md",
        "docs/validation.md",
        "docs/tracking.md",
        "docs/bodies.md",
        "docs/detector.md",
        "docs/dira.md",
    } <= set(PAGES)
    assert len(PASSAGES) > 150


@pytest.mark.parametrize("name", PAGES)
def test_numbers_are_those_of_their_tables(name: str) -> None:
    text, passages = of(name)
    wrong = [line for passage in passages for line in differences(passage, text)]
    assert not wrong, "\n".join([*wrong, "make figures puts the tables' numbers into the pages."])


@pytest.mark.parametrize("name", PAGES)
def test_any_number_that_differs_is_noticed_and_mended(name: str) -> None:
    text, passages = of(name)
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
    for name in PAGES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
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


def test_the_chain_shows_what_the_readme_says_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    draw = chain.draw_found

    def drawn(axes, truth, paths):
        shown.update(truth=truth, paths=paths)
        draw(axes, truth, paths)

    monkeypatch.setattr(chain, "draw_found", drawn)
    figure = chain.chain_figure()
    assert len(figure.axes) == 5  # four panels and a colour bar
    off = [
        np.abs(np.subtract.outer(shown["truth"][name].values, shown["paths"][name].values)) / gate
        for name, gate in (("acceleration", 0.45), ("jerk", 2.0))  # as in the README's table
    ]
    truth, paths = linear_sum_assignment(np.hypot(*off))
    assert len(truth) == len(paths) == 6 == shown["paths"].sizes["path"]
    assert max(one[truth, paths].max() for one in off) < 1
    assert (IMAGES / "chain.png").stat().st_size < 250_000


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(page_code("README.md"), scope)
    plt.close(scope["axes"].figure)
    assert (tmp_path / "paths.png").stat().st_size > 10_000
    assert scope["paths"].sizes["path"] == scope["capture"].sizes["path"] == 5


def test_every_picture_has_what_makes_it() -> None:
    there = {file.name for file in IMAGES.glob("*.png")}
    made = {*BY_COMMAND, *BY_FUNCTION, *ELSEWHERE}
    assert there == made


PAGES_WITH_PICTURES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])


@pytest.mark.parametrize("file", PAGES_WITH_PICTURES, ids=lambda file: file.name)
def test_every_picture_of_a_page_is_there(file: Path) -> None:
    names = re.findall(r"!\[[^]]*\]\(([^):]+)\)", file.read_text(encoding="utf-8"))
    assert [name for name in names if not (file.parent / name).is_file()] == []


def test_every_file_that_the_readme_names_is_there() -> None:
    names = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(names) > 20
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_page_of_performance_is_its_table() -> None:
    assert page(json.loads(TABLE.read_text(encoding="utf-8"))) == PERFORMANCE.read_text(encoding="utf-8")


def test_benchmarks_leave_table_and_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: tmp_path / name.lower() for name in ("TABLE", "PAGE")}
    for name, file in files.items():
        monkeypatch.setattr(bench, name, file)
    monkeypatch.setattr(bench, "_sionna_runs", lambda: True)
    done = [
        SimpleNamespace(
            name=name, stats=SimpleNamespace(median=2e-3 * (n + 1)), extra_info={"units": 2, "note": name}
        )
        for rows in PARTS.values()
        for n, (name, *_) in enumerate(rows)
    ]
    measured = SimpleNamespace(benchmarks=done[1:])
    session = SimpleNamespace(config=SimpleNamespace(_benchmarksession=measured))
    bench.pytest_sessionfinish(session, 0)  # type: ignore[arg-type]
    assert not files["TABLE"].exists()  # one is missing
    measured.benchmarks = done
    bench.pytest_sessionfinish(session, 0)  # type: ignore[arg-type]
    sections = json.loads(files["TABLE"].read_text(encoding="utf-8"))["sections"]
    assert [section["title"] for section in sections] == list(PARTS)
    for section, rows in zip(sections, PARTS.values(), strict=True):
        assert [row["seconds"] for row in section["rows"]] == pytest.approx(
            [1e-3 * (n + 1) for n in range(len(rows))]
        )
        assert [row["ratio"] for row in section["rows"]] == pytest.approx(range(1, len(rows) + 1))
        assert section["notes"] == [name for name, *_ in rows]
    assert "| 1 ms | 1 |" in files["PAGE"].read_text(encoding="utf-8")


def test_the_readme_cites_as_the_citation_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 150
    said = dict(re.findall(r"^  (\w+) += \{+([^{}]+)\}+", readme, re.MULTILINE))
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    (author,) = cff["authors"]
    preferred = cff["preferred-citation"]
    assert {name: preferred[name] for name in ("title", "authors", "version", "license", "type")} == {
        name: cff[name] for name in ("title", "authors", "version", "license", "type")
    }
    assert said == {
        "title": cff["title"],
        "author": author["name"],
        "year": str(preferred["year"]),
        "version": cff["version"],
        "license": cff["license"],
    }
