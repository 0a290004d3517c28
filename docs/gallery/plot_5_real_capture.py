"""
A real capture, from file to detections
=======================================

This tutorial reads a file of a Wi-Fi receiver, says what it holds, follows a person through it,
and counts people. The file is a stand-in: a simulated walk, written in the format of Nexmon CSI.
With a file of your own, leave the first section out.
"""

# %%
# A file
# ------
# ``isacsim simulate walk.yaml -o walk.nc`` and ``isacsim export walk.nc -o walk.pcap`` do the
# same as these lines.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import isacsim
from isacsim.capture.formats.nexmon_writer import write_nexmon
from isacsim.conditioning.windows import capture_windows
from isacsim.figures.spectra import draw_aj

SECONDS = 4

walk = isacsim.load_scenario("walker").with_(
    name="walk",
    snr_db=20,
    radio={
        "packets": 1000 * SECONDS,
        "receivers": [
            {"name": "left", "position_m": [5, 0.2, 1.5]},
            {"name": "right", "position_m": [5.026, 0.2, 1.5]},
        ],
    },
    targets={  # in place of the one to four people of the shipped scenario
        "fixed": [
            {
                "body": {"kind": "walker", "height_m": 1.75},
                "motion": {
                    "kind": "waypoints",
                    "times_s": [-2.1, -1, 0, 1, 2.1],
                    "positions_m": [
                        [1, 6, 1.18],
                        [1, 6, 1.18],
                        [1.5, 5.2, 1.18],
                        [2.3, 4.2, 1.18],
                        [3.2, 3.1, 1.18],
                    ],
                },
            }
        ],
        "count": None,
        "template": None,
    },
    impairments={
        "cfo": {"offset_hz": 150, "phase_noise_rad_per_sqrt_s": 1},
        "sto": {"offset_ns": 30, "jitter_ns": 15},
        "loss": {"fraction": 0.02},
    },
    spectrum={"acceleration_max_m_s2": 1.5, "jerk_max_m_s3": 8},
)
simulated = isacsim.simulate(walk, seed=1)
file = Path(tempfile.mkdtemp()) / "walk.pcap"
write_nexmon(simulated, file)
print(file.name, f"{file.stat().st_size / 1e6:.1f} MB")

# %%
# What it holds
# -------------
# ``read_capture`` finds out the format. It warns about what it had to drop. For formats without a
# carrier, pass ``carrier=``.

capture = isacsim.read_capture(file)
capture

# %%
# ``describe_capture`` looks at rate, losses, power and phase. It also names what the file does
# not say and the reader had to assume. ``isacsim capture walk.pcap -o walk`` makes a page of it.

described = isacsim.describe_capture(capture)
timing = described.timing
print(
    f"{timing['packets']} packets in {timing['duration_s']:.2f} s, {100 * timing['lost']:.1f} % lost"
)
for line in described.dropped + described.assumed + described.remarks:
    print("-", line)

# %%
# Does anything move, and how fast?
# ---------------------------------
# ``track`` works on recordings of any length. The shaded stretches have motion.

tracks = isacsim.track(capture)
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.fill_between(
    tracks.time,
    -3,
    3,
    where=tracks.motion == 1,
    color="tab:green",
    alpha=0.15,
    lw=0,
    label="motion",
)
ax.errorbar(
    tracks.time,
    tracks.velocity[0],
    tracks.std_velocity[0],
    lw=1.2,
    elinewidth=0.5,
    label="tracked speed",
)
ax.set(xlabel="time [s]", ylabel="path velocity [m/s]", ylim=(-3, 3))
ax.legend()
plt.show()

# %%
# How many people?
# ----------------
# ``count_targets`` gives a probability for each number, in windows of about a second. -1 stands
# for "cannot tell". Its rule for people was learned from one antenna. ``reference="projection"``
# finds each packet's phase from the static channel of one antenna, and comes nearest to that. The
# product of two equal antennas, which is the default, holds the person twice: it counts too many
# here.

for reference in ("projection", "auto"):
    counted = isacsim.count_targets(capture, max_targets=3, targets="bodies", reference=reference)
    print(reference, "counts", counted["count"].values)
    print(counted["probability"].to_pandas().round(2), "\n")

# %%
# Detections in a window
# ----------------------
# ``capture_windows`` conditions each window: phase, timing and gain errors are taken out, and
# packets are put on a uniform grid. Here is one window while the person walks, with what
# ``estimate_paths`` detects in it. A body is many moving points. Each detection is one of them
# and not a person.

window = capture_windows(capture, window_s=1.0, reference="projection").used[-1]
spectrum = isacsim.aj_spectrum(window.csi[0])
paths = isacsim.estimate_paths(window.csi[0])
fig, ax = plt.subplots(figsize=(5.4, 4), layout="constrained")
fig.colorbar(draw_aj(ax, spectrum, estimates=paths), ax=ax, label="(P / max)$^{1/4}$")
ax.legend()
plt.show()
print(paths[["velocity", "acceleration", "jerk", "amplitude"]].to_dataframe().round(3))
print("cannot tell:", bool(paths.attrs["cannot_tell"]), "-", paths.attrs["reason"])

# %%
# Which of these to believe: :doc:`/real_captures` and :doc:`/limits`. On recordings of real
# people the tracked speed was right, and accelerations read off spectra were not.
