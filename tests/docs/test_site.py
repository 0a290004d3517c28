"""The documentation site's sources: links lead somewhere, every public name has a page, the checker finds faults.

`make docs` builds the site itself; Sphinx and docs/check_site.py then look at every page.
"""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest

import dira
import isacsim

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Pages that the build makes, and so may be linked to.
MADE = ("tutorials/", "api/", "results/studies/")
PAGES = sorted(page for page in DOCS.rglob("*.md") if not page.relative_to(DOCS).as_posix().startswith(MADE))
FENCE = re.compile(r"^( *)(```+).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _checker():
    spec = importlib.util.spec_from_file_location("check_site", DOCS / "check_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _anchors(page: Path) -> set[str]:
    """Anchors as GitHub and MyST make them of headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#{1,4} (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if target.is_relative_to(DOCS) and target.relative_to(DOCS).as_posix().startswith(MADE):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            wrong.append(link)
    assert not wrong


def test_every_public_name_has_a_page() -> None:
    listed = re.findall(
        r"^   ((?:isacsim|dira)\.\w+)$", (DOCS / "api" / "index.rst").read_text(), re.MULTILINE
    )
    public = {f"isacsim.{name}" for name in isacsim.__all__ if name != "__version__"}
    assert sorted(listed) == sorted(public | {f"dira.{name}" for name in dira.__all__})


def test_the_checker_takes_a_sound_site(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<a href="other.html#here">x</a><a href="https://example.org">y</a><img src="data:,">'
    )
    (tmp_path / "other.html").write_text('<p id="here"><a href="#here">z</a><a href=".">up</a></p>')
    assert _checker().faults(tmp_path) == []


@pytest.mark.parametrize(
    ("page", "style", "fault"),
    [
        ('<a href="lost.html">', "", "index.html: lost.html leads nowhere"),
        ('<a href="#lost">', "", "index.html: #lost has no such anchor"),
        ('<img src="lost.png">', "", "index.html: lost.png leads nowhere"),
        (
            '<script src="https://cdn.example/x.js">',
            "",
            "index.html: <script> fetches https://cdn.example/x.js",
        ),
        ('<link href="//fonts.example/f.css">', "", "index.html: <link> fetches //fonts.example/f.css"),
        ("", "@import url('https://fonts.example/f');", "own.css: fetches https://fonts.example/f"),
    ],
)
def test_the_checker_finds_faults(tmp_path: Path, page: str, style: str, fault: str) -> None:
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "own.css").write_text(style)
    assert _checker().faults(tmp_path) == [fault]


def test_the_table_of_limits_is_that_of_the_studies() -> None:
    page = (DOCS / "limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 10
    for scenario, *shown in rows:
        table = json.loads((DOCS / "results" / "validation" / f"counting_{scenario}.json").read_text())
        (row,) = table["rows"]
        assert (row["scenario"], row["method"], row["captures"]) == (scenario, "auto", 100)
        measured = row["count_right"]["value"], row["recall"]["value"], row["false_a_capture"]
        assert shown == [f"{value:.2f}" for value in measured]


def test_equations_that_docstrings_cite_are_numbered_in_the_method() -> None:
    numbers = re.findall(r"\\tag\{M(\d+)\}", (DOCS / "method.md").read_text(encoding="utf-8"))
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    sources = [path for name in ("isacsim", "dira") for path in (DOCS.parent / name).rglob("*.py")]
    cited = {n for path in sources for n in re.findall(r"\(M(\d+)\)", path.read_text(encoding="utf-8"))}
    assert len(cited) > 5 and cited <= set(numbers)


def test_the_quickstart_names_every_extra() -> None:
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (DOCS / "quickstart.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", page, re.MULTILINE))
    assert named == set(project["optional-dependencies"]) - {"test", "docs", "dev"}


def test_every_page_is_in_the_navigation() -> None:
    trees = re.findall(
        r"^```\{toctree\}\n(.*?)^```", (DOCS / "index.md").read_text(), re.MULTILINE | re.DOTALL
    )
    named = {line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")}
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES} - {"index"}
    assert pages <= named
