"""
Activities from simulation
==========================

This tutorial learns to tell walking, sitting down, falling and standing still apart. The labels
are those of the data set: what each person does at the middle of the window.
"""

# %%
# Four scenarios
# --------------
# ``activity_walk``, ``activity_sit``, ``activity_fall`` and ``activity_still`` have one radio and
# one room. Here each also gets Doppler spectrograms, of one antenna.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import isacsim
from dira.metrics.probe import linear_probe
from isacsim.figures.spectra import draw_doppler

EACH = 100

ONE = [{"name": "rx", "position_m": [4.5, 0.5, 1.2]}]
scenarios = [
    isacsim.load_scenario(f"activity_{name}").with_(
        radio={"receivers": ONE},
        impairments={"cfo": None, "sto": None, "agc": None, "chains": None},
        spectrum={
            "combine": "single",
            "acceleration_max_m_s2": 2,
            "jerk_max_m_s3": 8,
            "bins_acceleration": 2,
            "bins_jerk": 2,
            "also": ["doppler"],
            "doppler_speed_max_m_s": 5,
        },
    )
    for name in ("walk", "sit", "fall", "still")
]
samples = isacsim.generate(
    scenarios,
    Path(tempfile.mkdtemp()) / "activities.zarr",
    n_samples=EACH,
    seed=9,
    splits={"train": 0.7, "test": 0.3},
    workers=0,
    progress=False,
).load()
train = (samples.split == "train").values

# %%
# The labels
# ----------
# ``target_activity`` is the phase at the middle of the window. Phases that belong together become
# one class.

codes = samples.target_activity
words = dict(zip(codes.flag_values, codes.flag_meanings.split(), strict=True))
phase = np.array([words[code] for code in codes.values[:, 0].tolist()])
print({word: int((phase == word).sum()) for word in np.unique(phase)})

CLASSES = {
    "walk": ("walk", "turn", "start", "stop"),
    "sit": ("sit", "seated"),
    "fall": ("fall", "lying"),
    "still": ("stand",),
}
label = np.array([[word in some for some in CLASSES.values()].index(True) for word in phase])

# %%
# A window of each class, of the same scale of decibels:

fig, axes = plt.subplots(1, 4, figsize=(14, 3), layout="constrained", sharey=True)
for ax, (number, name) in zip(axes, enumerate(CLASSES), strict=True):
    draw_doppler(ax, samples.doppler_noisy[int(np.flatnonzero(label == number)[0])])
    ax.set_title(name)
plt.show()

# %%
# A classifier
# ------------
# Features as in :doc:`plot_7_fall`: the speeds below which half and nine tenths of a column's
# energy lie, and the energy. Of each curve the mean, the spread, the largest value, the largest
# step, and the means of its quarters.

power = samples.doppler_noisy.values.astype(float)
speed = np.abs(samples.path_velocity.values)
order = np.argsort(speed)
held = np.cumsum(power[:, order], axis=1)
curves = [speed[order][(held >= share * held[:, -1:]).argmax(axis=1)] for share in (0.5, 0.9)]
energy = np.log(power.sum(axis=1))
curves.append(energy - energy.mean(axis=1, keepdims=True))
features = np.column_stack(
    [
        np.column_stack(
            [
                curve.mean(axis=1),
                curve.std(axis=1),
                curve.max(axis=1),
                np.abs(np.diff(curve, axis=1)).max(axis=1),
                *(part.mean(axis=1) for part in np.array_split(curve, 4, axis=1)),
            ]
        )
        for curve in curves
    ]
)
made = linear_probe(features[train], label[train], features[~train], label[~train])
usual = np.bincount(label[train]).argmax()
alone = np.mean(label[~train] == usual)
print(f"accuracy {made.accuracy:.2f}, macro F1 {made.macro_f1:.2f}; always the same: {alone:.2f}")

# %%
# Windows of the test, by what people did and what was said:

table = np.zeros((4, 4))
np.add.at(table, (label[~train], made.predicted), 1)
fig, ax = plt.subplots(figsize=(4, 3.6), layout="constrained")
ax.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), vmin=0, vmax=1, cmap="Blues")
for (row, column), n in np.ndenumerate(table):
    ax.text(column, row, int(n), ha="center", va="center")
ax.set_xticks(range(4), CLASSES)
ax.set_yticks(range(4), CLASSES)
ax.set(xlabel="said", ylabel="done")
plt.show()

# %%
# What this does not show
# -----------------------
# One person at a time, in one room, with a clean radio: offsets, gain control and chains are left
# out here. The scenarios themselves have them, and three antennas that make up for most of it.
# Simulated people sit down and fall in one way each: :doc:`/bodies`.
