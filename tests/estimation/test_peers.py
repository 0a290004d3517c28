"""HAF, CPF, its hybrid, QML, VNCMD under relax's result: right at high SNR, loud on what they cannot take."""

from functools import partial

import numpy as np
import pytest
from isacsim.validation.captures import axes, channel, noise, static_part

from isacsim.errors import InputError
from isacsim.estimation.bounds import PARAMETERS, cramer_rao_bound
from isacsim.estimation.peers.cpf import _estimate as cpf_one
from isacsim.estimation.peers.cpf import cpf
from isacsim.estimation.peers.haf import _estimate as haf_one
from isacsim.estimation.peers.haf import haf
from isacsim.estimation.peers.qml import qml
from isacsim.estimation.peers.series import Series, peak_frequency
from isacsim.estimation.peers.vncmd import vncmd

pytestmark = pytest.mark.numerical

METHODS = {"haf": haf, "cpf": cpf, "cpf-haf": partial(cpf, lag_ratio=0.089), "qml": qml, "vncmd": vncmd}
ONE = {
    "path_length": np.array([7.0]),
    "velocity": np.array([1.7]),
    "acceleration": np.array([-2.5]),
    "jerk": np.array([14.0]),
    "amplitude": np.array([1.0]),
    "phase": np.array([0.4]),
}


def capture(t, f, truth, snr_db, sign=-1, seed=0):
    rng = np.random.default_rng(seed)
    h = channel(t, f, truth, sign) + static_part(rng, f, 20.0)
    return h + noise(rng, h.shape, snr_db)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("subcarriers", [1, 8])
@pytest.mark.parametrize("sign", [-1, 1])
def test_one_path(name, subcarriers, sign):
    """Within a few of the bound's deviations; none of these reaches the bound itself (see relax)."""
    t, f = axes(subcarriers)
    estimate = METHODS[name](capture(t, f, ONE, 5.0, sign), t, f, phase_sign=sign)
    assert estimate.attrs["method"] == name
    bound = cramer_rao_bound(t, f, snr_db=5.0, paths=ONE)
    for state in ("velocity", "acceleration", "jerk"):
        assert abs(estimate[state].item() - ONE[state][0]) < 12 * bound[f"std_{state}"].item(), state
    assert estimate.amplitude.item() == pytest.approx(1.0, abs=0.1)
    assert all(np.isnan(estimate[f"std_{name}"]).all() for name in PARAMETERS)
    if subcarriers > 1:
        assert estimate.path_length.item() == pytest.approx(7.0, abs=2.0)
    else:
        assert np.isnan(estimate.path_length)


@pytest.mark.parametrize("name", METHODS)
def test_a_second_path_far_from_the_first(name):
    t, f = axes(32)
    second = {
        "path_length": 45.0,
        "velocity": -2.0,
        "acceleration": 3.0,
        "jerk": -9.0,
        "amplitude": 0.6,
        "phase": 0.0,
    }
    both = {key: np.append(ONE[key], second[key]) for key in ONE}
    estimate = METHODS[name](capture(t, f, both, 15.0), t, f, n_paths=2)
    np.testing.assert_allclose(estimate.acceleration, both["acceleration"], atol=0.2)
    np.testing.assert_allclose(estimate.jerk, both["jerk"], atol=1.5)


@pytest.mark.parametrize("name", METHODS)
def test_unequal_spacing_is_refused(name):
    t, f = axes(4, 256)
    t = t + np.random.default_rng(0).uniform(-3e-4, 3e-4, t.size)
    with pytest.raises(InputError, match="equally spaced"):
        METHODS[name](capture(t, f, ONE, 20.0), t, f)


def test_arguments_are_checked():
    t, f = axes(4, 256)
    h = capture(t, f, ONE, 20.0)
    for wrong in ({"lag_ratio": 0.3}, {"max_jerk": -1.0}, {"n_paths": 0}):
        with pytest.raises(InputError):
            cpf(h, t, f, **wrong)


def test_peak_frequency_between_bins():
    t = np.arange(100) * 0.01
    for frequency in (-49.3, -3.21, 0.0, 7.77, 49.9):
        assert peak_frequency(np.exp(2j * np.pi * frequency * t), 0.01) == pytest.approx(frequency, abs=0.02)


def test_likelihood_is_largest_at_the_truth():
    t = np.linspace(-0.5, 0.5, 401)
    series = Series(np.exp(-2j * np.pi / 0.05 * (1.5 * t + 2 * t**2 / 2 - 8 * t**3 / 6)), t, 0.05)
    assert series.likelihood(1.5, 2.0, -8.0) == pytest.approx(401**2)
    assert series.likelihood(1.5, 2.5, -8.0) < 400**2


@pytest.mark.parametrize(
    "estimate", [haf_one, partial(cpf_one, lag_ratio=None), partial(cpf_one, lag_ratio=0.089)]
)
def test_without_noise_the_peaks_are_found_exactly(estimate):
    # Each product of a cubic phase is a tone or a chirp of one rate: its peak is where the path is, far inside a bin.
    time = (np.arange(513) - 256) / 500
    moved = time * (1.3 + time * (-2.7 / 2 + time * 17.1 / 6))
    series = Series(np.exp(-2j * np.pi / 0.05 * moved), time, 0.05)
    limits = {} if estimate is haf_one else {"max_acceleration": 8.0, "max_jerk": 40.0}
    np.testing.assert_allclose(estimate(series, **limits), (1.3, -2.7, 17.1), rtol=1e-6)
