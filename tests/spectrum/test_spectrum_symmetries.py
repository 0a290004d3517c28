"""The AJ spectrum's closed forms, and the symmetries that physics asks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isacsim.spectrum.grid import WindowResolution
from tests.spectrum.moving_paths import AXES, CARRIER, FREQUENCY, TIME, crowd, path, spectrum, top

pytestmark = pytest.mark.numerical

BIN_A, BIN_R = 16 / 63, 80 / 63

settings.register_profile("physics", deadline=None, max_examples=30)
settings.load_profile("physics")

accelerations = st.floats(-6, 6)
jerks = st.floats(-30, 30)
velocities = st.floats(-3, 3)
lengths = st.floats(3, 15)
phases = st.floats(-3.2, 3.2)


@given(a=accelerations, r=jerks, v=velocities, d0=lengths, phase=phases)
def test_interpolated_peak_within_015_bins(a, r, v, d0, phase):
    got_a, got_r, height = top(spectrum(path(a, r, v, d0, phase), remove_static=False, **AXES))
    assert abs(got_a - a) < 0.15 * BIN_A
    assert abs(got_r - r) < 0.15 * BIN_R
    assert 0.75 < height < 1.05  # the interpolation's rest, and the coherent smear over 80 MHz


@given(a=accelerations, r=jerks, v=velocities, d0=lengths)
def test_interpolated_peak_after_static_removal(a, r, v, d0):
    """What is left of a slow path interferes with it: 0.15 bins hold where the notch takes under 1 % of its energy.

    At the 10 % that one might hope for, the spectrum's own maximum (not its interpolation) is off by up to 0.46 bins.
    """
    h = path(a, r, v, d0)
    notched = (np.abs(h.mean(axis=1)) ** 2 / (np.abs(h) ** 2).mean(axis=1)).max()
    assume(notched < 0.1)
    got_a, got_r, _ = top(spectrum(h, **AXES))
    most = 0.15 if notched < 0.01 else 0.5
    assert abs(got_a - a) < most * BIN_A
    assert abs(got_r - r) < most * BIN_R


@given(d0=lengths, phase=phases)
def test_unit_path_peaks_at_one(d0, phase):
    at = {"acceleration": np.array([3.0]), "jerk": np.array([20.0])}
    for kwargs in ({}, {"lags": "symmetric"}, {"window": "hann"}, {"combine": "noncoherent"}):
        p = spectrum(path(3.0, 20.0, 0.0, d0, phase), remove_static=False, **at, **kwargs)
        # Coherent over 80 MHz: the sinc of the module docstring, over |v + a t + r t²/2| up to 3.5 m/s.
        assert float(p.max()) == pytest.approx(1, abs=0.03 if kwargs.get("combine") is None else 0.002)


@given(v=velocities, d0=lengths, phase=phases)
def test_invariant_to_velocity_length_and_phase(v, d0, phase):
    """One subcarrier, no static removal: initial phase, v and d0 are gone after the two products."""
    one = FREQUENCY[[16]]
    base = spectrum(path(2.0, -15.0, 1.0, 6.0, 0.0, frequency=one), frequency=one, remove_static=False)
    moved = spectrum(path(2.0, -15.0, v, d0, phase, frequency=one), frequency=one, remove_static=False)
    np.testing.assert_allclose(moved.values, base.values, atol=5e-5)


@given(origin=st.floats(-1, 1), a=accelerations, r=jerks)
def test_time_origin(origin, a, r):
    """The array's origin does not matter; the path's does: a(T) = a + r T."""
    h = path(a, r, 1.0)
    shifted = spectrum(h, time=TIME + origin, remove_static=False)
    np.testing.assert_array_equal(
        shifted.values > 0.5, spectrum(h, remove_static=False, time=TIME).values > 0.5
    )
    t = TIME + 0.05  # the window's centre is now 50 ms into the path
    moved = top(spectrum(path(a, r, 1.0, time=t), time=t, remove_static=False, **AXES))
    assert abs(moved[0] - (a + r * 0.05)) < 0.15 * BIN_A
    assert abs(moved[1] - r) < 0.15 * BIN_R


@given(seed=st.integers(0, 10**6))
def test_phase_sign(seed):
    h = crowd(seed, 3)
    p, flipped = spectrum(h), spectrum(h, phase_sign=1)
    np.testing.assert_allclose(flipped.values, p.values[::-1, ::-1], atol=1e-5 * float(p.max()))
    np.testing.assert_allclose(spectrum(h.conj(), phase_sign=1).values, p.values, atol=1e-5 * float(p.max()))


def test_positive_acceleration_means_growing_ever_faster():
    assert top(spectrum(path(3.0, 20.0)))[:2] == pytest.approx((3, 20), abs=0.1)


@given(scale=st.floats(0.5, 2.0), seed=st.integers(0, 1000))
def test_scaled_carrier(scale, seed):
    """Twice the carrier, half the path: the same phase, so the same spectrum on axes half as wide."""
    h = crowd(seed, 3)
    p = spectrum(h, decimation=2, **AXES)
    narrow = {name: axis / scale for name, axis in AXES.items()}
    scaled = spectrum(h, frequency=FREQUENCY * scale, decimation=2, **narrow)
    np.testing.assert_allclose(scaled.values, p.values, atol=2e-5 * float(p.max()))


@given(amplitude=st.floats(0.1, 10))
def test_amplitude_to_the_fourth(amplitude):
    one = spectrum(path(2.0, 10.0))
    other = spectrum(path(2.0, 10.0, amplitude=amplitude))
    np.testing.assert_allclose(other.values, amplitude**4 * one.values, rtol=2e-3, atol=1e-5 * amplitude**4)


def test_static_paths_leave_nothing():
    rng = np.random.default_rng(0)
    static = 30 * np.exp(2j * np.pi * rng.random((32, 1)))
    moving = path(2.0, 10.0)
    with_static = spectrum((moving + static).astype(np.complex64)).values
    np.testing.assert_allclose(with_static, spectrum(moving).values, atol=1e-4)
    alone = spectrum((static + np.zeros_like(moving)).astype(np.complex64)).values
    assert alone.max() < 1e-9
    # Without removal it is what it is: a path at (0, 0).
    assert top(spectrum((moving + static).astype(np.complex64), remove_static=False))[:2] == pytest.approx(
        (0, 0), abs=0.05
    )


def test_half_maximum_widths():
    """method.md section 2: Δa 0.28 for symmetric lags; 0.52 for positive ones from lag 0 (0.59 from 0.12)."""
    fine = {"acceleration": np.linspace(-2.5, 2.5, 1001), "jerk": np.array([0.0])}
    one = FREQUENCY[[16]]
    for kwargs, width, off in (
        ({"lags": "symmetric"}, 0.28, 1.2e-4),
        ({"min_lag": 0.0}, 0.52, 5.4e-2),
        ({}, 0.59, 5.9e-2),
    ):
        h = path(0.0, 0.0, 1.0, frequency=one)
        p = spectrum(h, frequency=one, remove_static=False, decimation=1, **fine, **kwargs)
        v = p.values[:, 0]
        above = p.acceleration.values[v > v.max() / 2]
        assert above[-1] - above[0] == pytest.approx(width, abs=0.015)
        assert float(np.interp(2.0, p.acceleration, v)) == pytest.approx(off, rel=0.1)


def test_coherent_smear_is_the_documented_sinc():
    """At v alone, R over the band falls to sinc(B v 2φ/c): its square in R2 is P's height."""
    at = {"acceleration": np.array([0.0]), "jerk": np.array([0.0])}
    grid = WindowResolution(1024, 1e-3, CARRIER)
    for v in (1.0, 3.0):
        p = spectrum(path(0.0, 0.0, v), remove_static=False, **at)
        span = FREQUENCY.size * 2.5e6
        expected = np.sinc(span * v * grid.kappa / CARRIER) ** 2
        assert float(p.max()) == pytest.approx(expected, abs=2e-3)
