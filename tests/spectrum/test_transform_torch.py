"""The transform by torch equals numba's."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from isacsim import InputError, aj_spectrum
from isacsim.spectrum.settings import SpectrumSettings

pytestmark = pytest.mark.numerical

TIME = np.arange(600) / 600
FREQUENCY = 5.8e9 + 1.25e6 * np.arange(-16, 16)


def capture(seed: int = 0) -> np.ndarray:
    """Three paths with phases of their own at four pairs, a static part and noise, (capture, pair, ...)."""
    rng = np.random.default_rng(seed)
    out = rng.normal(size=(2, 4, 32, 600, 2)) @ [0.2, 0.2j] + 3.0
    for v, a, r in rng.uniform(-1, 1, (3, 3)) * [2, 6, 30]:
        length = 6 + v * TIME + a * (TIME - 0.5) ** 2 / 2 + r * (TIME - 0.5) ** 3 / 6
        path = np.exp(-2j * np.pi * np.outer(FREQUENCY, length) / 3e8)
        out += np.exp(2j * np.pi * rng.uniform(size=(1, 4, 1, 1))) * path
    return out


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lags": "symmetric"},
        {"decimation": 1, "jerk": np.linspace(-40, 30, 9), "acceleration": np.linspace(-3, 8, 12)},
        {"combine": "noncoherent", "window": "hann"},
        {"combine": "resolved", "antennas": (2, 2)},
        {"combine": "resolved", "antennas": (2, 2), "cube": True, "delays": 3},
    ],
    ids=str,
)
def test_torch_on_the_processor_gives_what_numba_gives(settings):
    pytest.importorskip("torch")
    how = {"time": TIME, "frequency": FREQUENCY, **settings}
    want = aj_spectrum(capture(), **how)
    made = aj_spectrum(capture(), **how, device="cpu")
    assert made.dims == want.dims and made.attrs == want.attrs
    assert np.abs(made - want).max() < 1e-4 * want.max()
    assert not np.array_equal(made, want)  # it was another that made it


def test_self_terms_of_a_group_are_added():
    pytest.importorskip("torch")
    from isacsim.spectrum.aj import self_term_spectrum

    how = {"time": TIME, "frequency": FREQUENCY}
    want, made = (self_term_spectrum(capture(), **how, device=device) for device in (None, "cpu"))
    assert np.abs(made - want).max() < 1e-4 * want.max()


@pytest.mark.parametrize("device", ["abacus", "cuda:99", "meta:0:1"])
def test_devices_that_are_not_there_are_refused(device):
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=r"device must be one that torch can use here, cpu.*; got"):
        aj_spectrum(capture(), time=TIME, frequency=FREQUENCY, device=device)
    with pytest.raises(InputError, match="device"):
        SpectrumSettings(device=0)  # type: ignore[arg-type]


def test_without_torch_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "isacsim.spectrum.transform_torch", raising=False)
    with pytest.raises(ImportError, match=r"device='cpu' needs torch.*isacsim\[torch\]"):
        aj_spectrum(capture(), time=TIME, frequency=FREQUENCY, device="cpu")
