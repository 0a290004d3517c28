"""What every static environment must be, one suite over the registry; then each kind by its formula."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import speed_of_light

from isacsim.channel.static import environment_response, exponential_profile, static_response
from isacsim.scenario.chance import drawn
from isacsim.scenario.section import Section
from tests.extras import need

pytestmark = pytest.mark.numerical

# Every registered kind needs an environment here: a new one without fails `test_every_kind_is_here`.
ENVIRONMENTS = {
    "none": {"kind": "none"},
    "two_ray floor": {"kind": "two_ray", "surface": {"kind": "floor"}, "power_db": 13.0},
    "two_ray wall": {
        "kind": "two_ray",
        "surface": {"kind": "wall", "point_m": [0.0, -8.0, 0.0], "normal": [1.0, 5.0, 0.0]},
        "reflection_coefficient": {"uniform": [-1.0, 1.0]},
        "power_db": 13.0,
    },
    "rayleigh": {"kind": "rayleigh", "power_db": 13.0, "delay_spread_ns": 40.0},
    "rayleigh one tap": {"kind": "rayleigh", "power_db": 13.0, "n_taps": 1},
    "rician": {"kind": "rayleigh", "power_db": 13.0, "delay_spread_ns": 40.0, "k_factor_db": 6.0},
    "ieee80211": {"kind": "ieee80211", "power_db": 13.0, "model": "C"},
    "sionna_tdl": {"kind": "sionna_tdl", "power_db": 13.0, "model": "B", "delay_spread_ns": 20.0},
    "sionna_tdl rician": {"kind": "sionna_tdl", "power_db": 13.0, "model": "D", "delay_spread_ns": 20.0},
    "sionna_tdl fixed": {"kind": "sionna_tdl", "power_db": 13.0, "model": "A30"},
    "sionna_cdl": {"kind": "sionna_cdl", "power_db": 13.0, "model": "D", "delay_spread_ns": 20.0},
    "sionna_inh": {"kind": "sionna_inh", "power_db": 13.0, "line_of_sight": "always"},
    "sionna_inf": {"kind": "sionna_inf", "power_db": 13.0, "line_of_sight": "always"},
    "sionna_umi": {"kind": "sionna_umi", "power_db": 13.0, "line_of_sight": "always"},
    "sionna_rt": {
        "kind": "sionna_rt",
        "power_db": 13.0,
        "phases": "random",
        "max_depth": 2,
        "room": {"kind": "box", "corner_m": [-10.0, -10.0], "size_m": [50.0, 45.0]},
    },
}
# Draws that a mean takes: slow kinds get fewer.
DRAWS = {
    "sionna_tdl": 300,
    "sionna_cdl": 80,
    "sionna_inh": 25,
    "sionna_inf": 25,
    "sionna_umi": 25,
    "sionna_rt": 300,
}
POWER = 10**1.3
# 30 m of line of sight, seen with 1.28 GHz: delays resolved to 0.8 ns, unambiguous up to 3.2 µs.
WIDE = {
    "carrier_hz": 6e9,
    "bandwidth_hz": 1.28e9,
    "subcarriers": 4096,
    "receivers": [
        {"name": "a", "position_m": [30.0, 0.0, 1.0]},
        {"name": "b", "position_m": [0.0, 25.0, 2.0]},
    ],
}


def rng(seed=0):
    return np.random.default_rng(seed)


def static_part(scenario, rng):
    """Static channel of a scenario whose environment is drawn by the same generator."""
    environment = drawn(scenario.environment, rng)
    return static_response(scenario.model_copy(update={"environment": environment}), rng)


@pytest.fixture(params=ENVIRONMENTS)
def environment(request):
    need(ENVIRONMENTS[request.param]["kind"])
    return ENVIRONMENTS[request.param]


def test_every_kind_is_here():
    registered = {
        get_args(section.model_fields["kind"].annotation)[0]
        for section in environment_response.registry
        if section is not object
    }
    assert {e["kind"] for e in ENVIRONMENTS.values()} == registered


def test_shape_type_and_finite(make_scenario, environment):
    for subcarriers in (16, 1, 57):
        got = static_part(make_scenario(environment=environment, radio={"subcarriers": subcarriers}), rng())
        assert got.shape == (2, subcarriers) and got.dtype == np.complex128
        assert np.isfinite(got).all()


def test_same_generator_state_same_bits_and_nothing_global(make_scenario, environment):
    scenario = make_scenario(environment=environment)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = static_part(scenario, rng(4))
    np.testing.assert_array_equal(first, static_part(scenario, rng(4)))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS.keys() - {"none", "two_ray floor"}))
def test_random_kinds_differ_by_seed(make_scenario, name):
    need(ENVIRONMENTS[name]["kind"])
    scenario = make_scenario(environment=ENVIRONMENTS[name])
    assert not np.allclose(static_part(scenario, rng(1)), static_part(scenario, rng(2)))


def test_power_is_as_documented_on_average(make_scenario, environment):
    gains = {"receivers": [{**r, "static_gain_db": 0.0} for r in WIDE["receivers"]]}
    scenario = make_scenario(environment=environment, radio=gains)
    n = DRAWS.get(environment["kind"], 1500)
    draws = [static_part(scenario, rng(s)) for s in range(n)]
    power = np.mean(np.abs(draws) ** 2, axis=(0, 2))
    if environment["kind"] == "sionna_rt":  # the other receivers keep their traced power
        power = power[:1]
    # Exponential power per draw at worst: relative std 1/√1500 = 2.6 %; 5 of them.
    np.testing.assert_allclose(power, 0 if environment["kind"] == "none" else POWER, rtol=5 / np.sqrt(n))


def test_power_may_be_a_distribution(make_scenario, environment):
    if environment["kind"] == "none":
        return
    draw = [
        static_part(make_scenario(environment=environment | {"power_db": p}), rng(1))
        for p in ({"choice": [7.0]}, {"choice": [17.0]})
    ]
    # The same draw, 10 dB apart.
    np.testing.assert_allclose(draw[1], draw[0] * 10**0.5, rtol=1e-12)


def test_static_gain_is_applied_to_its_receiver(make_scenario, environment):
    def response(gain):
        receivers = [
            {"name": "rx", "position_m": [4.0, 0.0, 1.0], "static_gain_db": gain},
            {"name": "ref", "position_m": [3.5, 0.0, 1.0], "dynamic_gain_db": -40.0},
        ]
        return static_part(make_scenario(environment=environment, radio={"receivers": receivers}), rng(2))

    plain, louder = response(0.0), response(-7.0)
    np.testing.assert_allclose(louder[0], plain[0] * 10 ** (-7 / 20), rtol=1e-12)
    np.testing.assert_array_equal(louder[1], plain[1])


def delay_profile(response, radio):
    """Delays, and power over delay (Blackman window, sidelobes at -58 dB)."""
    n = response.size
    f = radio.frequency_hz
    power = np.abs(np.fft.ifft(response * np.blackman(n))) ** 2
    return np.arange(n) / (n * (f[1] - f[0])), power


def test_nothing_arrives_before_the_line_of_sight(make_scenario, environment):
    radio = make_scenario(environment=environment, radio=WIDE).radio
    scenario = make_scenario(environment=environment, radio=WIDE)
    mean = [0, 0]
    for seed in range(10):
        for i, one in enumerate(static_part(scenario, rng(seed))):
            delay, power = delay_profile(one, radio)
            mean[i] = mean[i] + power
    if environment["kind"] == "none":
        return
    for power, receiver in zip(mean, radio.receivers, strict=True):
        direct = np.linalg.norm(np.subtract(receiver.position_m, radio.transmitter_m)) / speed_of_light
        # Early: before the direct path less the window's main lobe. The last tenth is what wraps below zero.
        early = (delay < direct - 3 / 1.28e9) | (delay > 0.9 * delay[-1])
        assert power[early].sum() < 1e-5 * power.sum()
        # A street echoes longer than a room.
        most = 0.97 if environment["kind"] == "sionna_umi" else 0.99
        assert power[(delay >= direct - 3 / 1.28e9) & (delay < direct + 500e-9)].sum() > most * power.sum()


def test_unregistered_kind_is_refused_by_name(make_scenario):
    class Unknown(Section):
        """No function is registered for it."""

    with pytest.raises(TypeError, match="Unknown"):
        environment_response(Unknown(), make_scenario().radio, rng())


# --- none, two_ray --------------------------------------------------------------------------------


def test_none_is_zero(make_scenario):
    assert not static_part(make_scenario(environment={"kind": "none"}), rng()).any()


def two_ray(direct, reflected, coefficient, frequency):
    rays = [
        a / d * np.exp(-2j * np.pi * frequency * d / speed_of_light)
        for a, d in ((1, direct), (coefficient, reflected))
    ]
    return sum(rays)


def test_two_ray_over_the_floor(make_scenario):
    # Textbook: antennas at heights 2 and 1 m, 10 m apart; the image path is √(10² + (2 + 1)²).
    scenario = make_scenario(
        environment={"kind": "two_ray", "surface": {"kind": "floor"}, "reflection_coefficient": -0.7},
        radio={
            "transmitter_m": [0.0, 0.0, 2.0],
            "receivers": [{"name": "rx", "position_m": [6.0, 8.0, 1.0]}],
        },
    )
    want = two_ray(np.sqrt(101), np.sqrt(109), -0.7, scenario.radio.frequency_hz)
    got = static_part(scenario, rng())[0]
    np.testing.assert_allclose(got / want, got[0] / want[0], rtol=1e-9)
    assert got[0] / want[0] == pytest.approx(abs(got[0] / want[0]))  # scaled, not turned
    assert np.mean(np.abs(got) ** 2) == pytest.approx(100, rel=1e-12)  # 20 dB by default, exactly


def test_two_ray_raised_floor_and_oblique_wall_agree(make_scenario):
    # The floor at 0.5 m as a wall with a normal of any length and sign.
    def response(surface):
        return static_part(make_scenario(environment={"kind": "two_ray", "surface": surface}), rng())

    floor = response({"kind": "floor", "height_m": 0.5})
    wall = response({"kind": "wall", "point_m": [3.0, -7.0, 0.5], "normal": [0.0, 0.0, -4.0]})
    np.testing.assert_allclose(wall, floor, rtol=1e-9)
    assert not np.allclose(response({"kind": "floor", "height_m": 0.0}), floor)


def test_two_ray_reflection_point_obeys_fermat(make_scenario):
    # The reflected length is the least of all paths over a point of the wall x + y = 12.
    scenario = make_scenario(
        environment={
            "kind": "two_ray",
            "surface": {"kind": "wall", "point_m": [6.0, 6.0, 0.0], "normal": [1.0, 1.0, 0.0]},
            "reflection_coefficient": 0.9,
        },
        radio=WIDE | {"receivers": [{"name": "a", "position_m": [4.0, 2.0, 1.5]}]},
    )
    tx, rx = np.array(scenario.radio.transmitter_m), np.array([4.0, 2.0, 1.5])
    along, up = np.meshgrid(np.linspace(-6, 6, 1201), np.linspace(0, 3, 301))
    points = np.stack([6 + along, 6 - along, up], axis=-1)
    least = (np.linalg.norm(points - tx, axis=-1) + np.linalg.norm(points - rx, axis=-1)).min()
    want = two_ray(np.linalg.norm(rx - tx), least, 0.9, scenario.radio.frequency_hz)
    got = static_part(scenario, rng())[0]
    unit = abs(np.vdot(got, want)) / np.linalg.norm(got) / np.linalg.norm(want)
    # The grid of 1 cm finds the minimum to 1e-5 m: 1e-3 of a turn.
    assert unit == pytest.approx(1, abs=1e-4)


# --- rayleigh -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(spread=st.floats(1e-3, 1e5), n_taps=st.integers(2, 1000))
def test_property_profile_has_exactly_its_spread(spread, n_taps):
    delay, power = exponential_profile(spread * 1e-9, n_taps)
    assert delay.shape == power.shape == (n_taps,)
    assert delay[0] == 0 and power.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(np.diff(delay), delay[1], rtol=1e-9)
    mean = power @ delay
    assert np.sqrt(power @ (delay - mean) ** 2) == pytest.approx(spread * 1e-9, rel=1e-9, abs=0)
    # Exponential: the ratio of neighbours is one and the same (where a double still resolves it), and falls.
    seen = power > 1e-290
    ratio = power[1:][seen[1:]] / power[:-1][seen[1:]]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert ratio[0] < 1


def test_profile_of_one_tap_is_flat(make_scenario):
    delay, power = exponential_profile(1e-7, 1)
    assert delay.tolist() == [0] and power.tolist() == [1]
    got = static_part(make_scenario(environment=ENVIRONMENTS["rayleigh one tap"]), rng())
    np.testing.assert_allclose(np.abs(got), np.abs(got[:, :1]) * np.ones(16), rtol=1e-12)


@pytest.fixture(scope="module")
def draws(make_scenario):
    def make(environment, n=4000):
        radio = {"receivers": [{k: v for k, v in r.items()} for r in WIDE["receivers"]]}
        scenario = make_scenario(environment=environment, radio=radio)
        return scenario.radio, np.array([static_part(scenario, rng(s)) for s in range(n)])

    return make


def test_rayleigh_is_complex_gaussian_with_the_profile_s_correlation(draws):
    radio, h = draws(ENVIRONMENTS["rayleigh"])
    h = h / np.sqrt(POWER)
    few = 5 / np.sqrt(4000)
    assert np.abs(h.mean(axis=0)).max() < few
    assert np.abs((h**2).mean(axis=0)).max() < few * np.sqrt(2)
    np.testing.assert_allclose((np.abs(h) ** 4).mean(axis=0), 2, atol=few * np.sqrt(20))
    delay, power = exponential_profile(40e-9, 12)
    for i, receiver in enumerate(radio.receivers):
        # E H(f) H*(f') is the Fourier transform of the profile, delayed by the line of sight.
        direct = np.linalg.norm(np.subtract(receiver.position_m, radio.transmitter_m)) / speed_of_light
        step = radio.frequency_hz - radio.frequency_hz[0]
        want = np.exp(-2j * np.pi * step[:, np.newaxis] * (delay + direct)) @ power
        got = (h[:, i] * h[:, i, :1].conj()).mean(axis=0)
        np.testing.assert_allclose(got, want, atol=few)
    # Receivers fade independently.
    assert np.abs((h[:, 0] * h[:, 1].conj()).mean(axis=0)).max() < few


def test_rician_line_of_sight_has_its_share_and_its_phase(draws):
    radio, h = draws(ENVIRONMENTS["rician"])
    k = 10**0.6
    for i, receiver in enumerate(radio.receivers):
        distance = np.linalg.norm(np.subtract(receiver.position_m, radio.transmitter_m))
        line = np.exp(-2j * np.pi * radio.frequency_hz * distance / speed_of_light)
        want = np.sqrt(POWER * k / (1 + k)) * line
        few = 5 * np.sqrt(POWER / (1 + k) / 4000)
        np.testing.assert_allclose(h[:, i].mean(axis=0), want, atol=few)
        scattered = np.mean(np.abs(h[:, i] - want) ** 2, axis=0)
        np.testing.assert_allclose(scattered, POWER / (1 + k), rtol=5 / np.sqrt(4000))
