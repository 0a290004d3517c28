"""The three spectra of a sample: what enters each, against double loops and the sum of self-terms written out."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from isacsim import InputError, aj_spectrum, load_scenario, simulate
from isacsim.dataset.synthetic.sample import sample_spectra, spectrum_settings
from isacsim.spectrum.settings import Combine
from tests.spectrum.literal import C, double_loop

pytestmark = pytest.mark.numerical

# 0.512 s of packets and few, coarse bins: a double loop over them takes a tenth of a second.
AXES = {"bins_acceleration": 17, "bins_jerk": 9, "acceleration_max_m_s2": 8.0, "jerk_max_m_s3": 40.0}
RADIO = {"packets": 512, "subcarriers": 8}
ONE = [{"name": "rx", "position_m": [4.0, 0.0, 1.0]}]
THREE = [
    {"name": "a", "position_m": [4.0, 0.0, 1.0]},
    {"name": "b", "position_m": [7.0, 3.0, 1.0]},
    {"name": "c", "position_m": [-4.0, 5.0, 1.0]},
]
# Deep fades between subcarriers, and one subcarrier alone: its fourth power tells one static part from another, which
# the mean over subcarriers hardly does.
FADING = {"kind": "rayleigh", "power_db": 20.0, "delay_spread_ns": 100.0, "k_factor_db": 0.0}
SINGLE = AXES | {"combine": "single"}
SHARED = {"cfo": {"offset_hz": 150.0}, "sto": {"offset_ns": 10.0, "jitter_ns": 5.0}}
FAN = {
    "name": "fan",
    "amplitude": 1.5,
    "motion": {
        "kind": "oscillation",
        "position_m": [2.0, 2.0, 2.0],
        "axis": [0.0, 1.0, 0.0],
        "amplitude_m": 0.1,
        "frequency_hz": 3.0,
    },
}
NAMES = ("aj_noisy", "aj_noiseless", "aj_clean")


def near(got, want, share):
    """Largest difference as a share of the wanted spectrum's maximum."""
    return np.abs(np.asarray(got) - np.asarray(want)).max() < share * np.asarray(want).max()


def literal_paths(capture, receiver):
    """Each target's own CSI at a receiver on the nominal packets, complex128 (path, subcarrier, packet)."""
    t = (np.arange(capture.attrs["packets"]) - (capture.attrs["packets"] - 1) / 2) / capture.attrs[
        "packet_rate"
    ]
    f = capture.frequency.values[:, np.newaxis]
    out = []
    for p in np.flatnonzero(capture.target.values >= 0):
        d, v, a, r, size, turn = (
            float(capture[n][receiver, p])
            for n in ("path_length", "velocity", "acceleration", "jerk", "amplitude", "phase")
        )
        length = d + v * t + a * t**2 / 2 + r * t**3 / 6
        out.append(size * np.exp(1j * turn - 2j * np.pi * f * length / C))
    return np.array(out)


def literal_clean(capture, scenario, receiver, factor):
    """method.md section 3: the complex sum over paths of each one's double loop, then the magnitude."""
    settings = spectrum_settings(scenario)
    f = capture.frequency.values
    chosen = [f.size // 2] if settings["combine"] == "single" else range(f.size)
    dt = 1 / capture.attrs["packet_rate"]
    lag = round(settings["lag_ratio"] * capture.attrs["packets"])
    kappa = 2 * lag * dt * f[chosen].mean() / C
    total = 0
    for h in literal_paths(capture, receiver):
        h = h * factor
        h = (h - h.mean(axis=1, keepdims=True))[chosen]
        # Phase sign -1: R conjugated makes growing acceleration positive.
        r = (h[:, 2 * lag :] * h[:, : -2 * lag].conj()).mean(axis=0).conj()
        first = int(np.ceil(settings["min_lag"] * r.size))
        total = total + double_loop(
            r, dt, kappa, settings["acceleration"], settings["jerk"], first, np.ones(r.size)
        )
    return np.abs(total)


def receivers(make_scenario, **changes):
    return make_scenario(**{"radio": RADIO, "spectrum": AXES} | changes)


# Issue 2: the spectrum equals the literal double loop to 1e-2 of its maximum with decimation.
LOOP = 1e-2


def test_clean_is_the_sum_of_self_terms_at_one_receiver(make_scenario):
    scenario = receivers(make_scenario, radio=RADIO | {"receivers": ONE}, movers=[FAN])
    capture = simulate(scenario, seed=1)
    got = sample_spectra(capture).aj_clean
    assert near(got[0], literal_clean(capture, scenario, 0, 1.0), LOOP)


@pytest.mark.parametrize("how", ["product", "ratio"])
def test_clean_is_received_through_the_static_part_of_the_reference(make_scenario, how):
    scenario = receivers(
        make_scenario, environment=FADING, spectrum=SINGLE | {"reference": how}, impairments=SHARED
    )
    capture = simulate(scenario, seed=1)
    got = sample_spectra(capture)
    assert got.receiver.values.tolist() == ["rx"]
    static = capture.static.values[1][:, np.newaxis]
    factor = static.conj() / np.sqrt(np.mean(np.abs(static) ** 2))
    if how == "ratio":
        factor = np.abs(static) / static / 1.01  # regularised by -20 dB
    assert near(got.aj_clean[0], literal_clean(capture, scenario, 0, factor), LOOP)


@pytest.mark.parametrize("how", ["product", "ratio"])
@pytest.mark.parametrize("seed", range(3))
def test_three_surveillance_receivers_share_the_noisy_one_s_reference(make_scenario, how, seed):
    scenario = receivers(
        make_scenario,
        radio=RADIO | {"receivers": THREE},
        environment=FADING,
        spectrum=SINGLE | {"reference": how},
        impairments=SHARED,
    )
    capture = simulate(scenario, seed=seed)
    got = sample_spectra(capture)
    words = got.attrs["conditioning"].split()
    assert words[0] == how
    kept, other = "abc".index(str(got.receiver.values[0])), "abc".index(words[-1])
    assert kept != other
    # Nothing but phase and timing errors, which the reference removes: noisy is noiseless.
    assert near(got.aj_noisy, got.aj_noiseless, 1e-3)
    static = capture.static.values[other][:, np.newaxis]
    factor = static.conj() / np.sqrt(np.mean(np.abs(static) ** 2))
    if how == "ratio":
        factor = np.abs(static) / static / 1.01
    assert near(got.aj_clean[0], literal_clean(capture, scenario, kept, factor), LOOP)


@pytest.mark.parametrize("how", ["product", "ratio"])
def test_noiseless_is_noisy_without_noise_and_impairments(make_scenario, how):
    scenario = receivers(make_scenario, spectrum=AXES | {"reference": how}, movers=[FAN])
    got = sample_spectra(simulate(scenario, seed=1))
    # The same numbers through the same functions.
    np.testing.assert_allclose(got.aj_noisy, got.aj_noiseless, rtol=1e-5, atol=1e-6)
    assert got.attrs["conditioning"] == f"{how} with receiver ref"


def test_noiseless_is_what_noise_converges_to(make_scenario):
    def distance(snr_db):
        got = sample_spectra(
            simulate(receivers(make_scenario, snr_db=snr_db, impairments={"noise": True}), seed=1)
        )
        return float(np.abs(got.aj_noisy - got.aj_noiseless).max() / got.aj_noiseless.max())

    assert distance(0.0) > 10 * distance(30.0) > 10 * distance(60.0)
    assert distance(100.0) < 1e-3


def test_noiseless_and_clean_do_not_see_noise_or_impairments(make_scenario):
    every = SHARED | {
        "noise": True,
        "agc": {"step_db": 1.0, "rate_hz": 10.0},
        "jitter": {"std_us": 100.0},
        "loss": {"fraction": 0.05},
        "quantisation": {"bits": 8},
    }
    bad = sample_spectra(simulate(receivers(make_scenario, impairments=every, snr_db=5.0), seed=1))
    good = sample_spectra(simulate(receivers(make_scenario), seed=1))
    for name in NAMES[1:]:
        np.testing.assert_array_equal(bad[name], good[name])
    assert not near(bad.aj_noisy, good.aj_noisy, 1e-2)


def test_movers_are_noiseless_but_not_clean(make_scenario):
    with_fan = sample_spectra(simulate(receivers(make_scenario, movers=[FAN]), seed=1))
    without = sample_spectra(simulate(receivers(make_scenario), seed=1))
    np.testing.assert_array_equal(with_fan.aj_clean, without.aj_clean)
    assert not near(with_fan.aj_noiseless, without.aj_noiseless, 0.1)


@pytest.mark.parametrize("which", ["two receivers", "one receiver", "three receivers"])
def test_no_targets_have_a_clean_spectrum_of_zeros(make_scenario, which):
    given = {"two receivers": {}, "one receiver": {"receivers": ONE}, "three receivers": {"receivers": THREE}}
    scenario = receivers(
        make_scenario,
        radio=RADIO | given[which],
        targets={"fixed": []},
        movers=[FAN],
        impairments={"noise": True} | SHARED,
    )
    got = sample_spectra(simulate(scenario, seed=1))
    assert got.aj_clean.shape == got.aj_noisy.shape and not got.aj_clean.any()
    assert got.aj_noiseless.max() > 0


def test_reference_without_a_static_part_has_no_clean_signal(make_scenario):
    # The product with a reference that holds nothing but movement has no self-term that the label means.
    scenario = receivers(make_scenario, environment={"kind": "none"})
    with pytest.raises(InputError, match="reference"):
        sample_spectra(simulate(scenario, seed=1))


def motion(a, r, v):
    return {
        "kind": "kinematics",
        "path_length_m": 8.0,
        "velocity_m_s": v,
        "acceleration_m_s2": a,
        "jerk_m_s3": r,
    }


def value(spectrum, a, r):
    return float(spectrum[0].sel(acceleration=a, jerk=r, method="nearest"))


def test_clean_peaks_at_the_truth_without_mirror_or_cross_terms(make_scenario):
    # Two targets a second long: unit path far from where both mirror images and the cross-term would lie.
    loud = [{"name": "rx", "position_m": [4.0, 0.0, 1.0]}]
    loud.append({"name": "ref", "role": "reference", "position_m": [3.5, 0.0, 1.0], "dynamic_gain_db": 0.0})
    scenario = make_scenario(
        radio={"packets": 1024, "subcarriers": 16, "receivers": loud},
        environment={"kind": "rayleigh", "power_db": 20.0, "n_taps": 1, "k_factor_db": 60.0},
        targets={
            "fixed": [
                {"amplitude": 1.0, "motion": motion(5.0, 20.0, 1.5)},
                {"amplitude": 1.0, "motion": motion(2.0, -30.0, 2.5)},
            ]
        },
    )
    got = sample_spectra(simulate(scenario, seed=1))
    for a, r in ((5.0, 20.0), (2.0, -30.0)):
        # A unit path peaks at 1, less the picket fence of 64 bins, plus the other's skirt.
        assert value(got.aj_clean, a, r) == pytest.approx(1, abs=0.35)
        assert value(got.aj_clean, -a, -r) < 0.1
    # The reference sees as much movement as the receiver, so the product has the mirror images that clean lacks.
    assert max(value(got.aj_noiseless, -5.0, -20.0), value(got.aj_noiseless, -2.0, 30.0)) > 0.3


def test_lab_at_high_snr_shows_a_strong_target(make_scenario):
    lab = load_scenario("lab_siso")
    changed = lab.model_dump(exclude_none=True)
    person = {
        "kind": "trajectory",
        "position_m": [3.0, 4.0, 1.2],
        "velocity_m_s": [0.2, 0.8, 0.0],
        "acceleration_m_s2": [0.5, 2.0, 0.0],
        "jerk_m_s3": [0.0, 8.0, 0.0],
    }
    del changed["dataset"]
    changed |= {"snr_db": 25.0, "targets": {"fixed": [{"amplitude": 2.0, "motion": person}]}}
    capture = simulate(type(lab).model_validate(changed), seed=1)
    truth = float(capture.acceleration[0, 0]), float(capture.jerk[0, 0])
    got = sample_spectra(capture)
    for name in NAMES:
        i, j = np.unravel_index(int(got[name][0].values.argmax()), (64, 64))
        # Two resolution cells (method.md: 0.35 m/s², 1.7 m/s³): bins are 0.25 and 1.27.
        assert float(got.acceleration[i]) == pytest.approx(truth[0], abs=0.7), name
        assert float(got.jerk[j]) == pytest.approx(truth[1], abs=3.4), name


def test_schema(make_scenario):
    scenario = receivers(make_scenario, impairments=SHARED)
    capture = simulate(scenario, seed=1)
    before = capture.copy(deep=True)
    got = sample_spectra(capture)
    assert capture.identical(before)
    assert tuple(got.data_vars) == NAMES
    for name in NAMES:
        assert got[name].dims == ("receiver", "acceleration", "jerk")
        assert got[name].shape == (1, 17, 9) and got[name].dtype == np.float32
        assert np.isfinite(got[name]).all() and (got[name] >= 0).all()
        assert got[name].attrs["units"] == "1"
        assert got[name].attrs["long_name"].startswith(name[3:])
    np.testing.assert_allclose(got.acceleration, np.linspace(-8, 8, 17))
    np.testing.assert_allclose(got.jerk, np.linspace(-40, 40, 9))
    for name in ("acceleration", "jerk"):
        assert got[name].attrs["units"] and got[name].attrs["long_name"]


@pytest.mark.parametrize("combine", sorted({*get_args(Combine)} - {"coherent", "resolved"}))
def test_every_way_to_combine(make_scenario, combine):
    scenario = receivers(make_scenario, spectrum=AXES | {"combine": combine})
    got = sample_spectra(simulate(scenario, seed=1))
    dims = ("receiver", "delay", "acceleration", "jerk") if combine == "delay" else got.aj_noisy.dims
    for name in NAMES:
        assert got[name].dims == dims
        assert got[name].max() > 0
    np.testing.assert_allclose(got.aj_noisy, got.aj_noiseless, rtol=1e-4, atol=1e-5)


def test_settings_are_the_scenario_s(make_scenario):
    spectrum = AXES | {"lag_ratio": 0.1, "min_lag": 0.2, "lags": "symmetric", "combine": "single"}
    scenario = receivers(make_scenario, radio=RADIO | {"receivers": ONE}, spectrum=spectrum)
    capture = simulate(scenario, seed=1)
    want = aj_spectrum(
        capture.csi,
        acceleration=np.linspace(-8, 8, 17),
        jerk=np.linspace(-40, 40, 9),
        lag_ratio=0.1,
        min_lag=0.2,
        lags="symmetric",
        combine="single",
    )
    np.testing.assert_array_equal(sample_spectra(capture).aj_noisy, want)


def test_a_capture_without_a_scenario_is_refused(make_scenario):
    capture = simulate(make_scenario(), seed=1)
    del capture.attrs["scenario"]
    with pytest.raises(InputError, match="only simulated captures"):
        sample_spectra(capture)
