"""Estimated acceleration and jerk lie within their stated deviations of the truth as often as they should.

The errors of many paths over the deviations that `relax` returns with them must look like a standard normal sample:
their mean, their sum of squares and the share within two. Each region holds all but `FALSE_FAILURE` / 4 of the
outcomes of an estimator that is efficient up to a tolerated deviation, so that with seeds drawn anew a sound one
would fail once in a million runs; with these it always gives the same. Deviations that are 15 % off would be noticed
in 99 % of the runs, a bias of half a deviation in all.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isacsim.validation.captures import axes, channel, draw_paths, noise, static_part
from isacsim.validation.counted import match
from scipy import stats

from isacsim.estimation.relax.algorithm import relax

STATES = ("acceleration", "jerk")
CAPTURES = 360
FALSE_FAILURE = 1e-6
# Tolerated of the deviations (the Fisher matrix is taken at the estimate, amplitudes and noise are estimated), of the
# share within two, and in paths that are not found at all: crossing ones may come out as something else.
DEVIATION, COVERAGE, MISSED = 0.01, 0.005, 0.01


def scaled_errors(seed, n, snr_db, t, f):
    """Errors of matched paths over their deviations, (path, state), and how many paths were missed."""
    rng = np.random.default_rng(seed)
    truth = draw_paths(rng, n)
    h = channel(t, f, truth) + static_part(rng, f, 20.0)
    h = (h + noise(rng, h.shape, snr_db)).astype(np.complex64)
    found = relax(h, t, f, n_paths=n)
    i, j = match(found, truth)
    error = [(found[name].values[i] - truth[name][j]) / found[f"std_{name}"].values[i] for name in STATES]
    return np.stack(error, axis=1), n - i.size


def limits_of_square(size):
    """Region of the mean square of so many scaled errors."""
    low, high = stats.chi2.ppf([FALSE_FAILURE / 8, 1 - FALSE_FAILURE / 8], size) / size
    return low * (1 - DEVIATION) ** 2, high * (1 + DEVIATION) ** 2


def complaints(scaled):
    """What is wrong with scaled errors, (path, state)."""
    found = []
    n = scaled.shape[0]
    far = stats.norm.isf(FALSE_FAILURE / 8) * (1 + DEVIATION)
    for name, mean in zip(STATES, scaled.mean(axis=0), strict=True):
        if abs(mean) * np.sqrt(n) > far:
            found.append(f"bias of {name}")
    low, high = limits_of_square(scaled.size)
    if not low < (scaled**2).mean() < high:
        found.append("deviations")
    share = 2 * stats.norm.cdf(2) - 1
    fewest = stats.binom.ppf(FALSE_FAILURE / 8, scaled.size, share - COVERAGE)
    most = stats.binom.isf(FALSE_FAILURE / 8, scaled.size, share + COVERAGE)
    if not fewest <= (np.abs(scaled) < 2).sum() <= most:
        found.append("coverage")
    return found


@pytest.fixture(scope="module")
def sample():
    """1 to 4 paths at 5 to 25 dB anywhere in the stated range, and how many were missed of how many."""
    t, f = axes(8, 256, rate=250.0)
    rng = np.random.default_rng(2024)
    errors, missed, total = [], 0, 0
    for seed in range(8_000_000, 8_000_000 + CAPTURES):
        n = int(rng.integers(1, 5))
        scaled, lost = scaled_errors(seed, n, rng.uniform(5, 25), t, f)
        # One wrong path bends the others: what is said is of captures in which every path was found.
        if not lost:
            errors.append(scaled)
        missed += lost
        total += n
    return np.concatenate(errors), missed, total


def test_errors_are_what_the_deviations_say(sample):
    scaled, missed, total = sample
    assert missed <= stats.binom.isf(FALSE_FAILURE, total, MISSED)
    assert not complaints(scaled)


def test_wrong_deviations_and_a_bias_are_noticed(sample):
    scaled = sample[0]
    assert "deviations" in complaints(scaled / 1.15) and "deviations" in complaints(scaled / 0.85)
    for j, name in enumerate(STATES):
        biased = scaled.copy()
        biased[:, j] += 0.5
        assert complaints(biased)[0] == f"bias of {name}"
    # Not by luck of these seeds: the share of samples in which it would be.
    low, high = limits_of_square(scaled.size)
    for wrong in (1.15, 0.85):
        below, above = np.array([low, high]) * scaled.size * wrong**2
        assert stats.chi2.cdf(below, scaled.size) + stats.chi2.sf(above, scaled.size) > 0.99


@settings(deadline=None, max_examples=12, derandomize=True)
@given(
    n=st.integers(1, 5),
    snr_db=st.floats(5, 25),
    subcarriers=st.integers(4, 32),
    packets=st.sampled_from([256, 400, 512]),
    jitter=st.floats(0, 0.8),
    seed=st.integers(0, 2**31),
)
def test_none_is_far_off(n, snr_db, subcarriers, packets, jitter, seed):
    """Any grid: six deviations are passed once in 5 x 10^7 paths where errors are normal."""
    t, f = axes(subcarriers, packets, rate=float(packets))
    t = t + np.random.default_rng(seed).uniform(-0.5, 0.5, t.size) * jitter / packets
    scaled, missed = scaled_errors(seed, n, snr_db, t, f)
    assert missed == 0 and (np.abs(scaled) < 6).all()
