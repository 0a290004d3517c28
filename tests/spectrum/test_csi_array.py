"""CSI on its way into every function: what is refused, in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim import InputError
from isacsim.csi import read
from isacsim.spectrum.grid import WindowResolution

TIME = np.arange(64) / 1e3
FREQUENCY = 5.8e9 + 1e6 * np.arange(3)
CSI = np.exp(2j * np.pi * np.random.default_rng(0).random((3, 64)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"csi": xr.Dataset({"csi": ("packet", TIME)})},
            "whole data set; pass the array in it, as capture.csi",
        ),
        ({"csi": CSI[np.newaxis][:0]}, r"not empty, got shape \(0, 3, 64\)"),
        ({"csi": CSI * np.nan}, "csi holds NaN or infinite values"),
        (
            {"csi": CSI * 1e200},
            r"csi holds values up to .*e\+(199|200), beyond the range of complex64 .*; scale it",
        ),
        (
            {"csi": CSI * 1e-200},
            r"csi holds values up to .*e-20[01], beyond the range of complex64 .*; scale it",
        ),
        ({"phase_sign": "x"}, "phase_sign must be -1 or 1, got 'x'"),
        ({"phase_sign": 1.5}, "phase_sign must be -1 or 1, got 1.5"),
        (
            {"time": (TIME * 1e9).astype("datetime64[ns]")},
            r"time must be numbers in seconds, got .* datetime64",
        ),
        ({"frequency": ["a", "b", "c"]}, "frequency must be numbers in hertz"),
        ({"lag_ratio": float("nan")}, "lag_ratio must be a number, got nan"),
    ],
)
def test_wrong_input_is_told_in_one_sentence(change: dict[str, Any], words: str) -> None:
    given = {"csi": CSI, "time": TIME, "frequency": FREQUENCY} | change
    with pytest.raises(InputError, match=words) as caught:
        isacsim.aj_spectrum(given.pop("csi"), **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ratio", [float("nan"), float("inf"), -float("inf")])
def test_lag_ratio_must_be_finite(ratio: float) -> None:
    with pytest.raises(InputError, match="lag_ratio must lie between"):
        WindowResolution(1024, 1e-3, 5.8e9, ratio)


def _one_path(k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time = (np.arange(256) - 127.5) / 250
    frequency = 5.805e9 + 312.5e3 * k
    length = 6 + time + 1.5 * time**2
    rng = np.random.default_rng(0)
    csi = np.exp(-2j * np.pi * frequency[:, np.newaxis] * length / 299792458.0)
    csi += 0.05 * (rng.standard_normal(csi.shape) + 1j * rng.standard_normal(csi.shape))
    return csi.astype(np.complex64), time, frequency


@pytest.mark.parametrize("number", [0.0, 3 - 2j])
def test_subcarriers_that_hold_one_number_are_left_out(number: complex) -> None:
    k = np.arange(-16, 16)
    csi, time, frequency = _one_path(k)
    dead = (np.abs(k) > 13) | (k == 0)
    holed = csi.copy()
    holed[dead] = number
    for function in (isacsim.estimate_paths, isacsim.aj_spectrum):
        without = function(csi[~dead], time=time, frequency=frequency[~dead])
        with_them = function(holed, time=time, frequency=frequency)
        xr.testing.assert_equal(without, with_them)
    assert isacsim.estimate_paths(holed, time=time, frequency=frequency).sizes["path"] == 1


def test_one_that_lives_in_one_pair_is_kept() -> None:
    csi, time, frequency = _one_path(np.arange(8))
    pair = np.stack([csi, csi])
    pair[0, 3] = 0
    assert read(pair, time=time, frequency=frequency).frequency.size == 8
    pair[1, 3] = 0
    assert read(pair, time=time, frequency=frequency).frequency.size == 7


def test_a_channel_in_which_nothing_changes_stays_whole() -> None:
    still = np.ones((4, 64), np.complex64)
    assert read(still, time=TIME, frequency=5.8e9 + np.arange(4)).values.shape == (4, 64)


def test_a_single_subcarrier_is_named_as_it_was_passed() -> None:
    csi, time, frequency = _one_path(np.arange(8))
    holed = csi.copy()
    holed[2] = 0
    how = {"time": time, "frequency": frequency, "combine": "single"}
    xr.testing.assert_equal(
        isacsim.aj_spectrum(holed, subcarrier=5, **how), isacsim.aj_spectrum(csi, subcarrier=5, **how)
    )
    with pytest.raises(InputError, match="subcarrier 2 carries no channel"):
        isacsim.aj_spectrum(holed, subcarrier=2, **how)
