"""The AJ spectrum against literal references, and its ways to combine subcarriers and paths."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from scipy.signal import get_window

import isacsim
from isacsim import aj_spectrum, simulate_paths
from isacsim.commands.spectrum import Combine as CombineOption
from isacsim.spectrum.aj import self_term_spectrum
from isacsim.spectrum.grid import WindowResolution
from isacsim.spectrum.settings import Combine
from tests.spectrum import literal
from tests.spectrum.moving_paths import AXES, CARRIER, FREQUENCY, TIME, crowd, path, spectrum, top

pytestmark = pytest.mark.numerical


def literal_of(h, *, window="boxcar", time=TIME, frequency=FREQUENCY, remove_static=True, **axes):
    grid = WindowResolution(time.size, time[1] - time[0], frequency.mean())
    r = literal.lag_product(h, grid.lag, remove_static=remove_static, phase_sign=-1)
    first = int(np.ceil(0.12 * r.size))
    taper = get_window(window, r.size, fftbins=False)
    return np.abs(
        literal.double_loop(r, grid.interval, grid.kappa, axes["acceleration"], axes["jerk"], first, taper)
    )


@pytest.fixture(scope="module")
def crowded():
    time = (np.arange(512) - 255.5) / 500
    frequency = FREQUENCY[::8]
    return [(crowd(s, n, 15.0, time=time, frequency=frequency), time, frequency) for s, n in ((1, 5), (2, 3))]


@pytest.mark.parametrize("window", [None, "hann"])
def test_equals_the_double_loop(crowded, window):
    for h, time, frequency in crowded:
        expected = literal_of(h, time=time, frequency=frequency, window=window or "boxcar", **AXES)
        exact = spectrum(h, time=time, frequency=frequency, window=window, decimation=1, **AXES).values
        assert np.abs(exact - expected).max() < 1e-4 * expected.max()
        reduced = spectrum(h, time=time, frequency=frequency, window=window, **AXES).values
        assert np.abs(reduced - expected).max() < 1e-2 * expected.max()


@pytest.mark.parametrize(
    ("n_sub", "n", "snr_db", "most"), [(1, 7, 7.0, 0.01), (1, 1, 60.0, 0.001), (32, 7, 5.0, 0.004)]
)
def test_decimation_costs_what_it_says(n_sub, n, snr_db, most):
    """The claim beside aj_transform.OVERSAMPLING, at the default rate, axes and bandwidth."""
    frequency = CARRIER + (np.arange(n_sub) - n_sub // 2) * 80e6 / n_sub
    for seed in range(6):
        h = crowd(seed, n, snr_db, frequency=frequency)
        exact, reduced = (spectrum(h, frequency=frequency, decimation=d).values for d in (1, None))
        assert np.abs(exact - reduced).max() < most * exact.max()


def test_decimation_on_zoomed_axes():
    """Most of the paths lie beyond these axes; what leaks in from them must survive the reduction."""
    axes = {"acceleration": np.linspace(-1, 1, 16), "jerk": np.linspace(-5, 5, 16)}
    for seed in range(4):
        full = spectrum(crowd(seed, 5)).values.max()
        exact, reduced = (spectrum(crowd(seed, 5), decimation=d, **axes).values for d in (1, None))
        assert np.abs(exact - reduced).max() < 0.01 * full


def test_asymmetric_and_zoomed_axes_equal_the_double_loop(crowded):
    axes = {"acceleration": np.array([-1.0, 0.0, 0.3, 4.0]), "jerk": np.array([-20.0, -3.0, 2.5, 7.0, 30.0])}
    h, time, frequency = crowded[0]
    expected = literal_of(h, time=time, frequency=frequency, **axes)
    got = spectrum(h, time=time, frequency=frequency, decimation=1, **axes).values
    assert np.abs(got - expected).max() < 1e-4 * expected.max()


def test_symmetric_lags_equal_every_pair():
    time = (np.arange(96) - 47.5) / 94
    h = crowd(3, 3, 20.0, time=time, frequency=FREQUENCY[:2])
    axes = {"acceleration": np.linspace(-4, 4, 7), "jerk": np.linspace(-10, 10, 5)}
    grid = WindowResolution(96, 1 / 94, FREQUENCY[:2].mean())
    r = literal.lag_product(h, grid.lag, remove_static=True, phase_sign=-1)
    expected = np.abs(literal.all_lags(r, grid.interval, grid.kappa, **axes))
    got = spectrum(h, time=time, frequency=FREQUENCY[:2], lags="symmetric", decimation=1, **axes).values
    assert np.abs(got - expected).max() < 1e-4 * expected.max()


def test_equals_the_papers_keystone_route():
    # Coarse on purpose: interpolating R2 is what costs, and 250 packets/s keep it affordable.
    time = (np.arange(256) - 127.5) / 250
    frequency = np.array([CARRIER])
    h = isacsim.simulate_paths(
        time,
        frequency,
        path_length=[5.0, 8.0],
        velocity=[1.0, -0.5],
        acceleration=[2.1, -1.0],
        jerk=[7.0, -9.0],
        amplitude=[1.0, 0.8],
        phase=[0.0, 1.0],
    )
    grid = WindowResolution(256, 1 / 250, CARRIER)
    axes = {"acceleration": np.linspace(-4, 4, 17), "jerk": np.linspace(-15, 15, 19)}
    r = literal.lag_product(h, grid.lag, remove_static=False, phase_sign=-1)
    first = int(np.ceil(0.12 * r.size))
    got = spectrum(h, time=time, frequency=frequency, decimation=1, remove_static=False, **axes).values
    keystone = np.abs(literal.keystone(r, grid.interval, grid.kappa, **axes, first_lag=first, weighted=True))
    # The interpolated sum takes whole steps of η at each lag; that rounding is the 2 %.
    assert np.abs(keystone - got).max() < 0.02 * got.max()
    papers = np.abs(literal.keystone(r, grid.interval, grid.kappa, **axes, first_lag=first, weighted=False))
    assert papers.argmax() == got.argmax()


def test_the_erratum():
    """With the axes swapped as eq. (19)-(20) print them, the peak of a = 3, r = 20 would lie elsewhere."""
    p = spectrum(path(3.0, 20.0))
    a, r, _ = top(p)
    assert (a, r) == pytest.approx((3, 20), abs=0.15)
    grid = WindowResolution(1024, 1e-3, FREQUENCY.mean())
    tau_d = 0.12 * grid.length * 1e-3
    f_tau, f_eta = 2 * grid.kappa * a, grid.kappa * r * tau_d
    printed = f_eta / (2 * grid.kappa), f_tau / tau_d / grid.kappa
    assert abs(printed[0] - 3) > 1 and abs(printed[1] - 20) > 20


def test_noncoherent_is_the_mean_over_subcarriers_at_their_own_frequency():
    h = crowd(4, 3)
    p = spectrum(h, combine="noncoherent", **AXES)
    each = [
        spectrum(h[[k]], frequency=FREQUENCY[[k]], combine="single", **AXES).values
        for k in range(FREQUENCY.size)
    ]
    # Blocks of 0.2 % in frequency share their axes: 0.008 m/s² at the edge.
    assert np.abs(p.values - np.mean(each, axis=0)).max() < 0.01 * float(p.max())


def test_delay_bins_separate_paths():
    """-j in the channel: positive delays come out at positive bins, each path in its own."""
    frequency = CARRIER + np.arange(-128, 128) * 312.5e3
    h = path(3.0, 20.0, 0.5, 3.747, frequency=frequency) + path(-4.0, -10.0, -0.5, 15.0, frequency=frequency)
    p = spectrum(h, frequency=frequency, combine="delay", delays=6, **AXES)
    assert p.dims == ("delay", "acceleration", "jerk")
    np.testing.assert_allclose(p.delay.values, np.arange(6) / 80e6)
    assert top(p[1])[:2] == pytest.approx((3, 20), abs=0.15)
    assert top(p[4])[:2] == pytest.approx((-4, -10), abs=0.15)
    # 80 MHz and |v + a t + r t²/2| up to 4.6 m/s: the path moves through a third of its delay bin.
    assert 0.7 < float(p[4].max()) < 1.02
    flipped = spectrum(h.conj(), frequency=frequency, combine="delay", delays=6, phase_sign=1, **AXES)
    np.testing.assert_allclose(flipped.values, p.values, atol=1e-4)


def test_delay_takes_subcarriers_that_are_not_uniform():
    index = np.array([*range(-28, 0, 2), -1, *range(1, 28, 2), 28])
    frequency = CARRIER + index * 312.5e3
    p = spectrum(
        path(3.0, 20.0, 0.5, 15.0, frequency=frequency), frequency=frequency, combine="delay", delays=3
    )
    assert p.max(("acceleration", "jerk")).values.argmax() == 1  # 15 m are 50 ns, a bin is 56
    assert top(p[1])[:2] == pytest.approx((3, 20), abs=0.15)


def test_self_terms_are_the_complex_sum():
    paths = np.stack([path(3.0, 20.0, 0.5), path(3.5, 18.0, -1.0, 9.0), path(-4.0, 5.0, 2.0, 4.0)])
    clean = self_term_spectrum(paths, time=TIME, frequency=FREQUENCY, decimation=1, **AXES)
    assert clean.dims == ("acceleration", "jerk")
    grid = WindowResolution(1024, 1e-3, FREQUENCY.mean())
    total = np.zeros((64, 64), complex)
    for h in paths:
        r = literal.lag_product(h, grid.lag, remove_static=True, phase_sign=-1)
        first = int(np.ceil(0.12 * r.size))
        total += literal.double_loop(r, 1e-3, grid.kappa, **AXES, first_lag=first, window=np.ones(r.size))
    assert np.abs(clean.values - np.abs(total)).max() < 1e-4 * np.abs(total).max()
    with pytest.raises(isacsim.InputError, match="path, subcarrier, packet"):
        self_term_spectrum(paths[0], time=TIME, frequency=FREQUENCY)


def test_every_combination_of_subcarriers_is_one_of_its_own():
    """A name that only the settings know would be the coherent combination under another name."""
    csi = simulate_paths(
        TIME,
        FREQUENCY,
        path_length=[4.0, 11.0],
        velocity=[1.0, -2.0],
        acceleration=[2.0, -3.0],
        jerk=[5.0, -9.0],
        amplitude=[1.0, 0.7],
        phase=[0.0, 1.0],
    )
    spectra = {
        how: aj_spectrum(csi, time=TIME, frequency=FREQUENCY, combine=how).values for how in get_args(Combine)
    }
    for how in spectra:
        assert f'"{how}"' in aj_spectrum.__doc__ and how in get_args(CombineOption)[1].help
    for one, other in combinations(spectra, 2):
        assert spectra[one].shape != spectra[other].shape or not np.allclose(spectra[one], spectra[other])
