"""Pages that docs/_extensions makes: every study's table, every command, every field, and equations as MathML."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import isacsim.cli
from isacsim.scenario.catalogue import scenario_json_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"


def extension(name: str):
    spec = importlib.util.spec_from_file_location(name, DOCS / "_extensions" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_study_has_a_page_with_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "results" / "validation").mkdir(parents=True)
    for name in ("counting_lab.json", "counting_hall.json", "coverage.json", "coverage.png"):
        shutil.copy(DOCS / "results" / "validation" / name, tmp_path / "results" / "validation")
    stale = tmp_path / "results" / "studies" / "gone.md"
    stale.parent.mkdir()
    stale.write_text("of a study that is no more")
    assert extension("study_pages").write_pages(tmp_path) == ["counting", "coverage"]
    assert not stale.exists()
    page = (stale.parent / "counting.md").read_text(encoding="utf-8")
    row = json.loads((DOCS / "results" / "validation" / "counting_hall.json").read_text())["rows"][0]
    right = row["count_right"]
    assert f"{right['value']:.3g} [{right['low']:.3g}, {right['high']:.3g}]" in page
    assert "| hall | auto |" in page and "(../validation/counting_lab.json)" in page
    assert "![" not in page and "![" in (stale.parent / "coverage.md").read_text(encoding="utf-8")


def test_the_page_of_commands_has_every_one(tmp_path: Path) -> None:
    pytest.importorskip("filelock", reason="dira's commands need the extra dira")
    extension("command_pages").write_page(tmp_path / "commands.md")
    page = (tmp_path / "commands.md").read_text(encoding="utf-8")
    for info in isacsim.cli.app.registered_commands:
        assert f"\n## isacsim {info.name}\n" in page
    assert "\n## isacsim scenarios check\n" in page and "\n## dira train\n" in page
    assert page.count("Usage: ") == page.count("\n## ")


def test_the_page_of_fields_has_every_one(tmp_path: Path) -> None:
    extension("scenario_page").write_page(tmp_path / "fields.md")
    page = (tmp_path / "fields.md").read_text(encoding="utf-8")
    sections = {name: one for name, one in scenario_json_schema()["$defs"].items() if "properties" in one}
    for name, section in sections.items():
        if name in ("Uniform", "Normal", "LogNormal", "Choice"):
            continue
        (text,) = re.findall(
            rf"^## {name}(?:: `\w+`)?\n(.*?)(?=^\(section-|\Z)", page, re.MULTILINE | re.DOTALL
        )
        for field in section["properties"]:
            assert f"| `{field}` |" in text, (name, field)
    linked = set(re.findall(r"\(#(section-\w+)\)", page))
    assert linked <= set(re.findall(r"^\((section-\w+)\)=$", page, re.MULTILINE))


def test_equations_become_mathml_with_their_numbers() -> None:
    nodes = pytest.importorskip("docutils.nodes")
    equations = extension("equations")

    translator = SimpleNamespace(body=[])
    with pytest.raises(nodes.SkipNode):
        equations._display(translator, nodes.math_block(text=r"a = \frac{b}{2} \tag{M3}"))
    (made,) = translator.body
    assert 'id="equation-M3"' in made and "(M3)</a>" in made and "<mfrac>" in made and "tag" not in made
    lines = ["The spectrum is eq. (M3), not eq. (3)."]
    equations._cite(None, "function", "f", None, None, lines)
    assert lines == ["The spectrum is `eq. (M3) <../../method.html#equation-M3>`__, not eq. (3)."]
