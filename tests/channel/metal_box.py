"""The room of the ray tracing tests: a box of metal, and where its two antennas stand."""

from __future__ import annotations

METAL = {"material": "metal", "thickness_m": 0.01}
SIZE = (7.0, 9.0, 3.0)
TRANSMITTER, RECEIVER = (1.3, 2.1, 1.4), (5.2, 4.7, 1.4)


def box(**changes):
    walls = {"walls": METAL, "floor": METAL, "ceiling": METAL}
    return {"kind": "box", "size_m": SIZE[:2], "height_m": SIZE[2]} | walls | changes
