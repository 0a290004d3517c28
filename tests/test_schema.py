"""Captures, data sets and spectra are what the schema says, simulated and stored alike."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim import aj_spectrum, simulate, track
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.schema import AXES, CAPTURE, DATASET, STREAM, TRACK

TWO = [{"name": "a", "position_m": [4.0, 0.0, 1.0]}, {"name": "b", "position_m": [0.0, 4.0, 1.0]}]


def holds(dataset, table, optional=()):
    """Every variable is in the table, with its unit, its name, and its dimensions but for those that may be absent."""
    for name, found in dataset.variables.items():
        wanted = table[name]
        dims = tuple(dim for dim in wanted.dims if dim in found.dims or dim not in optional)
        assert found.dims == dims, name
        assert (found.attrs["units"], found.attrs["long_name"]) == (wanted.units, wanted.long_name), name


def test_a_simulated_capture(make_scenario):
    capture = simulate(make_scenario(radio={"receivers": TWO}), seed=1)
    holds(capture, CAPTURE)
    assert set(STREAM) <= set(capture.coords)
    assert capture.device.values.tolist() == [0, 1]
    assert not capture.rx_element.values.any() and not capture.tx_element.values.any()


@pytest.mark.parametrize("receivers", [TWO, TWO[:1]])
def test_a_data_set_with_its_csi(make_scenario, receivers):
    scenario = make_scenario(
        radio={"receivers": receivers}, spectrum={"combine": "delay", "reference": "product"}
    )
    samples = make_samples(scenario, seed=1, indices=range(2), keep_csi=True)
    holds(samples, DATASET | AXES | STREAM, optional=("receiver", "delay"))
    assert samples.csi_device.values.tolist() == list(range(len(receivers)))
    assert ("device" in samples.coords) == (len(receivers) == 2)
    assert samples.csi_role.values.tolist() == ["surveillance"] * len(receivers)
    assert np.isfinite(samples.csi.values).all()


def test_a_spectrum(make_scenario):
    capture = simulate(make_scenario(), seed=1)
    spectrum = aj_spectrum(capture.csi, combine="delay")
    for name, axis in AXES.items():
        assert spectrum[name].dims == axis.dims and spectrum[name].attrs["units"] == axis.units
    assert set(STREAM) <= set(spectrum.coords)


def test_tracks(make_scenario):
    tracks = track(simulate(make_scenario(), seed=1))
    holds(tracks, TRACK)
    assert set(tracks.variables) == set(TRACK)
