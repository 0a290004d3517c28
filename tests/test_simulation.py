"""simulate: the seed contract, the truth against the motion, movers, two receivers, and the schema."""

from __future__ import annotations

import doctest
import importlib
import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import speed_of_light

from isacsim import InputError, load_scenario, simulate
from isacsim.random_streams import Stream, stream
from isacsim.realisation import realisation_of, realise
from isacsim.scenario import list_scenarios
from tests.extras import need

TEMPLATE = {
    "count": {"min": 1, "max": 4},
    "template": {
        "motion": {
            "kind": "kinematics",
            "path_length_m": {"uniform": [5.0, 15.0]},
            "velocity_m_s": {"uniform": [-3.0, 3.0]},
            "acceleration_m_s2": {"uniform": [-6.0, 6.0]},
            "jerk_m_s3": {"uniform": [-30.0, 30.0]},
        }
    },
}
FAN = {
    "name": "fan",
    "amplitude": 0.7,
    "motion": {
        "kind": "oscillation",
        "position_m": [2.0, 2.0, 2.0],
        "axis": [0.0, 1.0, 0.0],
        "amplitude_m": 0.1,
        "frequency_hz": 6.0,
    },
}
ALL = {
    "noise": True,
    "cfo": {"offset_hz": {"uniform": [-300.0, 300.0]}, "phase_noise_rad_per_sqrt_s": 1.0},
    "sfo": {"ppm": 2.0},
    "sto": {"offset_ns": 20.0, "jitter_ns": 15.0},
    "agc": {"step_db": 0.5, "rate_hz": 20.0},
    "jitter": {"std_us": 100.0},
    "loss": {"fraction": 0.05},
    "quantisation": {"bits": 8},
}


FROZEN = {
    "COUNT": 0,
    "TARGETS": 1,
    "MOVERS": 2,
    "STATIC": 3,
    "SNR": 4,
    "NOISE": 5,
    "CFO": 6,
    "SFO": 7,
    "STO": 8,
    "AGC": 9,
    "JITTER": 10,
    "LOSS": 11,
}
# PCG64's numbers for (seed 0, sample 0, count), once and for all.
PINNED = [17, 565, 909, 935, 902]


def same(a, b):
    return a.identical(b) and all(a[n].values.tobytes() == b[n].values.tobytes() for n in a.variables)


# --- the seed contract ---------------------------------------------------------------------------------------------


def test_stream_numbers_are_frozen():
    # Changing one changes every data set ever made: new streams are appended.
    assert {s.name: s.value for s in Stream} | FROZEN == {s.name: s.value for s in Stream}
    assert len({s.value for s in Stream}) == len(Stream)


def test_a_stream_is_the_constructed_seed_sequence():
    for part in ((), (1,)):
        want = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(3, 5, *part)))
        np.testing.assert_array_equal(stream(7, 3, Stream.NOISE, *part).random(5), want.random(5))
    np.testing.assert_array_equal(stream(0, 0, Stream.COUNT).integers(0, 1000, 5), PINNED)


@pytest.mark.parametrize("bad", [-1, 1.0, True, "1", None])
@pytest.mark.parametrize("name", ["seed", "index"])
def test_bad_seeds_are_named(make_scenario, name, bad):
    with pytest.raises(InputError, match=f"{name} must be an integer of at least 0, got {bad!r}"):
        simulate(make_scenario(), **{"seed": 0, "index": 0} | {name: bad})


def test_numpy_integers_are_seeds(make_scenario):
    scenario = make_scenario(impairments=ALL)
    got = simulate(scenario, seed=np.int64(3), index=np.uint8(2))
    assert same(got, simulate(scenario, seed=3, index=2))
    json.dumps(got.attrs)  # plain Python types


def test_same_seed_same_bits_in_any_order(make_scenario):
    scenario = make_scenario(impairments=ALL, targets=TEMPLATE, movers=[FAN])
    first = [simulate(scenario, seed=5, index=i) for i in (0, 1, 2)]
    np.random.default_rng(0).random(100)
    again = [simulate(scenario, seed=5, index=i) for i in (2, 0, 1)]
    for i, capture in zip((2, 0, 1), again, strict=True):
        assert same(capture, first[i])
    assert not np.array_equal(first[0].static, first[1].static)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**40), index=st.integers(0, 2**31), n=st.integers(1, 6))
def test_property_n_targets_keeps_every_other_draw(make_scenario, seed, index, n):
    scenario = make_scenario(targets=TEMPLATE, movers=[FAN], snr_db={"uniform": [0.0, 30.0]})
    one, more = (realise(scenario, seed=seed, index=index, n_targets=k) for k in (n, n + 1))
    assert (one.n_targets, more.n_targets) == (n, n + 1)
    np.testing.assert_array_equal(one.static, more.static)
    np.testing.assert_array_equal(one.kinematics[:, :, :n], more.kinematics[:, :, :n])
    np.testing.assert_array_equal(one.kinematics[:, :, n:], more.kinematics[:, :, n + 1 :])
    for name in ("amplitude", "phase"):
        a, b = getattr(one, name), getattr(more, name)
        np.testing.assert_array_equal(a, np.delete(b, n))


def test_the_count_that_would_be_drawn_changes_nothing(make_scenario):
    scenario = make_scenario(targets=TEMPLATE, impairments=ALL)
    drawn = simulate(scenario, seed=4)
    assert same(drawn, simulate(scenario, seed=4, n_targets=drawn.attrs["n_targets"]))
    counts = {realise(scenario, seed=4, index=i).n_targets for i in range(60)}
    assert counts == {1, 2, 3, 4}


@pytest.mark.parametrize("bad", [-1, 101, 2.0, True, "3"])
def test_bad_counts_are_named(make_scenario, bad):
    with pytest.raises(InputError, match=f"n_targets must be an integer from 0 to 100, got {bad!r}"):
        simulate(make_scenario(targets=TEMPLATE), seed=0, n_targets=bad)


def test_fixed_targets_can_not_be_counted_away(make_scenario):
    with pytest.raises(InputError, match="small has 2 fixed targets; n_targets can't make them 3"):
        simulate(make_scenario(), seed=0, n_targets=3)
    assert same(simulate(make_scenario(), seed=0, n_targets=2), simulate(make_scenario(), seed=0))


# --- truth ---------------------------------------------------------------------------------------------------------


def bistatic(position, capture_radio, receiver):
    tx, rx = np.array(capture_radio.transmitter_m), np.array(capture_radio.receivers[receiver].position_m)
    return np.linalg.norm(position - tx, axis=-1) + np.linalg.norm(position - rx, axis=-1)


def target_position(scenario, target, time):
    m = scenario.targets.fixed[target].motion
    t = np.asarray(time)[..., np.newaxis]
    p, v, a, j = (np.array(x) for x in (m.position_m, m.velocity_m_s, m.acceleration_m_s2, m.jerk_m_s3))
    return p + v * t + a * t**2 / 2 + j * t**3 / 6


def test_truth_is_the_derivative_of_the_path_at_each_receiver(make_scenario):
    scenario = make_scenario()
    capture = simulate(scenario, seed=1)
    h = 1e-2
    for i in range(2):
        for p in range(2):
            # Nine-point fit of the path about the centre: derivatives without the closed form.
            t = np.arange(-4, 5) * h
            fit = np.polynomial.Polynomial.fit(
                t, bistatic(target_position(scenario, p, t), scenario.radio, i), 8
            )
            for order, name in enumerate(("path_length", "velocity", "acceleration", "jerk")):
                want = fit.deriv(order)(0.0) if order else fit(0.0)
                assert float(capture[name][i, p]) == pytest.approx(want, rel=1e-6, abs=1e-6)
    # Bistatic geometry differs by receiver.
    assert (np.abs(np.diff(capture.acceleration.values, axis=0)) > 1e-3).all()
    np.testing.assert_allclose(capture.position, [[1, 3, 1.2], [3, 4, 1]])


def literal_csi(scenario, lengths, capture):
    """method.md section 1 from the capture's own truth, complex128; lengths (receiver, path, packet)."""
    f = capture.frequency.values[:, np.newaxis]
    out = np.empty(capture.csi.shape, complex)
    for i in range(out.shape[0]):
        out[i] = capture.static.values[i][:, np.newaxis]
        for p in range(capture.sizes["path"]):
            a, phase = float(capture.amplitude[i, p]), float(capture.phase[i, p])
            out[i] += a * np.exp(1j * phase - 2j * np.pi * f * lengths[i, p] / speed_of_light)
    return out


def cubic(capture):
    t = capture.time.values
    d, v, a, r = (
        capture[n].values[..., np.newaxis] for n in ("path_length", "velocity", "acceleration", "jerk")
    )
    return d + v * t + a * t**2 / 2 + r * t**3 / 6


@pytest.mark.parametrize("model", ["polynomial", "exact"])
def test_csi_is_the_model_of_its_own_truth(make_scenario, model):
    scenario = make_scenario(motion_model=model)
    capture = simulate(scenario, seed=1)
    time = capture.time.values
    exact = np.array(
        [
            [bistatic(target_position(scenario, p, time), scenario.radio, i) for p in range(2)]
            for i in range(2)
        ]
    )
    lengths = exact if model == "exact" else cubic(capture)
    want = literal_csi(scenario, lengths, capture)
    assert np.abs(capture.csi_noiseless.values - want).max() < 2e-5 * np.abs(want).max()
    off = np.abs(exact - cubic(capture)).max(axis=-1) / (speed_of_light / 5.8e9)
    np.testing.assert_allclose(capture.model_error, off, rtol=1e-6)
    assert capture.model_error.max() > 1e-3  # the two models are told apart by this test


def test_amplitudes_carry_the_receiver_s_gain(make_scenario):
    capture = simulate(make_scenario(), seed=1)
    np.testing.assert_allclose(capture.amplitude, [[1, 0.8], [0.1, 0.08]])


def test_kinematics_given_directly_are_the_same_at_every_receiver_and_have_no_place(make_scenario):
    capture = simulate(make_scenario(targets=TEMPLATE), seed=1, n_targets=3)
    for name in ("path_length", "velocity", "acceleration", "jerk"):
        np.testing.assert_array_equal(capture[name][0], capture[name][1])
    assert not capture.model_error.any()
    assert np.isnan(capture.position).all()


def test_noiseless_is_taken_at_the_packets_that_came(make_scenario):
    capture = simulate(make_scenario(impairments={"jitter": {"std_us": 200.0}, "loss": ALL["loss"]}), seed=1)
    assert capture.sizes["packet"] < 256
    want = literal_csi(None, cubic(capture), capture)
    assert np.abs(capture.csi_noiseless.values - want).max() < 2e-5 * np.abs(want).max()


def test_movers_move_exactly_and_are_nobody(make_scenario):
    scenario = make_scenario(movers=[FAN])
    capture, without = simulate(scenario, seed=1), simulate(make_scenario(), seed=1)
    assert capture.target.values.tolist() == [0, 1, -1]
    assert capture.attrs["n_targets"] == 2
    time = capture.time.values
    swing = np.array([2.0, 2.0, 2.0]) + np.array([0, 0.1, 0]) * np.sin(12 * np.pi * time)[:, np.newaxis]
    f = capture.frequency.values[:, np.newaxis]
    for i, gain in enumerate((1.0, 0.1)):
        length = bistatic(swing, scenario.radio, i)
        turn = float(capture.phase[i, 2])
        want = 0.7 * gain * np.exp(1j * turn - 2j * np.pi * f * length / speed_of_light)
        got = capture.csi.values[i] - without.csi.values[i]
        assert np.abs(got - want).max() < 1e-5 * np.abs(capture.csi).max()
    # A 6 Hz swing is no cubic: had the mover been one, it would have run wavelengths away.
    assert float(capture.model_error[0, 2]) > 1


def test_zero_targets_leave_the_static_channel(make_scenario):
    for capture in (
        simulate(make_scenario(targets={"fixed": []}), seed=1),
        simulate(make_scenario(targets=TEMPLATE), seed=1, n_targets=0),
    ):
        assert capture.sizes["path"] == 0 and capture.attrs["n_targets"] == 0
        want = np.broadcast_to(capture.static.values[..., np.newaxis], capture.csi.shape)
        np.testing.assert_allclose(capture.csi, want, rtol=1e-6)


def test_a_path_of_negative_length_is_refused(make_scenario):
    motion = {"kind": "kinematics", "path_length_m": 0.1, "velocity_m_s": 3.0}
    with pytest.raises(InputError, match=r"small, seed 3, sample 2: a path's length falls to -0\.28"):
        simulate(make_scenario(targets={"fixed": [{"motion": motion}]}), seed=3, index=2)


def test_a_target_through_an_antenna_is_refused(make_scenario):
    motion = {"kind": "trajectory", "position_m": [4.0, 0.05, 1.0], "velocity_m_s": [0.0, 1.0, 0.0]}
    scenario = make_scenario(targets={"fixed": [{"motion": motion}]}, motion_model="exact")
    with pytest.raises(InputError, match="a target passes through the receiver"):
        simulate(scenario, seed=0)


# --- what a capture is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list_scenarios())
def test_realisation_can_be_drawn_again_from_the_attributes(name, tmp_path):
    need(load_scenario(name).environment.kind)
    capture = simulate(load_scenario(name), seed=7, index=3)
    path = tmp_path / "capture.nc"
    capture[["target"]].to_netcdf(path, engine="h5netcdf")  # attributes as a file gives them back
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        drawn = realisation_of(stored)
    assert drawn.scenario == load_scenario(name)
    assert (drawn.seed, drawn.index, drawn.n_targets) == (7, 3, capture.attrs["n_targets"])
    np.testing.assert_array_equal(drawn.static, capture.static)
    np.testing.assert_array_equal(drawn.target, capture.target)
    np.testing.assert_array_equal(drawn.received_amplitude, capture.amplitude)
    np.testing.assert_array_equal(drawn.kinematics[2], capture.acceleration)


def test_an_overridden_count_is_drawn_again_too(make_scenario):
    capture = simulate(make_scenario(targets=TEMPLATE), seed=7, n_targets=6)
    drawn = realisation_of(capture)
    assert drawn.n_targets == 6
    np.testing.assert_array_equal(drawn.undamaged(capture.time.values), capture.csi_noiseless)


def test_only_simulated_captures_have_a_truth():
    with pytest.raises(InputError, match="only simulated captures"):
        realisation_of(xr.Dataset())


def test_each_path_adds_up_to_the_dynamic_part(make_scenario):
    drawn = realise(make_scenario(movers=[FAN]), seed=1)
    quiet = realise(make_scenario(), seed=1)
    time = drawn.scenario.radio.time_s
    each = drawn.each_path(time)
    assert each.shape == (2, 2, 16, 256) and each.dtype == np.complex64
    np.testing.assert_allclose(
        each.sum(axis=1) + quiet.static[..., np.newaxis],
        quiet.undamaged(time),
        atol=1e-5 * np.abs(quiet.static).max(),
    )


SCHEMA = {
    "csi": (("receiver", "subcarrier", "packet"), np.complex64, "1"),
    "csi_noiseless": (("receiver", "subcarrier", "packet"), np.complex64, "1"),
    "static": (("receiver", "subcarrier"), np.complex128, "1"),
    "path_length": (("receiver", "path"), np.float64, "m"),
    "velocity": (("receiver", "path"), np.float64, "m/s"),
    "acceleration": (("receiver", "path"), np.float64, "m/s2"),
    "jerk": (("receiver", "path"), np.float64, "m/s3"),
    "amplitude": (("receiver", "path"), np.float64, "1"),
    "phase": (("receiver", "path"), np.float64, "rad"),
    "model_error": (("receiver", "path"), np.float64, "wavelengths"),
    "target": (("path",), np.int64, "1"),
    "scatterer": (("path",), np.str_, "1"),
    "position": (("path", "xyz"), np.float64, "m"),
    "common_phase": (("packet",), np.float64, "rad"),
    "timing_offset": (("packet",), np.float64, "s"),
    "agc_gain_db": (("packet",), np.float64, "dB"),
    "frequency": (("subcarrier",), np.float64, "Hz"),
    "time": (("packet",), np.float64, "s"),
}


@pytest.mark.parametrize("name", list_scenarios())
def test_schema(name):
    scenario = load_scenario(name)
    need(scenario.environment.kind)
    capture = simulate(scenario, seed=2)
    for variable, (dims, dtype, units) in SCHEMA.items():
        assert capture[variable].dims == dims, variable
        assert np.issubdtype(capture[variable].dtype, dtype), variable
        assert capture[variable].attrs["units"] == units, variable
    assert set(capture.data_vars) <= set(SCHEMA)
    for variable in capture.variables.values():
        assert variable.attrs["units"] and variable.attrs["long_name"]
    for variable in ("csi", "csi_noiseless"):
        assert np.isfinite(capture[variable].values.view(np.float32)).all()
        assert capture[variable].attrs["phase_sign"] == -1
    radio = scenario.radio
    assert capture.role.dims == ("receiver",)
    assert capture.role.values.tolist() == [r.role for r in radio.receivers]
    assert capture.receiver.values.tolist() == [r.name for r in radio.receivers]
    np.testing.assert_array_equal(capture.frequency, radio.frequency_hz)
    # The window's centre is zero whatever was lost.
    assert capture.time[0] == -capture.time[-1] == -(radio.packets - 1) / 2 / radio.packet_rate_hz
    assert (np.diff(capture.time) > 0).all()
    lo, hi = scenario.targets.counts[0], scenario.targets.counts[-1]
    assert lo <= capture.attrs["n_targets"] <= hi
    assert capture.attrs["fingerprint"] == scenario.fingerprint()
    assert capture.attrs["n_targets"] == np.unique(capture.target[capture.target >= 0]).size
    json.dumps(capture.attrs)


MODULES = ["isacsim.simulation", "isacsim.channel.paths", "isacsim.spectrum"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("name", ["seed", "index"])
def test_seeds_that_no_file_could_hold_are_refused(name):
    arguments = {"seed": 0, "index": 0, name: 2**63}
    with pytest.raises(InputError, match=f"{name} must be below 2\\^63, got {2**63}"):
        simulate(load_scenario("single_target"), **arguments)
