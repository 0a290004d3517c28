"""
Scale out with dask
===================

This tutorial makes a data set on a dask cluster, shows that it has the same bits as one made in
one process, stops a run half-way, and goes on. The cluster here is one thread of this process.
The code stays the same with a thousand cores.
"""

# %%
# One machine
# -----------
# Without a client, ``generate`` takes one process a core of this machine. ``workers=0`` takes
# none and makes the samples here.

import hashlib
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from distributed import Client

import isacsim

N_SAMPLES = 128

folder = Path(tempfile.mkdtemp())
scenario = isacsim.load_scenario("default").with_(
    radio={"subcarriers": 16, "packets": 512}, spectrum={"bins_acceleration": 32, "bins_jerk": 32}
)
HOW = {"n_samples": N_SAMPLES, "seed": 3, "chunk": 16, "progress": False}
here = isacsim.generate(scenario, folder / "here.zarr", workers=0, **HOW)

# %%
# A cluster
# ---------
# ``client`` takes any dask client, or the address of a scheduler. On a cluster with SLURM,
# dask-jobqueue gives one::
#
#     cluster = dask_jobqueue.SLURMCluster(cores=32, processes=32, memory="64GB",
#                                          job_script_prologue=["export NUMBA_NUM_THREADS=1"])
#     cluster.scale(jobs=20)
#     client = Client(cluster)
#
# Every worker must reach the store under the same path or URL, and have the same version of
# isacsim.

with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
    there = isacsim.generate(scenario, folder / "there.zarr", client=client, **HOW)


def digest(dataset):
    """Digest of all spectra."""
    return hashlib.sha256(dataset.aj_noisy.values.tobytes()).hexdigest()[:16]


print("in this process:", digest(here))
print("on the cluster: ", digest(there))
assert digest(here) == digest(there)

# %%
# Stopped half-way
# ----------------
# Here a run is interrupted after a few chunks, as a time limit or a full disk would do. What is
# written stays. The same call makes what is missing.


class TimeLimit(Exception):
    """The job's time is over."""


made = []


def watch(done, total):
    made.append(done)
    if done >= N_SAMPLES // 2:
        raise TimeLimit


try:
    isacsim.generate(scenario, folder / "stopped.zarr", workers=0, **HOW | {"progress": watch})
except TimeLimit:
    print(f"stopped after {made[-1]} of {N_SAMPLES} samples")
resumed = isacsim.generate(
    scenario,
    folder / "stopped.zarr",
    workers=0,
    **HOW | {"progress": lambda done, total: made.append(done)},
)
print("after the second call:", digest(resumed))
assert digest(resumed) == digest(here)

# %%
# The samples that were complete after each step of both calls.

fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
ax.step(np.arange(len(made)), made, where="post")
ax.axvline(made.index(N_SAMPLES // 2), color="gray", ls="--", label="stopped here")
ax.set(xlabel="step", ylabel="samples complete", ylim=0)
ax.legend()
plt.show()

# %%
# Large sets
# ----------
# A store may grow: ``isacsim generate default -o set.zarr --n 2000 --extend``. Parts may be made
# apart: ``--range 0:1000`` here, ``--range 1000:2000`` elsewhere, with the bits of the whole.
# :doc:`/scaling` reckons what breaks first at 10⁸ samples.
