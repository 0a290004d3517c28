"""The response to one path, against paths simulated elsewhere in the plane."""

from __future__ import annotations

import numpy as np
import pytest

import isacsim
from isacsim.dataset.synthetic.response import response_of
from isacsim.errors import InputError

pytestmark = pytest.mark.numerical


def paths_away(n, *, packets=1024, bins=64, **settings):
    """Spectra of n single paths on bins away from the centre, and the response moved there, both with peak 1."""
    time = (np.arange(packets) - (packets - 1) / 2) * 1.024 / packets
    frequency = 5.805e9 + np.linspace(-40e6, 40e6, 16)
    axes = {"acceleration": np.linspace(-8, 8, bins), "jerk": np.linspace(-40, 40, bins)}
    response = isacsim.point_response(time=time, frequency=frequency, **axes, **settings).values
    rng = np.random.default_rng(0)
    at = rng.integers(bins // 8, bins - bins // 8, (n, 2))
    csi = [
        isacsim.simulate_paths(
            time,
            frequency,
            path_length=[10.0],
            velocity=[rng.uniform(-3, 3)],
            acceleration=[axes["acceleration"][i]],
            jerk=[axes["jerk"][j]],
            amplitude=[1.0],
            phase=[0.3],
        )
        for i, j in at
    ]
    direct = isacsim.aj_spectrum(np.array(csi), time=time, frequency=frequency, **axes, **settings).values
    moved = np.array(
        [response[bins - 1 - i : 2 * bins - 1 - i, bins - 1 - j : 2 * bins - 1 - j] for i, j in at]
    )
    return direct, moved


def differences(direct, moved):
    peak = direct.max(axis=(1, 2), keepdims=True)
    return np.abs(direct / peak - moved).max(axis=(1, 2))


@pytest.mark.parametrize("lags", ["positive", "symmetric"])
def test_it_is_a_path_s_own_spectrum_wherever_that_is(lags):
    exact = {"combine": "single", "remove_static": False, "lags": lags}
    # Sums over 256 packets in float32: ten times closer than a decimated one at the least.
    rounding = 256 * np.finfo(np.float32).eps
    assert differences(*paths_away(8, packets=256, bins=24, decimation=1, **exact)).max() < rounding
    assert differences(*paths_away(4, bins=32, **exact)).max() < 5e-4


def test_how_far_the_data_sets_are_from_it():
    # What the docstring says of 200 paths, on 40.
    coherent = differences(*paths_away(40, remove_static=False))
    assert np.median(coherent) < 0.01 and coherent.max() < 0.04
    whole = differences(*paths_away(40))
    assert np.median(whole) < 0.02 and np.quantile(whole, 0.9) < 0.08


def test_the_middle_and_the_axes():
    scenario = isacsim.load_scenario("default")
    made = response_of(scenario)
    assert made.shape == (127, 127) and made.dtype == np.float32 and made.max() == made[63, 63] == 1
    np.testing.assert_allclose(made.acceleration, np.linspace(-16, 16, 127), atol=1e-12)
    np.testing.assert_allclose(made.jerk, np.linspace(-80, 80, 127), atol=1e-12)
    np.testing.assert_allclose(made.values, made.values[::-1, ::-1], atol=1e-6)


def test_beyond_the_unambiguous_range_it_is_what_a_fold_makes():
    # At 300 packets/s the axes fit, but not twice their length.
    time, frequency = np.arange(300) / 300, np.array([5.8e9])
    settings = {"combine": "single", "remove_static": False}
    made = isacsim.point_response(time=time, frequency=frequency, **settings)
    corner = isacsim.simulate_paths(
        time - time.mean(),
        frequency,
        path_length=[10.0],
        velocity=[0.0],
        acceleration=[8.0],
        jerk=[40.0],
        amplitude=[1.0],
        phase=[0.0],
    )
    direct = isacsim.aj_spectrum(corner, time=time, frequency=frequency, **settings)
    np.testing.assert_allclose(made.values[:64, :64], direct.values, atol=2e-5)
    with pytest.raises(InputError, match="unambiguous"):
        isacsim.aj_spectrum(
            corner, time=time, frequency=frequency, **settings, **{n: made[n].values for n in made.dims}
        )


def test_what_has_no_one_response_is_refused():
    time, frequency = np.arange(256) / 1000, np.array([5.8e9])
    for axis in (np.array([-4.0, 0, 1, 4]), np.array([1.0])):
        with pytest.raises(InputError, match="acceleration must be a uniform axis of two values or more"):
            isacsim.point_response(time=time, frequency=frequency, acceleration=axis)
    with pytest.raises(InputError, match="unambiguous"):
        isacsim.point_response(time=time, frequency=frequency, acceleration=np.linspace(-900, 900, 8))


if __name__ == "__main__":
    for name, settings in {
        "one subcarrier, no static removal": {"combine": "single", "remove_static": False},
        "coherent, no static removal": {"remove_static": False},
        "coherent, static removal": {},
    }.items():
        direct, moved = paths_away(200, **settings)
        off = differences(direct, moved)
        print(
            f"{name}: median {np.median(off):.4f}, 95 % {np.quantile(off, 0.95):.4f}, largest {off.max():.4f}; "
            f"lowest peak {direct.max(axis=(1, 2)).min():.3f}"
        )
