"""Many samples of one scenario at once, as a data set holds them (docs/datasets.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.dataset.synthetic.sample import Conditioned, SampleRows, SampleWindow
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import Realisation, realise
from isacsim.simulation.reception import Received, receive
from isacsim.spectrum.plan import spectra
from isacsim.spectrum.settings import settings_attrs

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TRUTH", "make_samples"]

# Variable of a data set: row of Realisation.kinematics (None: the amplitude), unit, name.
TRUTH: dict[str, tuple[int | None, str, str]] = {
    "target_path_length": (0, "m", "path length of the target"),
    "target_velocity": (1, "m/s", "rate of change of the target's path length"),
    "target_acceleration": (2, "m/s2", "acceleration of the target's path length"),
    "target_jerk": (3, "m/s3", "jerk of the target's path length"),
    "target_amplitude": (None, "1", "amplitude of the target's path at the receiver"),
}
# Samples, and bytes, of lag products that wait for the transform together; bounds memory, changes no bit.
_BATCH, _BATCH_BYTES = 32, 2**25
_SPECTRA = ("noisy", "noiseless", "clean")


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
    made: dict[str, list[NDArray[Any]]] = {f"aj_{kind}": [] for kind in _SPECTRA}
    truth: dict[str, list[NDArray[Any]]] = {name: [] for name in TRUTH}
    csi: list[dict[str, NDArray[Any]]] = []
    sample_window, waiting = SampleWindow(scenario), list[SampleRows]()
    number, snr_db = [], []
    for n, (index, count) in enumerate(zip(indices, counts, strict=True), start=1):
        drawn = realise(scenario, seed=seed, index=int(index), n_targets=count)
        received = receive(drawn)
        noisy = Conditioned.of_received(received)
        undamaged = received.clean if received.nominal else drawn.noiseless_csi(sample_window.time)
        waiting.append(sample_window.rows(drawn, noisy, undamaged))
        for name, values in _truth(drawn, noisy.receivers, most).items():
            truth[name].append(values)
        number.append(drawn.n_targets)
        snr_db.append(received.impairments.snr_db)
        if keep_csi:
            csi.append(_padded(received))
        if len(waiting) >= min(_BATCH, _BATCH_BYTES // waiting[0].nbytes) or n == len(indices):
            # The clean ones are groups of paths, the others single: apart, so that no group is filled up.
            both = spectra([r.noisy for r in waiting] + [r.noiseless for r in waiting])
            half = len(both) // 2
            made["aj_noisy"].append(both[:half])
            made["aj_noiseless"].append(both[half:])
            made["aj_clean"].append(spectra([r.clean for r in waiting]))
            waiting.clear()
    one = sample_window.window
    receivers = [scenario.radio.receivers[r].name for r in noisy.receivers]
    delays = [] if one.delay is None else [one.delay.size]
    shape = (len(number), len(receivers), *delays, one.acceleration.size, one.jerk.size)
    dims = ["sample", "receiver", *(["delay"] if delays else []), "acceleration", "jerk"]
    grid, variables = one.grid, dict[str, Any]()
    settings = settings_attrs(one.settings, grid.packets * grid.interval)
    for name, blocks in made.items():
        long_name = f"{name[3:]} acceleration-jerk spectrum, linear magnitude"
        values = np.concatenate(blocks).reshape(shape)
        variables[name] = (dims, values, {"units": "1", "long_name": long_name, **settings})
    for name, (_, units, long_name) in TRUTH.items():
        attrs = {"units": units, "long_name": long_name}
        variables[name] = (("sample", "receiver", "target"), np.stack(truth[name]), attrs)
    coords: dict[str, Any] = {
        "acceleration": (
            "acceleration",
            one.acceleration,
            {"units": "m/s2", "long_name": "path acceleration"},
        ),
        "jerk": ("jerk", one.jerk, {"units": "m/s3", "long_name": "path jerk"}),
        "receiver": ("receiver", receivers, {"long_name": "surveillance receiver"}),
    }
    if one.delay is not None:
        coords["delay"] = ("delay", one.delay, {"units": "s", "long_name": "path delay"})
    dataset = xr.Dataset(variables, coords)
    if len(receivers) == 1:
        dataset = dataset.isel(receiver=0, drop=True)
    snr = {"units": "dB", "long_name": "signal-to-noise ratio of a unit path"}
    dataset["n_targets"] = (
        "sample",
        np.array(number, np.int16),
        {"units": "1", "long_name": "number of targets"},
    )
    dataset["snr_db"] = ("sample", np.array(snr_db, np.float32), snr)
    dataset["scenario"] = ("sample", [scenario.name] * len(number))
    dataset["seed"] = ("sample", np.full(len(number), seed, np.int64))
    dataset["index"] = ("sample", np.array(indices, np.int64))
    return _with_csi(dataset, csi, scenario) if keep_csi else dataset


def _truth(drawn: Realisation, kept: list[int], most: int) -> dict[str, NDArray[np.float64]]:
    """Truth of the targets at the receivers analysed, (receiver, target), NaN beyond the last target."""
    targets = drawn.reference
    out = {}
    for name, (row, _, _) in TRUTH.items():
        of_paths = drawn.received_amplitude if row is None else drawn.kinematics[row]
        out[name] = np.full((len(kept), most), np.nan)
        out[name][:, : targets.size] = of_paths[kept][:, targets]
    return out


def _padded(received: Received) -> dict[str, NDArray[Any]]:
    """CSI as received, filled up with NaN to the packets that the radio sends."""
    room = ((0, 0), (0, 0), (0, received.realisation.scenario.radio.packets - received.time.size))
    return {
        "csi": np.pad(received.csi, room, constant_values=np.nan),
        "csi_noiseless": np.pad(received.clean, room, constant_values=np.nan),
        "csi_time": np.pad(received.time, room[-1], constant_values=np.nan),
    }


def _with_csi(dataset: xr.Dataset, csi: list[dict[str, NDArray[Any]]], scenario: Scenario) -> xr.Dataset:
    attrs = {"units": "1", "long_name": "channel state information", "phase_sign": -1}
    dims = ("sample", "all_receivers", "subcarrier", "packet")
    dataset["csi"] = (dims, np.stack([c["csi"] for c in csi]), attrs)
    attrs = {**attrs, "long_name": "CSI without noise and impairments"}
    dataset["csi_noiseless"] = (dims, np.stack([c["csi_noiseless"] for c in csi]), attrs)
    time = {"units": "s", "long_name": "time from the window's centre"}
    dataset["csi_time"] = (("sample", "packet"), np.stack([c["csi_time"] for c in csi]), time)
    frequency = {"units": "Hz", "long_name": "subcarrier frequency"}
    names = [r.name for r in scenario.radio.receivers]
    return dataset.assign_coords(
        frequency=("subcarrier", scenario.radio.frequency_hz, frequency),
        all_receivers=("all_receivers", names, {"long_name": "receiver"}),
    )
