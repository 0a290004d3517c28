"""
Mixing synthetic with real, and fine-tuning
===========================================

This tutorial trains a network to tell whether somebody is there, on simulated spectra. It adds a
few real recordings, and tests on others. The "real" ones are simulated too, from another room
with other hardware: real recordings cannot be shipped. The steps are the same. It needs the extra
``dira``: ``pip install 'isacsim[dira]'``.
"""

# %%
# The synthetic set
# -----------------
# Nobody, or one person who walks. The radio is that of the recordings, since spectra must have
# the same axes. The simulated hardware has no errors.

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import dira
import isacsim
from isacsim.capture.netcdf import save_capture

EACH = 96
RECORDINGS = 16
STEPS = 300

folder = Path(tempfile.mkdtemp())
people = isacsim.load_scenario("walker").with_(
    name="people",
    radio={"subcarriers": 16, "packets": 512},
    targets={"count": {"min": 0, "max": 1}},
    spectrum={"bins_acceleration": 32, "bins_jerk": 32},
)
synthetic = isacsim.generate(
    people,
    folder / "synthetic.zarr",
    per_class={0: EACH, 1: EACH},
    seed=1,
    workers=0,
    progress=False,
)

# %%
# The recordings
# --------------
# Each is one file of two seconds. Half of them are for training and half for the test. The split
# goes by recording: windows of one recording are nearly copies of each other.

elsewhere = people.with_(
    name="elsewhere",
    snr_db=12,
    radio={
        "packets": 2048,
        "transmitter_m": [0.5, 4, 1.2],
        "receivers": [{"name": "rx", "position_m": [5.5, 4, 1.2]}],
    },
    environment={"power_db": 24, "delay_spread_ns": 60},
    impairments={
        "cfo": {"offset_hz": {"uniform": [-200, 200]}, "phase_noise_rad_per_sqrt_s": 1},
        "sto": {"offset_ns": 30, "jitter_ns": 15},
        "agc": {"step_db": 0.5, "rate_hz": 2},
        "quantisation": {"bits": 8, "headroom_db": 6},
    },
    spectrum={"acceleration_max_m_s2": 2.5, "jerk_max_m_s3": 10},
)
with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(["file", "label", "split"])
    for number in range(RECORDINGS):
        name, label = f"recording{number}.nc", number % 2
        save_capture(
            isacsim.simulate(elsewhere, seed=100 + number, n_targets=label), folder / name
        )
        table.writerow([name, label, "train" if number < RECORDINGS // 2 else "test"])

# %%
# The commands take it from here: ``isacsim import`` cuts the recordings into windows and makes
# spectra like those of the synthetic set.


command = (
    "isacsim import recording*.nc --labels labels.csv --like synthetic.zarr"
    " --window 0.512 -o real.zarr"
)
environment = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
}
done = subprocess.run(
    command, shell=True, cwd=folder, env=environment, check=True, capture_output=True, text=True
)
print("$", command)
print(done.stdout)

# %%
# The mix
# -------
# About a sixth of each class comes from the recordings. ``mix`` brings their spectra to the level
# of the synthetic ones, and says so where there are too few.

real = isacsim.open_dataset(folder / "real.zarr")
mixed = isacsim.mix(synthetic, real, real_fraction=0.16, seed=0)
train = mixed.isel(sample=(mixed.split == "train").values).load()
origin, counts = np.unique(train.domain, return_counts=True)
print(dict(zip(origin.tolist(), counts.tolist(), strict=True)), "for training")

# %%
# Training three times
# --------------------
# The same small network: on synthetic spectra alone, on the mix, and on synthetic spectra first
# and then, for a few steps, on the recordings. The test recordings are used for nothing else.

test = real.isel(sample=((real.split == "test") & (real.n_targets >= 0)).values).load()
alone = train.isel(sample=(train.domain == "synthetic").values)
recorded = train.isel(sample=(train.domain == "real").values)


def trained(samples):
    counter = dira.TargetCounter(width=8)
    return counter.fit(samples.aj_noisy, samples.n_targets, steps=STEPS, batch_size=32, seed=0)


counters = {"synthetic": trained(alone), "mixed": trained(train)}
answers = {name: counter.predict(test.aj_noisy) for name, counter in counters.items()}
tuned = counters["synthetic"].fine_tune(
    recorded.aj_noisy, recorded.n_targets, steps=STEPS // 2, seed=0
)
answers["fine-tuned"] = tuned.predict(test.aj_noisy)
for name, said in answers.items():
    right = said == test.n_targets.values
    print(
        f"{name}: {right.sum()} of {right.size} test windows right ({right.mean():.2f}; chance 0.50)"
    )

# %%
# Rows are true counts, columns what the counter says.

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, (name, said) in zip(axes, answers.items(), strict=True):
    confusion = np.zeros((2, 2), int)
    np.add.at(confusion, (test.n_targets.values, said), 1)
    ax.imshow(confusion, cmap="Blues")
    for (row, column), number in np.ndenumerate(confusion):
        ax.text(
            column, row, number, ha="center", va="center", bbox={"color": "white", "alpha": 0.7}
        )
    ax.set(title=name, xlabel="counted", ylabel="people", xticks=range(2), yticks=range(2))
plt.show()

# %%
# These few windows come from few recordings, so a difference of some windows means nothing. For a
# result, use more recordings, several seeds, and a split by person or room: :doc:`/real_captures`
# says how. ``dira train counter mixed.zarr`` trains the counter in full size, on a mix that
# ``isacsim mix`` has written.
