"""What spectra are to the models: scale, shape, and the settings that they were made with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import isacsim
from dira.config import Axes, Scaling, UNetConfig, validated
from dira.data.spectra import read_spectra, shaped_as
from dira.models.classical import soft_threshold
from dira.networks.unet import SpectrumUNet
from isacsim.dataset.synthetic.plan import make_plan, template_of
from isacsim.errors import InputError
from isacsim.spectrum.settings import made_with

NARROW = st.floats(-1.5, 1.5, width=32)


@given(arrays(np.float32, (2, 1, 4, 4), elements=NARROW))
def test_generated_spectra_are_the_nearest_whose_maximum_is_one(values) -> None:
    scale = Scaling()
    made = scale.projected(values)
    assert (made.max(axis=(1, 2, 3)) == 1).all() and made.min() >= 0
    at_one = scale.to_model(made)
    for place in range(16):  # no other bin could be the highest at less cost
        other = np.clip(values, -1, 1).reshape(2, 16)
        other[:, place] = 1
        cost = ((other.reshape(values.shape) - np.clip(values, -1, 1)) ** 2).sum(axis=(1, 2, 3))
        ours = ((at_one - np.clip(values, -1, 1)) ** 2).sum(axis=(1, 2, 3))
        assert (ours <= cost + 1e-4).all()
    assert ((made != scale.from_model(values)).sum(axis=(1, 2, 3)) <= 1).all()


def test_what_is_made_has_the_dimensions_of_what_was_given() -> None:
    rng = np.random.default_rng(0)
    spectra = xr.DataArray(rng.random((3, 2, 4, 5)), dims=("sample", "receiver", "acceleration", "jerk"))
    turned = spectra.transpose("jerk", "sample", "acceleration", "receiver")
    values, axes = read_spectra(turned)
    assert values.shape == (3, 2, 4, 5) and (axes.bins_acceleration, axes.bins_jerk) == (4, 5)
    np.testing.assert_array_equal(shaped_as(values, turned), turned.values.astype(np.float32))
    made = xr.DataArray(soft_threshold(turned, quantile=0.5), dims=turned.dims)
    np.testing.assert_array_equal(made.transpose(*spectra.dims).values, soft_threshold(spectra, quantile=0.5))


def test_settings_go_with_simulated_spectra_and_must_agree() -> None:
    scenario = isacsim.load_scenario("default")

    def of(packets: int = 1024, lags: str = "positive"):
        radio = scenario.radio.model_copy(update={"packets": packets, "subcarriers": 8})
        spectrum = scenario.spectrum.model_copy(update={"lags": lags, "bins_acceleration": 8, "bins_jerk": 8})
        return scenario.model_copy(update={"radio": radio, "spectrum": spectrum, "name": f"{lags}-{packets}"})

    def planned(*scenarios):
        return make_plan(scenarios, 1, 0, None, None, False, None)

    first = template_of(planned(of())).aj_noisy
    assert made_with(first.attrs) == {
        "lags": "positive",
        "min_lag": 0.12,
        "window": "none",
        "combine": "coherent",
        "lag_ratio": 0.089,
        "window_s": pytest.approx(1.024),
    }
    # Of several scenarios what all of them have: nothing is said of the rest.
    both = template_of(planned(of(), of(512))).aj_noisy
    assert made_with(both.attrs).keys() == made_with(first.attrs).keys() - {"window_s"}
    _, axes = read_spectra(first)
    _, other = read_spectra(template_of(planned(of(lags="symmetric"))).aj_noisy)
    with pytest.raises(InputError, match="lags symmetric where the model has positive"):
        axes.check(other, model="it")
    # A packet more is no other window.
    axes.check(axes.model_copy(update={"made_with": axes.made_with | {"window_s": 1.025}}), model="it")
    with pytest.raises(InputError, match=r"window_s 2 where the model has 1\.024"):
        axes.check(axes.model_copy(update={"made_with": axes.made_with | {"window_s": 2.0}}), model="it")
    plain = Axes(channels=1, bins_acceleration=8, bins_jerk=8)
    axes.check(plain, model="it")  # an array tells nothing


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        (np.linspace(0, 8, 16), "from 0 to 8"),
        (np.linspace(8, -8, 16), "from 8 to -8"),
        (np.linspace(-8, 6, 16), "from -8 to 6"),
        (np.linspace(-2, 2, 16) ** 3, "from -8 to 8"),
        (np.full(16, np.nan), "from nan to nan"),
        (np.zeros(16), "from 0 to 0"),
    ],
)
def test_axes_other_than_a_model_s_are_not_taken_for_them(axis, said) -> None:
    good = {"acceleration": np.linspace(-8, 8, 16), "jerk": np.linspace(-40, 40, 16).astype(np.float32)}
    dims = ("sample", "acceleration", "jerk")
    _, axes = read_spectra(xr.DataArray(np.ones((2, 16, 16)), good, dims))
    assert (axes.acceleration_max, axes.jerk_max) == (8, 40)
    with pytest.raises(InputError, match=f"acceleration must rise evenly from -max to max, got 16 .*{said}"):
        read_spectra(xr.DataArray(np.ones((2, 16, 16)), good | {"acceleration": axis}, dims))


def test_blocks_of_the_network_are_as_they_are_said_to_be() -> None:
    for blocks in ((0,), (-8,), (12,), ()):
        with pytest.raises(InputError, match=r"UNetConfig: blocks"):
            validated(UNetConfig, {"blocks": blocks}, what="UNetConfig")
    for blocks in ((16, 64), (40, 72)):  # narrower than a head, and no multiple of one
        config = UNetConfig(blocks=blocks, attention=(True, True))
        network = SpectrumUNet(config, channels=1, shape=(8, 8))
        assert network(torch.zeros(1, 1, 8, 8), torch.zeros(1)).shape == (1, 1, 8, 8)
