"""Many samples of one scenario at once, as a data set holds them (docs/datasets.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.dataset.sample import sample_spectra
from isacsim.scenario import Scenario
from isacsim.simulation import simulate

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TRUTH", "make_samples"]

# Variable of a data set: what it holds of a capture, unit, name.
TRUTH = {
    "target_path_length": ("path_length", "m", "path length of the target"),
    "target_velocity": ("velocity", "m/s", "rate of change of the target's path length"),
    "target_acceleration": ("acceleration", "m/s2", "acceleration of the target's path length"),
    "target_jerk": ("jerk", "m/s3", "jerk of the target's path length"),
    "target_amplitude": ("amplitude", "1", "amplitude of the target's path at the receiver"),
}


def make_samples(
    scenario: Scenario,
    *,
    seed: int,
    indices: Sequence[int],
    n_targets: Sequence[int | None] | None = None,
    target_size: int | None = None,
    keep_csi: bool = False,
) -> xr.Dataset:
    """Simulate samples and their spectra.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    seed : int
        Seed of the data set.
    indices : sequence of int
        Numbers of the samples within this seed: each depends on (scenario, seed, index, n_targets) alone, to the bit.
    n_targets : sequence of int or None, optional
        Number of targets of each; None: drawn as the scenario says.
    target_size : int, optional
        Length of the dimension target; default: the most that the scenario allows.
    keep_csi : bool
        Whether to keep the CSI.

    Returns
    -------
    xarray.Dataset
        Over sample: the variables of docs/datasets.md but for ``domain``, ``split`` and ``source``.
    """
    import xarray as xr

    counts = [None] * len(indices) if n_targets is None else list(n_targets)
    most = max(1, *scenario.targets.counts) if target_size is None else target_size
    made: list[xr.Dataset] = []
    for index, count in zip(indices, counts, strict=True):
        capture = simulate(scenario, seed=seed, index=int(index), n_targets=count)
        spectra = sample_spectra(capture)
        names = [str(n) for n in capture.coords["receiver"].values]
        kept = [names.index(str(n)) for n in spectra.coords["receiver"].values]
        variables: dict[str, Any] = {name: spectra[name] for name in spectra.data_vars}
        number = int(capture.attrs["n_targets"])
        for name, (of, units, long_name) in TRUTH.items():
            values = np.full((len(kept), most), np.nan)
            values[:, :number] = capture[of].values[kept][:, capture["target"].values >= 0]
            variables[name] = (("receiver", "target"), values, {"units": units, "long_name": long_name})
        one = xr.Dataset(variables)
        if len(kept) == 1:
            one = one.isel(receiver=0, drop=True)
        one["n_targets"] = ((), np.int16(number), {"units": "1", "long_name": "number of targets"})
        snr = {"units": "dB", "long_name": "signal-to-noise ratio of a unit path"}
        one["snr_db"] = ((), np.float32(capture.attrs["snr_db"]), snr)
        one["scenario"] = ((), scenario.name)
        one["seed"] = ((), np.int64(seed))
        one["index"] = ((), np.int64(index))
        if keep_csi:
            one = _with_csi(one, capture, scenario)
        made.append(one)
    return xr.concat(made, "sample", data_vars="all", coords="minimal", compat="override", join="override")


def _with_csi(one: xr.Dataset, capture: xr.Dataset, scenario: Scenario) -> xr.Dataset:
    """Add the CSI as received, padded with NaN to the packets that the radio sends."""
    room = scenario.radio.packets - capture.sizes["packet"]
    for name in ("csi", "csi_noiseless"):
        values = np.pad(capture[name].values, ((0, 0), (0, 0), (0, room)), constant_values=np.nan)
        one[name] = (("all_receivers", "subcarrier", "packet"), values, dict(capture[name].attrs))
    time = np.pad(capture["time"].values, (0, room), constant_values=np.nan)
    one["csi_time"] = (("packet",), time, {"units": "s", "long_name": "time from the window's centre"})
    return one.assign_coords(
        frequency=("subcarrier", capture["frequency"].values, {"units": "Hz", "long_name": "frequency"})
    )
