"""
First spectrum
==============

Simulate a second of Wi-Fi CSI, turn it into an acceleration-jerk spectrum, and set it against the truth.
"""

# %%
# A scenario describes radio, room and targets. A seed decides every random number.

import matplotlib.pyplot as plt

import isacsim

capture = isacsim.simulate("default", seed=0)
print(capture.csi.sizes)

# %%
# The spectrum of the first receiver. Peaks go as the fourth power of a path's amplitude.
# The fourth root shows weak ones.

spectrum = isacsim.aj_spectrum(capture.csi[0])
fig, ax = plt.subplots()
(spectrum**0.25).plot(ax=ax, x="acceleration", cmap="magma")
