"""simulate: the truth against the motion, movers, two receivers, and the schema."""

from __future__ import annotations

import doctest
import importlib
import json

import numpy as np
import pytest
import xarray as xr
from scipy.constants import speed_of_light

from isacsim import InputError, load_scenario, simulate
from isacsim.scenario.catalogue import list_scenarios
from isacsim.simulation.realisation import realise
from isacsim.simulation.truth import realisation_of
from tests.extras import need
from tests.small_sections import ALL, FAN, TEMPLATE

pytestmark = pytest.mark.numerical

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
    of = drawn.receivers_of(range(capture.sizes["receiver"]))
    np.testing.assert_array_equal(drawn.received_amplitude[of], capture.amplitude)
    np.testing.assert_array_equal(drawn.kinematics[2][of], capture.acceleration)


def test_an_overridden_count_is_drawn_again_too(make_scenario):
    capture = simulate(make_scenario(targets=TEMPLATE), seed=7, n_targets=6)
    drawn = realisation_of(capture)
    assert drawn.n_targets == 6
    np.testing.assert_array_equal(drawn.noiseless_csi(capture.time.values), capture.csi_noiseless)


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
        quiet.noiseless_csi(time),
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
    "velocity_xyz": (("path", "xyz"), np.float64, "m/s"),
    "activity": (("path",), np.int8, "1"),
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
    assert {name for name in capture.data_vars if not name.startswith("chain_")} <= set(SCHEMA)
    for variable in capture.variables.values():
        assert variable.attrs["units"] and variable.attrs["long_name"]
    for variable in ("csi", "csi_noiseless"):
        assert np.isfinite(capture[variable].values.view(np.float32)).all()
        assert capture[variable].attrs["phase_sign"] == -1
    radio = scenario.radio
    assert capture.role.dims == ("receiver",)
    assert capture.role.values.tolist() == [radio.receivers[one.receiver].role for one in radio.streams]
    names = [name.split(" ")[0] for name in capture.receiver.values.tolist()]  # "ap rx0-tx1" of an array
    assert names == [radio.receivers[one.receiver].name for one in radio.streams]
    np.testing.assert_array_equal(capture.frequency, radio.frequency_hz)
    # The window's centre is zero whatever was lost.
    assert capture.time[0] == -capture.time[-1] == -(radio.packets - 1) / 2 / radio.packet_rate_hz
    assert (np.diff(capture.time) > 0).all()
    lo, hi = scenario.targets.counts[0], scenario.targets.counts[-1]
    assert lo <= capture.attrs["n_targets"] <= hi
    assert capture.attrs["fingerprint"] == scenario.fingerprint()
    assert capture.attrs["n_targets"] == np.unique(capture.target[capture.target >= 0]).size
    json.dumps(capture.attrs)


MODULES = ["isacsim.simulation.capture", "isacsim.channel.paths", "isacsim.spectrum.aj"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0 and result.failed == 0


def test_a_capture_of_a_version_that_draws_otherwise_is_not_drawn_again(make_scenario):
    capture = simulate(make_scenario(), seed=1)
    assert realisation_of(capture).seed == 1  # this version's own
    capture.attrs["isacsim"] = "0.1.0"
    with pytest.raises(InputError, match=r"isacsim 0\.1\.0, whose random numbers"):
        realisation_of(capture)
