"""A small scenario as text, for tests that change a line of it."""

from __future__ import annotations

TEXT = """\
name: test
description: a small scenario
radio:
  carrier_hz: 5.8e9
  bandwidth_hz: 80e6
  subcarriers: 16
  packet_rate_hz: 1000
  packets: 256
  transmitter_m: [0, 0, 1]
  receivers:
    - {name: rx, position_m: [2, 0, 1]}
environment:
  kind: rayleigh
  delay_spread_ns: 30
targets:
  count: {min: 1, max: 3}
  template:
    motion:
      kind: kinematics
      path_length_m: {uniform: [3, 15]}
dataset:
  n_samples: 10
"""
