"""The response to one path of the spectra in a data set, by the scenarios that it was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from isacsim.dataset.synthetic.sample import spectrum_settings
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.spectrum.point_response import point_response

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["response_of"]

# Responses of several scenarios that differ by less, of a peak of 1, are taken for one.
_SAME = 1e-3


def response_of(samples: xr.Dataset | Scenario) -> xr.DataArray:
    """:func:`isacsim.point_response` with the radio, axes and lags that a data set's spectra were made with.

    Parameters
    ----------
    samples : xarray.Dataset or Scenario
        Samples of a store of :func:`isacsim.generate`, or a scenario.

    Returns
    -------
    xarray.DataArray, float32, dims (acceleration, jerk)

    Raises
    ------
    InputError
        If the data set does not hold its scenarios, they differ in their response, or its axes are not theirs.
    """
    if isinstance(samples, Scenario):
        return _of_scenario(samples)
    if "scenarios" not in samples.attrs or "scenario" not in samples:
        raise InputError(
            "the data set does not say which scenarios its spectra are from (attribute scenarios, variable scenario): "
            "open a store of isacsim generate, or give the scenario."
        )
    texts = json.loads(samples.attrs["scenarios"])
    first: tuple[str, xr.DataArray] | None = None
    for name in sorted({str(x) for x in samples["scenario"].values.tolist()}):
        if name not in texts:
            raise InputError(
                f"samples are of scenario {name!r}, which the attribute scenarios does not hold; it has "
                f"{', '.join(texts)}."
            )
        scenario = Scenario.from_yaml(texts[name], file=f"the data set's scenario {name}")
        response = _of_scenario(scenario)
        if first is None:
            first = (name, response)
            _check_axes(samples, scenario)
        elif response.shape != first[1].shape or np.abs(response.values - first[1].values).max() > _SAME:
            raise InputError(
                f"scenarios {first[0]} and {name} have different responses; take the samples of one scenario at a time."
            )
    if first is None:
        raise InputError("samples must hold at least one sample.")
    return first[1]


def _of_scenario(scenario: Scenario) -> xr.DataArray:
    radio = scenario.radio
    return point_response(time=radio.time_s, frequency=radio.frequency_hz, **spectrum_settings(scenario))


def _check_axes(samples: xr.Dataset, scenario: Scenario) -> None:
    settings = spectrum_settings(scenario)
    for name in ("acceleration", "jerk"):
        here = samples[name].values
        if here.shape != settings[name].shape or not np.allclose(here, settings[name], rtol=1e-6, atol=1e-9):
            raise InputError(
                f"the samples' {name} has {here.size} values from {here[0]:g} to {here[-1]:g}, their scenario "
                f"{settings[name].size} from {settings[name][0]:g} to {settings[name][-1]:g}: take the whole axis."
            )
