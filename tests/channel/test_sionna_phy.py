"""Sionna's statistical channels: profiles as tabulated, seeds ours alone, foreign generators left alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pydantic_core import ValidationError
from scipy.constants import speed_of_light

from isacsim import InputError
from isacsim.channel.sionna import statistical
from isacsim.channel.static import static_response
from isacsim.simulation.drawing import draw_scenario

pytestmark = pytest.mark.numerical

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("sionna", reason="Sionna is not installed: pip install 'isacsim[rt]'")

TDL = {"kind": "sionna_tdl", "model": "A", "delay_spread_ns": 30.0, "power_db": 0.0}
CDL = {"kind": "sionna_cdl", "model": "C", "delay_spread_ns": 30.0, "power_db": 0.0}
EVERY = {
    "tdl": TDL,
    "cdl": CDL,
    "inh": {"kind": "sionna_inh"},
    "inf": {"kind": "sionna_inf", "hall_m": [30.0, 20.0, 8.0], "clutter_density": 0.4},
    "umi": {"kind": "sionna_umi"},
}


def rng(seed=0):
    return np.random.default_rng(seed)


def one_receiver(distance=3.0):
    return {"receivers": [{"name": "rx", "position_m": [distance, 0.0, 1.0]}]}


def grid(spacing, n):
    return {"bandwidth_hz": spacing * n, "subcarriers": n}


@pytest.mark.parametrize("kind", EVERY)
def test_draws_do_not_depend_on_what_was_drawn_before(make_scenario, kind):
    scenario = make_scenario(environment=EVERY[kind])
    other = make_scenario(environment=EVERY[kind] | {"power_db": {"uniform": [3.0, 4.0]}})
    forward = [static_response(scenario, rng(s)) for s in range(3)]
    static_response(draw_scenario(other, seed=9).scenario, rng(9))
    backward = [static_response(scenario, rng(s)) for s in (2, 1, 0)]
    np.testing.assert_array_equal(forward, backward[::-1])
    statistical._tdl_model.cache_clear()
    statistical._cdl_model.cache_clear()
    statistical._single_antenna.cache_clear()
    np.testing.assert_array_equal(static_response(scenario, rng(2)), forward[2])


@pytest.mark.parametrize("kind", EVERY)
def test_foreign_generators_and_settings_are_left_as_they_were(make_scenario, kind):
    from sionna.phy import config

    scenario = make_scenario(environment=EVERY[kind])
    static_response(scenario, rng())

    def state():
        mine = config.torch_rng("cpu").get_state()
        return mine.numpy().copy(), torch.get_rng_state().numpy().copy()

    before, seed, precision = state(), config.seed, config.precision
    first = static_response(scenario, rng(1))
    for a, b in zip(before, state(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (config.seed, config.precision) == (seed, precision)
    # Nor do they decide anything.
    torch.rand(3)
    torch.rand(3, generator=config.torch_rng("cpu"))
    np.testing.assert_array_equal(static_response(scenario, rng(1)), first)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_importing_and_first_draw_keep_torch_s_generator_and_the_bits_are_the_same_elsewhere(make_scenario):
    code = """
import sys, json, hashlib
import numpy as np
from isacsim.scenario import Scenario
from isacsim.channel.static import static_response
assert not {"torch", "sionna", "drjit", "mitsuba"} & set(sys.modules), "imported without need"
import torch
torch.manual_seed(5)
before = torch.get_rng_state().clone()
scenario = Scenario.model_validate(json.loads(sys.stdin.read()))
h = static_response(scenario, np.random.default_rng(3))
assert torch.equal(before, torch.get_rng_state())
assert "drjit" not in sys.modules
print(hashlib.sha256(h.tobytes()).hexdigest())
"""
    import hashlib

    scenario = make_scenario(environment=CDL)
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=scenario.model_dump_json(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    mine = static_response(scenario, rng(3))
    assert done.stdout.strip() == hashlib.sha256(mine.tobytes()).hexdigest()


# Normalised delays and powers in dB of TR 38.901 tables 7.7.2-1 (TDL-A) and 7.7.2-4 (TDL-D: line
# of sight, then Rayleigh taps).
TDL_A = (
    "0 .3819 .4025 .5868 .4610 .5375 .6708 .5750 .7618 1.5375 1.8978 2.2242 2.1718 2.4942 2.5119 3.0582 4.0810 "
    "4.4579 4.5695 4.7966 5.0066 5.3043 9.6586",
    "-13.4 0 -2.2 -4 -6 -8.2 -9.9 -10.5 -7.5 -15.9 -6.6 -16.7 -12.4 -15.2 -10.8 -11.3 -12.7 -16.2 -18.3 -18.9 -16.6 "
    "-19.9 -29.7",
)
TDL_D = (
    "0 0 .035 .612 1.363 1.405 1.804 2.596 1.775 4.042 7.937 9.424 9.708 12.525",
    "-0.2 -13.5 -18.8 -21 -22.8 -17.9 -20.1 -21.9 -22.9 -27.8 -23.6 -24.8 -30.0 -27.7",
)


@pytest.mark.parametrize(("model", "table"), [("A", TDL_A), ("D", TDL_D)])
def test_tdl_has_the_table_s_frequency_correlation(make_scenario, model, table):
    excess, decibel = (np.array(column.split(), float) for column in table)
    delay, power = excess * 30e-9, 10 ** (decibel / 10)
    power /= power.sum()
    spread = np.sqrt(power @ delay**2 - (power @ delay) ** 2)
    assert spread == pytest.approx(30e-9, rel=0.02)
    n = 800
    scenario = make_scenario(environment=TDL | {"model": model}, radio=grid(2e6, 40) | one_receiver())
    h = np.array([static_response(scenario, rng(s))[0] for s in range(n)])
    step = scenario.radio.frequency_hz - scenario.radio.frequency_hz[0]
    want = np.exp(-2j * np.pi * step[:, None] * (delay + 3.0 / speed_of_light)) @ power
    np.testing.assert_allclose((h * h[:, :1].conj()).mean(axis=0), want, atol=5 / np.sqrt(n))


def test_tdl_fixed_profile_is_ts_38_101_4_s(make_scenario):
    # TS 38.101-4 table B.2.1.1-2, TDLA30.
    delay = np.array([0, 10, 15, 20, 25, 50, 65, 75, 105, 135, 150, 290]) * 1e-9
    power = 10 ** (np.array([-15.5, 0, -5.1, -5.1, -9.6, -8.2, -13.1, -11.5, -11, -16.2, -16.6, -26.2]) / 10)
    power /= power.sum()
    environment = {"kind": "sionna_tdl", "model": "A30", "power_db": 0.0}
    scenario = make_scenario(environment=environment, radio=grid(2e6, 40) | one_receiver())
    h = np.array([static_response(scenario, rng(s))[0] for s in range(800)])
    step = scenario.radio.frequency_hz - scenario.radio.frequency_hz[0]
    want = np.exp(-2j * np.pi * step[:, None] * (delay + 3.0 / speed_of_light)) @ power
    np.testing.assert_allclose((h * h[:, :1].conj()).mean(axis=0), want, atol=5 / np.sqrt(800))


def rms_spread(response, spacing):
    """rms delay spread, s, from a wide response (Blackman window; its own width is far below)."""
    power = np.mean(np.abs(np.fft.ifft(response * np.blackman(response.shape[1]), axis=1)) ** 2, axis=0)
    power[power < 1e-4 * power.max()] = 0
    delay = np.arange(power.size) / (power.size * spacing)
    power /= power.sum()
    return np.sqrt(power @ delay**2 - (power @ delay) ** 2)


@pytest.mark.parametrize("model", ["A", "D"])
def test_cdl_has_its_delay_spread(make_scenario, model):
    environment = CDL | {"model": model, "delay_spread_ns": 40.0}
    scenario = make_scenario(environment=environment, radio=grid(1e6, 1000) | one_receiver())
    h = np.array([static_response(scenario, rng(s))[0] for s in range(60)])
    assert rms_spread(h, 1e6) == pytest.approx(40e-9, rel=0.15)


def test_cdl_receivers_fade_alike_where_they_are_close(make_scenario):
    places = [[4.0, 0.0, 1.0], [4.0, 1e-3, 1.0], [4.0, 0.4, 1.0]]
    receivers = [{"name": str(i), "position_m": p} for i, p in enumerate(places)]
    scenario = make_scenario(environment=CDL, radio={"receivers": receivers})
    h = np.array([static_response(scenario, rng(s))[:, 8] for s in range(80)])
    correlation = np.abs((h[:, :1].conj() * h).mean(axis=0)) / np.mean(np.abs(h) ** 2, axis=0)
    assert correlation[1] > 0.99  # a fiftieth of a wavelength away
    assert correlation[2] < 0.5  # eight wavelengths away


def test_cdl_line_of_sight_comes_from_the_transmitter(make_scenario):
    # CDL-D's line of sight arrives along the model's x axis: along it, the phase turns by its (inclined) path.
    def phase(azimuth):
        along = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        places = [along * 6.0 + [0, 0, 1.0], along * 6.005 + [0, 0, 1.0]]
        receivers = [{"name": str(i), "position_m": p.tolist()} for i, p in enumerate(places)]
        environment = CDL | {"model": "D"}
        scenario = make_scenario(environment=environment, radio={"receivers": receivers})
        h = np.array([static_response(scenario, rng(s))[:, 8] for s in range(40)])
        return np.angle((h[:, 1] * h[:, 0].conj()).mean())

    # TR 38.901 table 7.7.1-4: zenith of arrival 81.5°.
    want = -2 * np.pi * 0.005 * np.sin(np.deg2rad(81.5)) * 5.8e9 / speed_of_light
    assert phase(0.0) == pytest.approx(want, abs=0.1)
    assert phase(2.0) == pytest.approx(want, abs=0.1)


def test_line_of_sight_is_as_asked(make_scenario):
    def strongest_share(sight):
        environment = {"kind": "sionna_umi", "line_of_sight": sight}
        scenario = make_scenario(environment=environment, radio=grid(2e6, 512) | one_receiver(60.0))
        h = np.array([static_response(scenario, rng(s))[0] for s in range(8)])
        power = np.abs(np.fft.ifft(h * np.blackman(512), axis=1)) ** 2
        direct = round(60.0 / speed_of_light * 512 * 2e6)
        return power[:, direct - 2 : direct + 3].sum() / power.sum()

    assert strongest_share("always") > 0.6
    assert strongest_share("never") < 0.5


@pytest.mark.parametrize(
    ("environment", "match"),
    [
        ({"kind": "sionna_tdl", "model": "A"}, "delay_spread_ns is missing"),
        (TDL | {"model": "A30"}, "model A30 has fixed delays"),
        (TDL | {"model": "F"}, "model"),
        (CDL | {"delay_spread_ns": 0}, "must be greater than 0"),
        ({"kind": "sionna_inf", "hall_m": [10.0, 0.0, 3.0]}, "hall_m"),
    ],
)
def test_what_makes_no_sense_is_refused(make_scenario, environment, match):
    with pytest.raises(ValidationError, match=match):
        make_scenario(environment=environment)


def test_without_sionna_one_sentence_says_what_to_install(make_scenario, monkeypatch):
    statistical._tr38901.cache_clear()
    statistical._tdl_model.cache_clear()
    monkeypatch.setitem(sys.modules, "sionna.phy.channel", None)
    scenario = make_scenario(environment=TDL)
    try:
        with pytest.raises(InputError, match=r"needs Sionna.*pip install 'isacsim\[rt\]'\.$") as caught:
            static_response(scenario, rng())
        assert "\n" not in str(caught.value)
    finally:
        statistical._tr38901.cache_clear()
