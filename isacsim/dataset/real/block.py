"""Samples of some windows of a capture file, from their spectra: all variables of docs/datasets.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.conditioning.cutting import CaptureWindow
from isacsim.dataset.real.files import CaptureFile
from isacsim.dataset.real.windows import CaptureCut
from isacsim.schema import AXES, DATASET, attributes, described, unknown_truth

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["block_of"]

# Coordinates that say which antennas a receiver is.
_ANTENNAS = ("device", "rx_element", "tx_element")
# What aj_spectrum says of one window that other files' windows need not share.
_OF_ONE_FILE = ("carrier", "lag_packets", "packets", "packet_interval")


def block_of(
    file: CaptureFile,
    rms: float,
    cut: CaptureCut,
    held: Sequence[tuple[CaptureWindow, xr.DataArray]],
    columns: Sequence[str],
    settings: Mapping[str, Any],
) -> xr.Dataset:
    """Samples of some windows of a file.

    Parameters
    ----------
    file : CaptureFile
        The file, with its labels.
    rms : float
        Root mean square by which its CSI was divided.
    cut : CaptureCut
        What cut it.
    held : sequence of (CaptureWindow, xarray.DataArray)
        Windows and their spectra.
    columns : sequence of str
        Columns of the labels that samples keep.
    settings : mapping
        Arguments of :func:`isacsim.aj_spectrum`.
    """
    import xarray as xr

    labels = []
    own: dict[str, list[str]] = {name: [] for name in columns}
    for window, _ in held:
        start = window.start - cut.origin
        end = start + (window.packets - 1) * window.interval
        labels.append(file.label(start, end))
        for name, said in own.items():
            said.append(file.column(name, start, end))
    noisy = xr.concat(
        [spectrum for _, spectrum in held],
        "sample",
        combine_attrs="override",
        coords="minimal",
        compat="override",
        join="override",
    ).transpose("sample", "receiver", ..., missing_dims="ignore")
    noisy = noisy.drop_vars([n for n in noisy.coords if n not in (*AXES, *_ANTENNAS)])
    noisy.attrs = {name: value for name, value in noisy.attrs.items() if name not in _OF_ONE_FILE} | {
        **attributes(DATASET["aj_noisy"]),
        "lag_ratio": float(settings.get("lag_ratio", 0.089)),
        "window_s": cut.cutter.window_s,
    }
    if noisy.sizes.get("receiver") == 1:
        noisy = noisy.isel(receiver=0, drop=True)
    made = _dataset(file, noisy, rms, labels, [window.number for window, _ in held])
    text = np.dtypes.StringDType()
    return made.assign(
        {name: ("sample", np.array(said, text), {"long_name": name}) for name, said in own.items()}
    )


def _dataset(
    file: CaptureFile, noisy: xr.DataArray, rms: float, labels: list[int], numbers: list[int]
) -> xr.Dataset:
    """Samples of one file with everything that docs/datasets.md names: NaN where only a simulation knows."""
    import xarray as xr

    n = noisy.sizes["sample"]
    variables: dict[str, Any] = {"aj_noisy": noisy}
    for name in ("aj_noiseless", "aj_clean"):
        variables[name] = noisy.copy(data=np.full(noisy.shape, np.nan, np.float32))
        variables[name].attrs |= attributes(DATASET[name])
    variables |= unknown_truth(noisy.sizes)
    over_samples: dict[str, Any] = {
        "n_targets": np.array(labels, np.int16),
        "snr_db": np.full(n, np.nan, np.float32),
        "csi_rms": np.full(n, rms, np.float32),
        "seed": np.full(n, -1, np.int64),
        "index": np.array(numbers, np.int64),
    }
    texts = {"scenario": "", "domain": "real", "split": file.split, "source": file.source}
    over_samples |= {name: np.full(n, text, np.dtypes.StringDType()) for name, text in texts.items()}
    return xr.Dataset(variables | {name: described(DATASET, name, v) for name, v in over_samples.items()})
