"""
First spectrum
==============

This tutorial simulates one second of Wi-Fi CSI. It turns the CSI into an acceleration-jerk (AJ)
spectrum, and compares the spectrum with the truth. Then it estimates the paths from the CSI
itself.
"""

# %%
# A capture
# ---------
# A scenario describes radio, room and targets. A seed decides every random number. The same
# scenario and seed give the same capture.

import matplotlib.pyplot as plt
import numpy as np

import isacsim
from isacsim.figures.spectra import draw_aj, draw_doppler

capture = isacsim.simulate("default", seed=0)
capture

# %%
# ``csi`` has one entry a receiver. The variables over ``path`` are the truth: how the length of
# each path (transmitter, target, receiver) changes, at the window's centre.

truth = capture.isel(receiver=0)
NAMES = ["path_length", "velocity", "acceleration", "jerk", "amplitude"]
print(truth[NAMES].reset_coords(drop=True).to_dataframe().round(2))

# %%
# What moves
# ----------
# The Doppler spectrogram shows the speed of each path over time. A path that grows has a negative
# Doppler frequency.

spectrogram = isacsim.doppler_spectrogram(capture.csi[0], max_speed=6)
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
fig.colorbar(draw_doppler(ax, spectrogram), ax=ax, label="dB below the maximum", pad=0.1)
plt.show()

# %%
# The spectrum
# ------------
# A path is one peak at its acceleration and jerk. Two paths also make cross-terms, which look
# like peaks. ``combine="resolved"`` first separates the paths by delay, so that fewer cross-terms
# are left. ``render_spectrum`` draws the paths alone: a simulator knows them, a receiver cannot
# measure that picture.

spectra = {
    "coherent (default)": isacsim.aj_spectrum(capture.csi[0]),
    "resolved by delay": isacsim.aj_spectrum(capture.csi[0], combine="resolved"),
}
spectra["true paths alone"] = isacsim.render_spectrum(truth, like=spectra["resolved by delay"])

fig, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained", sharey=True)
for ax, (title, spectrum) in zip(axes, spectra.items(), strict=True):
    mesh = draw_aj(ax, spectrum, truth=truth)
    ax.set_title(title)
fig.colorbar(mesh, ax=axes, label="(P / max)$^{1/4}$")
plt.show()

# %%
# The circles are the truth. Peaks go as the fourth power of the amplitude, so the colours show
# the fourth root.
#
# The paths
# ---------
# ``estimate_paths`` works on the CSI, not on the spectrum. It needs no number of targets. It
# reports a standard error for each quantity.

paths = isacsim.estimate_paths(capture.csi[0])
print(paths[["acceleration", "std_acceleration", "jerk", "std_jerk"]].to_dataframe().round(5))

# %%
# The truth in the order of the estimates: each estimate takes the nearest true path.

apart = np.hypot(
    paths.acceleration - truth.acceleration.rename(path="true"),
    paths.jerk - truth.jerk.rename(path="true"),
)
nearest = truth.isel(path=apart.values.argmin(axis=1))
print(
    "errors of acceleration in m/s²:",
    (paths.acceleration.values - nearest.acceleration.values).round(5),
)
print("errors of jerk in m/s³:        ", (paths.jerk.values - nearest.jerk.values).round(5))

# %%
# ``default`` has exact cubic paths and no hardware errors. In a room with both, fewer paths are
# found. :doc:`/limits` has the measured figures.
