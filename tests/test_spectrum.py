"""The AJ spectrum: closed forms, literal references, and the symmetries that physics asks for."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import get_window

import isacsim
from isacsim.axes import WindowGrid
from isacsim.estimation.peaks import interpolate_peak
from isacsim.spectrum import self_term_spectrum
from tests import literal

CARRIER = 5.805e9
TIME = (np.arange(1024) - 511.5) / 1000
FREQUENCY = CARRIER + np.arange(-16, 16) * 2.5e6
AXES = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}
BIN_A, BIN_R = 16 / 63, 80 / 63

settings.register_profile("physics", deadline=None, max_examples=30)
settings.load_profile("physics")

accelerations = st.floats(-6, 6)
jerks = st.floats(-30, 30)
velocities = st.floats(-3, 3)
lengths = st.floats(3, 15)
phases = st.floats(-3.2, 3.2)


def path(a, r, v=0.5, d0=6.0, phase=0.3, amplitude=1.0, *, time=TIME, frequency=FREQUENCY):
    return isacsim.simulate_paths(
        time,
        frequency,
        path_length=[d0],
        velocity=[v],
        acceleration=[a],
        jerk=[r],
        amplitude=[amplitude],
        phase=[phase],
    )


def crowd(seed, n=5, snr_db=15.0, *, time=TIME, frequency=FREQUENCY):
    rng = np.random.default_rng(seed)
    h = isacsim.simulate_paths(
        time,
        frequency,
        path_length=rng.uniform(3, 15, n),
        velocity=rng.uniform(-3, 3, n),
        acceleration=rng.uniform(-6, 6, n),
        jerk=rng.uniform(-30, 30, n),
        amplitude=np.exp(0.3 * rng.standard_normal(n)),
        phase=rng.uniform(0, 6.28, n),
    )
    noise = rng.standard_normal((2, *h.shape)) * 10 ** (-snr_db / 20) / np.sqrt(2)
    return h + (noise[0] + 1j * noise[1]).astype(np.complex64)


def spectrum(h, *, time=TIME, frequency=FREQUENCY, **kwargs):
    return isacsim.aj_spectrum(h, time=time, frequency=frequency, **kwargs)


def top(p):
    """Interpolated maximum: (acceleration, jerk, height)."""
    values = p.values.astype(float)
    i, j = np.unravel_index(values.argmax(), values.shape)
    found = interpolate_peak(values, p.acceleration.values, p.jerk.values, int(i), int(j))
    return found.acceleration, found.jerk, found.height


def literal_of(h, *, window="boxcar", time=TIME, frequency=FREQUENCY, remove_static=True, **axes):
    grid = WindowGrid(time.size, time[1] - time[0], frequency.mean())
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
    grid = WindowGrid(96, 1 / 94, FREQUENCY[:2].mean())
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
    grid = WindowGrid(256, 1 / 250, CARRIER)
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
    grid = WindowGrid(1024, 1e-3, FREQUENCY.mean())
    tau_d = 0.12 * grid.length * 1e-3
    f_tau, f_eta = 2 * grid.kappa * a, grid.kappa * r * tau_d
    printed = f_eta / (2 * grid.kappa), f_tau / tau_d / grid.kappa
    assert abs(printed[0] - 3) > 1 and abs(printed[1] - 20) > 20


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
    """The array's origin doesn't matter; the path's does: a(T) = a + r T."""
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
    grid = WindowGrid(1024, 1e-3, CARRIER)
    for v in (1.0, 3.0):
        p = spectrum(path(0.0, 0.0, v), remove_static=False, **at)
        span = FREQUENCY.size * 2.5e6
        expected = np.sinc(span * v * grid.kappa / CARRIER) ** 2
        assert float(p.max()) == pytest.approx(expected, abs=2e-3)


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
    grid = WindowGrid(1024, 1e-3, FREQUENCY.mean())
    total = np.zeros((64, 64), complex)
    for h in paths:
        r = literal.lag_product(h, grid.lag, remove_static=True, phase_sign=-1)
        first = int(np.ceil(0.12 * r.size))
        total += literal.double_loop(r, 1e-3, grid.kappa, **AXES, first_lag=first, window=np.ones(r.size))
    assert np.abs(clean.values - np.abs(total)).max() < 1e-4 * np.abs(total).max()
    with pytest.raises(isacsim.InputError, match="path, subcarrier, packet"):
        self_term_spectrum(paths[0], time=TIME, frequency=FREQUENCY)


def test_leading_axes_and_batch_do_not_change_a_spectrum():
    """Same bits alone, in a batch, and in any place of it."""
    batch = np.stack([crowd(s, 3) for s in range(11)])
    together = spectrum(batch.reshape(11, 1, *batch.shape[1:]))
    assert together.shape == (11, 1, 64, 64)
    for i in (0, 7, 8, 10):
        np.testing.assert_array_equal(spectrum(batch[i]).values, together.values[i, 0])


def test_xarray_in_xarray_out():
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=3)
    p = isacsim.aj_spectrum(capture.csi.transpose("packet", "receiver", "subcarrier"))
    assert p.dims == ("receiver", "acceleration", "jerk") and p.dtype == np.float32
    assert list(p.receiver.values) == list(capture.receiver.values)
    assert p.attrs["units"] == "1" and p.acceleration.attrs["units"] == "m/s2"
    one = isacsim.aj_spectrum(capture.csi.isel(receiver=0).assign_attrs(phase_sign=1))
    np.testing.assert_allclose(one.values, p.values[0, ::-1, ::-1], atol=1e-5)


def test_natural_grid():
    p = spectrum(path(2.0, 10.0), acceleration="natural", jerk="natural")
    grid = WindowGrid(1024, 1e-3, FREQUENCY.mean())
    cells = grid.resolution()
    assert float(np.diff(p.acceleration)[0]) == pytest.approx(cells[0])
    assert float(np.diff(p.jerk)[0]) == pytest.approx(cells[1])
    i, j = np.unravel_index(p.values.argmax(), p.shape)
    assert abs(p.acceleration.values[i] - 2) <= cells[0] and abs(p.jerk.values[j] - 10) <= cells[1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"acceleration": np.linspace(-200, 200, 9)}, "unambiguous up to 141.9"),
        ({"acceleration": "fft"}, "'natural' or None"),
        ({"jerk": np.array([1.0, 0.0])}, "jerk must be finite values that ascend"),
        ({"lag_ratio": 0.6}, "lag_ratio 0.6"),
        ({"lags": "both"}, "lags must be one of positive, symmetric"),
        ({"combine": "mean"}, "combine must be one of"),
        ({"min_lag": 0.95}, "min_lag"),
        ({"window": "hanning window"}, "window must be a name"),
        ({"phase_sign": 2}, "phase_sign must be -1 or 1"),
        ({"combine": "single", "subcarrier": 99}, "subcarrier must be below 32"),
        ({"combine": "delay", "delays": 99}, "delays must be at most 32"),
        ({"decimation": 0}, "decimation"),
        ({"time": TIME[:-1]}, "one value for each of the 1024"),
        ({"time": TIME[::-1]}, "ascend strictly"),
        ({"time": TIME + np.where(np.arange(1024) == 5, 2e-4, 0)}, "not uniform: a packet lies 200 µs off"),
        ({"frequency": -FREQUENCY}, "positive absolute frequencies"),
        ({"frequency": None}, "frequency must be given"),
    ],
)
def test_bad_input_is_one_sentence(change, sentence):
    with pytest.raises(isacsim.InputError, match=sentence) as error:
        isacsim.aj_spectrum(path(1.0, 1.0), **{"time": TIME, "frequency": FREQUENCY, **change})
    assert "\n" not in str(error.value)


def test_bad_arrays():
    h = path(1.0, 1.0)
    with pytest.raises(isacsim.InputError, match="must be complex"):
        spectrum(np.abs(h))
    with pytest.raises(isacsim.InputError, match="NaN"):
        spectrum(np.where(np.arange(1024) == 3, np.nan, h))
    with pytest.raises(isacsim.InputError, match="has 10 packets"):
        spectrum(h[:, :10], time=TIME[:10])
    with pytest.raises(isacsim.InputError, match="subcarrier is missing"):
        isacsim.aj_spectrum(xr.DataArray(h, dims=("tone", "packet")))
    with pytest.raises(isacsim.InputError, match=r"100 packets/s .* unambiguous up to 14\.\d+ m/s²"):
        spectrum(h[:, ::10], time=TIME[::10])


@pytest.mark.parametrize("exponent", [-28, -20, 20, 28])
def test_csi_far_from_unit_scale_keeps_every_digit(exponent):
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    csi = capture.csi[..., :8, :200]
    expected = isacsim.aj_spectrum(csi).values
    got = isacsim.aj_spectrum(csi * np.float32(2.0**exponent)).values
    np.testing.assert_array_equal(got, expected * 2.0 ** (4 * exponent))


@pytest.mark.parametrize("exponent", [-45, 40])
def test_csi_whose_fourth_power_does_not_fit_is_refused(exponent):
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    csi = capture.csi[..., :8, :200] * np.float32(2.0**exponent)
    with pytest.raises(isacsim.InputError, match=r"fourth power does not fit into float32; scale the csi"):
        isacsim.aj_spectrum(csi)


def test_scaling_of_one_capture_does_not_touch_its_neighbours():
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    csi = capture.csi[..., :8, :200].values
    time, frequency = capture.time.values[:200], capture.frequency.values[:8]
    both = np.stack([csi, csi * np.float32(2.0**20)])
    got = isacsim.aj_spectrum(both, time=time, frequency=frequency).values
    np.testing.assert_array_equal(got[0] * 2.0**80, got[1])


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [
        ("window", 5, "window must be a name that scipy.signal.get_window knows, got 5"),
        ("lag_ratio", "x", "lag_ratio must be a number, got 'x'"),
        ("min_lag", None, "min_lag must be a number, got None"),
    ],
)
def test_arguments_of_the_wrong_kind(argument, value, says):
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    with pytest.raises(isacsim.InputError, match=says):
        isacsim.aj_spectrum(capture.csi[..., :8, :200], **{argument: value})
