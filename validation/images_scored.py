"""Parts that the studies `images` and `images-bodies` share: the ways to draw a capture, and how images are scored."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.ndimage import maximum_filter

import isacsim
from isacsim.estimation.peaks import interpolate_peaks
from isacsim.spectrum.aj import self_term_spectrum

from .images_scenes import Seen
from .study import share

__all__ = ["EQUALISE", "FALSE", "GATE", "Image", "assigned", "images_of", "maxima", "scored"]

GATE = (0.45, 2.0)
FALSE = (0.1, 0.3, 1.0)
BANDS_DB = ((5.0, 12.0), (12.0, 18.0), (18.0, 25.0))
EQUALISE = (0.0, 0.5, 0.75, 0.875, 1.0)
# Maxima of an image that are looked at.
_MOST = 60

Image = Callable[[Seen, tuple[int, int]], xr.DataArray]


def _pair(seen: Seen, antennas: tuple[int, int], **settings: Any) -> xr.DataArray:
    """Spectrum of the first antenna pair alone."""
    made = isacsim.aj_spectrum(seen.csi[0], time=seen.time, frequency=seen.frequency, **seen.axes, **settings)
    return made.sum("delay", keep_attrs=True) if "delay" in made.dims else made


def _resolved(seen: Seen, antennas: tuple[int, int], **settings: Any) -> xr.DataArray:
    return isacsim.aj_spectrum(
        seen.csi,
        time=seen.time,
        frequency=seen.frequency,
        combine="resolved",
        antennas=antennas,
        **seen.axes,
        **settings,
    )


def _clean(seen: Seen, antennas: tuple[int, int]) -> xr.DataArray:
    like = _resolved(seen._replace(csi=seen.csi[:1]), (1, 1))
    return isacsim.render_spectrum(seen.truth, like)


def _modes(seen: Seen, antennas: tuple[int, int]) -> xr.DataArray:
    like = _resolved(seen._replace(csi=seen.csi[:1]), (1, 1))
    found = isacsim.estimate_paths(seen.csi, time=seen.time, frequency=seen.frequency, method="modes")
    return isacsim.render_spectrum(found, like)


def _motion(seen: Seen, antennas: tuple[int, int]) -> xr.DataArray:
    """Image of the paths' true motion, each alone, without noise: cubics or not."""
    assert seen.lengths is not None
    middle = np.array([seen.frequency.mean()])
    amplitude = seen.truth["amplitude"][:, np.newaxis, np.newaxis]
    paths = amplitude * np.exp(-2j * np.pi * middle[0] / SPEED_OF_LIGHT * seen.lengths[:, np.newaxis])
    return self_term_spectrum(paths, time=seen.time, frequency=middle, combine="resolved", **seen.axes)


def images_of(antennas: tuple[int, int], *, modes: bool, motion: bool = False) -> dict[str, Image]:
    """Every way to draw a capture of these arrays, by what it is called."""
    hann: dict[str, Any] = {"window": "hann", "lag_window": "hann"}
    out: dict[str, Image] = {}
    for combine in ("single", "noncoherent", "coherent", "delay"):
        out[f"{combine}, no windows"] = partial(_pair, combine=combine)
        if combine in ("coherent", "delay"):
            out[f"{combine}, Hann"] = partial(_pair, combine=combine, **hann)
    for power in EQUALISE:
        out[f"resolved, {power:g}"] = partial(_resolved, beams="fixed", equalise=power)
    out["resolved, 0.875, no windows"] = partial(
        _resolved, beams="fixed", equalise=0.875, window=None, lag_window=None
    )
    out["resolved, 0.875, Hann over subcarriers"] = partial(
        _resolved, beams="fixed", equalise=0.875, delay_window="hann"
    )
    if antennas != (1, 1):
        out["blind"] = partial(_resolved, beams="blind")
        out["default"] = _resolved
    if modes:
        out["modes, rendered"] = _modes
    if motion:
        out["true motion (ceiling)"] = _motion
    out["clean (ceiling)"] = _clean
    return out


def maxima(image: xr.DataArray) -> NDArray[np.float64]:
    """Local maxima (maximum, [height / largest, a, r]), highest first."""
    p = image.values.astype(np.float64)
    if p.max() <= 0:
        return np.zeros((0, 3))
    rows, columns = np.nonzero((p == maximum_filter(p, size=3)) & (p > 1e-6 * p.max()))
    a, r = image["acceleration"].values, image["jerk"].values
    found = interpolate_peaks(p, a, r, rows, columns)
    found = sorted(found, key=lambda peak: -peak.height)[:_MOST]
    return np.array([(peak.height / found[0].height, peak.acceleration, peak.jerk) for peak in found])


def assigned(found: NDArray, truth: dict[str, NDArray], gate: tuple[float, float] = GATE) -> NDArray[np.intp]:
    """Target of each maximum, -1 for none: highest first, each takes the nearest target in its gate that is left."""
    off = np.maximum(
        np.abs(found[:, 1, None] - truth["acceleration"]) / gate[0],
        np.abs(found[:, 2, None] - truth["jerk"]) / gate[1],
    )
    target = np.full(len(found), -1, np.intp)
    for i, row in enumerate(off):
        row = np.where(np.isin(np.arange(row.size), target[:i]), np.inf, row)
        if row.size and row.min() <= 1:
            target[i] = row.argmin()
    return target


def scored(
    captures: list[list[tuple[NDArray, NDArray]]], targets: list[int], snr: list[float]
) -> dict[str, Any]:
    """Recall of a way of drawing: for each capture and receiver its maxima and their targets."""
    heights, false = [], []
    for receivers in captures:
        for found, target in receivers:
            heights.append(found[target < 0, 0])
            false.append(np.full((target < 0).sum(), 1 / len(receivers)))
    all_false, weight = np.concatenate(heights), np.concatenate(false)
    order = np.argsort(-all_false)
    passed = np.cumsum(weight[order])
    table: dict[str, Any] = {"recall": {}}
    for rate in FALSE:
        beyond = np.flatnonzero(passed > rate * len(captures))
        level = all_false[order[beyond[0]]] if beyond.size else 0.0
        hits = [
            len(
                {int(t) for found, target in receivers for t in target[(target >= 0) & (found[:, 0] > level)]}
            )
            for receivers in captures
        ]
        table["recall"][f"{rate:g}"] = share(sum(hits), sum(targets))
        if rate == 0.3:
            table["recall_by_snr"] = {
                f"{low:g}-{high:g} dB": share(sum(hits[i] for i in inside), sum(targets[i] for i in inside))
                for low, high in BANDS_DB
                if (inside := [i for i, s in enumerate(snr) if low <= s < high])
            }
    largest = [
        len({int(t) for _, target in receivers for t in target[:n] if t >= 0})
        for receivers, n in zip(captures, targets, strict=True)
    ]
    table["among_largest"] = share(sum(largest), sum(targets))
    return table
