"""
A room of your own
==================

This tutorial writes a scenario for a room, has Sionna trace its walls and furniture, and follows
a person who walks through it. It needs the extra ``rt``: ``pip install 'isacsim[rt]'``.
"""

# %%
# The scenario
# ------------
# A scenario is one YAML file. Every field has its unit in its name. A number may be a
# distribution, such as ``{uniform: [lo, hi]}``: it is then drawn anew for each capture.

import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pydantic

import isacsim
from isacsim.figures.environment import draw_room

folder = Path(tempfile.mkdtemp())
(folder / "kitchen.yaml").write_text(
    """
name: kitchen
description: one person walks through a kitchen of 4 x 5 m
snr_db: 20
motion_model: exact                 # paths follow the motion in space, not its cubic

radio:
  carrier_hz: 5.805e9
  bandwidth_hz: 80e6
  subcarriers: 64
  packet_rate_hz: 500
  packets: 2000                     # four seconds
  transmitter_m: [0.3, 0.3, 1.2]
  receivers:
    - {name: laptop, position_m: [3.6, 0.5, 0.9]}

environment:
  kind: sionna_rt                   # traced once, then kept in a cache
  power_db: 20
  max_depth: 3
  room:
    kind: box
    corner_m: [0, 0]
    size_m: [4, 5]
    height_m: 2.5
    walls: {material: brick, thickness_m: 0.12}
    doors:
      - {at_m: [4, 4], width_m: 0.9, height_m: 2.1, surface: {material: wood, thickness_m: 0.04}}
    furniture:
      - name: table
        corner_m: [2.4, 2.6, 0]
        size_m: [1.0, 0.8, 0.75]
        surface: {material: wood, thickness_m: 0.03}

targets:
  fixed:
    - amplitude: 1
      body: {kind: walker, height_m: 1.75}
      motion:
        kind: waypoints
        times_s: [-2.1, -1, 0, 1, 2.1]        # 0 is the middle of the window
        positions_m: [[3.4, 4.2, 1.18], [2.4, 4.2, 1.18], [1.4, 3.8, 1.18], [1.0, 2.8, 1.18],
          [1.2, 1.6, 1.18]]

spectrum: {acceleration_max_m_s2: 1.5, jerk_max_m_s3: 6}   # what 500 packets/s hold in 4 s
""",
    encoding="utf-8",
)
kitchen = isacsim.load_scenario(folder / "kitchen.yaml")
kitchen

# %%
# A mistake in the file ends in one sentence for each field. ``isacsim scenarios check
# kitchen.yaml`` says the same.

try:
    kitchen.with_(snr_db="loud")
except pydantic.ValidationError as error:
    print(textwrap.fill(error.errors()[0]["msg"], 100))

# %%
# One capture
# -----------
# The torso is the reference point of a walking body. The other eleven points are limbs and head.

capture = isacsim.simulate(kitchen, seed=3)
print(dict(capture.sizes))
print(capture.scatterer.values)

# %%
# The room from above, with the places of the body's points at the window's centre.

fig, ax = plt.subplots(figsize=(4.6, 5.2), layout="constrained")
draw_room(ax, kitchen.environment.room)
ax.plot(*capture.position.values[:, :2].T, "o", ms=4, label="person, at the centre of the window")
ax.plot(*kitchen.radio.transmitter_m[:2], "^", ms=9, label="transmitter")
ax.plot(*kitchen.radio.receivers[0].position_m[:2], "v", ms=9, label="receiver")
ax.set(aspect="equal", xlabel="x [m]", ylabel="y [m]")
ax.legend(loc="upper center", fontsize=8)
plt.show()

# %%
# The static channel comes from the traced walls and furniture. The same room has the same static
# channel, whatever the seed.

offset = (capture.frequency - capture.frequency.mean()) / 1e6
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.plot(offset, 20 * np.log10(abs(capture.static[0])))
ax.set(xlabel="frequency − centre [MHz]", ylabel="static channel [dB]")
plt.show()

# %%
# The walk
# --------
# ``track`` follows the speed of the path over the whole recording.

tracks = isacsim.track(capture)
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.errorbar(
    tracks.time, tracks.velocity[0], tracks.std_velocity[0], lw=1, elinewidth=0.5, label="tracked"
)
ax.axhline(0, color="gray", lw=0.5)
ax.set(xlabel="time [s]", ylabel="path velocity [m/s]")
ax.legend()
plt.show()

# %%
# The path from transmitter over the person to the receiver becomes shorter when the person comes
# nearer: its velocity is negative. What the room can and cannot do is in :doc:`/environments`;
# bodies are in :doc:`/bodies`.
