"""The learned rule: from what `features` describes to probabilities of points or bodies, and of the number of people.

Logistic models of the features and their squares, one set for each bandwidth, with the table of what the component
estimator's counts of points are worth. ``rule.json`` says which command made it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.counting.features import NAMES

__all__ = ["FILE", "MOST_PEOPLE", "Conditions", "Rule", "expanded", "point_table", "rule_for"]

Array = NDArray[np.float64]

FILE = Path(__file__).with_name("rule.json")
MOST_PEOPLE = 6
"""People in the captures that the rule was learned from, at most; its last class is so many or more."""
# Features so many standard deviations away say no more than that.
_FARTHEST = 4.0
# A rule serves bandwidths within this factor of its own.
_NEAR = 1.2


@dataclass(frozen=True)
class Conditions:
    """Conditions of the captures that the rule was learned from, and of those that count as similar."""

    carrier_hz: tuple[float, float] = (4.9e9, 6.5e9)
    window_s: tuple[float, float] = (0.9, 1.2)
    packet_rate: tuple[float, float] = (450.0, 4000.0)

    def refuse(self, carrier: float, window_s: float, packet_rate: float) -> str:
        """Say which of them a window does not meet; empty if none."""
        for name, unit, value, (least, most) in (
            ("carrier", "Hz", carrier, self.carrier_hz),
            ("window", "s", window_s, self.window_s),
            ("packet rate", "packets/s", packet_rate, self.packet_rate),
        ):
            if not least <= value <= most:
                cut = "; cut it with window_s=1 (--window-s 1)" if name == "window" and value > most else ""
                return f"the rule for bodies holds for a {name} of {least:g} to {most:g} {unit}, not {value:.4g}{cut}"
        return ""


@dataclass(frozen=True, eq=False)
class Rule:
    """Two logistic models for one bandwidth."""

    mean: Array
    scale: Array
    count: Array
    """Weights (1 + 2 features, number of people from 0)."""
    bodies: Array
    """Weights (1 + 2 features,) of bodies against points."""

    def people(self, features: Array) -> Array:
        """Probability of 0 to `MOST_PEOPLE` people, given that bodies move."""
        level = expanded(features, self.mean, self.scale) @ self.count
        odds = np.exp(level - level.max())
        return np.asarray(odds / odds.sum())

    def of_bodies(self, features: Array) -> float:
        """Probability that bodies move, not points."""
        return float(1 / (1 + np.exp(-expanded(features, self.mean, self.scale) @ self.bodies)))


def expanded(features: Array, mean: Array, scale: Array) -> Array:
    """Give 1, the standardised features and their squares; (..., 1 + 2 features)."""
    z = np.clip((features - mean) / scale, -_FARTHEST, _FARTHEST)
    return np.concatenate([np.ones((*z.shape[:-1], 1)), z, z**2], axis=-1)


@cache
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    assert stored["names"] == list(NAMES), "rule.json is of other features: make it anew"
    return stored


def rule_for(bandwidth: float) -> Rule | None:
    """Give the rule of a bandwidth in Hz, None if none was learned there."""
    for entry in _stored()["rules"]:
        if 1 / _NEAR <= bandwidth / entry["bandwidth_hz"] <= _NEAR:
            return Rule(*(np.array(entry[name]) for name in ("mean", "scale", "count", "bodies")))
    return None


def point_table() -> dict[int, float]:
    """Probability that so many more points move than the component estimator counts."""
    return {int(more): share for more, share in _stored()["points"].items()}
