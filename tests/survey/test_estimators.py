"""Each thing that is measured of a capture, against captures simulated with known values, over several seeds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from isacsim import InputError
from isacsim.channel.impairments import quantise
from isacsim.survey.alignment import reference_channel
from isacsim.survey.gains import gain_steps
from isacsim.survey.levels import doppler_half, levels_db
from isacsim.survey.measure import Measured, measure, quantisation, recording
from isacsim.survey.static import static_channel
from tests.survey.captures import capture, with_variable

SEEDS = range(4)


def measured(seed: int, **fields: Any) -> Measured:
    return measure(recording(capture(seed, **fields)))


def power_db(captured: xr.Dataset) -> np.ndarray:
    return 10 * np.log10((np.abs(captured.csi.values) ** 2).mean(axis=(0, 1)))


@pytest.mark.parametrize(("offset", "walk"), [(120.0, 1.0), (-30.0, 5.0), (200.0, 0.0)])
def test_carrier_offset_and_phase_noise(offset: float, walk: float) -> None:
    cfo = {"offset_hz": offset, "phase_noise_rad_per_sqrt_s": walk}
    found = [measured(s, impairments={"cfo": cfo, "jitter": {"std_us": 100}}).errors for s in SEEDS]
    for one in found:
        # Over 4 s a random walk of w rad/√s moves the mean frequency by w / (2π √4 s).
        assert one.cfo_hz == pytest.approx(offset, abs=0.1 + 4 * walk / (4 * np.pi))
        assert not one.random_phase
    # 2000 turns tell a variance to 3 %; the mover, 20 dB below the rest, adds up to 0.3 rad/√s.
    assert np.mean([one.phase_noise for one in found]) == pytest.approx(walk, rel=0.08, abs=0.3)


def test_a_phase_of_its_own_for_each_packet_is_named() -> None:
    captured = capture(0)
    turn = np.exp(2j * np.pi * np.random.default_rng(0).random(2000)).astype(np.complex64)
    errors = measure(recording(captured.assign(csi=captured.csi * turn))).errors
    assert errors.random_phase
    assert errors.cfo_hz == 0
    # Simulated again with that walk, phases turn by 2 rad or more from packet to packet.
    assert errors.phase_noise * np.sqrt(1 / 500) > 2


@pytest.mark.parametrize("jitter_ns", [3.0, 15.0, 60.0])
def test_timing_jitter(jitter_ns: float) -> None:
    for seed in SEEDS:
        errors = measured(seed, impairments={"sto": {"offset_ns": 30, "jitter_ns": jitter_ns}}).errors
        # 2000 draws tell a deviation to 1.6 %; the mover adds 0.5 ns.
        assert errors.timing_jitter * 1e9 == pytest.approx(jitter_ns, rel=0.08)
        assert errors.sfo_ppm == 0


@pytest.mark.parametrize("ppm", [3.0, -2.0])
def test_sampling_clock_beside_jitter_and_loss(ppm: float) -> None:
    sections = {"sfo": {"ppm": ppm}, "sto": {"offset_ns": 0, "jitter_ns": 4}, "loss": {"fraction": 0.1}}
    for seed in SEEDS:
        errors = measured(seed, impairments=sections).errors
        assert errors.sfo_ppm == pytest.approx(ppm, abs=0.003)  # 1 / (4 s · 40 MHz) is 0.006 ppm
        assert errors.timing_jitter * 1e9 == pytest.approx(4, rel=0.1)


def test_jumps_by_whole_samples_are_jitter() -> None:
    captured = capture(0, impairments={"sto": {"offset_ns": 0, "jitter_ns": 3}})
    jump = np.rint(np.random.default_rng(0).normal(0, 4, 2000)) / 40e6
    turn = np.exp(-2j * np.pi * (captured.frequency.values[:, np.newaxis] - 5.3e9) * jump)
    errors = measure(recording(captured.assign(csi=captured.csi * turn.astype(np.complex64)))).errors
    assert errors.timing_jitter == pytest.approx(np.hypot(jump.std(), 3e-9), rel=0.05)


@pytest.mark.parametrize(("step", "rate"), [(1.0, 2.0), (3.0, 0.5)])
def test_gain_steps(step: float, rate: float) -> None:
    steps, true = 0, 0
    for seed in SEEDS:
        captured = capture(seed, packets=4000, impairments={"agc": {"step_db": step, "rate_hz": rate}})
        found = gain_steps(power_db(captured), captured.time)
        steps += found.position.size
        plain = capture(seed, packets=4000)
        gain = power_db(captured) - power_db(plain)
        true += int((np.abs(np.diff(gain)) > 0.5 * step).sum())
        # The mover fades by 1 dB; jumps between two packets are told from it.
        assert found.size_db == pytest.approx(step, abs=0.15)
    assert true > 10
    assert steps == pytest.approx(true, abs=1 + 0.1 * true)  # two steps within eight packets are one


def test_fading_and_odd_packets_are_no_gain_steps() -> None:
    captured = capture(1, packets=4000)
    power = power_db(captured)
    assert gain_steps(power, captured.time).rate_hz == 0
    power[::50] += 10
    assert gain_steps(power, captured.time).position.size == 0


def channels(
    spread: float, k: float, bandwidth: float, subcarriers: int, seeds: Iterable[int] = range(8)
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Static channels of three receivers and their frequencies, one for each seed."""
    environment = {
        "kind": "rayleigh",
        "power_db": 20,
        "delay_spread_ns": spread,
        "n_taps": 40,
        "k_factor_db": k,
    }
    made = []
    for seed in seeds:
        captured = capture(
            seed,
            packets=64,
            receivers=3,
            bandwidth_hz=bandwidth,
            subcarriers=subcarriers,
            environment=environment,
            speed=None,
        )
        made.append((reference_channel(captured.csi), captured.frequency.values))
    return made


@pytest.mark.parametrize(("spread", "k"), [(20, 3), (40, 8)])
def test_delay_spread_and_k_factor_of_80_mhz(spread: float, k: float) -> None:
    found = [static_channel(*one) for one in channels(spread, k, 80e6, 64)]
    spreads = np.array([one.delay_spread_ns for one in found])
    factors = np.array([one.k_factor_db for one in found])
    # Three channels are three draws of the taps: single intervals are a factor of 1.5 and 3 to 8 dB wide, and flat
    # priors draw K towards their middle.
    assert np.median(spreads[:, 1]) == pytest.approx(spread, rel=0.25)
    assert np.median(factors[:, 1]) == pytest.approx(k, abs=3)
    # Of 16 intervals of 68 %, 11 hold the truth on average, 5 or fewer once in 600 times.
    inside = [(a[:, 0] <= t) & (t <= a[:, 2]) for a, t in ((spreads, spread), (factors, k))]
    assert np.sum(inside) > 5


@pytest.mark.parametrize(("spread", "k"), [(40, 0), (60, 8)])
def test_20_mhz_tell_the_ripple_of_the_channel_only(spread: float, k: float) -> None:
    def ripple(responses: list[np.ndarray]) -> float:
        return float(np.median([(20 * np.log10(np.abs(h))).std(axis=1) for h in responses]))

    made = channels(spread, k, 20e6, 52)
    likely = [static_channel(*one).likely for one in made]
    again = [channels(ns, db, 20e6, 52, [i])[0][0] for i, (ns, db) in enumerate(likely)]
    # Delay spread and K-factor make up for each other; together they say how deep the channel fades: medians of 24
    # channels that each spread by a factor of two are told to a third.
    assert ripple(again) == pytest.approx(ripple([h for h, _ in made]), rel=0.35)


def test_a_filter_of_the_receiver_is_no_delay_spread() -> None:
    ((h, f),) = channels(40, 8, 80e6, 64, [0])
    turn = np.exp(1j * np.sin(2 * np.pi * np.linspace(-0.5, 0.5, 64)))  # an all-pass filter of a radian
    assert static_channel(h * turn, f).likely == pytest.approx(static_channel(h, f).likely, rel=1e-6)


def test_levels_of_a_window() -> None:
    captured = capture(
        3, receivers=1, snr_db=14, environment={"kind": "rayleigh", "power_db": 25, "k_factor_db": 20}
    )
    one = captured.csi.isel(receiver=0)
    static, noise = levels_db(one)
    assert static == pytest.approx(25, abs=1)
    assert noise == pytest.approx(14, abs=0.5)
    # 1 m/s at 5.3 GHz; a bin is half a packet rate / 127.
    hz = doppler_half(one.values, one.frequency.values, one.time.values, 2e-3)
    assert hz == pytest.approx(17.7, abs=2)


@pytest.mark.parametrize(("bits", "headroom"), [(4, 3.0), (8, 6.0), (12, 0.0)])
def test_quantisation(bits: int, headroom: float) -> None:
    captured = capture(0, packets=500)
    csi = captured.csi.values * np.float32(7.3)
    for channel in csi:
        quantise(channel, bits, headroom)
    # Each receiver has its own full scale; that of one is what is asked for.
    found = quantisation(csi[:1])
    assert found.bits == bits
    assert found.headroom_db == pytest.approx(headroom, abs=0.1)
    assert quantisation(captured.csi.values).bits == 0


def test_packets_of_another_kind_are_left_out() -> None:
    captured = capture(2)
    captured["csi"][:, 16:, ::20] *= 0.02
    taken = recording(captured)
    assert taken.odd == 100
    assert taken.time.size == 1900


def test_only_the_longest_stretch_without_a_gap_is_measured() -> None:
    captured = capture(2)
    time = captured.time.values
    moved = captured.assign_coords(time=("packet", np.where(np.arange(2000) < 700, time, time + 5)))
    assert recording(moved).time.size == 1300


def test_the_sign_of_the_phase_is_undone() -> None:
    captured = capture(0, impairments={"cfo": {"offset_hz": 50}})
    other = captured.assign(csi=captured.csi.conj().assign_attrs(phase_sign=1)).assign_attrs(phase_sign=1)
    assert measure(recording(other)).errors.cfo_hz == pytest.approx(50, abs=0.1)


def test_what_is_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="40 packets with CSI; 64 or more"):
        recording(capture(0, packets=40))
    still = capture(0)
    for csi, message in ((still.csi * 0, "0 packets with CSI"), (still.csi * 0 + 1, "same in all packets")):
        with pytest.raises(InputError, match=message):
            recording(still.assign(csi=csi))
    with pytest.raises(InputError, match="no window"):
        measure(recording(capture(0, packets=100)), window_s=1e-3)


def test_reported_variables_have_no_say() -> None:
    plain, told = capture(0), with_variable(capture(0), "rssi", np.full(2000, -40.0), "dBm")
    assert measure(recording(plain)).errors == measure(recording(told)).errors
