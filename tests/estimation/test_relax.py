"""RELAX: at the bound for one path, right about several, silent on noise, on any grid."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from isacsim.validation.captures import axes, channel, draw_paths, noise, static_part
from isacsim.validation.counted import match, one_capture
from scipy import stats

from isacsim import load_scenario, simulate
from isacsim.errors import InputError
from isacsim.estimation.bounds import PARAMETERS, cramer_rao_bound, fisher_information
from isacsim.estimation.grid import SamplingGrid
from isacsim.estimation.least_squares import LeastSquaresProblem, evaluate
from isacsim.estimation.limits import Limits
from isacsim.estimation.relax.algorithm import relax

# Not of all: where fma is no instruction a fit takes twenty times as long.
numerical = pytest.mark.numerical

STATES = PARAMETERS[:4]


def capture(seed, n, snr_db, t, f, sign=-1):
    rng = np.random.default_rng(seed)
    truth = draw_paths(rng, n)
    h = channel(t, f, truth, sign) + static_part(rng, f, 20.0)
    return (h + noise(rng, h.shape, snr_db)).astype(np.complex64), truth


def check(estimate, truth, t, f, snr_db, deviations=6.0):
    """Every path found, none more, and every state within so many of the bound's deviations."""
    assert estimate.sizes["path"] == truth["amplitude"].size, estimate.attrs["log"]
    i, j = match(estimate, truth)
    assert i.size == truth["amplitude"].size
    bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
    for name in PARAMETERS:
        error = estimate[name].values[i] - truth[name][j]
        if name == "phase":
            error = np.angle(np.exp(1j * error))
        scaled = error / bound[f"std_{name}"].values[j]
        assert (np.abs(scaled[np.isfinite(scaled)]) < deviations).all(), (name, scaled)


def test_one_path_is_at_the_bound():
    """Sum of (error / bound)^2 over N trials is chi-squared; a sound estimator fails one time in 10^5."""
    t, f = axes(8, 256, rate=250.0)
    trials, snr_db = 120, 5.0
    scaled = np.empty((trials, len(PARAMETERS)))
    for seed in range(trials):
        h, truth = capture(seed, 1, snr_db, t, f)
        estimate = relax(h, t, f, n_paths=1, limits=Limits.for_axes(t, f, max_speed=4.0))
        bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
        for i, name in enumerate(PARAMETERS):
            error = estimate[name].values[0] - truth[name][0]
            error = np.angle(np.exp(1j * error)) if name == "phase" else error
            scaled[seed, i] = error / bound[f"std_{name}"].values[0]
    low, high = stats.chi2.ppf([5e-7, 1 - 5e-7], trials)
    sums = (scaled[:, :5] ** 2).sum(axis=0)
    assert ((low < sums) & (sums < high)).all(), dict(zip(PARAMETERS, sums / trials, strict=False))


@settings(deadline=None, max_examples=25)
@given(
    velocity=st.floats(-3, 3),
    acceleration=st.floats(-6, 6),
    jerk=st.floats(-30, 30),
    path_length=st.floats(3, 15),
    snr_db=st.floats(-10, 30),
    subcarriers=st.integers(2, 32),
    jitter=st.booleans(),
    sign=st.sampled_from([-1, 1]),
    seed=st.integers(0, 2**31),
)
@example(0.0, 0.0, 1.0, 3.0, 0.0, 2, False, -1, 28382)  # where the default brings one
def test_one_path_within_its_deviation(
    velocity, acceleration, jerk, path_length, snr_db, subcarriers, jitter, sign, seed
):
    """Any state in range, slow ones included: six deviations are passed once in 5 x 10^8 when all is well."""
    t, f = axes(subcarriers, 512, rate=500.0)
    rng = np.random.default_rng(seed)
    if jitter:
        t = t + rng.uniform(-0.8e-3, 0.8e-3, t.size)
    truth = {
        "path_length": np.array([path_length]),
        "velocity": np.array([velocity]),
        "acceleration": np.array([acceleration]),
        "jerk": np.array([jerk]),
        "amplitude": np.ones(1),
        "phase": np.zeros(1),
    }
    bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth)
    # A path all but at rest is static: the bound itself says when.
    assume(bound.std_amplitude.item() < 0.1 and bound.std_acceleration.item() < 0.3)
    h = channel(t, f, truth, sign) + static_part(rng, f, 20.0)
    h = h + noise(rng, h.shape, snr_db)
    # By default noise alone brings a path once in a thousand captures: here once in forty thousand runs of this test.
    estimate = relax(h, t, f, phase_sign=sign, false_alarm=1e-6)
    assert estimate.sizes["path"] == 1
    for name in ("acceleration", "jerk"):
        error = estimate[name].item() - truth[name][0]
        assert abs(error) < 6 * bound[f"std_{name}"].item()
        assert estimate[f"std_{name}"].item() == pytest.approx(bound[f"std_{name}"].item(), rel=0.5)


@pytest.mark.parametrize("seed", range(5000, 5006))
def test_several_paths(seed):
    row = one_capture(seed, (3, 7), (5.0, 25.0), 32, 1024)
    assert row["found"] == row["truth"] == row["matched"]
    for name in STATES:
        scaled = np.array(row[f"error_{name}"]) / np.array(row[f"bound_{name}"])
        assert (np.abs(scaled) < 6).all()


# Pairs whose branches a greedy search mixes up: crossing once, meeting twice, and with five others around.
@pytest.mark.parametrize("seed", [10018, 10034, 10043, 20315])
def test_crossing_paths(seed):
    row = one_capture(seed, (3, 7), (5.0, 25.0), 32, 1024)
    assert row["found"] == row["truth"] == row["matched"]
    assert any("exchanged" in line or "side lobe" in line for line in row["log"])


@pytest.mark.parametrize("with_static", [False, True])
def test_silent_on_noise(with_static):
    """At a false-alarm setting of 1e-3, two of 40 captures are passed once in a thousand runs."""
    t, f = axes(16, 512, rate=500.0)
    found = 0
    for seed in range(40):
        rng = np.random.default_rng([1, seed])
        h = noise(rng, (f.size, t.size), 0.0) + (static_part(rng, f, 30.0) if with_static else 0)
        found += relax(h.astype(np.complex64), t, f).sizes["path"] > 0
    assert found < 2


@pytest.mark.parametrize("kind", ["jitter", "loss", "nonuniform subcarriers", "long window", "short window"])
def test_other_grids(kind):
    rng = np.random.default_rng(3)
    t, f = axes(32)
    n = 3
    if kind == "jitter":
        t = t + rng.uniform(-0.4e-3, 0.4e-3, t.size)
    elif kind == "loss":
        t = t[np.sort(rng.choice(t.size, 600, replace=False))]
    elif kind == "nonuniform subcarriers":
        # The 30 that an Intel 5300 reports in 20 MHz, 312.5 kHz apart or two of it.
        index = [-28, -26, -24, -22, -20, -18, -16, -14, -12, -10, -8, -6, -4, -2, -1]
        f = 5.805e9 + 312.5e3 * np.array(index + [-i for i in index[::-1]])
    elif kind == "long window":
        t = np.arange(1500) / 500.0
        t = t[:1200]
    else:
        t, n = t[:400], 1
    h, truth = capture(17, n, 20.0, t, f)
    check(relax(h, t, f), truth, t, f, 20.0)


@numerical
def test_sign_origin_order_and_gain_change_nothing():
    t, f = axes(16, 512, rate=500.0)
    h, truth = capture(2, 2, 15.0, t, f)
    plain = relax(h, t, f)
    check(plain, truth, t, f, 15.0)
    shuffled = np.random.default_rng(0).permutation(f.size)
    for other in (
        relax(h.conj(), t, f, phase_sign=1),
        relax(h, t + 1e3, f),
        relax(h[shuffled], t, f[shuffled]),
    ):
        for name in STATES:
            np.testing.assert_allclose(
                other[name], plain[name], atol=1e-3 * float(plain[f"std_{name}"].min())
            )
    np.testing.assert_allclose(relax(h.conj(), t, f, phase_sign=1).phase, -plain.phase, atol=1e-3)
    louder = relax(h * np.float32(8.0), t, f)
    np.testing.assert_allclose(louder.amplitude, 8 * plain.amplitude, rtol=1e-5)
    np.testing.assert_allclose(louder.noise_variance, 64 * plain.noise_variance, rtol=1e-5)
    np.testing.assert_allclose(louder.std_amplitude, 8 * plain.std_amplitude, rtol=1e-5)


@numerical
def test_static_part_is_returned():
    t, f = axes(16, 512, rate=500.0)
    rng = np.random.default_rng(4)
    truth, static = draw_paths(rng, 2), static_part(rng, f, 20.0)
    h = channel(t, f, truth) + static + noise(rng, (f.size, t.size), 30.0)
    ours = relax(h[::-1], t, f[::-1]).static
    np.testing.assert_allclose(ours.sel(part="real")[::-1], static[:, 0].real, atol=0.02)
    np.testing.assert_allclose(ours.sel(part="imag")[::-1], static[:, 0].imag, atol=0.02)


@numerical
def test_one_subcarrier():
    t, f = axes(1)
    h, truth = capture(6, 1, 20.0, t, f)
    estimate = relax(h, t, f)
    assert estimate.sizes["path"] == 1
    assert np.isnan(estimate.path_length) and np.isnan(estimate.std_path_length)
    bound = cramer_rao_bound(t, f, snr_db=20.0, paths=truth)
    for name in ("velocity", "acceleration", "jerk", "amplitude"):
        assert abs(estimate[name].item() - truth[name][0]) < 6 * bound[f"std_{name}"].item()


@numerical
def test_without_noise_it_stops_at_the_last_path():
    t, f = axes(16, 512, rate=500.0)
    rng = np.random.default_rng(8)
    truth = draw_paths(rng, 3)
    h = (channel(t, f, truth) + static_part(rng, f, 20.0)).astype(np.complex64)
    estimate = relax(h, t, f)
    assert estimate.sizes["path"] == 3, estimate.attrs["log"]
    i, j = match(estimate, truth)
    np.testing.assert_allclose(estimate.acceleration.values[i], truth["acceleration"][j], atol=1e-4)
    assert relax(np.ones((16, 512), np.complex64), t, f).sizes["path"] == 0


def _brings_no_paths(scenario, kind, seed):
    drawn = simulate(scenario, seed=seed)
    csi = drawn["csi_noiseless"][0]
    estimate = relax(csi.values.astype(kind), csi["time"].values, csi["frequency"].values)
    assert estimate.sizes["path"] == drawn.sizes["path"], estimate.attrs["log"]
    assert "rounding" in estimate.attrs["log"][-1]


@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
@pytest.mark.parametrize("seed", [0, 1, 9])
def test_rounding_of_a_noise_free_capture_brings_no_paths(kind, seed):
    _brings_no_paths(load_scenario("default"), kind, seed)


@numerical
def test_nor_does_that_of_another_processor():
    # A small one: without fused arithmetic a whole one takes minutes.
    small = load_scenario("default").with_(radio={"subcarriers": 16})
    _brings_no_paths(small, np.complex64, 9)


@numerical
def test_normal_matrix_is_the_fisher_matrix():
    """The moments' normal equations against the literal columns of `fisher_information`."""
    t, f = axes(8, 300)
    grid = SamplingGrid.from_axes(t, f)
    h, truth = capture(1, 3, 20.0, t, f)
    fit = evaluate(LeastSquaresProblem(h, grid), np.stack([truth[name] for name in STATES], axis=1))
    table = {name: fit.theta[:, i] for i, name in enumerate(STATES)}
    table["amplitude"] = np.abs(fit.amplitude)
    table["phase"] = np.angle(fit.amplitude) + 2 * np.pi * grid.centre / 299792458 * table["path_length"]
    literal = fisher_information(grid, table, 2.0).reshape(3, 6, 3, 6)[:, :4, :, :4]
    scale = LeastSquaresProblem(h, grid).scale
    ours = fit.normal.reshape(3, 6, 3, 6)[:, :4, :, :4] * scale[:, None, None] * scale
    np.testing.assert_allclose(ours, literal, atol=2e-6 * np.abs(literal).max())


@numerical
def test_labels_and_repeatability():
    t, f = axes(8, 256, rate=250.0)
    h, _ = capture(9, 2, 15.0, t, f)
    first, second = relax(h, t, f), relax(h, t, f)
    assert first.identical(second)
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in first.values())
    assert (np.diff(first.amplitude) <= 0).all()
    assert first.criterion.size >= first.sizes["path"] + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phase_sign": 0}, "phase_sign"),
        ({"max_paths": 0}, "max_paths"),
        ({"n_paths": 0}, "n_paths"),
        ({"false_alarm": 2.0}, "false_alarm"),
        ({"csi": np.zeros((8, 64), complex)}, "zero throughout"),
        ({"csi": np.full((8, 64), np.nan + 0j)}, "finite"),
        ({"csi": np.ones((64, 8), complex)}, "shape"),
    ],
)
def test_bad_input_is_named(change, message):
    t, f = axes(8, 64)
    arguments = {"csi": np.ones((8, 64), complex), **change}
    with pytest.raises(InputError, match=message):
        relax(arguments.pop("csi"), t, f, **arguments)
