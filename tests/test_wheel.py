"""What the wheel must carry, as pyproject.toml lists it; `make wheel-check` installs it and runs everything."""

from __future__ import annotations

import fnmatch
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.wheel_check import ROOT, broken_links

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def tracked(*folders: str) -> list[Path]:
    if not (ROOT / ".git").exists():  # an unpacked archive: there is no list of what belongs to it
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in done.stdout.splitlines()]


def test_every_file_of_the_packages_is_in_it() -> None:
    packages = {name.replace(".", "/"): name for name in SETUPTOOLS["packages"]}
    packages |= {"scenarios": "isacsim.scenarios", "validation": "isacsim.validation"}
    missing = []
    for file in tracked("isacsim", "dira", "scenarios", "validation"):
        home = next((p for p in file.parents if str(p) in packages), None)
        assert home is not None, f"{file} is in no package of pyproject.toml"
        if file.suffix == ".py":
            if file.parent != home:
                missing.append(f"{file}: {file.parent} is no package of pyproject.toml")
            continue
        patterns = SETUPTOOLS["package-data"].get(packages[str(home)], [])
        inside = file.relative_to(home).as_posix()
        if not any(fnmatch.fnmatch(inside, p) and inside.count("/") == p.count("/") for p in patterns):
            missing.append(f"{file}: no pattern of package-data for {packages[str(home)]}")
    assert not missing, "\n".join(missing)


def test_links_of_the_pages_lead_to_files_that_are_in_it(tmp_path: Path) -> None:
    """Laid out as the wheel does."""
    for folder, patterns in SETUPTOOLS["data-files"].items():
        target = tmp_path / Path(folder).relative_to("share/doc/isacsim")
        target.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            files = [path for path in ROOT.glob(pattern) if path.is_file()]
            assert files, f"{pattern} matches nothing"
            for file in files:
                (target / file.name).symlink_to(file)
    broken = broken_links(tmp_path)
    assert not broken, "\n".join(broken)
