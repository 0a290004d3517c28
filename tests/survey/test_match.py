"""A scenario like a capture: what is known of simulated ones comes back, and its captures are like them."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim import InputError, scenario_from_capture, simulate
from isacsim.scenario.model import Scenario
from isacsim.survey.measure import measure, recording
from tests.survey.captures import capture

# A strong line of sight: the static power of a capture is then what the scenario asks for.
STEADY = {"kind": "rayleigh", "power_db": 24, "delay_spread_ns": 30, "n_taps": 30, "k_factor_db": 15}
HARDWARE = {
    "cfo": {"offset_hz": 80, "phase_noise_rad_per_sqrt_s": 2},
    "sto": {"offset_ns": 20, "jitter_ns": 12},
    "agc": {"step_db": 2, "rate_hz": 2},
    "jitter": {"std_us": 100},
    "loss": {"fraction": 0.08, "mean_burst_packets": 2},
}


def test_a_simulated_capture_comes_back() -> None:
    seed = 0
    captured = capture(
        seed, packets=3000, environment=STEADY, impairments=HARDWARE, snr_db=15, subcarriers=24
    )
    made = scenario_from_capture(captured, body="point", seed=seed)
    scenario = made.scenario
    radio, hardware = scenario.radio, scenario.impairments
    np.testing.assert_allclose(radio.frequency_hz, captured.frequency)
    assert (radio.carrier_hz, radio.bandwidth_hz, len(radio.receivers)) == (5.3e9, 40e6, 2)
    assert radio.packet_rate_hz == pytest.approx(500, rel=1e-3)
    assert radio.packets == 512
    assert hardware.cfo is not None
    assert hardware.cfo.offset_hz == pytest.approx(80, abs=1)
    assert hardware.cfo.phase_noise_rad_per_sqrt_s == pytest.approx(2, rel=0.15)
    assert hardware.sto is not None
    assert hardware.sto.jitter_ns == pytest.approx(12, rel=0.1)
    assert hardware.agc is not None
    assert hardware.agc.step_db == pytest.approx(2, abs=0.2)
    assert hardware.jitter is not None
    assert hardware.jitter.std_us == pytest.approx(100, rel=0.1)
    assert hardware.loss is not None
    assert hardware.loss.fraction == pytest.approx(0.08, abs=0.03)
    # Static over noise is measured. How much of what moves alignment takes along goes with its delay, from 0 to 4 dB,
    # and the scenario draws another one; ln A ~ N(0, 0.3²) of 16 windows adds 1 dB.
    assert scenario.environment.power_db + scenario.snr_db == pytest.approx(39, abs=1.2)
    assert scenario.environment.power_db == pytest.approx(24, abs=6)
    assert Scenario.from_yaml(made.to_yaml()) == scenario

    # Its captures measure as the capture did. Single windows spread by 5 dB: medians of 12 and of the 16 that the fit
    # has by 2.4 dB.
    again = [measure(recording(simulate(scenario, seed=9, index=i)), window_s=1.0).levels for i in range(12)]
    wanted = np.median(made.measured.levels, axis=0)
    got = np.median(np.concatenate(again), axis=0)
    assert got[:2] == pytest.approx(wanted[:2], abs=5)
    assert got[2] == pytest.approx(wanted[2], rel=0.6)


def test_nobody_is_found_and_static_over_noise_is_kept() -> None:
    captured = capture(
        0, packets=1500, environment=STEADY, snr_db=-4, speed=None, subcarriers=24, receivers=1
    )
    made = scenario_from_capture(captured)
    assert made.scenario.targets.counts == (0,)
    power = made.scenario.environment.power_db + made.scenario.snr_db
    assert power == pytest.approx(20, abs=1.5)
    assert "nobody is there" in made.notes[0]
    with pytest.raises(InputError, match="nothing moves"):
        scenario_from_capture(captured, body="walker")


def test_slow_captures_have_longer_windows_and_no_axes() -> None:
    captured = capture(1, packets=200, packet_rate_hz=10, speed=0.05, receivers=1, subcarriers=16)
    made = scenario_from_capture(captured, body="none")
    assert made.scenario.radio.packets == 82
    assert any("no acceleration-jerk spectrum" in note for note in made.notes)
    with pytest.raises(InputError, match="holds 10 packets"):
        scenario_from_capture(captured, window_s=1.024)


def test_bursts_have_their_mean_rate() -> None:
    captured = capture(1, packets=2000, receivers=1, subcarriers=16)
    time = np.arange(500)[:, np.newaxis] * 0.02 + np.arange(4) * 1e-3
    made = scenario_from_capture(captured.assign_coords(time=("packet", time.ravel())), body="none")
    assert made.scenario.radio.packet_rate_hz == pytest.approx(200, rel=0.01)
    assert made.scenario.impairments.loss is None
    assert any("bursts" in note for note in made.notes)


def test_weak_receivers_and_roles_are_kept() -> None:
    captured = capture(1, packets=600, subcarriers=16)
    captured["csi"][1] *= 0.1
    captured = captured.assign_coords(role=("receiver", ["surveillance", "reference"]))
    receivers = scenario_from_capture(captured, body="none", name="weak").scenario.radio.receivers
    assert [one.role for one in receivers] == ["surveillance", "reference"]
    assert receivers[1].static_gain_db - receivers[0].static_gain_db == pytest.approx(-20, abs=4)
