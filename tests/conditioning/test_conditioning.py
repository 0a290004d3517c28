"""Conditioning: what product, ratio and gain remove, what they leave, how exactly, and which channels they take."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isacsim import InputError, aj_spectrum, simulate, simulate_paths
from isacsim.conditioning.conditioning import (
    compensate_gain,
    condition,
    phase_coherence,
    reference_product,
    usable_subcarriers,
)
from tests.spectrum.one_window import FREQUENCY, TIME, peak

pytestmark = pytest.mark.numerical

SHARED = {
    "cfo": {"offset_hz": 220.0, "phase_noise_rad_per_sqrt_s": 3.0},
    "sfo": {"ppm": 3.0},
    "sto": {"offset_ns": 40.0, "jitter_ns": 15.0},
}
AGC = {"agc": {"step_db": 1.0, "rate_hz": 40.0}}
THREE = [
    {"name": "a", "position_m": [4.0, 0.0, 1.0]},
    {"name": "b", "position_m": [4.1, 0.0, 1.0]},
    {"name": "c", "position_m": [4.2, 0.0, 1.0]},
]


def clean_of(capture):
    """The same capture as if nothing had happened to it."""
    return capture.assign(csi=capture.csi_noiseless).drop_vars("agc_gain_db")


def closeness(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


# --- product and ratio ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["product", "ratio"])
def test_shared_phase_and_timing_errors_vanish(make_scenario, how):
    capture = simulate(make_scenario(impairments=SHARED), seed=3)
    got, want = condition(capture, reference=how), condition(clean_of(capture), reference=how)
    # Twice the phasor kernel's 2e-5, once a channel.
    assert closeness(got.values, want.values) < 4e-5
    # And they were there: without the reference the channel is another one.
    assert closeness(capture.csi.values, capture.csi_noiseless.values) > 0.5


def test_product_is_the_conjugate_product_by_the_reference_s_rms(make_scenario):
    capture = simulate(make_scenario(impairments=SHARED), seed=3)
    surveillance, reference = capture.csi_noiseless.values.astype(np.complex128)
    want = surveillance * reference.conj() / np.sqrt(np.mean(np.abs(reference) ** 2))
    got = condition(capture)
    assert got.dims == ("receiver", "subcarrier", "packet") and got.dtype == np.complex64
    assert got.receiver.values.tolist() == ["rx"]
    assert closeness(got.values[0], want) < 4e-5
    assert got.attrs["conditioning"] == "product with receiver ref" and got.attrs["reference"] == 1


def test_ratio_is_the_ratio_where_the_reference_does_not_fade(make_scenario):
    capture = simulate(make_scenario(impairments=SHARED), seed=3)
    surveillance, reference = capture.csi_noiseless.values.astype(np.complex128)
    size = np.abs(reference)
    rms = np.sqrt(np.mean(size**2, axis=-1, keepdims=True))
    want = surveillance / reference * rms
    got = condition(capture, reference="ratio").values[0]
    assert closeness(got, want / (1 + (0.1 * rms / size) ** 2)) < 4e-5
    # Regularised by -20 dB: the plain ratio to 1 % of the reference's power, and no more.
    steady = size > 0.7 * rms
    assert steady.mean() > 0.9
    assert (np.abs(got - want) / np.abs(want))[steady].max() < 0.01 / 0.7**2


def test_ratio_stays_finite_where_the_reference_fades():
    values = np.ones((2, 3, 40), np.complex64)
    values[1, 1, 20] = 0
    values[1, 2] = 0  # a dead subcarrier
    array = xr.DataArray(values, dims=("receiver", "subcarrier", "packet"))
    got = reference_product(array, [0], 1, ratio=True).values
    assert np.isfinite(got.view(np.float32)).all()
    assert got[0, 1, 20] == 0 and not got[0, 2].any()
    assert np.abs(got).max() < 1.02


def test_reference_of_zeros_is_refused():
    array = xr.DataArray(np.zeros((2, 3, 40), np.complex64), dims=("receiver", "subcarrier", "packet"))
    with pytest.raises(InputError, match="reference channel is all zero"):
        reference_product(array, [0], 1)


def test_a_reference_without_a_static_part_points_to_the_environment(make_scenario):
    targets = {"fixed": []}
    scenario = make_scenario(environment={"kind": "none"}, targets=targets)
    with pytest.raises(InputError, match="the scenario's environment is none; every other kind has one"):
        condition(simulate(scenario, seed=0))


def test_agc_enters_the_product_squared_and_leaves_the_ratio(make_scenario):
    capture = simulate(make_scenario(impairments=AGC), seed=4)
    gain = 10 ** (capture.agc_gain_db.values / 20)
    assert np.ptp(capture.agc_gain_db.values) >= 2
    clean = clean_of(capture)
    product = condition(capture, gain="none").values / condition(clean).values
    np.testing.assert_allclose(product / product[..., :1], gain**2 * np.ones_like(product), rtol=1e-4)
    ratio = condition(capture, reference="ratio", gain="none").values
    want = condition(clean, reference="ratio").values
    scale = np.abs(ratio).mean() / np.abs(want).mean()  # the rms it is brought to has the mean gain
    # What the regularisation leaves of ±2 dB: about 1 % of the change of 1/g².
    assert closeness(ratio, want * scale) < 0.02
    assert closeness(product * want, want * product.mean()) > 0.2


@pytest.mark.parametrize("how", ["product", "ratio"])
def test_compensated_gain_is_no_gain(make_scenario, how):
    capture = simulate(make_scenario(impairments=AGC | SHARED), seed=4)
    got, want = condition(capture, reference=how), condition(clean_of(capture), reference=how)
    assert closeness(got.values, want.values) < 4e-5


# --- the picture: mirror image, gain steps -------------------------------------------------------------------------


def pair(reference_motion, gain_db=0.0):
    """Static part 10 at both, one path of (3, 15) at the first, at `reference_motion` of it at the other."""
    path = simulate_paths(
        TIME,
        FREQUENCY,
        path_length=[6.0],
        velocity=[1.0],
        acceleration=[3.0],
        jerk=[15.0],
        amplitude=[1.0],
        phase=[0.0],
    )
    gain = 10 ** (np.broadcast_to(gain_db, TIME.shape) / 20)
    values = np.stack([10 + path, 10 + reference_motion * path]) * gain
    return xr.Dataset(
        {
            "csi": (("receiver", "subcarrier", "packet"), values.astype(np.complex64), {"phase_sign": -1}),
            "agc_gain_db": ("packet", np.broadcast_to(gain_db, TIME.shape)),
        },
        coords={
            "role": ("receiver", ["surveillance", "reference"]),
            "frequency": ("subcarrier", FREQUENCY),
            "time": ("packet", TIME),
        },
    )


def at(spectrum, a, r):
    return float(spectrum.sel(acceleration=a, jerk=r, method="nearest"))


def test_product_brings_a_mirror_image_of_the_reference_s_motion():
    # h conj(g) with g = 10 + s h': the conjugate of s h' times the static part peaks at (-a, -r), as s⁴.
    still = aj_spectrum(condition(pair(0.0)))[0]
    assert np.allclose(peak(still), (3, 15), atol=1.5) and at(still, -3, -15) < 0.02
    moving = aj_spectrum(condition(pair(-0.8)))[0]
    assert at(moving, -3, -15) == pytest.approx(0.8**4, rel=0.3)
    assert at(moving, 3, 15) == pytest.approx(at(still, 3, 15), rel=0.3)


def test_gain_steps_move_the_product_s_peak_but_not_the_ratio_s():
    # method.md section 1: 1 dB steps. The static part of 20 dB, squared gain on it, drowns the path.
    rng = np.random.default_rng(1)
    steps = np.zeros(1024)
    for moment, sign in zip(rng.integers(100, 900, 6), (1, -1, 1, 1, -1, -1), strict=True):
        steps[moment:] += sign
    capture = pair(0.0, steps)
    moved = peak(aj_spectrum(condition(capture, gain="none"))[0])
    assert abs(moved[0] - 3) > 1 or abs(moved[1] - 15) > 5
    for kept in (
        condition(capture, reference="ratio", gain="none"),
        condition(capture),
        condition(capture, gain="agc"),
    ):
        np.testing.assert_allclose(peak(aj_spectrum(kept)[0]), (3, 15), atol=1.0)


# --- gain ----------------------------------------------------------------------------------------------------------


def test_rssi_restores_the_power_over_time(make_scenario):
    capture = simulate(make_scenario(impairments=AGC), seed=4)
    power = (np.abs(capture.csi_noiseless.values) ** 2).mean(axis=(0, 1))
    capture["rssi"] = "packet", 10 * np.log10(power)
    got = compensate_gain(capture, gain="rssi").values
    ratio = np.abs(got / capture.csi_noiseless.values)
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-4)


def test_gain_arguments(make_scenario):
    capture = simulate(make_scenario(), seed=1)
    with pytest.raises(InputError, match=r"gain must be one of auto, agc, rssi, none, got 'db'"):
        condition(capture, gain="db")
    with pytest.raises(InputError, match=r"gain='rssi' needs the packet variable 'rssi'"):
        condition(capture, gain="rssi")
    with pytest.raises(InputError, match=r"no variable 'csj'; it has csi, csi_noiseless"):
        condition(capture, csi="csj")
    with pytest.raises(InputError, match=r"reference must be one of auto, .* got 'quotient'"):
        condition(capture, reference="quotient")


# --- which channels ------------------------------------------------------------------------------------------------


def test_auto_leaves_a_sound_capture_alone(make_scenario):
    one = simulate(make_scenario(radio={"receivers": THREE}), seed=1)
    got = condition(one)
    assert got.attrs["conditioning"] == "none" and got.attrs["reference"] == -1
    np.testing.assert_array_equal(got.values, one.csi.values)
    assert "conditioning" not in one.csi.attrs


@pytest.mark.parametrize("how", ["none", "self"])
def test_a_reference_is_no_receiver_to_analyse(make_scenario, how):
    capture = simulate(make_scenario(impairments=SHARED), seed=1)
    assert condition(capture, reference=how).receiver.values.tolist() == ["rx"]


@pytest.mark.parametrize("how", ["product", "ratio", "none", "self"])
def test_pair_chooses(make_scenario, how):
    capture = simulate(make_scenario(radio={"receivers": THREE}, impairments=SHARED), seed=1)
    assert condition(capture, reference=how, pair=(2, 0)).receiver.values.tolist() == ["c"]
    for bad in ((0, 0), (0, 3), (-1, 0)):
        with pytest.raises(InputError, match="pair must be two different receivers from 0 to 2"):
            condition(capture, reference=how, pair=bad)


def test_product_needs_two_channels(make_scenario):
    capture = simulate(make_scenario(radio={"receivers": THREE[:1]}), seed=1)
    with pytest.raises(InputError, match="need two receive channels, this capture has one"):
        condition(capture, reference="product")


def test_coherence_is_one_for_a_static_pair_and_small_for_strangers():
    rng = np.random.default_rng(2)
    phase = rng.uniform(-np.pi, np.pi, (2, 1, 4000))
    h = rng.normal(size=(3, 5, 1)) + 1j * rng.normal(size=(3, 5, 1)) + np.zeros((3, 5, 4000))
    h[:2] *= np.exp(1j * phase[0])  # two with one oscillator, the third with its own
    h[2] *= np.exp(1j * phase[1])
    array = xr.DataArray(h.astype(np.complex64), dims=("receiver", "subcarrier", "packet"))
    got = phase_coherence(array)
    np.testing.assert_allclose(got, got.T)
    np.testing.assert_allclose(np.diag(got), 1)
    assert got[0, 1] == pytest.approx(1, abs=1e-5)
    assert max(got[0, 2], got[1, 2]) < 5 / np.sqrt(4000)
    np.testing.assert_allclose(phase_coherence(array.transpose("packet", "subcarrier", "receiver")), got)


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_auto_takes_the_coherent_pair_and_its_steadier_channel_as_reference(odd):
    capture = xr.concat([pair(0.0), pair(0.0).isel(receiver=[1])], "receiver", data_vars="minimal")
    order = [[2, 0, 1], [0, 2, 1], [0, 1, 2]][odd]
    capture = capture.isel(receiver=order).drop_vars("agc_gain_db")
    capture = capture.assign_coords(role=("receiver", ["unknown"] * 3))
    rng = np.random.default_rng(1)
    turns = np.exp(2j * np.pi * rng.random((2, 1024)))
    values = capture.csi.values * turns[0]
    values[odd] *= turns[1]
    got = condition(capture.assign(csi=capture.csi.copy(data=values.astype(np.complex64))))
    coherent = [i for i in range(3) if i != odd]
    moving = order.index(0)
    if odd != moving:
        assert got.attrs["reference"] == next(i for i in coherent if i != moving)
        np.testing.assert_allclose(peak(aj_spectrum(got)[0]), (3, 15), atol=1.0)
    else:
        assert got.attrs["reference"] in coherent


def test_a_dead_antenna_is_not_chosen(make_scenario):
    capture = simulate(make_scenario(radio={"receivers": THREE}, impairments=SHARED), seed=1)
    values = capture.csi.values.copy()
    values[1] = 0
    got = condition(capture.assign(csi=capture.csi.copy(data=values)))
    assert got.receiver.values[0] in ("a", "c") and got.attrs["reference"] in (0, 2)
    assert np.isfinite(got.values.view(np.float32)).all()


def test_usable_subcarriers(make_scenario):
    capture = simulate(make_scenario(), seed=1)
    assert usable_subcarriers(capture.csi).equals(capture.csi)
    valid = np.arange(16) % 5 != 0
    got = condition(capture.assign_coords(valid=("subcarrier", valid)))
    np.testing.assert_array_equal(got.frequency, capture.frequency.values[valid])
