"""The estimator of modulated paths on captures whose truth is known."""

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim.conditioning.conditioning import condition
from isacsim.errors import InputError
from isacsim.estimation.estimate import estimate_paths
from isacsim.estimation.grid import SPEED_OF_LIGHT
from isacsim.estimation.modes.algorithm import modes

pytestmark = pytest.mark.numerical

TIME = np.arange(512) / 512 - 0.5
FREQUENCY = 5.8e9 + np.arange(32) * 1e6
STATES = ("velocity", "acceleration", "jerk")


def path(d, v, a, r, *, amplitude=1.0, time=TIME):
    length = d + v * time + a * time**2 / 2 + r * time**3 / 6
    return amplitude * np.exp(-2j * np.pi / SPEED_OF_LIGHT * np.outer(FREQUENCY, length))


def noise(rng, shape, level=0.2):
    return level * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))


def found(csi, **options):
    out = modes(csi.astype(np.complex64), TIME, FREQUENCY, **options)
    return out.isel(path=np.flatnonzero(out["kind"].values == "target"))


def assert_states(out, *truth, tolerance=(0.02, 0.1, 1.0)):
    assert out.sizes["path"] == len(truth)
    for v, a, r in truth:
        near = np.abs(out["velocity"].values - v).argmin()
        for name, want, within in zip(STATES, (v, a, r), tolerance, strict=True):
            assert float(out[name][near]) == pytest.approx(want, abs=within), name


@pytest.mark.parametrize("sign", [-1, 1])
def test_two_cubics_by_either_sign(sign):
    rng = np.random.default_rng(1)
    csi = 8 + path(9, 1.2, -2, 6) + path(14, -0.8, 1, -4, amplitude=0.7) + noise(rng, (32, 512))
    out = found(csi if sign == -1 else csi.conj(), phase_sign=sign)
    assert_states(out, (1.2, -2, 6), (-0.8, 1, -4))
    assert np.abs(out["path_length"].values - [9, 14]).max() < 0.5
    assert out["amplitude"].values == pytest.approx([1, 0.7], rel=0.05)


def test_a_shifted_origin_moves_the_states():
    rng = np.random.default_rng(2)
    late = TIME + 3.0
    csi = (5 + path(9, 1.2, -2, 6) + noise(rng, (32, 512))).astype(np.complex64)
    here = modes(csi, TIME, FREQUENCY)
    there = modes(csi, late, FREQUENCY)
    for name in STATES:
        assert there[name].values == pytest.approx(here[name].values, abs=1e-6)


def test_amplitudes_that_wander_stay_one_path():
    rng = np.random.default_rng(3)
    fading = 1 + 0.4 * np.sin(2 * np.pi * 0.8 * TIME) + 0.3j * np.cos(2 * np.pi * 0.5 * TIME)
    csi = 8 + fading * path(9, 1.5, -1, 3) + path(20, -1.5, 1, 2) + noise(rng, (32, 512))
    out = found(csi)
    assert_states(out, (1.5, -1, 3), (-1.5, 1, 2), tolerance=(0.05, 0.4, 3))
    assert out["wander"].max() > 0.2


def test_lost_and_jittered_packets():
    rng = np.random.default_rng(4)
    time = np.sort(TIME + rng.uniform(-8e-4, 8e-4, TIME.size))[rng.random(TIME.size) > 0.2]
    csi = 8 + path(9, 1.2, -2, 6, time=time) + noise(rng, (32, time.size))
    out = modes(csi, time, FREQUENCY)
    centre = (time[0] + time[-1]) / 2
    assert float(out["velocity"][0]) == pytest.approx(1.2 - 2 * centre + 3 * centre**2, abs=0.01)
    assert out.sizes["path"] == 1


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_rounding_of_a_noise_free_capture_is_no_path(dtype):
    csi = (30 + path(9, 1.2, -2, 6) + path(14, -0.8, 1, -4)).astype(dtype)
    assert found(csi.astype(dtype)).sizes["path"] == 2
    still = np.full((32, 512), 30 + 4j, dtype)
    assert modes(still, TIME, FREQUENCY).sizes["path"] == 0


def test_noise_and_static_alone_hold_no_component():
    # At most 5 % may: with 1 % asked for, 60 captures show more than 4 with a probability of 1e-3.
    rng = np.random.default_rng(5)
    shown = sum(modes(8 + noise(rng, (32, 512), 1.0), TIME, FREQUENCY).sizes["path"] > 0 for _ in range(60))
    assert shown <= 4


def arrays(rng):
    """Two targets seen by 2 x 2 antennas, half a wavelength apart: exact bistatic path lengths of each pair."""
    half = SPEED_OF_LIGHT / 5.8e9 / 2
    transmitters = np.array([[0, 0], [half, 0]])
    receivers = np.array([[4, 0], [4 + half, 0]])
    starts, velocities = np.array([[2, 3.0], [3.0, 4.0]]), np.array([[0.8, 0.6], [-0.5, -1.0]])
    csi = np.full((4, 32, 512), 5 + 0j)
    truth = []
    for start, velocity in zip(starts, velocities, strict=True):
        position = start + velocity * TIME[:, None]
        pair = 0
        for r in receivers:
            for t in transmitters:
                length = np.linalg.norm(position - t, axis=1) + np.linalg.norm(position - r, axis=1)
                csi[pair] += np.exp(-2j * np.pi / SPEED_OF_LIGHT * np.outer(FREQUENCY, length))
                pair += 1
        fine = np.polynomial.Polynomial.fit(TIME, length, 6)
        truth.append(tuple(float(fine.deriv(k)(0)) for k in (1, 2, 3)))
    return csi + noise(rng, csi.shape), truth


def test_antenna_arrays_share_a_components_phase():
    csi, truth = arrays(np.random.default_rng(6))
    out = found(csi)
    # Half a wavelength between elements: the centre's velocity differs from one pair's by at most some mm/s.
    assert_states(out, *truth, tolerance=(0.03, 0.2, 2.0))


def test_the_image_by_way_of_the_reference_is_named_and_left_out():
    rng = np.random.default_rng(7)
    moving = path(9, 2.0, -1, 3)
    csi = 10 + moving + 0.08 * moving.conj() + noise(rng, (32, 512), 0.05)
    array = xr.DataArray(
        csi.astype(np.complex64),
        dims=("subcarrier", "packet"),
        coords={"frequency": ("subcarrier", FREQUENCY), "time": ("packet", TIME)},
        attrs={"reference": 1},
    )
    out = estimate_paths(array)
    assert_states(out, (2.0, -1, 3))
    assert out.attrs["model"] == "modulated"
    assert "image_velocity" in out
    plain = estimate_paths(array.assign_attrs(reference=-1), method="modes")
    assert plain.sizes["path"] == 2


def test_deviations_are_withheld_at_the_limit_of_paths():
    rng = np.random.default_rng(8)
    csi = 8 + path(9, 1.2, -2, 6) + path(14, -0.8, 1, -4) + noise(rng, (32, 512))
    out = estimate_paths(csi, time=TIME, frequency=FREQUENCY, max_paths=1, method="modes")
    assert out.attrs["cannot_tell"] == 1 and "limit of 1" in out.attrs["reason"]
    assert out["std_velocity"].isnull().all()


@pytest.mark.parametrize("seed", [1000, 1003])
def test_a_room_with_all_impairments_is_counted(seed):
    capture = isacsim.simulate(isacsim.load_scenario("lab_cubic"), seed=seed)
    csi = condition(capture, uniform=False).isel(receiver=0)
    out = estimate_paths(csi)
    truth = capture.isel(receiver=0)
    assert out.sizes["path"] == int(truth["velocity"].notnull().sum())
    np.testing.assert_allclose(np.sort(out["velocity"]), np.sort(truth["velocity"].dropna("path")), atol=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"phase_sign": 0}, "phase_sign"),
        ({"false_alarm": 2.0}, "false_alarm"),
        ({"frequency": FREQUENCY[:5]}, "shape"),
    ],
)
def test_wrong_arguments_are_named(options, words):
    arguments = {"time": TIME, "frequency": FREQUENCY} | options
    with pytest.raises(InputError, match=words):
        modes(np.ones((32, 512), np.complex64), **arguments)


def test_csi_that_is_not_finite_is_refused():
    csi = np.ones((32, 512), np.complex64)
    csi[3, 4] = np.nan
    with pytest.raises(InputError, match="not finite"):
        modes(csi, TIME, FREQUENCY)


def test_slow_paths_that_cross_beside_a_reference():
    # Four people whose courses lie within a few Hz and cross, and the reference's images of them all.
    capture = isacsim.simulate(isacsim.load_scenario("lab_siso"), seed=1009)
    csi = condition(capture).isel(receiver=0)
    out = estimate_paths(csi, method="modes")
    truth = capture.isel(receiver=0)
    assert out.sizes["path"] == truth.sizes["path"] == 4
    order, want = np.argsort(out["acceleration"].values), np.argsort(truth["acceleration"].values)
    for name, within in (("acceleration", 0.2), ("jerk", 1.0)):
        np.testing.assert_allclose(out[name].values[order], truth[name].values[want], atol=within)


def test_two_close_courses_are_parted():
    # Both weak enough beside others, and close enough, that one component with a wandering amplitude took them.
    capture = isacsim.simulate("hall_cubic", seed=1027)
    out = estimate_paths(condition(capture).isel(receiver=0), method="modes")
    assert out.sizes["path"] == capture.sizes["path"]


def test_what_two_receive_chains_leave_of_a_static_scene_is_no_path():
    # 54 dB below the static part, far above the noise: with a reference, less than impairments leave.
    csi = 10 + path(9, 0.4, 1, 3, amplitude=0.02) + noise(np.random.default_rng(9), (32, 512), 0.01)
    assert found(csi, reference=True).sizes["path"] == 0
    assert found(csi).sizes["path"] == 1


def test_too_few_packets_for_a_slow_amplitude_are_refused():
    csi = 10 + path(9, 0.4, 1, 3)[:, :11]
    with pytest.raises(InputError, match="need at least 12 packets, got 11; method 'relax' takes 8"):
        estimate_paths(csi, time=TIME[:11], frequency=FREQUENCY, method="modes")


def test_amplitudes_that_wander_have_no_deviation():
    out = found(10 + path(9, 0.4, 1, 3) + noise(np.random.default_rng(8), (32, 512), 0.01))
    assert out.sizes["path"] == 1
    assert np.isnan(out["std_amplitude"].values).all() and np.isfinite(out["std_velocity"].values).all()
