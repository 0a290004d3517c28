"""Many samples of one scenario at once, as a data set holds them (docs/datasets.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.dataset.synthetic.doppler import SampleDoppler
from isacsim.dataset.synthetic.labels import truth_of
from isacsim.dataset.synthetic.sample import Conditioned, SampleWindow
from isacsim.scenario.model import Scenario
from isacsim.schema import AXES, DATASET, LABELS, STREAM, TRUTH, attributes, described
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import Received, receive, streams_of
from isacsim.spectrum.plan import LagProducts, spectra
from isacsim.spectrum.resolved import CellProducts
from isacsim.spectrum.settings import settings_attrs

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KINDS", "make_samples"]

# Samples, and bytes, of lag products that wait for the transform together; bounds memory, changes no bit.
_BATCH, _BATCH_BYTES = 32, 2**25
KINDS = ("noisy", "noiseless", "clean")
"""Kinds of spectra that a sample has."""


def make_samples(
    scenario: Scenario,
    *,
    seed: int,
    indices: Sequence[int],
    n_targets: Sequence[int | None] | None = None,
    target_size: int | None = None,
    keep_csi: bool = False,
    kinds: Sequence[str] = KINDS,
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
    kinds : sequence of str
        Spectra wanted, some of `KINDS`; each has the same bits whatever else is wanted.

    Returns
    -------
    xarray.Dataset
        Over sample: the variables of docs/datasets.md but for ``domain``, ``split`` and ``source``.
    """
    import xarray as xr

    counts = [None] * len(indices) if n_targets is None else list(n_targets)
    most = max(1, *scenario.targets.counts) if target_size is None else target_size
    blocks_of_spectra: dict[str, list[NDArray[Any]]] = {f"aj_{kind}": [] for kind in kinds}
    truth: dict[str, list[NDArray[Any]]] = {name: [] for name in (*TRUTH, *LABELS)}
    csi: list[dict[str, NDArray[Any]]] = []
    sample_window, waiting = SampleWindow(scenario), list[dict[str, LagProducts | CellProducts]]()
    doppler = SampleDoppler(scenario, sample_window) if "doppler" in (scenario.spectrum.also or ()) else None
    spectrograms: dict[str, list[NDArray[np.float32]]] = {kind: [] for kind in kinds}
    number, snr_db = [], []
    for n, (index, count) in enumerate(zip(indices, counts, strict=True), start=1):
        drawn = realise(scenario, seed=seed, index=int(index), n_targets=count)
        received = receive(drawn)
        noisy = Conditioned.of_received(received)
        undamaged = None
        if "noiseless" in kinds or doppler is not None:
            undamaged = received.clean if received.nominal else drawn.noiseless_csi(sample_window.time)
        waiting.append(sample_window.rows(drawn, noisy, undamaged, kinds))
        images = sample_window.images(noisy.receivers)
        if doppler is not None and undamaged is not None:
            noiseless = sample_window.noiseless(drawn, noisy, undamaged)
            of_kinds = doppler.images(drawn, noisy, noiseless)
            for kind in kinds:
                spectrograms[kind].append(of_kinds[kind])
        for name, values in truth_of(drawn, sample_window.window, images, most).items():
            truth[name].append(values)
        number.append(drawn.n_targets)
        snr_db.append(received.impairments.snr_db)
        if keep_csi:
            csi.append(_padded(received))
        if len(waiting) >= min(_BATCH, _BATCH_BYTES // max(1, _nbytes(waiting[0]))) or n == len(indices):
            # The clean ones are groups of paths, the others single: apart, so that no group is filled up.
            for together in (("noisy", "noiseless"), ("clean",)):
                wanted = [kind for kind in together if kind in kinds]
                if not wanted:
                    continue
                made = spectra([rows[kind] for kind in wanted for rows in waiting])
                for kind, of_kind in zip(wanted, np.split(made, len(wanted)), strict=True):
                    blocks_of_spectra[f"aj_{kind}"].append(of_kind)
            waiting.clear()
    one = sample_window.window
    streams = streams_of(scenario.radio)
    coords: dict[str, Any] = {
        name: described(STREAM, name, [values[r] for r in images])
        for name, (_, values, _) in streams.items()
        if name != "role"  # surveillance, all of them
    }
    if sample_window.pairs > 1:
        coords["receiver"] = described(STREAM, "receiver", drawn.names_of(images))
    for name in ("delay", "acceleration", "jerk"):
        if (axis := getattr(one, name)) is not None:
            coords[name] = described(AXES, name, axis)
    dims = ["sample", "receiver", *(["delay"] if "delay" in coords else []), "acceleration", "jerk"]
    shape = (len(number), len(images), *(coords[dim][1].size for dim in dims[2:]))
    grid = one.grid
    settings = settings_attrs(one.settings)
    settings |= {
        "lag_ratio": float(one.settings.lag_ratio),
        "window_s": round(grid.packets * grid.interval, 9),
        "carrier": one.carrier,
        "lag_packets": grid.lag,
        "packets": grid.packets,
        "packet_interval": grid.interval,
    }
    spectra_of_kind = {
        name: (dims, np.concatenate(blocks).reshape(shape), attributes(DATASET[name], **settings))
        for name, blocks in blocks_of_spectra.items()
    }
    if doppler is not None:
        coords |= doppler.coords()
        spectra_of_kind |= {
            f"doppler_{kind}": (
                ["sample", "receiver", "doppler", "time"],
                np.stack(made),
                doppler.attrs(kind),
            )
            for kind, made in spectrograms.items()
        }
    over_samples: dict[str, Any] = {
        **{name: np.stack(rows) for name, rows in truth.items()},
        "n_targets": np.array(number, np.int16),
        "snr_db": np.array(snr_db, np.float32),
        "scenario": [scenario.name] * len(number),
        "room": [scenario.room or scenario.name] * len(number),
        "seed": np.full(len(number), seed, np.int64),
        "index": np.array(indices, np.int64),
    }
    labelled = {name: described(DATASET, name, values) for name, values in over_samples.items()}
    dataset = xr.Dataset(spectra_of_kind | labelled, coords)
    if len(images) == 1:
        dataset = dataset.isel(receiver=0, drop=True)
    return _with_csi(dataset, csi, scenario) if keep_csi else dataset


def _nbytes(rows: Mapping[str, LagProducts | CellProducts]) -> int:
    return sum(products.nbytes for one in rows.values() for products in one.products)


def _padded(received: Received) -> dict[str, NDArray[Any]]:
    """CSI as received, filled up with NaN to the packets that the radio sends."""
    room = ((0, 0), (0, 0), (0, received.realisation.scenario.radio.packets - received.time.size))
    return {
        "csi": np.pad(received.csi, room, constant_values=np.nan),
        "csi_noiseless": np.pad(received.clean, room, constant_values=np.nan),
        "csi_time": np.pad(received.time, room[-1], constant_values=np.nan),
    }


def _with_csi(dataset: xr.Dataset, csi: list[dict[str, NDArray[Any]]], scenario: Scenario) -> xr.Dataset:
    for name, more in (("csi", {"phase_sign": -1}), ("csi_noiseless", {"phase_sign": -1}), ("csi_time", {})):
        dataset[name] = described(DATASET, name, np.stack([one[name] for one in csi]), **more)
    coords: dict[str, Any] = {"frequency": scenario.radio.frequency_hz}
    for name, (_, values, _) in streams_of(scenario.radio).items():
        coords["all_receivers" if name == "receiver" else f"csi_{name}"] = values
    return dataset.assign_coords({name: described(DATASET, name, values) for name, values in coords.items()})
