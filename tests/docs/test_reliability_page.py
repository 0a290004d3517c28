"""docs/reliability.md: what its table says repeats does, on one thread and on two, whatever ran before."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

# Every row of the table is a name here; the second process has other threads, and does all in another order.
SCRIPT = """
import hashlib, json, sys
import numpy as np
order = sys.argv[1:]
def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()
def capture():
    import isacsim
    return isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
def simulate():
    made = capture()
    return digest(made.csi.values, made.csi_noiseless.values, made.path_length.values)
def generate():
    import isacsim
    from isacsim.dataset.synthetic.batch import make_samples
    made = make_samples(isacsim.load_scenario("default"), seed=3, indices=[0, 1])
    return digest(made.aj_noisy.values, made.aj_clean.values)
def aj_spectrum():
    import isacsim
    return digest(isacsim.aj_spectrum(capture().csi).values)
def estimate_paths():
    import isacsim
    found = isacsim.estimate_paths(capture().csi.isel(receiver=0), method="relax", max_paths=2)
    return digest(*(found[name].values for name in ("path_length", "velocity", "acceleration", "jerk")))
def fit():
    import dira
    spectra = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    model = dira.TargetCounter(width=8).fit(spectra, [3, 4] * 4, steps=2, batch_size=4, threads=1)
    return digest(*(value.numpy() for value in model.network.state_dict().values()))
def model(kind, **how):
    import dira
    spectra = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    labels = [] if kind is dira.Purifier else [[3, 4] * 4]
    made = kind(**how).fit(spectra, *labels, steps=2, batch_size=4, threads=1)
    return np.random.default_rng(1).random((64, 8, 8)).astype(np.float32), made
def meddled(do):
    import os, torch
    os.environ["OMP_NUM_THREADS"] = "1"  # what decides; in the second process torch has two, as libraries may set
    torch.set_num_threads(1 if order[0] == "simulate" else 2)
    return digest(do())
def sample():
    import dira
    _, made = model(dira.ConditionalDiffusion, unet={"blocks": (8, 16)}, schedule={"steps": 20, "beta_end": 0.9})
    return meddled(lambda: made.sample([3, 4] * 16, seed=1))
def enhance():
    import dira
    spectra, made = model(dira.Purifier, unet={"blocks": (8, 16)}, schedule={"steps": 20, "beta_end": 0.9})
    return meddled(lambda: made.enhance(spectra, seed=1, t_star=2))
def predict():
    import dira
    spectra, made = model(dira.TargetCounter, width=8)
    return meddled(lambda: made.predict_proba(spectra))
print(json.dumps({name: globals()[name]() for name in order}))
"""


def rows():
    first_table = PAGE.read_text(encoding="utf-8").split("| what |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", first_table, re.MULTILINE)


def digests(threads, order):
    environment = os.environ | dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *order], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has no two threads")
def test_each_row_repeats():
    names = rows()
    assert names == [
        "simulate",
        "generate",
        "aj_spectrum",
        "estimate_paths",
        "fit",
        "sample",
        "enhance",
        "predict",
    ]
    one, two = digests(1, names), digests(2, names[::-1])
    assert one == two
