"""Small stores, made without the generator: simulated ones, and ones whose values are their sample's number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from isacsim.dataset.store.store import create_store, write_chunk
from isacsim.dataset.synthetic.batch import make_samples


def labelled(ds: xr.Dataset, *, train: int) -> xr.Dataset:
    """Add what says where samples come from: the first `train` train, the others test."""
    n = ds.sizes["sample"]
    splits = ["train"] * train + ["test"] * (n - train)
    return ds.assign(
        domain=("sample", np.array(["synthetic"] * n)),
        split=("sample", np.array(splits)),
        source=("sample", np.array([""] * n)),
    )


def save(ds: xr.Dataset, path: Path, *, chunk: int, chunks: Iterable[int] | None = None) -> Path:
    """Write in chunks of samples; all of them, or only some."""
    record = create_store(
        path, ds.isel(sample=slice(0, 1)), ds.sizes["sample"], chunk=chunk, attrs={"isacsim": "0"}
    )
    for number in range(record.n_chunks) if chunks is None else chunks:
        part = ds.isel(sample=slice(*record.bounds(number)))
        write_chunk(record, number, {name: part[name].values for name in record.variables})
    return path


def simulated(make_scenario, path: Path, **changes) -> Path:
    """Six samples with their CSI, in chunks of four: four to train, two to test."""
    scenario = make_scenario(spectrum={"bins_acceleration": 12, "bins_jerk": 10}, **changes)
    ds = make_samples(scenario, seed=5, indices=range(6), keep_csi=True)
    return save(labelled(ds, train=4), path, chunk=4)


def numbered(n: int, path: Path, *, chunk: int, train: int | None = None, **how) -> Path:
    """All values of sample i are i; two receivers."""
    number = np.arange(n, dtype=np.float32)
    spectrum = np.broadcast_to(number[:, None, None, None], (n, 2, 3, 4))
    csi = np.broadcast_to(
        (number + 1j * (number + 0.5)).astype(np.complex64)[:, None, None, None], (n, 2, 5, 6)
    )
    ds = xr.Dataset(
        {
            "aj_noisy": (("sample", "receiver", "acceleration", "jerk"), spectrum),
            "aj_clean": (("sample", "receiver", "acceleration", "jerk"), spectrum + 1000),
            "scenario": ("sample", np.array(["none"] * n)),
            "n_targets": ("sample", number.astype(np.int16)),
            "target_jerk": (("sample", "receiver", "target"), spectrum[..., 0].astype(np.float64)),
            "csi": (("sample", "all_receivers", "subcarrier", "packet"), csi),
        },
        coords={"acceleration": np.linspace(-8, 8, 3), "jerk": np.linspace(-40, 40, 4)},
    )
    return save(labelled(ds, train=n if train is None else train), path, chunk=chunk, **how)
