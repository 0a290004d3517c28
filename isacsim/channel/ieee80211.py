"""IEEE 802.11 TGn indoor channel profiles B, C and D as static environments.

Taps and powers are those of V. Erceg et al., "TGn Channel Models", IEEE 802.11-03/940r4, 2004, appendix C; breakpoint
distances and K-factors those of its tables I and II. Taps are 10 ns or more apart, so that a response repeats every
100 MHz: the profiles are for channels of up to 80 MHz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.channel.discrete import direct_delay, frequency_response
from isacsim.channel.rays import over_arrays
from isacsim.scenario.environments import WifiIndoor
from isacsim.scenario.numbers import plain
from isacsim.scenario.radio import Radio

__all__ = ["PROFILES", "Profile", "wifi_indoor"]


@dataclass(frozen=True)
class Profile:
    """One TGn profile."""

    clusters: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    """Delays in ns and powers in dB of each cluster's taps."""
    breakpoint_m: float
    """Up to here there is a line of sight."""
    k_factor_db: float
    """Power of the line of sight over that of the first tap."""

    def taps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Delays in s and powers (sum 1) of all clusters' taps; taps of one delay are not merged."""
        delay = np.concatenate([np.array(d) for d, _ in self.clusters]) * 1e-9
        power = 10 ** (np.concatenate([np.array(p) for _, p in self.clusters]) / 10)
        return delay, power / power.sum()


# 802.11-03/940r4, appendix C.
PROFILES = {
    "B": Profile(
        (
            ((0, 10, 20, 30, 40), (0, -5.4, -10.8, -16.2, -21.7)),
            ((20, 30, 40, 50, 60, 70, 80), (-3.2, -6.3, -9.4, -12.5, -15.6, -18.7, -21.8)),
        ),
        5.0,
        0.0,
    ),
    "C": Profile(
        (
            (
                (0, 10, 20, 30, 40, 50, 60, 70, 80, 90),
                (0, -2.1, -4.3, -6.5, -8.6, -10.8, -13.0, -15.2, -17.3, -19.5),
            ),
            ((60, 70, 80, 90, 110, 140, 170, 200), (-5.0, -7.2, -9.3, -11.5, -13.7, -15.8, -18.0, -20.2)),
        ),
        5.0,
        0.0,
    ),
    "D": Profile(
        (
            (
                (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 110, 140, 170, 200, 240, 290),
                (
                    0,
                    -0.9,
                    -1.7,
                    -2.6,
                    -3.5,
                    -4.3,
                    -5.2,
                    -6.1,
                    -6.9,
                    -7.8,
                    -9.0,
                    -11.1,
                    -13.7,
                    -16.3,
                    -19.3,
                    -23.2,
                ),
            ),
            ((110, 140, 170, 200, 240, 290, 340), (-6.6, -9.5, -12.1, -14.7, -17.4, -21.9, -25.5)),
            ((240, 290, 340, 390), (-18.8, -23.2, -25.2, -26.7)),
        ),
        10.0,
        3.0,
    ),
}


def wifi_indoor(environment: WifiIndoor, radio: Radio, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Rayleigh taps of a profile; within the breakpoint distance a line of sight of geometric phase comes on top.

    The line of sight adds to the taps (802.11-03/940r4, section 4.1); the sum is then scaled to ``power_db``.
    """
    power = plain(environment.power_db)
    profile = PROFILES[environment.model]
    excess, share = profile.taps()
    direct = direct_delay(radio)
    near = direct * speed_of_light <= profile.breakpoint_m
    line = np.where(near, 10 ** (profile.k_factor_db / 10) * share[0], 0.0)
    if radio.has_arrays:
        angles = environment.angular_spread_deg
        spread = None if angles is None else plain(angles)
        response = over_arrays(radio, excess, share, rng, k_factor=line, spread_deg=spread)
        return response * 10 ** (power / 20)
    tap = rng.standard_normal((2, direct.size, excess.size)) / np.sqrt(2)
    coefficient = (tap[0] + 1j * tap[1]) * np.sqrt(share)
    coefficient[:, 0] += np.sqrt(line)
    coefficient /= np.sqrt(1 + line)[:, np.newaxis]
    delay = direct[:, np.newaxis] + excess
    return frequency_response(coefficient, delay, radio.frequency_hz) * 10 ** (power / 20)
