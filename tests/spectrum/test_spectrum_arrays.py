"""Arrays that the AJ spectrum takes and gives: batches, labels, axes, scales, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim.spectrum.grid import WindowResolution
from tests.spectrum.moving_paths import FREQUENCY, TIME, crowd, path, spectrum

pytestmark = pytest.mark.numerical


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
    grid = WindowResolution(1024, 1e-3, FREQUENCY.mean())
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
        ("min_lag", None, "min_lag must be a number.*, got None"),
    ],
)
def test_arguments_of_the_wrong_kind(argument, value, says):
    capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    with pytest.raises(isacsim.InputError, match=says):
        isacsim.aj_spectrum(capture.csi[..., :8, :200], **{argument: value})
