"""The house's plan holds: what imports what, how much stands in the hall, and what the packages are called."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import isacsim

ROOT = Path(__file__).resolve().parents[1]

# The ground, then the rooms: each imports from those before it only.
ORDER = (
    *("errors", "checks", "files", "terminal", "streams", "schema", "csi"),
    "compute",
    "spectrum",
    "scenario",
    "targets",
    "channel",
    "simulation",
    "capture",
    "conditioning",
    "survey",
    "estimation",
    "counting",
    "tracking",
    "figures",
    "dataset",
    "validation",
    "explorer",
    "commands",
    "cli",
    "__main__",
)
MOST_MODULES = 16


class Import(NamedTuple):
    """One import statement's name, as a module of ours."""

    file: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name; isacsim.validation stands at the top."""
    folder = ROOT / package
    found = {}
    for file in folder.rglob("*.py"):
        parts = (package, *file.relative_to(folder).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules("isacsim") | {
    name.replace("validation", "isacsim.validation", 1): file for name, file in modules("validation").items()
}
DIRA = modules("dira")


def imports(file: Path) -> Iterator[Import]:
    """All imports of isacsim and dira in a file, those in functions and for types included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                assert node.level == 1 and file.parent == ROOT / "validation", f"{file}: a relative import"
                base = f"isacsim.validation.{base}".rstrip(".")
            names = [_resolved(base, alias.name) for alias in node.names]
        for name in names:
            if name.split(".")[0] in ("isacsim", "dira"):
                yield Import(str(file.relative_to(ROOT)), node.lineno, name)


def _resolved(base: str, name: str) -> str:
    """Module that ``from base import name`` means: a module, the home of a public name, or the base itself."""
    if f"{base}.{name}" in MODULES | DIRA:
        return f"{base}.{name}"
    return isacsim._HOME.get(name, base) if base == "isacsim" else base


def room(module: str) -> str | None:
    """Package or module right below isacsim; None for isacsim itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def test_every_room_has_its_place():
    assert {room(name) for name in MODULES} - {None} <= set(ORDER)


def test_imports_run_one_way():
    upward = [
        str(found)
        for name, file in MODULES.items()
        for found in imports(file)
        if (here := room(name)) and (there := room(found.module)) and ORDER.index(there) > ORDER.index(here)
    ]
    assert not upward, "\n".join(upward)


def test_isacsim_knows_nothing_of_dira():
    wrong = [str(i) for file in MODULES.values() for i in imports(file) if i.module.split(".")[0] == "dira"]
    assert not wrong, "\n".join(wrong)


def test_estimation_takes_arrays():
    """It knows neither where CSI comes from nor where estimates go."""
    above = {"scenario", "simulation", "dataset", "commands"}
    wrong = [
        str(i)
        for name, file in MODULES.items()
        if room(name) == "estimation"
        for i in imports(file)
        if room(i.module) in above
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_in_a_circle():
    """Of imports that run when a module is loaded; those inside functions and for types may meet again."""
    graph = {name: set(_loaded_first(file)) & set(MODULES) - {name} for name, file in MODULES.items()}
    while graph:
        leaves = {name for name, needed in graph.items() if not needed & graph.keys()}
        assert leaves, f"circles among {sorted(graph)}"
        graph = {name: needed for name, needed in graph.items() if name not in leaves}


def _loaded_first(file: Path) -> Iterator[str]:
    top_level = {node.lineno for node in ast.parse(file.read_text(encoding="utf-8")).body}
    return (found.module for found in imports(file) if found.line in top_level)


def test_the_hall_is_small():
    own = [file.name for file in (ROOT / "isacsim").glob("*.py")]
    assert len(own) <= MOST_MODULES, own


def test_faces_define_nothing():
    """Only the two packages that people import have functions of their own: their names load on first use."""
    for file in (*MODULES.values(), *DIRA.values()):
        if file.name == "__init__.py" and file.parent not in (ROOT / "isacsim", ROOT / "dira"):
            body = ast.parse(file.read_text(encoding="utf-8")).body
            defined = [n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
            assert not defined, f"{file} defines {defined}"


@pytest.mark.parametrize(
    ("name", "there"),
    [("tests", False), ("dira", False), ("benchmarks", False), ("validation", True), ("scenarios", True)],
)
def test_only_two_folders_are_isacsims(tmp_path, name, there):
    run = subprocess.run(
        [sys.executable, "-c", f"import isacsim.{name}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode == 0) is there, run.stderr
    assert there or f"No module named 'isacsim.{name}'" in run.stderr


def test_pyproject_lists_every_package():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "packages"
    ]
    packages = {
        name
        for name, file in (MODULES | DIRA).items()
        if file.name == "__init__.py"
    }  # fmt: skip
    assert len(set(listed)) == len(listed)
    assert set(listed) == packages | {"isacsim.scenarios"}
