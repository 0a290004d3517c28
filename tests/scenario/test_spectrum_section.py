"""What a scenario says of its spectra, on the way to `aj_spectrum`."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

import isacsim
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.scenario.outputs import Spectrum
from isacsim.spectrum.settings import SpectrumSettings


def test_settings_reach_the_spectrum():
    chosen = Spectrum(combine="resolved", equalise=0.5, beams="fixed", window="none")
    made = SpectrumSettings(**chosen.settings)
    assert (made.equalise, made.beams, made.window, made.lag_window) == (0.5, "fixed", None, "hann")
    assert SpectrumSettings(**Spectrum().settings).window is None


def test_like_the_paper():
    paper = Spectrum(like="paper")
    assert paper.combine == "single" and SpectrumSettings(**paper.settings).lag_window is None
    assert Spectrum(like="paper", combine="coherent").combine == "coherent"
    assert Spectrum(**paper.model_dump(exclude_none=True)) == paper


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": "hanning"},
        {"equalise": 2.0},
        {"beams": "narrow"},
        {"lags": "symmetric", "lag_window": "hann"},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        Spectrum(**wrong)


def test_clean_is_what_is_rendered():
    scenario = isacsim.load_scenario("single_target")
    scenario = scenario.model_copy(update={"spectrum": Spectrum(combine="resolved")})
    capture = isacsim.simulate(scenario, seed=1)
    spectra = sample_spectra(capture)
    like = isacsim.aj_spectrum(capture.csi[0], combine="resolved")
    rendered = isacsim.render_spectrum(capture.isel(receiver=0), like)
    clean = spectra["aj_clean"][0]
    # What the static removal takes of a path that moves by many wavelengths.
    assert np.abs(clean.values - rendered.values).max() < 0.05 * float(clean.max())
    assert np.abs(clean.values - spectra["aj_noiseless"][0].values).max() < 0.1 * float(clean.max())
