"""Conditions on the command line: numbers are put into bands."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

from dira.commands.conditions import columns
from isacsim.errors import InputError


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("snr_db", "snr_db holds numbers; put them into bands, e.g. snr_db:10,20"),
        ("snr_db:20,10", "the edges of snr_db's bands must be rising numbers, got 20,10"),
        ("snr_db:", "must be rising numbers, got ."),
        ("scenario:1", "scenario is not a number in every sample"),
        ("broken:1", "broken is not a number in every sample"),
        ("snr_db:10,x", "no label column 'x'; it has broken, scenario, snr_db"),
    ],
)
def test_what_makes_no_bands_is_refused(wanted, said):
    labels = {"snr_db": [1.5, 20.0], "scenario": ["a", "b"], "broken": [1.0, np.nan]}
    samples = xr.Dataset({name: ("sample", values) for name, values in labels.items()})
    assert columns(samples, "scenario,snr_db:20")["snr_db"].tolist() == ["below 20", "above 20"]
    with pytest.raises(InputError, match=re.escape(said)):
        columns(samples, wanted)
