"""A data set killed at random moments and resumed, against one made in one go: ``make demo-resume``.

Every kill is a SIGKILL to the command and all its workers, which no program can answer.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time as clock
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.dataset.inspection import damage
from isacsim.dataset.store.store import exists, open_record
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario

__all__ = ["main", "small_scenario"]


def small_scenario() -> Scenario:
    """The scenario ``default`` with few subcarriers, packets and bins: quick, and as random."""
    content = load_scenario("default").model_dump(exclude_none=True)
    content["name"] = "small"
    content["radio"] |= {"subcarriers": 8, "packets": 64}
    content["spectrum"] |= {"bins_acceleration": 16, "bins_jerk": 16}
    return Scenario.model_validate(content)


def _command(scenario: Path, store: Path, n: int, chunk: int, workers: int) -> list[str]:
    options = {"-o": store, "--n": n, "--chunk": chunk, "--seed": 1, "--workers": workers}
    flat = [str(item) for pair in options.items() for item in pair]
    return [sys.executable, "-m", "isacsim", "generate", str(scenario), *flat, "--no-progress"]


def _killed(command: list[str], store: Path, rng: random.Random) -> int:
    """Start the command, kill it and its workers at a random moment; complete chunks left behind, -1 if it finished."""
    before = _complete(store)
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        # Anything from "just started" to "some chunks further": the moment falls where it falls.
        wanted, delay = before + rng.randrange(3), rng.uniform(0, 1.5)
        while process.poll() is None and _complete(store) < wanted:
            clock.sleep(0.05)
        clock.sleep(delay)
        finished = process.poll() is not None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return -1 if finished else _complete(store)


def _complete(store: Path) -> int:
    return int(open_record(store).complete().sum()) if store.exists() and exists(store) else 0


def _digests(store: Path) -> NDArray[np.uint64]:
    return np.asarray(open_record(store).digests[:])


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration; exit code 0 if all bits are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=240, help="samples")
    parser.add_argument("--chunk", type=int, default=8, help="samples a chunk")
    parser.add_argument("--kills", type=int, default=5, help="how often it is killed")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument(
        "--seed", type=int, default=None, help="seed of the moments; default: another each time"
    )
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="isacsim-resume-") as name:
        folder = Path(name)
        scenario, whole, store = folder / "small.yaml", folder / "whole.zarr", folder / "killed.zarr"
        scenario.write_text(small_scenario().to_yaml())
        sizes = (options.n, options.chunk, options.workers)
        total = -(-options.n // options.chunk)
        print(
            f"{options.n} samples in {total} chunks, {options.workers} workers; first in one go", flush=True
        )
        subprocess.run(_command(scenario, whole, *sizes), check=True, stdout=subprocess.DEVNULL)
        for kill in range(options.kills):
            left = _killed(_command(scenario, store, *sizes), store, rng)
            if left < 0:
                print(f"run {kill + 1}: finished before its kill", flush=True)
                break
            print(f"run {kill + 1}: SIGKILL with {left} of {total} chunks complete", flush=True)
        before = _complete(store)
        subprocess.run(_command(scenario, store, *sizes), check=True, stdout=subprocess.DEVNULL)
        print(f"last run: resumed from {before} chunks and finished", flush=True)
        faults = damage(store)
        same = bool(np.array_equal(_digests(whole), _digests(store)))
        values = _digests(store).size
        left_over = len(list(store.rglob("*.partial")))
        print(
            f"digests recomputed from the files: {len(faults)} faults in {values}; files left over: {left_over}"
        )
        print("verdict: " + ("the same bits" if same and not faults else "NOT THE SAME"))
    return 0 if same and not faults and not left_over else 1


if __name__ == "__main__":
    sys.exit(main())
