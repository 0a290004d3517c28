"""The bits of a sample don't depend on whether its kernels were compiled by this process or loaded from the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import isacsim

PROGRAM = """
import hashlib, sys
from isacsim.dataset.samples import make_samples
from isacsim.scenario import Scenario
samples = make_samples(Scenario.from_yaml(sys.stdin.read()), seed=1, indices=[0, 1])
for name in ("aj_noisy", "aj_noiseless", "aj_clean"):
    print(hashlib.sha256(samples[name].values.tobytes()).hexdigest())
"""


def test_compiled_here_and_loaded_from_the_cache(tiny, tmp_path):
    scenario = tiny(spectrum={"bins_acceleration": 8, "bins_jerk": 6}).to_yaml()
    root = str(Path(isacsim.__file__).parents[1])
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": root}
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=scenario,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert any(tmp_path.rglob("*.nbc"))
    assert said[0] == said[1] != ""
