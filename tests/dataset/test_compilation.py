"""The bits of a sample do not depend on whether its kernels were compiled by this process or loaded from the cache.

On a fresh checkout, as in continuous integration, the kernels are compiled in this process, by this test at the
latest, and loaded in the one that it starts. Where the cache is warm both load them: NUMBA_CACHE_DIR=$(mktemp -d)
makes it cold.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import isacsim
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.scenario.model import Scenario

PROGRAM = """
import sys
from tests.dataset.test_compilation import digests
from isacsim.scenario import Scenario
print(*digests(Scenario.from_yaml(sys.stdin.read())))
"""


def digests(scenario: Scenario) -> list[str]:
    samples = make_samples(scenario, seed=1, indices=[0, 1])
    names = ("aj_noisy", "aj_noiseless", "aj_clean")
    return [hashlib.sha256(samples[name].values.tobytes()).hexdigest() for name in names]


def test_compiled_here_and_loaded_from_the_cache(tiny):
    scenario = tiny(spectrum={"bins_acceleration": 8, "bins_jerk": 6})
    here = digests(scenario)
    root = str(Path(isacsim.__file__).parents[1])
    there = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=scenario.to_yaml(),
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.split() == here
