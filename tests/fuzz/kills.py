"""Processes killed at any moment: what they make in the end has the same bits, and nothing else is left.

``python -m tests.fuzz.kills --kills 13`` kills generate, train, expand and import so often each.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dira
from dira import cli as dira_cli
from isacsim import cli as isacsim_cli

__all__ = ["KILLED", "main"]

# What of the files changes from run to run: how long it took.
_CHANGES = ("seconds",)


def generate(folder: Path) -> None:
    """A small data set by a worker."""
    command = ["generate", "single_target", "-o", str(folder / "out.zarr"), "-n", "48", "--chunk", "2"]
    isacsim_cli.app([*command, "--workers", "1", "--no-progress"], standalone_mode=False)


def train(folder: Path) -> None:
    """A small counter, with checkpoints."""
    spectra = np.random.default_rng(0).random((16, 8, 8)).astype(np.float32)
    model = dira.TargetCounter(width=8)
    how: Any = {"batch_size": 4, "threads": 1, "checkpoints": folder / "checkpoints", "every": 3}
    model.fit(spectra, [3, 4] * 8, steps=60, **how).save_pretrained(folder / "model")


def expand(folder: Path) -> None:
    """Spectra of a small generator."""
    command = ["expand", "--per-class", "3=40,4=40", "-o", str(folder / "out.zarr"), "--seed", "1"]
    dira_cli.app([*command, "--model", str(folder / "generator"), "--overwrite"], standalone_mode=False)


def import_captures(folder: Path) -> None:
    """Two simulated captures."""
    command = ["import", str(folder / "0.nc"), str(folder / "1.nc"), "-o", str(folder / "out.zarr")]
    isacsim_cli.app([*command, "--chunk", "1"], standalone_mode=False)


KILLED = {"generate": generate, "train": train, "expand": expand, "import": import_captures}


def inputs(folder: Path, which: str) -> None:
    """Make what a command starts from."""
    if which == "expand":
        spectra = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
        model = dira.ConditionalDiffusion(unet={"blocks": (8, 16)}, schedule={"steps": 20, "beta_end": 0.9})
        model.fit(spectra, [3, 4] * 4, steps=2, batch_size=4, threads=1).save_pretrained(folder / "generator")
    for n in range(2 if which == "import" else 0):
        isacsim_cli.app(
            ["simulate", "default", "-o", str(folder / f"{n}.nc"), "--seed", str(n)], standalone_mode=False
        )


def start(action: Callable[..., None], *arguments: Any) -> int:
    """Do something in a process of its own, the leader of a group; all is imported there already."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    code = 1
    try:
        action(*arguments)
        code = 0
    finally:
        os._exit(code)


def ended(pid: int, seconds: float | None = None) -> int | None:
    """Wait for a process; its exit code, or None if it is there still after so many seconds."""
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(pid, 0 if until is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if until is not None and time.monotonic() > until:
            return None
        time.sleep(0.005)


def contents(folder: Path) -> dict[str, str]:
    """Files and the digests of what is in them, but for times; pictures and cards by their names."""
    out = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".json":
                data = b"\n".join(
                    line for line in data.splitlines() if not any(c.encode() in line for c in _CHANGES)
                )
                # Digests of files that hold times.
                data = data.partition(b'"sha256"')[0]
            named = path.suffix in (".png", ".md")
            out[str(path.relative_to(folder))] = "" if named else hashlib.sha256(data).hexdigest()
    return out


def killed(which: str, kills: int, rng: np.random.Generator) -> tuple[int, list[str]]:
    """Kill a command so often, then let it end; the kills that struck, and what is not as without."""
    struck, wrong = 0, []
    with tempfile.TemporaryDirectory(prefix="isacsim-kills-") as name:
        source, whole, broken = Path(name, "source"), Path(name, "whole"), Path(name, "broken")
        source.mkdir()
        assert ended(start(inputs, source, which)) == 0
        shutil.copytree(source, whole)
        assert ended(start(KILLED[which], whole)) == 0
        # A second time for how long it takes: the first one compiles.
        timed = Path(name, "timed")
        shutil.copytree(source, timed)
        begun = time.monotonic()
        assert ended(start(KILLED[which], timed)) == 0
        lasts = time.monotonic() - begun
        expected = contents(whole)
        while struck < kills:
            shutil.rmtree(broken, ignore_errors=True)
            shutil.copytree(source, broken)
            for _ in range(int(rng.integers(2, 6))):
                pid = start(KILLED[which], broken)
                if ended(pid, lasts * float(rng.uniform(0.05, 1.0))) is None:
                    whom = os.killpg if rng.random() < 0.5 else os.kill  # with its workers, or alone
                    whom(pid, signal.SIGKILL)
                    ended(pid)
                    struck += 1
            time.sleep(1.5)  # workers whose parent is gone go within a second
            if code := ended(start(KILLED[which], broken)):
                wrong.append(f"{which}: exit code {code}")
            found = contents(broken)
            for file in sorted(found.keys() | expected.keys()):
                if found.get(file) != expected.get(file):
                    left = "missing" if file not in found else "other bits"
                    wrong.append(f"{which}: {file} {'left behind' if file not in expected else left}")
            print(f"  {which}: {struck} kills, {len(wrong)} faults", flush=True)
    return struck, wrong


def main() -> None:
    """Kill each command; exit code 1 if anything is not as without."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=13, help="of each command, at least")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--commands", default=",".join(KILLED))
    given = parser.parse_args()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    faults = 0
    for which in given.commands.split(","):
        struck, wrong = killed(which, given.kills, np.random.default_rng(seed))
        faults += len(wrong)
        print(f"{which}: {struck} kills, {len(wrong)} faults", *wrong[:10], sep="\n  ", flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
