"""Truth of a sample's targets, and which of them no spectrum of the window can show (docs/datasets.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.schema import HIDDEN, LABELS, TRUTH
from isacsim.simulation.labels import activities, in_space, reference_lengths
from isacsim.simulation.realisation import Realisation
from isacsim.spectrum.plan import SpectrumPlan
from isacsim.targets.rest import at_rest, moments

__all__ = ["hidden_targets", "truth_of"]

# Of dimension target in each variable of a sample.
_AXIS = {name: what.dims[1:].index("target") for name, what in (TRUTH | LABELS).items()}
_SHOWN, _AT_REST, _OUTSIDE, _ONE_PEAK, _ONE_CELL = range(len(HIDDEN))


def truth_of(
    drawn: Realisation, window: SpectrumPlan, streams: list[int], most: int
) -> dict[str, NDArray[Any]]:
    """Truth of the targets at the receivers analysed.

    Parameters
    ----------
    drawn : Realisation
        What the sample was made of.
    window : SpectrumPlan
        Of its spectra: their axes and resolution.
    streams : list of int
        One of each receiver analysed.
    most : int
        Length of the dimension target.

    Returns
    -------
    dict of str to numpy.ndarray
        The variables of `isacsim.schema.TRUTH` and `isacsim.schema.LABELS` without the dimension sample; NaN, or -1,
        beyond the last target.
    """
    targets, receivers = drawn.reference, drawn.receivers_of(streams)
    rows = [*drawn.kinematics, drawn.received_amplitude]
    values: dict[str, NDArray[Any]] = {
        name: of_paths[receivers][:, targets] for name, of_paths in zip(TRUTH, rows, strict=True)
    }
    place, speed = in_space(drawn, targets)
    values |= dict(
        zip(LABELS, (place, speed, activities(drawn), hidden_targets(drawn, window, receivers)), strict=True)
    )
    out = {}
    for name, known in values.items():
        shape = list(known.shape)
        axis = _AXIS[name]
        shape[axis] = most
        out[name] = np.full(shape, np.nan if known.dtype.kind == "f" else -1, known.dtype)
        out[name][(slice(None),) * axis + (slice(targets.size),)] = known
    return out


def hidden_targets(drawn: Realisation, window: SpectrumPlan, receivers: list[int]) -> NDArray[np.int8]:
    """Give the first reason why a spectrum cannot show a target, as codes of `isacsim.schema.HIDDEN`.

    Parameters
    ----------
    drawn, window
        As for `truth_of`.
    receivers : list of int
        Numbers of the receivers analysed.

    Returns
    -------
    numpy.ndarray of int8, shape (receiver, target)
        Stronger is a target of larger ``target_amplitude``, or the first of two equal ones.

        - at_rest: every path of the target stays within `LEAST_SWING` wavelengths over the window.
        - outside: the acceleration or jerk lies beyond the axes.
        - one_peak: a stronger target that is not at rest is nearer than one cell in acceleration and in jerk.
        - one_cell: that target is as near in path length too, and with arrays in direction.
    """
    radio, targets = drawn.scenario.radio, drawn.reference
    lengths, _, acceleration, jerk = drawn.kinematics[:, receivers][:, :, targets]
    time = moments(float(np.ptp(radio.time_s)))
    resting = at_rest(reference_lengths(drawn, time)[receivers], radio.wavelength_m)
    of_targets = np.count_nonzero(drawn.target >= 0)
    if resting.any() and of_targets > targets.size:
        # Other points of a body, and bounces, may move while its reference point rests.
        still = at_rest(drawn.path_lengths(time)[receivers, :of_targets], radio.wavelength_m)
        resting = np.logical_and.reduceat(still, targets, axis=1)
    outside = np.zeros(resting.shape, bool)
    for values, axis in ((acceleration, window.acceleration), (jerk, window.jerk)):
        outside |= (values < axis[0]) | (values > axis[-1])

    cells = window.grid.resolution(window.settings.min_lag)
    order = np.argsort(
        np.argsort(-drawn.received_amplitude[receivers][:, targets], axis=1, kind="stable"), axis=1
    )
    # (receiver, target, stronger one)
    near = (order[:, np.newaxis] < order[:, :, np.newaxis]) & ~resting[:, np.newaxis]
    for values, cell in zip((acceleration, jerk), cells, strict=True):
        near &= _distances(values) < cell
    one_peak: NDArray[np.bool_] = np.asarray(near.any(axis=2))
    one_cell: NDArray[np.bool_] = np.zeros(resting.shape, bool)
    if one_peak.any():
        near &= _distances(lengths) < _length_cell(radio.frequency_hz)
        one_cell = np.asarray((near & ~_in_other_directions(drawn, receivers)).any(axis=2))
    codes = [resting, outside, one_cell, one_peak]
    return np.select(codes, [_AT_REST, _OUTSIDE, _ONE_CELL, _ONE_PEAK], _SHOWN).astype(np.int8)


def _distances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances between targets, (receiver, target, target), of values (receiver, target)."""
    return np.abs(values[:, :, np.newaxis] - values[:, np.newaxis])


def _length_cell(frequency: NDArray[np.float64]) -> float:
    """Resolution cell of the path length in m: c over the band; infinite for a single subcarrier."""
    if frequency.size == 1:
        return np.inf
    return float(speed_of_light / (np.ptp(frequency) + np.diff(np.sort(frequency)).min()))


def _in_other_directions(drawn: Realisation, receivers: list[int]) -> NDArray[np.bool_]:
    """Tell which targets an array tells apart at the window's centre; (receiver, target, target).

    The difference of two targets' paths varies over the m elements of an array by (m - 1)/m wavelengths or more. For a
    row of equal distances that is a beam of its DFT.
    """
    radio = drawn.scenario.radio
    streams = [[n for n, one in enumerate(radio.streams) if one.receiver == i] for i in receivers]
    apart = []
    for of_receiver in streams:
        lengths = drawn.stream_lengths(np.zeros(1), of_receiver)[:, drawn.reference, 0]
        sent = len(radio.transmitter_elements_m)
        lengths = lengths.reshape(-1, sent, lengths.shape[1])
        between = lengths[..., np.newaxis] - lengths[:, :, np.newaxis]
        told = np.zeros(between.shape[2:], bool)
        for axis, m in enumerate(between.shape[:2]):
            if m > 1:
                told |= np.ptp(between, axis=axis).max(axis=0) >= (m - 1) / m * radio.wavelength_m
        apart.append(told)
    return np.array(apart)
