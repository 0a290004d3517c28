"""Arguments of `isacsim.track`, checked against the packets that they are for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.checks import check_choice, check_integer, check_number, refusal
from isacsim.conditioning.pace import Pace
from isacsim.errors import InputError

__all__ = ["LONGEST_HOLE", "MAX_SPEED", "REFERENCES", "WINDOW_S", "TrackSettings"]

WINDOW_S = 0.25
"""Default window: of 0.12 to 0.6 s the one with the least error on a real walker (method.md). Longer where that would
hold fewer than 24 packets, or where packets come in bursts."""
LONGEST_HOLE = 0.25
"""Share of a window without packets beyond which it says nothing."""
MAX_SPEED = 3.0
"""Default largest rate of change of the path length, m/s."""
REFERENCES = ("auto", "self", "none")

_FEWEST_PACKETS = 8
_DEFAULT_PACKETS = 24
# Path speed that a walker seldom passes, m/s.
_WALKING = 1.5
_BINS_A_WIDTH = 6
_MOST_BINS = 4001
_MOST_NOISE_BINS = 32
_MOST_BEYOND_BINS = 64


@dataclass(frozen=True)
class TrackSettings:
    """Settings by which packets make windows, and windows make tracks."""

    window_s: float
    hop_s: float
    max_targets: int
    max_speed: float
    false_alarm: float
    phase_sign: int
    interval: float
    """Packet interval, s (`isacsim.conditioning.pace`)."""
    carrier: float
    """Mean of the subcarriers' frequencies, Hz."""
    bursts: Pace | None = None
    """Where packets come in bursts; ``interval`` is then the mean one."""

    @classmethod
    def of(
        cls,
        pace: Pace,
        frequency: NDArray[np.float64],
        *,
        window_s: float | None,
        hop_s: float | None,
        max_targets: int,
        max_speed: float | None,
        false_alarm: float,
        phase_sign: int,
    ) -> TrackSettings:
        """Check arguments, and fill in those left out.

        Raises
        ------
        InputError
            Naming the argument; where a speed cannot be told from its alias, or a window has too few packets.
        """
        interval = pace.interval
        if window_s is None:
            window_s = pace.window(WINDOW_S, _DEFAULT_PACKETS, LONGEST_HOLE)
        window_s = check_number("window_s", window_s, above=0, unit="seconds")
        hop_s = check_number("hop_s", window_s / 4 if hop_s is None else hop_s, above=0, unit="seconds")
        check_integer("max_targets", max_targets, least=1, most=20)
        check_number("false_alarm", false_alarm, above=0, below=0.5)
        if phase_sign not in (-1, 1):
            raise refusal("phase_sign", "-1 or 1", phase_sign)
        carrier = float(frequency.mean())
        alias = speed_of_light / (2 * carrier * interval)
        if max_speed is None:
            max_speed = min(MAX_SPEED, 0.95 * alias)
        check_number("max_speed", max_speed, above=0, unit="m/s")
        if max_speed > alias:
            raise InputError(
                f"max_speed must be at most {alias:.3g} m/s, where {1 / interval:.4g} packets/s at "
                f"{carrier / 1e9:.4g} GHz begin to alias, got {max_speed:g}."
            )
        if round(window_s / interval) < _FEWEST_PACKETS:
            raise InputError(
                f"window_s must be at least {_FEWEST_PACKETS * interval:.3g} s, {_FEWEST_PACKETS} packets at "
                f"{1 / interval:.4g} packets/s, got {window_s:g}."
            )
        if hop_s > window_s:
            raise refusal("hop_s", f"at most window_s, {window_s:g} s", hop_s)
        made = cls(
            window_s,
            hop_s,
            int(max_targets),
            float(max_speed),
            false_alarm,
            phase_sign,
            interval,
            carrier,
            pace if pace.bursts else None,
        )
        if made.velocity.size > _MOST_BINS:
            raise InputError(
                f"window_s {window_s:g} s resolves ±{max_speed:g} m/s into {made.velocity.size} bins, and at most "
                f"{_MOST_BINS} are searched; shorten it or lower max_speed."
            )
        return made

    @property
    def alias(self) -> float:
        """Speed beyond which packets at the median interval alias, m/s."""
        return speed_of_light / (2 * self.carrier * self.interval)

    @property
    def width(self) -> float:
        """Full width at half maximum of a path at constant speed under the Hann window, m/s."""
        return 1.44 / self.window_s * speed_of_light / self.carrier

    @property
    def static_width(self) -> float:
        """Half width of the static bin, m/s: up to the first zero of the Hann window about speed 0."""
        return 2 / self.window_s * speed_of_light / self.carrier

    @cached_property
    def velocity(self) -> NDArray[np.float64]:
        """Rates of change of the path length that are searched, m/s, ascending about 0; shape (bin,)."""
        half = max(int(np.ceil(_BINS_A_WIDTH * self.max_speed / self.width)), 2)
        return np.asarray(self.max_speed * np.arange(-half, half + 1) / half)

    @property
    def step(self) -> float:
        """Distance of two bins, m/s."""
        return float(self.velocity[1] - self.velocity[0])

    @cached_property
    def point_spread(self) -> float:
        """Variance of a point's energy over speed, as far as the static bin would reach about it, m²/s²."""
        at = (np.arange(256) + 0.5) / 256 - 0.5
        speed = self.velocity[np.abs(self.velocity) <= self.static_width]
        turns = np.outer(speed, at) * self.window_s * self.carrier / speed_of_light
        energy = (np.cos(np.pi * at) ** 2 * np.cos(2 * np.pi * turns)).sum(axis=1) ** 2
        return float((energy * speed**2).sum() / energy.sum())

    @cached_property
    def noise_velocity(self) -> NDArray[np.float64]:
        """Speeds at which only noise is expected, m/s: the upper half of what the packets resolve, if that is free."""
        # The holes between bursts spread motion over all speeds but those that only a burst's own packets tell apart.
        alias = self.alias * (1.0 if self.bursts is None else self.interval / self.bursts.median)
        free = alias > 2.4 * self.max_speed
        low, high = (0.5 if free else 0.8) * alias, (0.95 if free else 1.0) * alias
        count = int(np.clip((high - low) / self.width, 2, _MOST_NOISE_BINS // 2))
        side = np.linspace(low, high, count)
        return np.concatenate([-side[::-1], side])

    @property
    def noise_free(self) -> bool:
        """Tell whether walkers' speeds stay below those of noise; slow packets alias them onto these."""
        return self.bursts is not None or float(np.abs(self.noise_velocity).min()) > _WALKING

    @cached_property
    def beyond_velocity(self) -> NDArray[np.float64]:
        """Speeds between those searched and those of noise, m/s, a width apart: a target may go there."""
        low, high = self.max_speed + self.width, float(np.abs(self.noise_velocity).min()) - self.width
        if self.bursts is not None:
            high = low
        count = min(int((high - low) / self.width) + 1, _MOST_BEYOND_BINS // 2) if high > low else 0
        side = np.linspace(low, high, count)
        return np.concatenate([-side[::-1], side])

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Bins outside the static one; shape (bin,)."""
        return np.abs(self.velocity) > self.static_width

    @property
    def share(self) -> float:
        """Share of white noise's power that falls on one bin: its width over the packets' whole band."""
        return self.step / (2 * self.alias)

    def first(self, number: int, begin: float) -> float:
        """Where a window begins, s: half an interval before the packet that it begins with."""
        return begin - self.interval / 2 + number * self.hop_s

    @staticmethod
    def check_reference(reference: str) -> str:
        """Give one of `REFERENCES`."""
        return check_choice("reference", reference, REFERENCES)
