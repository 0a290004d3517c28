"""Resampling: how exactly it fills in for jitter and losses, what it keeps, and what it refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from isacsim import InputError, simulate
from isacsim.channel.impairments import packet_times
from isacsim.conditioning import resampling
from isacsim.conditioning.conditioning import condition, resample
from tests.spectrum.one_window import TIME

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def lossy(make_scenario):
    """Packet times of 20 captures with jitter of 0.1 ms and some losses, and the nominal times."""

    def make(**loss):
        imp = {"jitter": {"std_us": 100.0}} | ({"loss": loss} if loss else {})
        scenario = make_scenario(radio={"packets": 1024}, impairments=imp)
        return [packet_times(scenario, 1, i) for i in range(20)], scenario.radio.time_s

    return make


def signal(values, time):
    return xr.DataArray(
        np.asarray(values, np.complex64)[np.newaxis],
        dims=("subcarrier", "packet"),
        coords={"time": ("packet", time)},
    )


def tone_error(windows, nominal, hertz):
    error = [
        resample(signal(np.exp(2j * np.pi * hertz * t), t), 1024).values
        - np.exp(2j * np.pi * hertz * nominal)
        for t in windows
    ]
    return np.sqrt(np.mean(np.abs(error) ** 2))


# The docstring's figures: (loss, tone in Hz, least and largest rms allowed). Both sides, so that they stay true.
CLAIMS = {
    "jitter": ({}, 60.0, 3e-5, 5e-5),
    "single losses": ({"fraction": 0.05}, 60.0, 3e-4, 5e-4),
    "bursts of 3": ({"fraction": 0.05, "mean_burst_packets": 3.0}, 60.0, 0.05, 0.11),
    "bursts of 3, slow tone": ({"fraction": 0.05, "mean_burst_packets": 3.0}, 20.0, 1e-3, 1e-2),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_resampling_error_is_as_documented(lossy, name):
    loss, hertz, least, most = CLAIMS[name]
    assert least < tone_error(*lossy(**loss), hertz) < most


def test_resampling_error_without_gaps_falls_with_the_fourth_power(lossy):
    windows, nominal = lossy()
    fast, slow = tone_error(windows, nominal, 80.0), tone_error(windows, nominal, 40.0)
    assert 12 < fast / slow < 20


def test_resampling_error_in_bursts_is_in_the_gaps(lossy):
    windows, nominal = lossy(fraction=0.05, mean_burst_packets=3.0)
    inside = outside = 0.0
    for t in windows:
        error = resample(signal(np.exp(120j * np.pi * t), t), 1024).values[0] - np.exp(120j * np.pi * nominal)
        next_one = np.clip(np.searchsorted(t, nominal), 1, t.size - 1)
        wide = t[next_one] - t[next_one - 1] > 5e-3
        inside += np.sum(np.abs(error[wide]) ** 2)
        outside += np.sum(np.abs(error[~wide]) ** 2)
    assert inside > 0.9 * (inside + outside)


def test_resampling_hardly_amplifies_noise(lossy):
    # A quintic spline makes white noise up to 13 times as strong next to a burst of losses.
    windows, _ = lossy(fraction=0.05, mean_burst_packets=3.0)
    rng = np.random.default_rng(3)
    gains = []
    for t in windows:
        noise = rng.standard_normal((2, t.size))
        gains.append(np.mean(np.abs(resample(signal(noise[0] + 1j * noise[1], t), 1024).values) ** 2) / 2)
    assert 0.9 < np.mean(gains) < 1.7
    assert np.max(gains) < 5


@pytest.mark.parametrize("end", [1, -2])
@pytest.mark.parametrize("start", [0.0, 0.1, -0.5115, 3.7])
def test_one_packet_lost_beside_an_end_keeps_the_cubic_wherever_the_clock_starts(end, start):
    # An interval of two, but for rounding, which must not decide.
    whole = start + np.arange(1024) / 1000
    time = np.delete(whole, end)
    cubic = np.polynomial.Polynomial([1, -2j, 3, 0.5j], domain=[whole[0], whole[-1]])
    got = resample(signal(cubic(time), time), 1024).values[0]
    np.testing.assert_allclose(got[end], cubic(whole)[end], atol=2e-5)


@pytest.mark.parametrize("end", [slice(1, 16), slice(-16, -1)])
def test_a_burst_of_losses_at_an_end_of_the_window_does_not_amplify_noise(end):
    # The cubic of the next interval, continued over a gap of 16, made it 110 times as strong.
    time = np.delete(np.arange(1024) / 1000, end)
    noise = np.random.default_rng(5).standard_normal((2, 40, time.size))
    array = xr.DataArray(
        noise[0] + 1j * noise[1], dims=("subcarrier", "packet"), coords={"time": ("packet", time)}
    )
    assert np.mean(np.abs(resample(array, 1024).values) ** 2) / 2 < 1.5


def test_resampling_keeps_static_parts_labels_and_dimensions():
    rng = np.random.default_rng(4)
    time = np.sort(rng.uniform(0, 1, 200))
    still = (rng.normal(size=(2, 3, 1)) + 1j * rng.normal(size=(2, 3, 1))) * np.ones(200)
    array = xr.DataArray(
        still.astype(np.complex64),
        dims=("receiver", "subcarrier", "packet"),
        coords={
            "time": ("packet", time, {"units": "s"}),
            "receiver": ["a", "b"],
            "frequency": ("subcarrier", [1.0, 2.0, 3.0]),
        },
        attrs={"phase_sign": 1},
        name="csi",
    )
    got = resample(array.transpose("packet", "receiver", "subcarrier"), 150)
    assert got.dims == array.dims and got.dtype == np.complex64 and got.name == "csi"
    assert got.attrs == array.attrs and got.time.attrs == {"units": "s"}
    np.testing.assert_allclose(got.values, still[..., :150], rtol=1e-5)
    np.testing.assert_allclose(got.time, np.linspace(time[0], time[-1], 150), rtol=1e-12)
    np.testing.assert_array_equal(got.frequency, array.frequency)
    np.testing.assert_array_equal(got.receiver, array.receiver)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), packets=st.integers(2, 300))
def test_property_cubics_pass_through_exactly(seed, packets):
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.uniform(0.5, 2, 80))
    c = rng.normal(size=(2, 4))
    cubic = np.polynomial.Polynomial(c[0] + 1j * c[1], domain=[time[0], time[-1]])
    got = resample(signal(cubic(time), time), packets)
    np.testing.assert_allclose(got.values[0], cubic(got.time.values), atol=2e-5)


def test_packets_that_nearly_coincide_are_averaged():
    # Two packets 10 µs apart with noise of 0.1 between them: a spline through both swings to several times the signal
    # (5 here) half-way to the next packet, which is where the grid looks.
    rng = np.random.default_rng(2)
    time = np.sort(np.concatenate([TIME[:200], TIME[20:180:20] + 1e-5]))
    values = 1 + 0.1 * (rng.standard_normal(time.size) + 1j * rng.standard_normal(time.size))
    got = resample(signal(values, time), 399)
    np.testing.assert_allclose(got.time[::2], TIME[:200], atol=1e-9)
    assert np.abs(got.values - 1).max() < 0.5


def test_uniform_packets_come_back_as_they_are():
    array = signal(np.exp(1j * TIME), TIME)
    assert resample(array) is array
    assert resample(array, 1024) is array
    assert resample(array, 512).sizes["packet"] == 512


def test_resampling_refusals():
    def csi(time):
        return signal(np.ones(len(time)), np.asarray(time, float))

    with pytest.raises(InputError, match="at least 6 packets, got 5"):
        resample(csi(range(5)))
    with pytest.raises(InputError, match="ascend strictly"):
        resample(csi([0, 1, 2, 2, 3, 4, 5]))
    gap = [*np.arange(50) / 100, *(0.49 + 0.2 + np.arange(51) / 100)]
    with pytest.raises(InputError, match=r"a gap of 0\.2 s holds more than a tenth of the window of 1\.19 s"):
        resample(csi(gap))
    with pytest.raises(InputError, match=r"packets must be .*at least 2, got 1"):
        resample(csi(np.arange(10)), 1)


@pytest.mark.parametrize("seed", range(4))
def test_conditioned_captures_have_the_packets_that_were_sent(make_scenario, seed):
    # The median interval of jittered packets made 1015 to 1032 of 1024: another lag, another plan for every capture.
    imp = {"jitter": {"std_us": 100.0}, "loss": {"fraction": 0.05, "mean_burst_packets": 3.0}}
    scenario = make_scenario(impairments=imp)
    got = condition(simulate(scenario, seed=seed))
    np.testing.assert_allclose(got.time, scenario.radio.time_s, atol=1e-12)
    part = condition(simulate(scenario, seed=seed).isel(packet=slice(20, 150)))
    np.testing.assert_allclose(np.diff(part.time), 1e-3, rtol=0.01)  # the ends of a cut jitter themselves


def test_conditioning_leaves_packets_at_their_own_times_if_asked(make_scenario):
    capture = simulate(
        make_scenario(impairments={"jitter": {"std_us": 100.0}, "loss": {"fraction": 0.2}}), seed=0
    )
    own = condition(capture, uniform=False)
    assert np.array_equal(own.time.values, capture.time.values)
    assert condition(capture).sizes["packet"] > own.sizes["packet"]
    even = simulate(make_scenario(), seed=0)
    assert condition(even, uniform=False).identical(condition(even))
    turned = capture.isel(packet=slice(None, None, -1))
    repeated = capture.isel(packet=[0, 1, 1, *range(2, 40)])
    for wrong, uniform in itertools.product((turned, repeated), (True, False)):
        with pytest.raises(InputError, match="time must ascend strictly"):
            condition(wrong, uniform=uniform)


@pytest.mark.parametrize("lost", [(), (1, 2, 3), (-4, -3, -2), (1, 2, 3, -4, -3, -2)])
def test_many_channels_have_the_same_spline(monkeypatch, lost):
    rng = np.random.default_rng(3)
    time = np.arange(200) / 1000
    time[1:-1] += np.clip(1e-4 * rng.standard_normal(198), -4e-4, 4e-4)
    kept = np.setdiff1d(np.flatnonzero(rng.random(200) > 0.05), np.array(lost, int) % 200)
    kept = np.union1d(kept, [0, 199])
    csi = rng.standard_normal((2, 3, 7, kept.size, 2)).astype(np.float32).view(np.complex64)[..., 0]
    array = xr.DataArray(csi, dims=("a", "b", "c", "packet"), coords={"time": ("packet", 7e5 + time[kept])})
    one = resample(array, 200)
    monkeypatch.setattr(resampling, "MANY", 1)
    many = resample(array, 200)
    assert many.dims == one.dims and many.dtype == np.complex64
    np.testing.assert_array_equal(many.time, one.time)
    # Nine products a packet in single precision; a gap's end is an extrapolation, so of the largest value.
    assert np.abs(many - one).max() < 30 * np.finfo(np.float32).eps * np.abs(one).max()
