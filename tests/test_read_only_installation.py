"""An installation that cannot be written, by a user without a home: kernels are compiled anew, and a remark says so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import isacsim

# Every module with kernels is imported, and the kernels of one are run.
CODE = """
import importlib
from pathlib import Path
import isacsim
root = Path(isacsim.__file__).parent
for path in sorted(root.rglob("*.py")):
    if "@njit" in path.read_text(encoding="utf-8"):
        importlib.import_module(".".join(("isacsim", *path.relative_to(root).with_suffix("").parts)))
names = ("path_length", "velocity", "acceleration", "jerk", "amplitude", "phase")
print(isacsim.__file__, isacsim.simulate_paths([0.0], [5e9], **{name: [1.0] for name in names}).shape)
"""
REMARK = "compiled kernels cannot be kept, .* NUMBA_CACHE_DIR names a folder"


@pytest.fixture
def run(tmp_path):
    """Function: run CODE from a copy of the package that cannot keep anything; its output."""
    copy = tmp_path / "site" / "isacsim"
    shutil.copytree(Path(isacsim.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    # A file where a folder would be made stops root too, whom a folder's mode does not.
    for folder in {path.parent for path in copy.rglob("*.py")}:
        (folder / "__pycache__").touch()
    nowhere = copy / "__init__.py" / "home"
    surroundings = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    surroundings |= {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere), "LOCALAPPDATA": str(nowhere)}
    surroundings |= {"PYTHONPATH": str(copy.parent)}

    def started(**more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            env=surroundings | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [str(copy / "__init__.py"), "(1,", "1)"]
        return done

    return started


def test_kernels_are_compiled_where_nothing_can_be_kept(run):
    assert re.findall(REMARK, run().stderr)


def test_a_folder_for_them_is_used_without_a_remark(run, tmp_path):
    assert "NUMBA_CACHE_DIR" not in run(NUMBA_CACHE_DIR=str(tmp_path / "kept")).stderr
    assert list((tmp_path / "kept").rglob("*.nbi"))
