"""
Places from simulation
======================

This tutorial learns where somebody walks, from the CSI of two small arrays. The label is the
position of the target at the middle of the window.
"""

# %%
# A room with two arrays
# ----------------------
# Each window sees one person somewhere in a part of the room of five by five metres, going
# anywhere at walking pace. ``keep_csi`` keeps the CSI, since an acceleration-jerk spectrum holds
# neither delay nor angle.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import isacsim

N_SAMPLES = 600

scenario = isacsim.load_scenario("default").with_(
    name="places",
    radio={
        "subcarriers": 32,
        "packet_rate_hz": 500,
        "packets": 128,
        "transmitter_m": [3, 0, 1.5],
        "receivers": [
            {
                "name": name,
                "position_m": place,
                "array": {"kind": "linear", "elements": 4, "looks_at_m": [3, 3.5, 1.2]},
            }
            for name, place in {"left": [0, 1, 1.5], "right": [6, 1, 1.5]}.items()
        ],
    },
    targets={
        "count": {"min": 1, "max": 1},
        "template": {
            "motion": {
                "kind": "trajectory",
                "position_m": [{"uniform": [0.5, 5.5]}, {"uniform": [1.5, 6.5]}, 1.2],
                "speed_m_s": {"uniform": [0.5, 1.5]},
                "heading_deg": {"uniform": [0, 360]},
            }
        },
    },
    spectrum={
        "combine": "single",
        "acceleration_max_m_s2": 2,
        "jerk_max_m_s3": 8,
        "bins_acceleration": 2,
        "bins_jerk": 2,
    },
)
samples = isacsim.generate(
    scenario,
    Path(tempfile.mkdtemp()) / "places.zarr",
    n_samples=N_SAMPLES,
    seed=4,
    splits={"train": 0.8, "test": 0.2},
    keep_csi=True,
    workers=0,
    progress=False,
).load()
place = samples.target_position.values[:, 0, :2]
train = (samples.split == "train").values

# %%
# Fingerprints
# ------------
# What does not change is taken out. What is left goes from antennas and subcarriers to angles and
# delays, receiver by receiver. The mean power over the packets is a picture of where the echo
# comes from; its square root, scaled to a length of one, is the fingerprint.

csi = samples.csi.values.reshape(len(place), 2, 4, 32, -1)
moving = csi - csi.mean(axis=-1, keepdims=True)
delays = np.fft.ifft(moving, axis=3)[:, :, :, :8]
angles = np.fft.fft(delays, 8, axis=2)
power = (np.abs(angles) ** 2).mean(axis=-1)
prints = np.sqrt(power.reshape(len(place), 2, -1))
prints /= np.linalg.norm(prints, axis=2, keepdims=True)
prints = prints.reshape(len(place), -1)

fig, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
for ax, name, picture in zip(axes, ("left", "right"), power[0], strict=True):
    ax.pcolormesh(picture)
    ax.set(title=name, xlabel="delay bin", ylabel="angle bin")
fig.suptitle(f"somebody at {place[0, 0]:.1f}, {place[0, 1]:.1f} m")
plt.show()

# %%
# Neighbours
# ----------
# The place of a new window is the mean of those five places whose fingerprints are nearest,
# weighted by nearness. That is the usual method of localisation by fingerprints.

alike = prints[~train] @ prints[train].T
nearest = np.argsort(-alike, axis=1)[:, :5]
weight = 1 / (1.001 - np.take_along_axis(alike, nearest, axis=1))
weight /= weight.sum(axis=1, keepdims=True)
found = (place[train][nearest] * weight[:, :, np.newaxis]).sum(axis=1)
error = np.linalg.norm(found - place[~train], axis=1)
middle = np.linalg.norm(place[train].mean(axis=0) - place[~train], axis=1)
print(f"median error {np.median(error):.2f} m; always the middle: {np.median(middle):.2f} m")
print(f"nine tenths within {np.quantile(error, 0.9):.2f} m; {np.quantile(middle, 0.9):.2f} m")

# %%
# From where people were to where they were found:

fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
ax.plot(*np.stack([place[~train], found], axis=-1).transpose(1, 2, 0), color="gray", lw=0.8)
ax.plot(*place[~train].T, "o", ms=3, label="true")
ax.plot(*found.T, "x", ms=4, label="found")
ax.plot([0, 6], [1, 1], "^", color="black", label="arrays")
ax.plot(3, 0, "v", color="red", label="transmitter")
ax.set(xlabel="x [m]", ylabel="y [m]", aspect="equal")
ax.legend(loc="upper right")
plt.show()

# %%
# What this does not show
# -----------------------
# The error is this small because much is left out. The person is one point, whose echo comes on a
# straight line. The chains of the arrays have known phases. In a real room echoes also bounce off
# walls, and fingerprints hold for that room alone. A device's unknown chain phases turn the angles
# until they are calibrated: :doc:`/arrays`.
