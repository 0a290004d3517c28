"""VNCMD: its smoother is the operator of the paper, its modes are those of a signal, and its paths have lengths."""

import numpy as np
import pytest
from isacsim.validation.captures import axes, channel, noise, static_part

import isacsim
from isacsim.errors import InputError
from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.peers.series import Series
from isacsim.estimation.peers.vncmd import _decompose, _ridge, _smooth, _smoother, vncmd

pytestmark = pytest.mark.numerical


def paths(*rows):
    names = ("path_length", "velocity", "acceleration", "jerk", "amplitude", "phase")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def test_the_smoother_is_one_plus_second_differences():
    n, width = 12, 3.0
    second = np.diff(np.eye(n), 2, axis=0)
    dense = np.eye(n) + second.T @ second / (2 * np.pi * width / n) ** 4
    values = np.random.default_rng(0).normal(size=(2, 3, n)) * (1 + 2j)
    # Twelve unknowns, condition number some hundred: 1e-13.
    smooth = _smooth(_smoother(n, width), values)
    np.testing.assert_allclose(smooth @ dense, values, atol=1e-12)
    # A straight line has no second difference.
    np.testing.assert_allclose(_smooth(_smoother(n, width), np.arange(n) + 0j), np.arange(n), atol=1e-11)


def test_modes_share_a_frequency_that_is_no_polynomial():
    """A frequency that swings, begun at its mean: found in two channels at once, one of them all but noise."""
    rng = np.random.default_rng(1)
    n, interval = 800, 1e-3
    t = np.arange(n) * interval
    truth = 2 * np.pi * (40 + 3 * np.sin(2 * np.pi * 1.5 * t))
    phase = np.concatenate([[0], np.cumsum((truth[1:] + truth[:-1]) / 2 * interval)])
    channels = np.array([[1.0], [0.05j]]) * np.exp(1j * phase)
    channels = channels + noise(rng, channels.shape, 20.0)
    modes = _decompose(channels, np.full((1, n), 2 * np.pi * 40.0), interval)
    inner = slice(80, -80)  # the ends have half a neighbourhood
    off = (modes.rate[0] - truth)[inner] / (2 * np.pi)
    # Begun 2.1 Hz rms off. What a low-pass of 3 periods a window leaves of 1.2 is small; noise adds 0.1 Hz.
    assert np.sqrt((off**2).mean()) < 0.5
    assert np.abs(modes.envelope[0, 0, inner]).mean() == pytest.approx(1.0, abs=0.05)


def test_a_ridge_keeps_to_the_stronger_of_two_that_cross():
    t = np.arange(1024) * 1e-3
    up, down = np.exp(2j * np.pi * (60 * t + 40 * t**2)), np.exp(2j * np.pi * (140 * t - 40 * t**2))
    ridge = _ridge(Series(up + 0.7 * down, t - t.mean(), 0.05)) / (2 * np.pi)
    inner = slice(100, -100)
    # Bins of 4 Hz and segments over which the frequency moves by 10 Hz.
    assert np.abs(ridge - (60 + 80 * t))[inner].max() < 8


def test_two_well_separated_paths():
    """12 Hz apart throughout: every state within ten of the bound's deviations, lengths within the delays' too."""
    t, f = axes(32)
    truth = paths((6.0, 2.0, 1.5, 8.0, 1.0, 0.4), (11.0, -1.6, -2.0, -11.0, 0.7, 2.0))
    rng = np.random.default_rng(3)
    h = channel(t, f, truth) + static_part(rng, f, 20.0)
    h = h + noise(rng, h.shape, 10.0)
    found = isacsim.estimate_paths(h, time=t, frequency=f, method="vncmd", max_paths=2)
    assert found.attrs["method"] == "vncmd"
    bound = cramer_rao_bound(t, f, snr_db=10.0, paths=truth)
    for name in ("path_length", "velocity", "acceleration", "jerk"):
        off = np.abs(found[name].values - truth[name]) / bound[f"std_{name}"].values
        assert (off < 10).all(), (name, off)
    np.testing.assert_allclose(found.amplitude, truth["amplitude"], rtol=0.05)


def test_input_is_checked():
    t, f = axes(4, 256)
    h = channel(t, f, paths((6.0, 2.0, 1.5, 8.0, 1.0, 0.4)))
    with pytest.raises(InputError, match="n_paths must be at least 1"):
        vncmd(h, t, f, n_paths=0)
    with pytest.raises(InputError, match="finite, or zero"):
        vncmd(np.zeros_like(h), t, f)
    with pytest.raises(InputError, match="shape"):
        vncmd(h[:2], t, f)
    # Without noise, and at the least number of packets, it ends with finite states.
    assert np.isfinite(vncmd(h, t, f).velocity).all()
    assert np.isfinite(vncmd(h[:, :8], t[:8], f).velocity).all()
