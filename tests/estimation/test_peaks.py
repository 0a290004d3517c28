"""Maxima of the AJ spectrum: threshold, interpolation, and the estimator on top."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, percentile_filter
from scipy.stats import binom

import isacsim
from isacsim.estimation.peaks import cfar_threshold, find_peaks, interpolate_peak, interpolate_peaks

pytestmark = pytest.mark.numerical

TIME = (np.arange(1024) - 511.5) / 1000
FREQUENCY = 5.805e9 + np.arange(-16, 16) * 2.5e6


def paths(a, r, v=None, d0=None, amplitude=None):
    n = len(a)
    return isacsim.simulate_paths(
        TIME,
        FREQUENCY,
        path_length=np.linspace(4, 12, n) if d0 is None else d0,
        velocity=np.linspace(-1.5, 2, n) if v is None else v,
        acceleration=a,
        jerk=r,
        amplitude=np.ones(n) if amplitude is None else amplitude,
        phase=np.arange(n),
    )


def noise(seed, snr_db=10.0):
    rng = np.random.default_rng(seed)
    n = rng.standard_normal((2, FREQUENCY.size, TIME.size)) * 10 ** (-snr_db / 20) / np.sqrt(2)
    return (n[0] + 1j * n[1]).astype(np.complex64)


def estimate(h, **kwargs):
    return isacsim.estimate_paths(h, time=TIME, frequency=FREQUENCY, method="peaks", **kwargs)


@pytest.mark.parametrize("false_alarm", [0.1, 0.01])
def test_cfar_keeps_its_false_alarm_rate(false_alarm):
    """Independent exponential cells of unknown scale: the share above threshold is the nominal one."""
    rng = np.random.default_rng(1)
    cells = rng.exponential(3.7, (300, 300))
    above = cells > cfar_threshold(cells, (1.0, 1.0), false_alarm)
    # Interior cells, thinned to a grid of disjoint rings so that they count as independent trials.
    inner = above[20:-20:10, 20:-20:10]
    low, high = binom.interval(1 - 1e-6, inner.size, false_alarm)
    assert low <= inner.sum() <= high
    # The k-th of N is taken as a continuous quantile: within a fifth of nominal over all cells.
    assert above[10:-10, 10:-10].mean() == pytest.approx(false_alarm, rel=0.2)


def full_footprint_threshold(p, cell, false_alarm):
    """The median over every bin of the ring, as its definition says."""
    half = [round(8 * c) for c in cell]
    x, y = np.ogrid[-half[0] : half[0] + 1, -half[1] : half[1] + 1]
    ring = (np.abs(x) > 1.5 * cell[0]) | (np.abs(y) > 1.5 * cell[1])
    # The factor for that many independent cells, from a spectrum whose median is one everywhere.
    alpha = cfar_threshold(np.ones((64, 64)), cell, false_alarm)[0, 0]
    return alpha * percentile_filter(p, 50, footprint=ring, mode="mirror")


def test_thresholds_of_fine_axes_equal_the_full_ring_s():
    """Less than a tenth apart, and the same share of noise above them, on axes of 5 and 6 bins a cell."""
    rng = np.random.default_rng(5)
    cell = (5.0, 6.0)
    ours, full = [], []
    for _ in range(3):
        n = rng.standard_normal((2, 48, 48))
        p = np.abs(gaussian_filter(n[0], (2, 2.4)) + 1j * gaussian_filter(n[1], (2, 2.4))) ** 2
        a, b = cfar_threshold(p, cell, 0.1), full_footprint_threshold(p, cell, 0.1)
        assert np.median(np.abs(a / b - 1)) < 0.1
        ours.append((p > a).mean())
        full.append((p > b).mean())
    assert np.mean(ours) == pytest.approx(np.mean(full), abs=0.01)


def test_short_windows_find_the_same_peaks_as_the_full_ring(monkeypatch):
    """512 packets and 32 bins: 3 by 5 of them a cell."""
    h = (paths([4.0, -4.0], [20.0, -25.0], amplitude=[1.0, 0.9]) + noise(3))[:, 256:768]
    axes = {"acceleration": np.linspace(-8, 8, 32), "jerk": np.linspace(-40, 40, 32)}
    p = isacsim.aj_spectrum(h, time=TIME[256:768], frequency=FREQUENCY, **axes)
    found = find_peaks(p)
    monkeypatch.setattr("isacsim.estimation.peaks.cfar_threshold", full_footprint_threshold)
    assert find_peaks(p) == found
    assert len(found) == 2


def test_threshold_scales_with_the_noise():
    cells = np.random.default_rng(2).exponential(1.0, (64, 64))
    one = cfar_threshold(cells, (2.0, 1.5), 1e-3)
    np.testing.assert_allclose(cfar_threshold(100 * cells, (2.0, 1.5), 1e-3), 100 * one, rtol=1e-9)


def test_interpolation_is_exact_for_a_gaussian_peak():
    x, y = np.linspace(-1, 1, 9), np.linspace(-2, 2, 11)
    p = 3.0 * np.exp(-((x[:, None] - 0.08) ** 2) / 0.5 - (y - 0.13) ** 2 / 2)
    i, j = np.unravel_index(p.argmax(), p.shape)
    peak = interpolate_peak(p, x, y, int(i), int(j))
    assert (peak.acceleration, peak.jerk) == pytest.approx((0.08, 0.13), abs=1e-9)
    assert peak.height == pytest.approx(3.0, rel=0.01)
    edge = interpolate_peak(p, x, y, 0, 5)
    assert (edge.acceleration, edge.height) == (-1.0, p[0, 5])


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1), (2, 2)])
def test_of_an_axis_of_one_bin_the_bin_itself_is_given(shape):
    p = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    a, r = (np.linspace(-1, 1, n) for n in shape)
    i, j = (n - 1 for n in shape)
    (peak,) = interpolate_peaks(p, a, r, np.array([i]), np.array([j]))
    assert (peak.acceleration, peak.jerk, peak.height) == (a[i], r[j], p.max())


def test_three_separated_targets():
    a, r = np.array([4.0, -3.0, -5.5]), np.array([20.0, 5.0, -25.0])
    found = estimate(paths(a, r) + noise(0))
    assert found.sizes["path"] == 3
    order = np.argsort(-found.acceleration.values)
    np.testing.assert_allclose(found.acceleration.values[order], a, atol=0.06)
    np.testing.assert_allclose(found.jerk.values[order], r, atol=0.4)
    np.testing.assert_allclose(found.amplitude.values, 1, atol=0.15)
    assert np.isnan(found.path_length).all() and np.isnan(found.std_acceleration).all()
    assert (np.diff(found.amplitude) <= 0).all()
    assert found.acceleration.attrs["units"] == "m/s2"


def test_noise_alone_rarely_gives_peaks():
    """4096 correlated bins at a nominal 1e-2: 0.5 peaks a capture were measured over 30 captures."""
    counts = [estimate(noise(s)).sizes["path"] for s in range(20)]
    assert sum(counts) <= 24


def test_max_paths_dynamic_range_and_empty():
    h = paths([4.0, -3.0], [20.0, 5.0], amplitude=[1.0, 0.75])
    assert estimate(h, max_paths=1).sizes["path"] == 1
    p = isacsim.aj_spectrum(h, time=TIME, frequency=FREQUENCY)
    # 0.75 in amplitude is 5 dB lower in P.
    assert len(find_peaks(p, dynamic_range_db=4)) == 1
    assert len(find_peaks(p, dynamic_range_db=7)) == 2
    assert find_peaks(p.copy(data=np.zeros_like(p.values))) == []


def test_scenario_truth_is_found():
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=5)
    found = isacsim.estimate_paths(capture.csi.isel(receiver=0), method="peaks", max_paths=1)
    assert float(found.acceleration[0]) == pytest.approx(float(capture.acceleration[0, 0]), abs=0.04)
    assert float(found.jerk[0]) == pytest.approx(float(capture.jerk[0, 0]), abs=0.2)


def test_axes_as_asked_for():
    h = paths([4.0, -3.0], [20.0, -25.0])
    found = estimate(h, acceleration=np.linspace(-5, 0, 32), jerk=np.linspace(-40, 0, 32), max_paths=1)
    assert float(found.acceleration[0]) == pytest.approx(-3, abs=0.06)
    with pytest.raises(
        isacsim.InputError, match=r"acceleration and jerk are for method 'peaks' only, not 'auto'"
    ):
        isacsim.estimate_paths(h, time=TIME, frequency=FREQUENCY, jerk=[1.0, 2.0])


def test_slow_packet_rates_narrow_the_axes():
    h = paths([2.0], [4.0])[:, ::10]
    found = isacsim.estimate_paths(h, time=TIME[::10], frequency=FREQUENCY, method="peaks", max_paths=1)
    # The thinned window is centred 4.5 packets of 1 ms earlier.
    assert float(found.acceleration[0]) == pytest.approx(2.0 - 4.0 * 0.0055, abs=0.1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "peak"}, "method must be one of"),
        ({"max_paths": 0}, r"max_paths must be .*at least 1"),
    ],
)
def test_bad_arguments(change, sentence):
    with pytest.raises(isacsim.InputError, match=sentence):
        isacsim.estimate_paths(
            paths([1.0], [1.0]), time=TIME, frequency=FREQUENCY, **{"method": "peaks", **change}
        )


def test_one_receiver_at_a_time():
    with pytest.raises(isacsim.InputError, match="one receiver at a time"):
        isacsim.estimate_paths(
            np.ones((2, 32, 1024), complex), time=TIME, frequency=FREQUENCY, method="peaks"
        )
    p = isacsim.aj_spectrum(np.ones((2, 32, 1024), complex), time=TIME, frequency=FREQUENCY)
    with pytest.raises(isacsim.InputError, match="select one"):
        find_peaks(p)
