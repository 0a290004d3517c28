"""
Your own estimator against the bound
====================================

This tutorial writes an estimator of one path and measures it beside two built-in ones, on the
same captures. The measure is the Cramér-Rao bound: no unbiased estimator has a smaller error.
"""

# %%
# The bound
# ---------
# The bound follows from packet times, subcarriers and signal-to-noise ratio. It falls with the
# square (acceleration) and the cube (jerk) of the window, and with the square root of the number
# of packets. A window four times as long, at the same packet rate, is therefore 32 and 128 times
# better.

import matplotlib.pyplot as plt
import numpy as np

import isacsim

TRIALS = 10

frequency = 5.805e9 + (np.arange(8) - 3.5) * 10e6
for packets in (256, 1024):
    time = np.arange(packets) / 1000
    bound = isacsim.cramer_rao_bound(time, frequency, snr_db=10)
    a, r = float(bound.std_acceleration[0]), float(bound.std_jerk[0])
    print(f"{packets} packets: {a:.5f} m/s², {r:.4f} m/s³")

# %%
# An estimator
# ------------
# An estimator is a function of CSI (subcarrier, packet), packet times and subcarrier frequencies.
# It returns arrays over paths, at the window's centre.
#
# This one takes the delay cell in which most moves. It tries a grid of accelerations and jerks:
# for each it turns the chirp back, and takes the highest peak of a Fourier transform over time. A
# parabola through neighbouring points of the grid refines the result, and a finer grid follows.

LIGHT = 299792458.0


def _refined(values, score):
    """Maximum of a parabola through the highest value and its neighbours."""
    top = min(max(int(score.argmax()), 1), len(values) - 2)
    left, middle, right = score[top - 1 : top + 2]
    curved = left - 2 * middle + right
    return values[top] + (0.5 * (left - right) / curved if curved else 0.0) * (
        values[1] - values[0]
    )


def dechirp(csi, time, frequency):
    """Acceleration and jerk of the strongest path by a search over chirps."""
    t = time - (time[0] + time[-1]) / 2
    cells = np.fft.ifft(csi - csi.mean(axis=1, keepdims=True), axis=0)
    moving = cells[(np.abs(cells) ** 2).sum(axis=1).argmax()]
    wavelength = LIGHT / frequency.mean()
    a, r = np.linspace(-7, 7, 57), np.linspace(-36, 36, 37)
    for _ in range(3):
        chirp = np.exp(
            2j * np.pi / wavelength * (a[:, None, None] * t**2 / 2 + r[:, None] * t**3 / 6)
        )
        height = np.abs(np.fft.fft(moving * chirp, 2 * len(t), axis=-1)).max(axis=-1)
        i, j = np.unravel_index(height.argmax(), height.shape)
        best = _refined(a, height[:, j]), _refined(r, height[i])
        a = best[0] + (a - a.mean()) / 8
        r = best[1] + (r - r.mean()) / 8
    return {"acceleration": [best[0]], "jerk": [best[1]]}


# %%
# The comparison
# --------------
# ``benchmark`` runs the study ``bound``: one path, drawn anew in each trial, at several
# signal-to-noise ratios. ``quick=False`` runs it in full, with numbers that are results. These
# are not: there are few trials.

result = isacsim.benchmark(dechirp, beside=("relax", "peaks"), trials=TRIALS)
print(result.rmse_over_bound_acceleration.to_pandas().round(1))

# %%

fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", sharey=True)
for ax, name in zip(axes, ("acceleration", "jerk"), strict=True):
    for estimator in result.estimator.values:
        ratio = result[f"rmse_over_bound_{name}"].sel(estimator=estimator)
        ax.semilogy(result.snr, ratio, "o-", label=estimator.rpartition(":")[2])
    ax.axhline(1, color="gray", lw=0.8)
    ax.set(xlabel="SNR [dB]", title=name)
axes[0].set_ylabel("rmse / bound")
axes[0].legend()
plt.show()

# %%
# A ratio of 1 is the best possible. ``relax`` is there. The function above keeps one delay cell
# of several, and takes the static part out as a mean. Both cost accuracy. The second is an error
# that more signal does not lower.
#
# ``isacsim validate bound --method mymodule:dechirp,relax`` does the same for a function that
# stands in a file. :doc:`/own_estimator` has more.
