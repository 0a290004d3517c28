"""
Counting from simulation
========================

This tutorial learns to count moving targets from acceleration-jerk spectra. It looks at the label
that says which targets a spectrum cannot show, and at what they cost.
"""

# %%
# The data set
# ------------
# One to five points move past one pair of antennas. The splits have seeds of their own, so no
# sample of the test resembles one of the training by more than chance.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import isacsim
from dira.metrics.probe import linear_probe

EACH = 200

scenario = isacsim.load_scenario("default").with_(
    name="crowd",
    radio={"subcarriers": 8, "packets": 512},
    targets={"count": {"min": 1, "max": 5}},
    spectrum={"bins_acceleration": 32, "bins_jerk": 32},
)
samples = isacsim.generate(
    scenario,
    Path(tempfile.mkdtemp()) / "crowd.zarr",
    per_class=dict.fromkeys(range(1, 6), EACH),
    seed=3,
    splits={"train": 0.7, "test": 0.3},
    workers=0,
    progress=False,
).load()
count = samples.n_targets.values.astype(int)
train = (samples.split == "train").values

# %%
# What cannot be seen
# -------------------
# ``target_hidden`` is 0 where a spectrum can show a target. The other codes are flags with words:
# :doc:`/datasets`.

hidden = samples.target_hidden
for code, word in zip(hidden.flag_values, hidden.flag_meanings.split(), strict=True):
    if code > 0:
        print(f"{word}: {int((hidden == code).sum())} of {int((hidden >= 0).sum())} targets")

# %%
# A counter
# ---------
# The gain of a receiver is not known, so each spectrum is divided by its largest value. Where the
# targets are does not matter, so its values are sorted: a spectrum of many targets has many large
# ones. A linear classifier learns from them.

spectra = samples.aj_noisy.values.reshape(count.size, -1)
values = np.sort((spectra / spectra.max(axis=1, keepdims=True)) ** 0.25, axis=1)[:, ::16]
made = linear_probe(values[train], count[train], values[~train], count[~train])

# %%
# Two guesses that look at no spectrum: the most frequent count, and the middle one.

usual = np.bincount(count[train]).argmax()
middle = np.median(count[train])
print(f"accuracy {made.accuracy:.2f}; always {usual}: {np.mean(count[~train] == usual):.2f}")
print(
    f"mean absolute error {made.mean_absolute_error:.2f};"
    f" always {middle:g}: {np.abs(count[~train] - middle).mean():.2f}"
)

# %%
# Where targets are hidden, too few are counted.

off = made.predicted - count[~train]
some = ((hidden > 0).sum("target") > 0).values[~train]
for word, chosen in (("all targets shown", ~some), ("some hidden", some)):
    if chosen.any():
        print(f"{word}: {chosen.sum()} windows, mean error {off[chosen].mean():+.2f}")

table = np.zeros((5, 5))
np.add.at(table, (count[~train] - 1, made.predicted - 1), 1)
fig, ax = plt.subplots(figsize=(4, 3.6), layout="constrained")
ax.imshow(table / table.sum(axis=1, keepdims=True), vmin=0, vmax=1, cmap="Blues")
for (row, column), n in np.ndenumerate(table):
    ax.text(column, row, int(n), ha="center", va="center")
ax.set_xticks(range(5), range(1, 6))
ax.set_yticks(range(5), range(1, 6))
ax.set(xlabel="counted", ylabel="targets")
plt.show()

# %%
# What this does not show
# -----------------------
# The targets are points with kinematics drawn at random, and one room stands for all. Counting of
# people, and of real captures: :doc:`/counting`.
