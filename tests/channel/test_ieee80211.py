"""TGn profiles: the published delay spreads, the line of sight within the breakpoint, the mean profile."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim.channel.ieee80211 import PROFILES
from isacsim.channel.static import static_response

pytestmark = pytest.mark.numerical


def rng(seed=0):
    return np.random.default_rng(seed)


# What the rounded powers of appendix C give, and what table I of 802.11-03/940r4 calls the profile.
@pytest.mark.parametrize(
    ("model", "exact", "nominal"), [("B", 15.65, 15), ("C", 33.44, 30), ("D", 50.16, 50)]
)
def test_delay_spread_is_the_published_one(model, exact, nominal):
    delay, power = PROFILES[model].taps()
    spread = np.sqrt(power @ delay**2 - (power @ delay) ** 2) * 1e9
    assert spread == pytest.approx(exact, abs=0.005)
    assert spread == pytest.approx(nominal, rel=0.12)


@pytest.mark.parametrize(("model", "taps"), [("B", 9), ("C", 14), ("D", 18)])
def test_number_of_taps_and_clusters(model, taps):
    delay, power = PROFILES[model].taps()
    assert np.unique(delay).size == taps  # table II
    assert len(PROFILES[model].clusters) == {"B": 2, "C": 2, "D": 3}[model]
    assert power.sum() == pytest.approx(1)


def responses(make_scenario, model, distance, n=1000):
    # 100 MHz in 1 MHz steps: one period of taps 10 ns apart, unambiguous up to 1 µs.
    scenario = make_scenario(
        environment={"kind": "ieee80211", "model": model, "power_db": 0.0},
        radio={
            "bandwidth_hz": 100e6,
            "subcarriers": 100,
            "transmitter_m": [0.0, 0.0, 1.0],
            "receivers": [{"name": "rx", "position_m": [distance, 0.0, 1.0]}],
        },
    )
    return scenario.radio, np.array([static_response(scenario, rng(s))[0] for s in range(n)])


@pytest.mark.parametrize("model", PROFILES)
@pytest.mark.parametrize("within", [True, False])
def test_mean_profile_and_line_of_sight(make_scenario, model, within):
    profile = PROFILES[model]
    distance = profile.breakpoint_m * (0.999 if within else 1.001)
    radio, h = responses(make_scenario, model, distance)
    travel = np.exp(2j * np.pi * radio.frequency_hz * distance / speed_of_light)
    # Without the travel, the taps lie on the inverse transform's grid (whose origin is the lowest subcarrier).
    delay = np.arange(100) * 10e-9
    impulse = np.fft.ifft(h * travel, axis=1) * np.exp(2j * np.pi * radio.frequency_hz[0] * delay)
    excess, share = profile.taps()
    want = np.zeros(100)
    np.add.at(want, np.round(excess / 10e-9).astype(int), share)
    line = 10 ** (profile.k_factor_db / 10) * share[0] if within else 0.0
    want = want / (1 + line)
    np.testing.assert_allclose(
        np.mean(np.abs(impulse) ** 2, axis=0),
        want + (line / (1 + line)) * (delay == 0),
        rtol=5 / np.sqrt(1000),
        atol=1e-25,
    )
    # What is the same in every draw is the line of sight, in phase with its travel.
    np.testing.assert_allclose(
        impulse.mean(axis=0), np.sqrt(line / (1 + line)) * (delay == 0), atol=5 * np.sqrt(want.max() / 1000)
    )
