"""Counters that `isacsim.count_targets` calls as ``method="dira"`` and ``"dira-people"``.

They are entry points of the group ``isacsim.counters``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import isacsim
from dira.data.body_windows import UnlikeTraining
from dira.data.spectra import read_spectra
from dira.models.detections import limits
from dira.models.detector import PathDetector
from dira.models.people_counter import PeopleCounter
from dira.models.shipped import shipped_models
from isacsim.conditioning.resampling import resample
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["count_people", "count_window"]


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
    if "receiver" in csi.dims and not _one_array(csi):
        return None
    antennas = _antennas(csi)
    uniform = resample(csi)
    fitting: list[tuple[PathDetector, xr.DataArray]] = []
    for name in shipped_models("PathDetector"):
        detector = _detector(name)
        _, axes = detector.fitted()
        if axes.made_with.get("antennas") != " x ".join(map(str, antennas)):
            continue
        a, r = limits(axes)
        spectrum = isacsim.aj_spectrum(
            uniform,
            acceleration=np.linspace(-a, a, axes.bins_acceleration),
            jerk=np.linspace(-r, r, axes.bins_jerk),
            combine="resolved",
            antennas=antennas,
        ).expand_dims("sample")
        if not axes.differences(read_spectra(spectrum)[1], owner=name):
            fitting.append((detector, spectrum))
    if not fitting:
        return None
    # Narrow axes show more of slow targets, and nothing of those beyond: any that wide axes show there decide.
    fitting.sort(key=lambda one: limits(one[0].fitted()[1]))
    found = [detector.detect(spectrum, device="cpu") for detector, spectrum in fitting]
    narrow, wide = limits(fitting[0][0].fitted()[1]), found[-1]
    beyond = (np.abs(wide["acceleration"].values) > narrow[0]) | (np.abs(wide["jerk"].values) > narrow[1])
    chosen = found[-1] if beyond.any() else found[0]
    probability = np.asarray(chosen["count_probability"].values[0], np.float64)
    return _up_to(max_targets, probability)


def count_people(csi: xr.DataArray, max_targets: int) -> NDArray[np.float64] | None:
    """Count the people who walk in one window by the counter that fits its antennas (``method="dira-people"``).

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)
        Conditioned CSI of one array at the packets' own times.
    max_targets : int
        The most people that there may be.

    Returns
    -------
    numpy.ndarray, shape (max_targets + 1,), or None
        Probability of each number; None where more than ``max_targets`` people are likely.

    Raises
    ------
    InputError
        If no counter that comes with dira was made for such windows, or there may be more people than it knows: says
        why.
    """
    if "receiver" in csi.dims and not _one_array(csi):
        raise InputError(f"the {csi.sizes['receiver']} streams are not the antenna pairs of one array.")
    # Measured: it says seven nearly always (docs/people.md).
    if (done := str(csi.attrs.get("conditioning", "none"))) != "none":
        raise InputError(
            "the counter of people learned from packets without phase and timing errors, and is wrong where these "
            f"were taken out (here: {done})."
        )
    antennas = _antennas(csi)
    why: InputError | None = None
    for name in shipped_models("PeopleCounter"):
        counter = _people_counter(name)
        if counter.config.antennas != antennas:
            continue
        try:
            probability = counter.predict_proba([csi], device="cpu")[0]
        except UnlikeTraining as error:
            why = error
            continue
        most = counter.config.most
        # It never saw more, so its largest number stands for more too.
        if max_targets > most and probability.argmax() == most:
            raise InputError(f"the counter of people knows up to {most}: at least {most}.")
        return _up_to(max_targets, probability)
    raise why or InputError(
        f"dira comes with no counter of people for {antennas[0]} x {antennas[1]} antennas."
    )


def _up_to(most: int, probability: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Probabilities of 0 to ``most``; None where a larger number is more likely than not."""
    out = np.zeros(most + 1)
    known = min(out.size, probability.size)
    out[:known] = probability[:known]
    return out if out.sum() > 0.5 else None


def _one_array(csi: xr.DataArray) -> bool:
    """Say whether the streams are the pairs of one array: as many as its elements make."""
    if not {"rx_element", "tx_element"} <= set(csi.coords):
        return csi.sizes["receiver"] == 1
    return int(np.prod(_antennas(csi))) == csi.sizes["receiver"]


def _antennas(csi: xr.DataArray) -> tuple[int, int]:
    if "receiver" not in csi.dims:
        return 1, 1
    if not {"rx_element", "tx_element"} <= set(csi.coords):
        return 1, 1
    numbers = [int(np.unique(csi.coords[name].values).size) for name in ("rx_element", "tx_element")]
    return numbers[0], numbers[1]


@lru_cache(maxsize=8)
def _detector(name: str) -> PathDetector:
    return PathDetector.pretrained(name)


@lru_cache(maxsize=8)
def _people_counter(name: str) -> PeopleCounter:
    return PeopleCounter.pretrained(name)
