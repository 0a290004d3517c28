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
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

__all__ = ["KILLED", "main"]

TRAIN = """
import sys, numpy as np, dira
spectra = np.random.default_rng(0).random((16, 8, 8)).astype(np.float32)
model = dira.TargetCounter(width=8)
model.fit(spectra, [3, 4] * 8, steps=60, batch_size=4, threads=1, checkpoints=sys.argv[1] + "/checkpoints", every=3)
model.save_pretrained(sys.argv[1] + "/model")
"""
MODEL = """
import sys, numpy as np, dira
spectra = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
model = dira.ConditionalDiffusion(unet={"blocks": (8, 16)}, schedule={"steps": 20, "beta_end": 0.9})
model.fit(spectra, [3, 4] * 4, steps=2, batch_size=4, threads=1).save_pretrained(sys.argv[1])
"""
PYTHON = sys.executable
# What of the files changes from run to run: how long it took.
_CHANGES = ("seconds",)


def generate(folder: Path) -> list[str]:
    """A small data set by two workers."""
    command = [PYTHON, "-m", "isacsim", "generate", "single_target", "-o", str(folder / "out.zarr")]
    return [*command, "-n", "48", "--chunk", "2", "--workers", "1", "--no-progress"]


def train(folder: Path) -> list[str]:
    """A small counter, with checkpoints."""
    return [PYTHON, "-c", TRAIN, str(folder)]


def expand(folder: Path) -> list[str]:
    """Spectra of a small generator."""
    if not (folder / "generator" / "config.json").exists():
        subprocess.run([PYTHON, "-c", MODEL, str(folder / "generator")], check=True)
    command = [PYTHON, "-m", "dira", "expand", "--per-class", "3=40,4=40", "-o", str(folder / "out.zarr")]
    return [*command, "--model", str(folder / "generator"), "--seed", "1", "--overwrite"]


def import_captures(folder: Path) -> list[str]:
    """Two simulated captures."""
    for n in range(2):
        if not (folder / f"{n}.nc").exists():
            simulate = [
                PYTHON,
                "-m",
                "isacsim",
                "simulate",
                "default",
                "-o",
                str(folder / f"{n}.nc"),
                "--seed",
                str(n),
            ]
            subprocess.run(simulate, check=True, capture_output=True)
    command = [PYTHON, "-m", "isacsim", "import", str(folder / "0.nc"), str(folder / "1.nc")]
    return [*command, "-o", str(folder / "out.zarr"), "--chunk", "1"]


KILLED = {"generate": generate, "train": train, "expand": expand, "import": import_captures}


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
        whole, broken = Path(name, "whole"), Path(name, "broken")
        whole.mkdir()
        command = KILLED[which](whole)
        begun = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        lasts = time.monotonic() - begun
        expected = contents(whole)
        while struck < kills:
            shutil.rmtree(broken, ignore_errors=True)
            broken.mkdir()
            for path in whole.iterdir():  # what it starts from
                if path.name == "generator":
                    shutil.copytree(path, broken / path.name)
                elif path.suffix == ".nc":
                    shutil.copy(path, broken)
            command = KILLED[which](broken)
            for _ in range(int(rng.integers(1, 5))):
                process = subprocess.Popen(
                    command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
                )
                try:
                    # Most of the time goes into imports: later moments count more.
                    process.wait(timeout=lasts * float(rng.uniform(0.3, 1.1)))
                except subprocess.TimeoutExpired:
                    whom = os.killpg if rng.random() < 0.5 else os.kill  # with its workers, or alone
                    whom(process.pid, signal.SIGKILL)
                    struck += 1
                process.wait()
            time.sleep(1.5)  # workers whose parent is gone go within a second
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            found = contents(broken)
            if done.returncode:
                wrong.append(f"{which}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
            for path in sorted(found.keys() | expected.keys()):
                if found.get(path) != expected.get(path):
                    what = (
                        "left behind"
                        if path not in expected
                        else "missing"
                        if path not in found
                        else "other bits"
                    )
                    wrong.append(f"{which}: {path} {what}")
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
