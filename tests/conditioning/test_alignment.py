"""A single channel: alignment takes its phase and timing errors away, and its mean is its static part."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isacsim import aj_spectrum, simulate_paths
from isacsim.conditioning.conditioning import PROJECTED, align_phase, condition, remove_static
from isacsim.conditioning.reference import project
from tests.spectrum.one_window import FREQUENCY, TIME, peak

pytestmark = pytest.mark.numerical


def single(cfo_hz=180.0, sto_ns=20.0, static=10.0, grid=FREQUENCY):
    rng = np.random.default_rng(8)
    path = simulate_paths(
        TIME,
        grid,
        path_length=[6.0],
        velocity=[1.0],
        acceleration=[3.0],
        jerk=[15.0],
        amplitude=[1.0],
        phase=[0.0],
    )
    phase = 2 * np.pi * cfo_hz * TIME + np.cumsum(rng.normal(0, 0.05, 1024))
    timing = sto_ns * 1e-9 * (2 + rng.standard_normal(1024))
    error = np.exp(1j * phase - 2j * np.pi * (grid - grid.mean())[:, np.newaxis] * timing)
    # A static channel of two rays, 60 ns apart: neither flat nor zero anywhere.
    still = static * (1 + 0.4 * np.exp(-2j * np.pi * grid[:, np.newaxis] * 60e-9))
    noise = 0.1 * (rng.standard_normal(path.shape) + 1j * rng.standard_normal(path.shape))
    return xr.DataArray(
        ((still + path) * error + noise)[np.newaxis].astype(np.complex64),
        dims=("receiver", "subcarrier", "packet"),
        coords={"frequency": ("subcarrier", grid), "time": ("packet", TIME)},
    )


INTEL = 5.32e9 + np.array([*range(-28, 0, 2), -1, *range(1, 28, 2), 28]) * 312.5e3


@pytest.mark.parametrize("grid", [FREQUENCY, INTEL], ids=["uniform", "Intel 5300"])
def test_alignment_recovers_the_peak_of_a_single_channel(grid):
    broken = single(grid=grid)
    lost = peak(aj_spectrum(broken)[0])
    assert abs(lost[0] - 3) > 1 or abs(lost[1] - 15) > 5
    np.testing.assert_allclose(peak(aj_spectrum(align_phase(broken))[0]), (3, 15), atol=1.0)


def test_alignment_does_not_care_about_dimension_order_or_what_it_got():
    broken = single()
    before = broken.values.copy()
    got = align_phase(broken.transpose("packet", "subcarrier", "receiver"))
    np.testing.assert_array_equal(broken.values, before)
    np.testing.assert_array_equal(got.values, align_phase(broken).values)


def test_alignment_changes_phase_and_slope_only():
    broken = single()
    turn = (align_phase(broken).values / broken.values)[0]
    np.testing.assert_allclose(np.abs(turn), 1, rtol=1e-5)
    step = turn[1:] / turn[:-1]
    np.testing.assert_allclose(step, step[:1] * np.ones((15, 1)), atol=1e-5)


def test_remove_static_subtracts_the_mean_in_any_order():
    rng = np.random.default_rng(1)
    array = single()
    got = remove_static(array)
    assert np.abs(got.mean("packet")).max() < 1e-5 * np.abs(array).max()
    np.testing.assert_allclose(
        got.values, array.values - array.values.mean(axis=-1, keepdims=True), atol=1e-4
    )
    turned = remove_static(array.transpose("packet", "subcarrier", "receiver"))
    np.testing.assert_array_equal(turned.transpose(*array.dims).values, got.values)
    square = xr.DataArray(rng.normal(size=(4, 4)).astype(np.complex64), dims=("packet", "subcarrier"))
    assert np.abs(remove_static(square).mean("packet")).max() < 1e-6


def test_aligning_one_antenna_to_itself_leaves_a_mirror_image():
    """What `isacsim estimate` warns of: the image of a mover is about half as strong, whatever the bandwidth."""
    time = np.arange(512) / 500
    turning = np.exp(-2j * np.pi * 5.5e9 * time / 299792458.0)  # 1 m/s
    for tones in (56, 242):
        images = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            k = np.arange(tones) - tones // 2
            frequency = 5.5e9 + 312.5e3 * k
            delay = rng.exponential(60e-9, 12)
            gain = np.sqrt(100 / 24) * (rng.normal(size=12) + 1j * rng.normal(size=12))
            static = np.exp(-2j * np.pi * np.outer(frequency, delay)) @ gain
            path = np.exp(-2j * np.pi * np.outer(frequency, 9 + time) / 299792458.0)
            csi = (static[:, np.newaxis] + path) * np.exp(2j * np.pi * rng.random(time.size))
            array = xr.DataArray(
                csi[np.newaxis].astype(np.complex64),
                dims=("receiver", "subcarrier", "packet"),
                coords={"frequency": ("subcarrier", frequency), "time": ("packet", time)},
            )
            columns = np.column_stack([np.ones(time.size), turning, turning.conj()])
            fitted = np.linalg.lstsq(columns, align_phase(array).values[0].T, rcond=None)[0]
            images.append(np.sqrt((np.abs(fitted[2]) ** 2).mean()))
        assert 0.3 < np.mean(images) < 0.9


def test_projection_leaves_hardly_any_mirror_image():
    """Where alignment leaves half: `isacsim validate mirror` has more bandwidths and methods."""
    time = np.arange(512) / 500
    turning = np.exp(-2j * np.pi * 5.5e9 * time / 299792458.0)
    images, kept = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        frequency = 5.5e9 + 312.5e3 * np.arange(-28, 28)
        static = np.exp(-2j * np.pi * np.outer(frequency, rng.exponential(60e-9, 12))) @ (
            rng.normal(size=(12, 2)) @ [2, 2j]
        )
        path = np.exp(-2j * np.pi * np.outer(frequency, 9 + time) / 299792458.0)
        errors = rng.random(time.size) + np.outer(frequency - 5.5e9, 15e-9 * rng.standard_normal(time.size))
        capture = xr.Dataset(
            {
                "csi": (
                    ("receiver", "subcarrier", "packet"),
                    ((static[:, np.newaxis] + path) * np.exp(2j * np.pi * errors))[np.newaxis].astype(
                        np.complex64
                    ),
                )
            },
            coords={
                "frequency": ("subcarrier", frequency),
                "time": ("packet", time),
                "role": ("receiver", ["rx"]),
            },
        )
        made = condition(capture, reference="projection")
        assert made.attrs["timing"] == "unknown" and made.attrs["conditioning"] == PROJECTED
        columns = np.column_stack([np.ones(time.size), turning, turning.conj()])
        fitted = np.abs(np.linalg.lstsq(columns, made.values[0].T, rcond=None)[0])
        kept.append(np.sqrt((fitted[1] ** 2).mean()))
        images.append(np.sqrt((fitted[2] ** 2).mean()))
        # The static channel stays.
        assert np.sqrt((fitted[0] ** 2).mean()) == pytest.approx(
            np.sqrt((np.abs(static) ** 2).mean()), rel=0.1
        )
    assert np.median(images) < 0.05
    assert 0.3 < np.median(kept) < 1


def test_projection_of_few_subcarriers_is_alignment():
    few = single().isel(subcarrier=slice(0, 3))
    np.testing.assert_array_equal(project(few).values, align_phase(few).values)
