"""A user's own estimator in the studies: found, called, checked, and refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from isacsim.validation.own import digests_of, estimate_by, own_estimator, registered

import isacsim
from isacsim import InputError
from isacsim.estimation.estimate import estimate_paths

CSI = np.exp(1j * np.linspace(0, 30, 64))[np.newaxis].astype(np.complex64)
TIME = np.arange(64) / 1e3
FREQUENCY = np.array([5.8e9])


def peaks(csi: np.ndarray, time: np.ndarray, frequency: np.ndarray) -> Any:
    return estimate_paths(csi, time=time, frequency=frequency, method="peaks", max_paths=4)


def nothing(csi: np.ndarray, time: np.ndarray, frequency: np.ndarray) -> dict[str, Any]:
    return {"acceleration": [], "jerk": []}


def test_the_same_estimator_gets_the_same_row() -> None:
    result = isacsim.benchmark(peaks, study="counting", beside=("peaks",), trials=2)
    assert list(result.estimator.values) == [f"{__name__}:peaks", "peaks"]
    found = result.recall.values[:, 0]
    assert 0 < found[0] <= found[1]  # at most 4 against at most 12


def test_one_that_finds_nothing_misses_everything(tmp_path: Path) -> None:
    result = isacsim.benchmark(nothing, beside=("peaks",), trials=1, output=tmp_path / "kept")
    assert (result.missed.values[0] == 1).all()
    assert {"bound.json", "bound.png"} == {path.name for path in (tmp_path / "kept").iterdir()}
    assert result.threshold_db.isnull()[0]


def test_a_function_of_a_notebook_runs_in_one_process_only() -> None:
    def local(csi: np.ndarray, time: np.ndarray, frequency: np.ndarray) -> dict[str, Any]:
        return {"acceleration": [1.0, 2.0], "jerk": [0.0, 1.0], "amplitude": [1.0, 5.0]}

    with pytest.raises(InputError, match="jobs is 2, but other processes cannot import local"):
        isacsim.benchmark(local, jobs=2)
    name, importable = registered(local)
    assert not importable
    found = estimate_by(name, CSI, time=TIME, frequency=FREQUENCY)
    assert found.acceleration.values.tolist() == [2.0, 1.0]  # the strongest first
    assert np.isnan(found.std_jerk).all()


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "must return a mapping or xarray.Dataset; got NoneType"),
        ({"jerk": [1.0]}, "returned no acceleration"),
        ({"acceleration": [1.0], "jerk": [1.0, 2.0]}, r"jerk of shape \(2,\), but acceleration has 1 paths"),
    ],
)
def test_what_it_returns_is_checked(returned: Any, words: str) -> None:
    name, _ = registered(lambda csi, time, frequency: returned)
    with pytest.raises(InputError, match=words):
        estimate_by(name, CSI, time=TIME, frequency=FREQUENCY)


def test_what_it_raises_is_told() -> None:
    name, _ = registered(lambda csi, time, frequency: 1 / 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        estimate_by(name, CSI, time=TIME, frequency=FREQUENCY)


def test_it_cannot_spoil_the_capture_for_others() -> None:
    def spoils(csi: np.ndarray, time: np.ndarray, frequency: np.ndarray) -> dict[str, Any]:
        csi[:] = 0
        return {"acceleration": [], "jerk": []}

    before = CSI.copy()
    estimate_by(registered(spoils)[0], CSI, time=TIME, frequency=FREQUENCY)
    assert np.array_equal(CSI, before)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("nowhere_at_all:f", "module nowhere_at_all cannot be imported"),
        ("numpy:nothing_here", "module numpy has no function nothing_here"),
        (":f", "method must be module:function"),
    ],
)
def test_names_that_lead_nowhere_are_refused(method: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        own_estimator(method)


def test_a_study_goes_on_with_the_same_code_only() -> None:
    assert digests_of(["peaks"]) == {}
    name, _ = registered(peaks)
    assert len(digests_of([name])[name]) == 16
