"""Each impairment alone and all together: what each touches, from draws of its own, and the receiver model."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim import InputError, simulate
from isacsim.channel.impairments import _bursts, packet_times
from isacsim.csi import LONGEST_GAP
from isacsim.streams import Stream, stream
from tests.channel.receiver_model import factor, gain, noise_of

pytestmark = pytest.mark.numerical

ALL = {
    "noise": True,
    "cfo": {"offset_hz": {"uniform": [-300.0, 300.0]}, "phase_noise_rad_per_sqrt_s": 1.0},
    "sfo": {"ppm": {"uniform": [-5.0, 5.0]}},
    "sto": {"offset_ns": {"uniform": [0.0, 50.0]}, "jitter_ns": 15.0},
    "agc": {"step_db": 0.5, "rate_hz": 20.0},
    "jitter": {"std_us": 100.0},
    "loss": {"fraction": 0.1, "mean_burst_packets": 3.0},
    "quantisation": {"bits": 8, "headroom_db": 6.0},
}
OFF = {name: None for name in ALL} | {"noise": False}
RECORDS = ("common_phase", "timing_offset", "agc_gain_db")


def test_all_off_is_the_channel_itself(make_scenario):
    capture = simulate(make_scenario(), seed=3)
    assert np.array_equal(capture.csi.values, capture.csi_noiseless.values)
    assert capture.attrs["shared_phase_error"] == 0
    assert capture.sizes["packet"] == 256
    np.testing.assert_array_equal(capture.time, (np.arange(256) - 127.5) / 1000)
    for name in RECORDS:
        assert not capture[name].any()


# What each switch may touch: the records, the packets, or nothing but csi itself.
TOUCHES = {
    "noise": set(),
    "cfo": {"common_phase"},
    "sfo": {"timing_offset"},
    "sto": {"timing_offset"},
    "agc": {"agc_gain_db"},
    "quantisation": set(),
}


@pytest.mark.parametrize("name", TOUCHES)
def test_each_switch_alone_touches_its_own_record_and_csi(make_scenario, name):
    none = simulate(make_scenario(), seed=5)
    one = simulate(make_scenario(impairments={name: ALL[name]}), seed=5)
    assert {r for r in RECORDS if one[r].values.any()} == TOUCHES[name]
    np.testing.assert_array_equal(one.time, none.time)
    np.testing.assert_array_equal(one.csi_noiseless, none.csi_noiseless)
    assert not np.array_equal(one.csi, none.csi)
    assert one.attrs["shared_phase_error"] == (name in ("cfo", "sfo", "sto"))


@pytest.mark.parametrize("name", ["jitter", "loss"])
def test_packet_impairments_move_packets_and_nothing_else(make_scenario, name):
    one = simulate(make_scenario(impairments={name: ALL[name]}), seed=5)
    assert not np.array_equal(one.time.values, simulate(make_scenario(), seed=5).time.values)
    np.testing.assert_array_equal(one.csi, one.csi_noiseless)
    for record in RECORDS:
        assert not one[record].any()


def test_lost_packets_leave_the_others_untouched(make_scenario):
    whole = simulate(make_scenario(), seed=5)
    some = simulate(make_scenario(impairments={"loss": ALL["loss"]}), seed=5)
    kept = np.searchsorted(whole.time.values, some.time.values)
    assert 0 < kept.size < 256 and kept[0] == 0 and kept[-1] == 255
    np.testing.assert_array_equal(whole.time.values[kept], some.time.values)
    # A packet's phasors are evaluated in another tile place: float32's rounding, no more.
    np.testing.assert_allclose(some.csi, whole.csi.values[..., kept], atol=1e-5 * np.abs(whole.csi).max())


@pytest.mark.parametrize("name", ["cfo", "sfo", "sto", "agc"])
def test_receiver_model_written_out(make_scenario, name):
    capture = simulate(make_scenario(impairments={name: ALL[name]}), seed=7)
    want = capture.csi_noiseless.values * factor(capture) * gain(capture)
    # One factor for all receivers. 2e-5: the phasor kernel's promise.
    np.testing.assert_allclose(capture.csi, want, atol=2e-5 * np.abs(want).max())


def test_receiver_model_written_out_with_everything_but_chance_in_amplitude(make_scenario):
    capture = simulate(make_scenario(impairments=ALL | {"noise": False, "quantisation": None}), seed=7)
    want = capture.csi_noiseless.values * factor(capture) * gain(capture)
    np.testing.assert_allclose(capture.csi, want, atol=2e-5 * np.abs(want).max())


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", ALL)
def test_a_switch_leaves_the_draws_of_the_others(make_scenario, off):
    """All on without quantisation, and the same with one off: every other record must keep its bits."""
    base = ALL | {"quantisation": None}
    on = simulate(make_scenario(impairments=base), seed=11)
    without = simulate(make_scenario(impairments=base | {off: OFF[off]}), seed=11)
    assert without.attrs["snr_db"] == (np.inf if off == "noise" else on.attrs["snr_db"])
    for record, switch in (("cfo_hz", "cfo"), ("sfo_ppm", "sfo")):
        assert (on.attrs[record] == without.attrs[record]) == (off != switch)
    np.testing.assert_array_equal(on.static, without.static)
    np.testing.assert_array_equal(on.path_length, without.path_length)
    if off in ("jitter", "loss"):
        return
    np.testing.assert_array_equal(on.time, without.time)
    for record, switches in (
        ("common_phase", {"cfo"}),
        ("timing_offset", {"sfo", "sto"}),
        ("agc_gain_db", {"agc"}),
    ):
        if off not in switches:
            np.testing.assert_array_equal(on[record], without[record])
    if off not in ("noise", "quantisation"):
        # Noise of 0.1 beside a channel of 10 to 30, itself good to 2e-5.
        np.testing.assert_allclose(noise_of(on), noise_of(without), atol=2e-3)


def test_jitter_and_loss_are_drawn_apart(make_scenario):
    def drawn(**kwargs):
        return packet_times(make_scenario(impairments=kwargs), 9, 0)

    jitter, loss = {"jitter": ALL["jitter"]}, {"loss": ALL["loss"]}
    nominal = drawn()
    kept = np.searchsorted(nominal, drawn(**loss))
    np.testing.assert_array_equal(drawn(**jitter, **loss), drawn(**jitter)[kept])


def test_timing_of_sfo_and_sto_adds(make_scenario):
    def timing(**kwargs):
        return simulate(make_scenario(impairments=kwargs), seed=2).timing_offset.values

    sfo, sto = {"sfo": ALL["sfo"]}, {"sto": ALL["sto"]}
    np.testing.assert_allclose(timing(**sfo, **sto), timing(**sfo) + timing(**sto), rtol=1e-14)


@pytest.mark.parametrize(("seed", "index"), [(12, 0), (11, 1)])
def test_seed_and_index_both_count(make_scenario, seed, index):
    scenario = make_scenario(
        impairments=ALL | {"quantisation": None, "loss": None}, snr_db={"uniform": [5, 25]}
    )
    a, b = simulate(scenario, seed=11), simulate(scenario, seed=seed, index=index)
    assert not np.array_equal(a.time, b.time)
    for record in RECORDS:
        assert not np.array_equal(a[record], b[record])
    assert a.attrs["snr_db"] != b.attrs["snr_db"]
    n = [noise_of(x).ravel() for x in (a, b)]
    # Independent noise: correlation over 8192 numbers is complex Gaussian of std 1/√8192; 5 of them is e^-25.
    correlation = abs(np.vdot(*n)) / np.linalg.norm(n[0]) / np.linalg.norm(n[1])
    assert correlation < 5 / np.sqrt(n[0].size)


def test_losses_that_leave_a_gap_too_long_are_drawn_anew(make_scenario):
    heavy = make_scenario(
        impairments={"loss": {"fraction": 0.3, "mean_burst_packets": 25.0}}, radio={"packets": 512}
    )
    span = 511 * LONGEST_GAP
    redrawn = 0
    for seed in range(30):
        time = simulate(heavy, seed=seed).time.values
        steps = np.rint(np.diff(time) * heavy.radio.packet_rate_hz)
        assert steps.max() <= span - 1
        lost = _bursts(512, 0.3, 25.0, stream(seed, 0, Stream.LOSS, 1))
        lost[[0, -1]] = False
        first = np.diff(np.flatnonzero(~lost)).max()
        redrawn += first > span - 1
        if first <= span - 1:  # the first draw, as it was
            np.testing.assert_array_equal(time, heavy.radio.time_s[~lost])
    assert 3 < redrawn < 27  # both happen


def test_losses_that_never_fit_are_refused_by_name(make_scenario):
    hopeless = make_scenario(impairments={"loss": {"fraction": 0.9, "mean_burst_packets": 400.0}})
    with pytest.raises(InputError, match=r"impairments.loss with fraction 0.9 and mean_burst_packets 400"):
        simulate(hopeless, seed=0)
