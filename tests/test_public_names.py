"""What editors and type checkers see of both packages is what they load; dira says what it lacks."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.resources import files

import pytest

_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = ["dira", *{arguments!r}]
from dira.cli import main
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


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("torch", ["demo", "-o", "x.html"]), ("filelock", ["count", "x.zarr", "--model", "y"])],
)
def test_dira_without_its_extra_says_what_to_install(module: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT.format(module=module, arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"dira needs {module}, which is not installed: pip install 'isacsim[dira]'." in done.stderr
