"""From a detector's maps to the paths that they say: maxima of the probability, as a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter
from scipy.special import expit, logit, softmax

from dira.config import Axes
from dira.networks.detection import PathMaps
from isacsim.errors import InputError

__all__ = ["NEIGHBOURS", "count_by_scores", "detections", "limits", "maxima", "pooled_counts", "power"]

# Bins about a path's nearest one that learn where it is, and how much each counts.
NEIGHBOURS = [(i, j, 1.0 if i == j == 0 else 0.25) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def limits(axes: Axes) -> tuple[float, float]:
    """Largest acceleration (m/s²) and jerk (m/s³) of the axes; an `InputError` where they are not known."""
    if axes.acceleration_max is None or axes.jerk_max is None:
        raise InputError("the detector needs spectra with their axes: an xarray with acceleration and jerk.")
    return axes.acceleration_max, axes.jerk_max


def power(axes: Axes) -> float:
    """Power of its amplitude with which a path's peak goes: 4, less where cells are equalised."""
    return 4 * (1 - float(axes.made_with.get("equalise", 0.0)))


def maxima(
    channels: NDArray[np.float32],
    highest: NDArray[np.float32],
    axes: Axes,
    *,
    least: float,
    line: tuple[float, float],
) -> tuple[NDArray[np.intp], dict[str, NDArray[np.float64]]]:
    """Find local maxima of the probability, and what the neighbourhood of each says of the path.

    Parameters
    ----------
    channels : numpy.ndarray, shape (sample, map, acceleration, jerk)
        The network's maps.
    highest : numpy.ndarray, shape (sample,)
        Largest value of each spectrum.
    axes : Axes
        Of the spectra.
    least : float
        Least score.
    line : (float, float)
        Slope and shift from the network's score to a probability, on the logit's scale.

    Returns
    -------
    sample : numpy.ndarray, shape (detection,)
        Which spectrum each is in.
    columns : dict of str to numpy.ndarray, shape (detection,)
        What `detections` makes a data set of.
    """
    maps = [m.numpy().astype(np.float64) for m in PathMaps.of(torch.from_numpy(channels))]
    p = expit(maps[0])
    around = (1, 3, 3)
    # A path between bins shares its probability among them.
    total = np.clip(uniform_filter(p, around, mode="constant") * 9, 1e-12, 1 - 1e-7)
    score = expit(line[0] * logit(total) + line[1])
    peak = (p >= maximum_filter(p, size=around, mode="constant")) & (score >= least)
    sample, row, column = np.nonzero(peak)
    padded = [np.pad(m, _edges(m)) for m in (p, *maps[1:])]
    weight, mean, square = np.zeros(sample.size), np.zeros((3, sample.size)), np.zeros((3, sample.size))
    for i, j, _ in NEIGHBOURS:
        at = (sample, ..., row + i + 1, column + j + 1)
        w = padded[0][at]
        offset, log_std = padded[1][at].T, padded[2][at].T
        value = np.stack([row + i + offset[0], column + j + offset[1], padded[3][at]])
        variance = np.exp(2 * np.stack([log_std[0], log_std[1], padded[4][at]]))
        weight += w
        mean += w * value
        square += w * (variance + value**2)
    mean /= weight
    std = np.sqrt(np.maximum(square / weight - mean**2, 0))
    most, exponent = np.array(limits(axes)), power(axes)
    step = 2 * most / (np.array([axes.bins_acceleration, axes.bins_jerk]) - 1)
    # Where cells are equalised whole, every path peaks alike: its amplitude is not told.
    exponent = exponent or np.nan
    amplitude = np.exp((mean[2] + np.log(np.maximum(highest[sample], 1e-30))) / exponent)
    return sample, {
        "acceleration": mean[0] * step[0] - most[0],
        "jerk": mean[1] * step[1] - most[1],
        "amplitude": amplitude,
        "score": score[peak],
        "std_acceleration": std[0] * step[0],
        "std_jerk": std[1] * step[1],
        "std_amplitude": amplitude * std[2] / exponent,
    }


def detections(
    sample: NDArray[np.intp],
    columns: dict[str, NDArray[np.float64]],
    n: int,
    odds: NDArray[np.float64],
) -> xr.Dataset:
    """Detections of all samples, padded with NaN to the most that any has."""
    order = np.lexsort((-columns["score"], sample))
    counts = np.bincount(sample, minlength=n)
    place = np.arange(sample.size) - np.repeat(np.cumsum(counts) - counts, counts)
    units = {"acceleration": "m/s2", "jerk": "m/s3"}
    variables: dict[str, Any] = {}
    for name, values in columns.items():
        table = np.full((n, int(counts.max(initial=0))), np.nan)
        table[sample[order], place] = values[order]
        unit = units.get(name.removeprefix("std_"), "1")
        variables[name] = (("sample", "detection"), table, {"units": unit})
    variables["count_probability"] = (("sample", "count"), odds, {"units": "1"})
    return xr.Dataset(variables, {"count": np.arange(odds.shape[1])})


def count_by_scores(
    sample: NDArray[np.intp], score: NDArray[np.float64], n: int, most: int
) -> NDArray[np.float64]:
    """Probability of each number of paths from 0 to ``most`` (sample, number), if detections were independent.

    A Poisson binomial distribution: each detection of a sample is true with its score's probability.
    """
    odds = np.zeros((n, most + 1))
    odds[:, 0] = 1
    for i, p in zip(sample, score, strict=True):
        row = odds[i]
        last = row[-1] * p  # more than the most counts as the most
        row[1:] = row[1:] * (1 - p) + row[:-1] * p
        row[0] *= 1 - p
        row[-1] += last
    return odds


def pooled_counts(
    by_scores: NDArray[np.float64], by_head: NDArray[np.float64], weights: tuple[float, float]
) -> NDArray[np.float64]:
    """Probability of each number from both, each to the power of its weight."""
    tiny = 1e-6
    return np.asarray(
        softmax(weights[0] * np.log(by_scores + tiny) + weights[1] * np.log(by_head + tiny), axis=1)
    )


def _edges(array: NDArray[Any]) -> list[tuple[int, int]]:
    return [(0, 0)] * (array.ndim - 2) + [(1, 1), (1, 1)]
