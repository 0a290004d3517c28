"""The wheel in a clean environment, without the repository: ``python -m tests.wheel_check FOLDER [pip's arguments]``.

``ISACSIM_DEPENDENCIES`` may name a site-packages folder whose packages to use instead of installing them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

__all__ = ["broken_links", "main"]

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")

COMMANDS = (
    ["isacsim", "--version"],
    ["isacsim", "scenarios"],
    ["isacsim", "simulate", "lab_cubic", "-o", "lab.nc"],
    ["isacsim", "reference"],
    ["isacsim", "validate"],
    ["isacsim", "demo", "-o", "demo.html"],
    ["dira", "--version"],
    ["dira", "demo", "--scenario", "default", "-o", "dira.html"],
)


def broken_links(folder: Path) -> list[str]:
    """List links and pictures of the Markdown files in a folder that lead to no file there."""
    return [
        f"{page.relative_to(folder)}: {link}"
        for page in sorted(folder.rglob("*.md"))
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in link and not link.startswith("mailto:") and not (page.parent / link).exists()
    ]


def main(wheels: Path, pip_arguments: list[str]) -> None:
    """Install the newest wheel of a folder, and run everything; ends with 1 at the first thing that fails."""
    wheel = max(wheels.resolve().glob("isacsim-*.whl"), key=lambda path: path.stat().st_mtime)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "environment"
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", *pip_arguments]
        dependencies = os.environ.get("ISACSIM_DEPENDENCIES")
        if dependencies is None:
            _run([*install, "-c", ROOT / "constraints.txt", f"{wheel}[dira]"], folder)
        else:
            _run([*install, "--no-deps", wheel], folder)
            (packages,) = (home / "lib").glob("python*/site-packages")
            (packages / "dependencies.pth").write_text(f"{dependencies}\n")
        where = _run([python, "-c", "import isacsim, dira; print(isacsim.__file__, dira.__file__)"], folder)
        assert all(path.startswith(str(home)) for path in where.split()), where
        for command, *arguments in COMMANDS:
            print("checking", command, *arguments, flush=True)
            said = _run([home / "bin" / command, *arguments], folder)
            assert said.strip(), f"{command} {' '.join(arguments)} says nothing"
        for page in ("demo.html", "dira.html"):
            assert (folder / page).stat().st_size > 50_000, page
        pages = home / "share" / "doc" / "isacsim"
        broken = broken_links(pages)
        assert not broken, "\n".join(broken)
        print(
            f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(list(pages.rglob('*.md')))} pages; all works."
        )


def _run(command: list[object], folder: Path) -> str:
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=surroundings, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
