"""Files written whole: with the permissions of any other file, and without touching what threads share."""

from __future__ import annotations

import os
import subprocess
import sys

from isacsim.files import written_whole


def test_a_file_may_be_read_by_whom_a_plain_one_may(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from isacsim.files import written_whole\n"
        "os.umask(0o027)\nfolder = Path(sys.argv[1])\n(folder / 'plain').touch()\n"
        "with written_whole(folder / 'whole.txt') as file:\n    file.write_text('x')\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["whole.txt"] == modes["plain"]


def test_the_process_keeps_its_umask(tmp_path, monkeypatch):
    """Another thread that makes a file meanwhile would make it for all to write."""

    def changed(mask):
        raise AssertionError(f"umask({mask:o})")

    monkeypatch.setattr(os, "umask", changed)
    with written_whole(tmp_path / "a.txt") as file:
        file.write_text("x")
    assert (tmp_path / "a.txt").read_text() == "x"
