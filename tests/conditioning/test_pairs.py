"""Streams that are looked at together: all pairs of an array whose phases were kept, else one."""

from __future__ import annotations

import numpy as np
import pytest

import isacsim
from isacsim import InputError
from isacsim.conditioning.conditioning import ALIGNED_ARRAY, condition
from isacsim.conditioning.pairs import array_of, pairs_together, receiver_of


@pytest.fixture(scope="module")
def capture():
    scenario = isacsim.load_scenario("lab").with_(
        radio={"subcarriers": 16, "packets": 512, "packet_rate_hz": 500},
        snr_db=25,
        impairments={"loss": None, "jitter": None},
    )
    return isacsim.simulate(scenario, seed=2, n_targets=3)


def test_an_array_s_pairs_are_aligned_and_taken_together_by_default(capture):
    csi = condition(capture)
    assert csi.attrs["conditioning"] == ALIGNED_ARRAY
    pairs = pairs_together(csi, 5)
    assert pairs.dims == ("receiver", "subcarrier", "packet") and pairs.sizes["receiver"] == 16
    shuffled = csi.isel(receiver=np.random.default_rng(0).permutation(16))
    np.testing.assert_array_equal(array_of(shuffled, 3).values, pairs.values)
    counted = isacsim.count_targets(capture, targets="points")
    one = isacsim.count_targets(receiver_of(condition(capture, uniform=False), 0), targets="points")
    assert int(counted["count"][0]) == 3 and int(one["count"][0]) <= 3


def test_a_product_leaves_one(capture):
    assert pairs_together(condition(capture, reference="product"), 0).dims == ("subcarrier", "packet")


def test_antennas_that_stand_apart_are_not_one_array():
    scenario = isacsim.load_scenario("intel5300").with_(impairments={}, radio={"packets": 128})
    plain = isacsim.simulate(scenario, seed=0)
    csi = condition(plain, reference="none")
    assert csi.sizes["receiver"] == 3 and pairs_together(csi, 1).dims == ("subcarrier", "packet")


def test_a_receiver_that_is_not_there_is_refused(capture):
    with pytest.raises(InputError, match=r"receiver= must be one of 0 = ap rx0-tx0.*got 16"):
        pairs_together(condition(capture), 16)


def test_two_arrays_of_one_device_stay_two(capture):
    csi = condition(capture)
    names = [f"{'ap' if n < 8 else 'b'} rx{n % 8}-tx0" for n in range(16)]
    two = csi.assign_coords(
        receiver=names, rx_element=("receiver", np.arange(16)), tx_element=("receiver", [0] * 16)
    )
    assert array_of(two, 9).coords["receiver"].values.tolist() == names[8:]
    assert pairs_together(two, 0).sizes["receiver"] == 8


@pytest.mark.parametrize("reference", ["array", "projection"])
def test_what_is_not_finite_is_refused(capture, reference):
    broken = capture.copy(deep=True)
    broken["csi"].values[3, 2, 17] = np.nan
    with pytest.raises(InputError, match="csi of packet 17 is not finite"):
        condition(broken, reference=reference)
