"""Thinned scenarios: fewer subcarriers and packets, spectra of the same statistics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import speed_of_light
from scipy.stats import ks_2samp

import isacsim
from isacsim import InputError
from isacsim.dataset.synthetic.batch import KINDS, make_samples
from isacsim.dataset.synthetic.thinned import FASTEST, SPAN_M, thinned
from isacsim.simulation.realisation import realise


@pytest.mark.parametrize("name", ["lab", "points_4x1", "default", "lab_siso"])
def test_delays_and_doppler_shifts_stay_apart_and_the_window_as_it_is(name):
    whole = isacsim.load_scenario(name)
    few, gain_db = thinned(whole)
    assert few.name == name
    spacing = np.diff(few.radio.frequency_hz)[0]
    assert speed_of_light / spacing >= SPAN_M
    assert few.radio.packet_rate_hz >= 4 * FASTEST * few.radio.carrier_hz / speed_of_light
    assert few.radio.packets / few.radio.packet_rate_hz == pytest.approx(
        whole.radio.packets / whole.radio.packet_rate_hz
    )
    left = few.radio.packets * few.radio.n_subcarriers
    assert gain_db == pytest.approx(10 * np.log10(whole.radio.packets * whole.radio.n_subcarriers / left))
    assert left * 50 < whole.radio.packets * whole.radio.n_subcarriers
    assert few.snr_db.uniform[0] == pytest.approx(whole.snr_db.uniform[0] + gain_db)


@pytest.mark.parametrize("name", ["vehicle", "people_lab"])
def test_fast_paths_keep_the_packets_that_they_need(name):
    whole = isacsim.load_scenario(name)
    few, _ = thinned(whole)
    time = whole.radio.time_s[::4]
    lengths = [realise(whole, seed=3, index=i).path_lengths(time) for i in range(3)]
    speed = max(np.abs(np.diff(one, axis=-1) / np.diff(time)).max() for one in lengths)
    assert speed > 2 * FASTEST  # the default rate would not do
    needed = 2 * speed * whole.radio.carrier_hz / speed_of_light
    assert few.radio.packet_rate_hz >= min(0.9 * needed, whole.radio.packet_rate_hz)


def test_what_is_coarse_already_stays():
    scenario = isacsim.load_scenario("intel5300")  # a list of subcarriers
    few, _ = thinned(scenario)
    assert few.radio.subcarriers == scenario.radio.subcarriers
    once, _ = thinned(isacsim.load_scenario("lab"))
    again, gain_db = thinned(once)
    assert again == once
    assert gain_db == 0


@pytest.mark.parametrize(
    ("snr_db", "want"), [(20, 20), ({"normal": [15, 3]}, "normal"), ({"choice": [5, 10]}, "choice")]
)
def test_every_snr_that_can_be_shifted_is(snr_db, want):
    few, gain_db = thinned(isacsim.load_scenario("default").with_(snr_db=snr_db))
    if want == "normal":
        assert few.snr_db.normal == pytest.approx((15 + gain_db, 3))
    elif want == "choice":
        assert few.snr_db.choice == pytest.approx((5 + gain_db, 10 + gain_db))
    else:
        assert few.snr_db == pytest.approx(want + gain_db)


def test_a_distribution_without_a_shift_is_refused():
    with pytest.raises(InputError, match=r"default: snr_db .* thinned"):
        thinned(isacsim.load_scenario("default").with_(snr_db={"lognormal": [2, 0.3]}))


def test_bits_and_bursts_that_are_drawn_change_too():
    hard = {
        "quantisation": {"bits": {"choice": [8, 10]}},
        "loss": {"fraction": 0.1, "mean_burst_packets": {"uniform": [2, 12]}},
    }
    few, gain_db = thinned(isacsim.load_scenario("lab").with_(impairments=hard))
    more = gain_db / (20 * np.log10(2))  # half a bit for each doubling
    assert few.impairments.quantisation.bits.choice == (round(8 + more), round(10 + more))
    assert few.impairments.loss.mean_burst_packets.uniform == (1, 3)  # of 4 packets one is left


@pytest.mark.parametrize("name", ["people_lab", "walker"])
def test_no_more_packets_are_left_out_than_the_axes_allow(name):
    """Their axes reach further than 250 packets a second hold."""
    whole = isacsim.load_scenario(name)
    few, _ = thinned(whole)
    assert whole.radio.packets / few.radio.packets == 2
    assert isacsim.stream(name, seed=1, workers=0, thinned=True).scenarios == (few,)


def test_no_more_packets_are_left_out_than_the_losses_allow():
    bursts = {"loss": {"fraction": 0.6, "mean_burst_packets": 3}}
    few, _ = thinned(isacsim.load_scenario("lab").with_(impairments=bursts))
    # Bursts of b packets and one received between lose b / (1 + b) at most: 1.5 do, 0.75 do not.
    assert few.impairments.loss.mean_burst_packets == 1.5


@pytest.mark.parametrize("fastest", [0, -1, np.nan])
def test_a_speed_that_is_none_is_refused(fastest):
    with pytest.raises(InputError, match="fastest must be a number of m/s above 0"):
        thinned(isacsim.load_scenario("lab"), fastest=fastest)


def test_its_spectra_are_those_of_the_whole_scenario():
    """Same seed, so same targets and channels: the images agree but for the noise, which has the same strength."""
    whole = isacsim.load_scenario("corridor")
    few, _ = thinned(whole)
    long, short = (make_samples(s, seed=5, indices=range(8)) for s in (whole, few))
    assert np.array_equal(long.n_targets, short.n_targets)
    for kind, least in (("clean", 0.999), ("noiseless", 0.98), ("noisy", 0.96)):
        a, b = (ds[f"aj_{kind}"].values.reshape(8, -1) for ds in (long, short))
        alike = [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
        assert np.mean(alike) > least, (kind, alike)
    # Between the paths lies noise: its level is the same within the spread of eight captures.
    a, b = (np.quantile(ds["aj_noisy"].values.reshape(8, -1), 0.3, axis=1) for ds in (long, short))
    assert 0.8 < np.median(b / a) < 1.25
    assert ks_2samp(a, b).pvalue > 0.05


def test_images_separated_blindly_are_those_of_the_whole_scenario_too():
    """At the higher SNR that is left, a signature's turn over the band must not count as a source."""
    whole = isacsim.load_scenario("points_4x4").with_(snr_db={"uniform": [5, 25]})
    few, _ = thinned(whole)
    a, b = (
        make_samples(s, seed=7, indices=range(4), kinds=("noisy",))["aj_noisy"].values.reshape(4, -1)
        for s in (whole, few)
    )
    assert min(np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)) > 0.995


def test_a_kind_has_the_same_bits_alone(tiny):
    scenario = tiny()
    every = make_samples(scenario, seed=1, indices=range(3))
    for kind in KINDS:
        alone = make_samples(scenario, seed=1, indices=range(3), kinds=(kind,))
        assert [n for n in alone if n.startswith("aj_")] == [f"aj_{kind}"]
        assert np.array_equal(alone[f"aj_{kind}"], every[f"aj_{kind}"])
    none = make_samples(scenario, seed=1, indices=range(3), kinds=())  # a stream's truth alone
    assert not [n for n in none if n.startswith("aj_")]
    assert np.array_equal(none.n_targets, every.n_targets)


def test_a_stream_is_thinned_and_tells_the_snr_that_it_stands_for():
    lab = isacsim.load_scenario("lab").with_(snr_db=20)
    stream = isacsim.stream(lab, seed=1, workers=0, thinned=True)
    sample = next(stream)
    assert stream.scenarios[0].radio.n_subcarriers == 16
    assert float(sample["snr_db"]) == pytest.approx(20, abs=1e-4)
    assert stream.identity() != isacsim.stream(lab, seed=1, workers=0).identity()
