"""The response to one path of a data set's spectra."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isacsim
from isacsim.dataset.synthetic.response import response_of
from isacsim.errors import InputError


def test_a_data_set_s_own(tiny, here, tmp_path):
    radio = {"packets": 256, "packet_rate_hz": 300.0}
    one = tiny(radio=radio)
    other = tiny(
        name="other", radio=radio, spectrum={"bins_acceleration": 8, "bins_jerk": 6, "lags": "symmetric"}
    )
    for i, scenario in enumerate((one, other)):
        isacsim.generate(scenario, tmp_path / f"{i}.zarr", n_samples=2, seed=1, client=here, progress=False)
    samples = isacsim.open_dataset(tmp_path / "0.zarr")
    made = response_of(samples)
    np.testing.assert_array_equal(made, response_of(one))
    assert np.abs(made - response_of(isacsim.open_dataset(tmp_path / "1.zarr"))).max() > 0.01
    both = samples.assign_attrs(scenarios=json.dumps({s.name: s.to_yaml() for s in (one, other)}))
    np.testing.assert_array_equal(made, response_of(both))  # no sample is of the other one
    both["scenario"] = ("sample", ["tiny", "other"])
    with pytest.raises(InputError, match="scenarios other and tiny have different responses"):
        response_of(both)
    with pytest.raises(InputError, match="jerk has 4 values"):
        response_of(samples.isel(jerk=slice(2, None)))
    with pytest.raises(InputError, match="does not say which scenarios"):
        response_of(samples.drop_attrs())
    samples["scenario"] = ("sample", ["tiny", "hall"])
    with pytest.raises(InputError, match="'hall', which the attribute scenarios does not hold"):
        response_of(samples)
