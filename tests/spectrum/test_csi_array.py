"""CSI on its way into every function: what is refused, in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim import InputError
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


def test_a_scenario_s_name_is_no_scenario() -> None:
    with pytest.raises(InputError, match=r"got 'lab'; load it with isacsim.load_scenario"):
        isacsim.simulate("lab", seed=1)  # type: ignore[arg-type]
