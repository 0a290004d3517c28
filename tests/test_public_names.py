"""What editors and type checkers see of both packages is what they load; dira says what it lacks."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import isacsim

_MYPY_CACHE = str(Path(__file__).resolve().parents[1] / ".mypy_cache" / "outside")

_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = ["dira", *{arguments!r}]
from {command}.cli import main
main()
"""


@pytest.mark.parametrize("package", ["isacsim", "dira"])
def test_type_checkers_see_every_public_name(package: str) -> None:
    face = importlib.import_module(package)
    tree = ast.parse((files(package) / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen = {
        alias.asname: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: (home, name) for name, home in face._HOME.items()}
    assert (files(package) / "py.typed").is_file()


def test_mypy_reveals_signatures_from_outside(tmp_path: Path) -> None:
    """In a project that only imports the packages; other packages are skipped, whose types would take minutes."""
    pytest.importorskip("mypy", reason="mypy is not installed: pip install mypy.")
    names = {
        "isacsim.simulate": (
            "scenario: isacsim.scenario.model.Scenario | str |",
            "seed: int | None",
        ),
        "dira.PathDetector": ("-> dira.models.detector.PathDetector",),
    }
    script = tmp_path / "mine.py"
    lines = [
        "import dira, isacsim",
        *(f"reveal_type({name})" for name in names),
        "isacsim.simulate(seed='x')",
    ]
    script.write_text("\n".join(lines) + "\n")
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nfollow_imports = skip\n[mypy-isacsim,isacsim.*,dira,dira.*]\nfollow_imports = silent\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", _MYPY_CACHE, "mine.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(Path(isacsim.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("mine.py:")]
    for number, parts in enumerate(names.values(), start=2):
        (revealed,) = [line for line in said if line.startswith(f"mine.py:{number}: note: Revealed")]
        for part in parts:
            assert part in revealed
        assert 'type is "Any"' not in revealed
    wrong = " ".join(line for line in said if f"mine.py:{len(lines)}: error" in line)
    assert 'Missing positional argument "scenario"' in wrong or "[arg-type]" in wrong, done.stdout


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("torch", ["demo", "-o", "x.html"]), ("filelock", ["count", "x.zarr", "--model", "y"])],
)
def test_dira_without_its_extra_says_what_to_install(module: str, arguments: list[str]) -> None:
    said = _said_without(module, "dira", arguments)
    assert said == f"dira: dira needs {module}, which is not installed: pip install 'isacsim[dira]'.\n"


def test_a_cluster_needs_its_extra_and_this_machine_does_not(tmp_path: Path) -> None:
    arguments = ["generate", "default", "-o", str(tmp_path / "a.zarr"), "-n", "1", "--no-progress"]
    said = _said_without("distributed", "isacsim", [*arguments, "--scheduler", "tcp://127.0.0.1:1"])
    assert "needs distributed, which is not installed: pip install 'isacsim[cluster]'." in said
    assert _said_without("distributed", "isacsim", [*arguments, "--overwrite"], code=0) == ""


def _said_without(module: str, command: str, arguments: list[str], code: int = 2) -> str:
    """Standard error of a command where a module is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT.format(module=module, command=command, arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") <= 1
    return done.stderr
