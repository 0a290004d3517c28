"""Each impairment's own numbers: powers, rates, walks, levels, and which packets come when."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import ValidationError

from isacsim import simulate
from isacsim.channel.impairments import draw_impairments, packet_times
from tests.channel.receiver_model import gain, noise_of

pytestmark = pytest.mark.numerical

# A lag short enough for the axes of a window of several seconds.
LONG = {"spectrum": {"lag_ratio": 0.005}}
NOTHING = {"environment": {"kind": "none"}, "targets": {"fixed": []}}


# --- noise ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise(make_scenario):
    scenario = make_scenario(
        **NOTHING, snr_db=7.0, radio={"subcarriers": 64, "packets": 1024}, impairments={"noise": True}
    )
    return simulate(scenario, seed=1).csi.values


def test_noise_power_is_the_snr(noise):
    # Mean of 65536 exponentials: relative std 0.4 %; 5 of them.
    power = np.mean(np.abs(noise) ** 2, axis=(1, 2)) * 10**0.7
    np.testing.assert_allclose(power, 1, atol=5 / np.sqrt(65536))


def test_noise_does_not_see_the_static_part_or_the_paths(make_scenario):
    # method.md: against a path of unit amplitude, the static part not counted; so the same noise without them.
    quiet = simulate(make_scenario(**NOTHING, impairments={"noise": True}), seed=1)
    full = simulate(make_scenario(impairments={"noise": True}), seed=1)
    np.testing.assert_allclose(noise_of(full), noise_of(quiet), atol=1e-5)


def test_noise_is_circular_gaussian(noise):
    for channel in noise:
        unit = channel / np.sqrt(np.mean(np.abs(channel) ** 2))
        assert abs(np.mean(unit)) < 5 / np.sqrt(unit.size)
        assert abs(np.mean(unit**2)) < 5 * np.sqrt(2 / unit.size)  # var |n²| = 2
        # E|n|⁴ = 2 for a complex Gaussian; var |n|⁴ = 24 - 4.
        assert abs(np.mean(np.abs(unit) ** 4) - 2) < 5 * np.sqrt(20 / unit.size)


@pytest.mark.parametrize("pair", [(0, 0), (1, 1), (0, 1)])
def test_noise_is_white_and_independent_between_receivers(noise, pair):
    a, b = (np.fft.fft2(noise[i]) / np.linalg.norm(noise[i]) for i in pair)
    correlation = np.abs(np.fft.ifft2(a * b.conj()))
    if pair[0] == pair[1]:
        assert correlation[0, 0] == pytest.approx(1, abs=1e-5)
        correlation[0, 0] = 0
    # 65536 lags, each |.|² exponential of mean 1/65536: the largest exceeds 25 means with probability 1e-6.
    assert correlation.max() < 5 / np.sqrt(noise[0].size)


def test_noise_comes_before_the_gain(make_scenario):
    scenario = make_scenario(**NOTHING, impairments={"noise": True, "agc": {"step_db": 6.0, "rate_hz": 20.0}})
    capture = simulate(scenario, seed=4)
    assert np.ptp(capture.agc_gain_db.values) >= 6
    plain = simulate(make_scenario(**NOTHING, impairments={"noise": True}), seed=4)
    np.testing.assert_allclose(capture.csi / gain(capture), plain.csi, atol=1e-6)


# --- CFO, SFO, STO --------------------------------------------------------------------------------


def test_cfo_turns_by_its_frequency(make_scenario):
    scenario = make_scenario(impairments={"cfo": {"offset_hz": 123.0}})
    drawn = draw_impairments(scenario, packet_times(scenario, 1, 0), 1, 0)
    assert drawn.cfo_hz == 123
    np.testing.assert_allclose(np.diff(drawn.common_phase), 2 * np.pi * 123e-3, rtol=1e-9)


def test_phase_noise_walks_with_the_elapsed_time(make_scenario):
    scenario = make_scenario(
        **LONG,
        radio={"packets": 8192},
        impairments={
            "cfo": {"offset_hz": 0.0, "phase_noise_rad_per_sqrt_s": 2.0},
            "loss": {"fraction": 0.3, "mean_burst_packets": 3.0},
        },
    )
    time = packet_times(scenario, 1, 0)
    step = np.diff(draw_impairments(scenario, time, 1, 0).common_phase)
    for gap, few in ((np.diff(time) < 1.5e-3, 1e-3), (np.diff(time) > 2.5e-3, None)):
        expected = 4 * (few if few else np.diff(time)[gap].mean())
        n = gap.sum()
        assert n > 300
        # Variance of n Gaussians: relative std √(2/n); long gaps differ in length, hence twice that.
        assert np.mean(step[gap] ** 2) == pytest.approx(expected, rel=5 * np.sqrt(4 / n))


def test_oscillator_starts_at_any_phase(make_scenario):
    scenario = make_scenario(impairments={"cfo": {"offset_hz": 0.0}})
    phase = [draw_impairments(scenario, np.zeros(1), s, 0).common_phase[0] for s in range(400)]
    assert abs(np.mean(np.exp(1j * np.array(phase)))) < 5 / np.sqrt(400)


def test_sfo_drifts_and_is_put_right_by_whole_samples(make_scenario):
    scenario = make_scenario(impairments={"sfo": {"ppm": -4.0}})
    time = packet_times(scenario, 1, 0)
    drawn = draw_impairments(scenario, time, 1, 0)
    assert drawn.sfo_ppm == -4
    sample = 1 / scenario.radio.bandwidth_hz
    off = (drawn.timing_offset + 4e-6 * (time - time[0])) / sample
    np.testing.assert_allclose(off, np.rint(off), atol=1e-6)
    assert np.abs(drawn.timing_offset).max() <= 0.5 * sample * (1 + 1e-9)
    assert np.rint(off).max() >= 1  # the window is long enough for the saw-tooth to show
    np.testing.assert_allclose(drawn.timing_offset[:2], -4e-6 * (time - time[0])[:2], atol=1e-20)


def test_sto_offset_and_jitter(make_scenario):
    scenario = make_scenario(
        **LONG, radio={"packets": 4096}, impairments={"sto": {"offset_ns": 40.0, "jitter_ns": 15.0}}
    )
    timing = draw_impairments(scenario, packet_times(scenario, 1, 0), 1, 0).timing_offset * 1e9
    assert timing.mean() == pytest.approx(40, abs=5 * 15 / 64)
    assert timing.std() == pytest.approx(15, rel=5 / np.sqrt(2 * 4096))
    white = np.fft.fft(timing - timing.mean())
    correlation = np.abs(np.fft.ifft(np.abs(white) ** 2))[1:] / (15**2 * 4096)
    assert correlation.max() < 6 / 64


def test_later_timing_looks_like_a_longer_path(make_scenario):
    # Positive timing offset: the phase falls with frequency, as with delay.
    scenario = make_scenario(impairments={"sto": {"offset_ns": 10.0}})
    capture = simulate(scenario, seed=1)
    turn = (capture.csi / capture.csi_noiseless).values[0, :, 0]
    slope = np.diff(np.unwrap(np.angle(turn))) / 5e6
    np.testing.assert_allclose(slope, -2 * np.pi * 10e-9, rtol=1e-3)


# --- AGC ------------------------------------------------------------------------------------------


def test_gain_steps_have_one_size_and_come_at_the_rate(make_scenario):
    scenario = make_scenario(impairments={"agc": {"step_db": 1.5, "rate_hz": 8.0}})
    time = packet_times(scenario, 1, 0)
    gains = np.array([draw_impairments(scenario, time, s, 0).gain_db for s in range(400)])
    np.testing.assert_allclose(gains / 1.5, np.rint(gains / 1.5), atol=1e-9)
    assert not gains[:, 0].any()
    expected = 8.0 * (time[-1] - time[0])
    # The variance of a sum of N independent signs is E N; excess kurtosis makes its own std √(3/400) at most.
    assert np.var(gains[:, -1] / 1.5) == pytest.approx(expected, rel=5 * np.sqrt(3 / 400))
    assert abs(np.mean(gains[:, -1] / 1.5)) < 5 * np.sqrt(expected / 400)
    # At 8 steps a second few share a packet: the steps seen are the steps made, less 1 %.
    seen = (np.diff(gains, axis=1) != 0).sum(axis=1).mean()
    assert seen == pytest.approx(expected, abs=5 * np.sqrt(expected / 400) + 0.01 * expected)


def test_no_gain_steps_at_rate_zero(make_scenario):
    capture = simulate(make_scenario(impairments={"agc": {"step_db": 3.0, "rate_hz": 0.0}}), seed=1)
    assert not capture.agc_gain_db.any()


# --- quantisation ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(bits=st.integers(2, 16), headroom=st.floats(0, 20), seed=st.integers(0, 1000))
def test_property_quantisation_error_and_levels(make_scenario, bits, headroom, seed):
    scenario = make_scenario(
        radio={"packets": 64, "subcarriers": 8},
        spectrum={"lag_ratio": 0.1},
        impairments={"quantisation": {"bits": bits, "headroom_db": headroom}},
    )
    capture = simulate(scenario, seed=seed)
    for got, clean in zip(capture.csi.values, capture.csi_noiseless.values, strict=True):
        got, clean = got.view(np.float32), clean.view(np.float32)
        full = np.abs(clean).max() * 10 ** (headroom / 20)
        step = full / (2 ** (bits - 1) - 1)
        # Half a step, and float32's rounding of the product.
        assert np.abs(got - clean).max() <= step / 2 + 1e-6 * full
        levels = got / step
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-6 * 2**bits)
        assert np.unique(got).size <= 2**bits - 1
        assert np.abs(got).max() <= full * (1 + 1e-6)


def test_silence_stays_silent(make_scenario):
    scenario = make_scenario(**NOTHING, impairments={"quantisation": {"bits": 8}})
    assert not simulate(scenario, seed=1).csi.any()


# --- packets --------------------------------------------------------------------------------------


def test_jitter_has_its_standard_deviation(make_scenario):
    scenario = make_scenario(**LONG, radio={"packets": 8192}, impairments={"jitter": {"std_us": 80.0}})
    off = packet_times(scenario, 1, 0) - scenario.radio.time_s
    assert off[0] == off[-1] == 0
    assert off.std() == pytest.approx(80e-6, rel=5 / np.sqrt(2 * 8192))
    assert abs(off.mean()) < 5 * 80e-6 / np.sqrt(8192)


@settings(deadline=None, max_examples=40)
@given(
    std=st.floats(0, 1e6),
    fraction=st.floats(0, 0.5),
    burst=st.floats(1, 50),
    seed=st.integers(0, 10**6),
    index=st.integers(0, 10**6),
)
def test_property_packets_stay_in_order_and_the_window_stays(
    make_scenario, std, fraction, burst, seed, index
):
    scenario = make_scenario(
        impairments={
            "jitter": {"std_us": std},
            "loss": {"fraction": fraction, "mean_burst_packets": burst},
        }
    )
    time, nominal = packet_times(scenario, seed, index), scenario.radio.time_s
    assert (np.diff(time) > 0).all()
    assert time[0] == nominal[0] and time[-1] == nominal[-1]
    # Each packet belongs to its own place of the nominal grid, less than half an interval off.
    place = np.rint((time - nominal[0]) * 1000).astype(int)
    assert np.unique(place).size == time.size
    assert np.abs(time - nominal[place]).max() <= 0.45e-3 * (1 + 1e-9)
    np.testing.assert_array_equal(time, packet_times(scenario, seed, index))


@pytest.mark.parametrize(("fraction", "burst"), [(0.05, 3.0), (0.3, 1.0), (0.5, 1.0), (0.9, 20.0)])
def test_loss_has_its_share_and_burst_length(make_scenario, fraction, burst):
    n, windows = 4096, 12
    scenario = make_scenario(
        **LONG,
        radio={"packets": n},
        impairments={"loss": {"fraction": fraction, "mean_burst_packets": burst}},
    )
    lost = np.ones((windows, n), bool)
    for index in range(windows):
        time = packet_times(scenario, 3, index)
        lost[index, np.rint((time - scenario.radio.time_s[0]) * 1000).astype(int)] = False
    runs = np.array([sum(g) for row in lost for k, g in itertools.groupby(row) if k])
    # The share is a sum over bursts: its relative std is about √2/√bursts (geometric lengths).
    assert lost.mean() == pytest.approx(fraction, rel=5 * np.sqrt(2 / runs.size))
    assert runs.mean() == pytest.approx(burst, rel=max(5 / np.sqrt(runs.size), 1e-12))


def test_loss_is_the_same_at_every_packet(make_scenario):
    # The Markov chain starts in its stationary state: no packet is safer than another (the second once was).
    # Of 256 packets: in shorter ones gaps are too long so often that drawing anew makes losses fewer.
    windows, n = 1500, 256
    scenario = make_scenario(
        radio={"packets": n},
        impairments={"loss": {"fraction": 0.2, "mean_burst_packets": 3.0}},
    )
    lost = np.ones((windows, n), bool)
    for index in range(windows):
        time = packet_times(scenario, 3, index)
        lost[index, np.rint((time - scenario.radio.time_s[0]) * 1000).astype(int)] = False
    assert not lost[:, [0, -1]].any()
    np.testing.assert_allclose(lost[:, 1:-1].mean(axis=0), 0.2, atol=5 * np.sqrt(0.16 / windows))


def test_a_share_of_losses_that_bursts_cannot_make_is_refused(make_scenario):
    # Bursts of one packet with a packet between them lose half at most; 0.9 silently became 0.5.
    with pytest.raises(ValidationError, match=r"bursts of 1 packets .* lose 0\.5 at most"):
        make_scenario(impairments={"loss": {"fraction": 0.9}})
