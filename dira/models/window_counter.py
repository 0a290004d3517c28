"""The counter that `isacsim.count_targets` calls as ``method="dira"`` (entry point of group ``isacsim.counters``)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import isacsim
from dira.data.spectra import read_spectra
from dira.models.detector import PathDetector
from dira.models.shipped import shipped_detectors
from isacsim.conditioning.resampling import resample

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["count_window"]


def count_window(csi: xr.DataArray, max_targets: int) -> NDArray[np.float64] | None:
    """Count the points that move in one window by the detector that fits its antennas.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)
        Conditioned CSI of one array at the packets' own times.
    max_targets : int
        The most targets that there may be.

    Returns
    -------
    numpy.ndarray, shape (max_targets + 1,), or None
        Probability of each number; None where no detector that comes with dira was made for such windows.
    """
    antennas = _antennas(csi)
    uniform = resample(csi)
    for name in sorted(shipped_detectors(), key=lambda name: not name.startswith("rooms")):
        detector = _detector(name)
        _, axes = detector.fitted()
        if axes.made_with.get("antennas") != " x ".join(map(str, antennas)):
            continue
        assert axes.acceleration_max is not None
        assert axes.jerk_max is not None
        spectrum = isacsim.aj_spectrum(
            uniform,
            acceleration=np.linspace(-1, 1, axes.bins_acceleration) * axes.acceleration_max,
            jerk=np.linspace(-1, 1, axes.bins_jerk) * axes.jerk_max,
            combine="resolved",
            antennas=antennas,
        )
        one = spectrum.expand_dims("sample")
        if axes.differences(read_spectra(one)[1], owner=name):
            continue
        found = detector.detect(one, device="cpu")
        probability = np.asarray(found["count_probability"].values[0], np.float64)
        out = np.zeros(max_targets + 1)
        known = min(out.size, probability.size)
        out[:known] = probability[:known]
        return out if out.sum() > 0.05 else None
    return None


def _antennas(csi: xr.DataArray) -> tuple[int, int]:
    if "receiver" not in csi.dims:
        return 1, 1
    numbers = [int(np.unique(csi.coords[name].values).size) for name in ("rx_element", "tx_element")]
    return numbers[0], numbers[1]


@lru_cache(maxsize=8)
def _detector(name: str) -> PathDetector:
    return PathDetector.pretrained(name)
