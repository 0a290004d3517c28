"""From what users have (xarray or NumPy, one spectrum a sample or a stack of them) to arrays the models take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dira.config import Axes
from isacsim.errors import InputError
from isacsim.spectrum.settings import made_with

__all__ = ["Labels", "count_of", "read_labels", "read_spectra", "shaped_as", "unstacked"]

# One array, for the number of targets, or one for each condition by name.
Labels = ArrayLike | Mapping[str, ArrayLike]


def read_spectra(spectra: Any, *, name: str = "spectra") -> tuple[NDArray[np.float32], Axes]:
    """Read linear-magnitude spectra.

    Parameters
    ----------
    spectra : array_like or xarray.DataArray, shape (sample, [receiver,] [delay,] acceleration, jerk)
        What lies between sample and acceleration becomes channels.
    name : str
        For messages.

    Returns
    -------
    values : numpy.ndarray, float32, shape (sample, channel, acceleration, jerk)
    axes : Axes
        With limits where the spectra have coordinates, and settings where their attributes tell.

    Raises
    ------
    InputError
        If the shape is another, there is no sample, an axis is not even from -max to max, or a value is negative or
        not finite.
    """
    known: dict[str, Any] = {}
    dims = getattr(spectra, "dims", None)
    if dims is not None:
        for axis in ("sample", "acceleration", "jerk"):
            if axis not in dims:
                raise InputError(f"{name} needs the dimension {axis}; it has {', '.join(map(str, dims))}.")
        spectra = spectra.transpose(*_ordered(dims))
        for axis in ("acceleration", "jerk"):
            if axis in spectra.coords:
                known[f"{axis}_max"] = _reach(spectra.coords[axis].values, name=f"{name}: {axis}")
        known["made_with"] = made_with(spectra.attrs)
        spectra = spectra.values
    try:
        values = np.asarray(spectra, np.float32)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be real numbers, got {type(spectra).__name__}.") from None
    if values.ndim < 3 or 0 in values.shape:
        raise InputError(
            f"{name} must have the shape (sample, [channel,] acceleration, jerk) and hold at least one sample, got "
            f"{values.shape}."
        )
    values = values.reshape(len(values), -1, *values.shape[-2:])
    bad = ~np.isfinite(values).all(axis=(1, 2, 3))
    if bad.any():
        raise InputError(
            f"{name}: {bad.sum()} of {len(values)} samples hold NaN or infinity, the first is {bad.argmax()}: real "
            "captures have no clean spectrum; choose samples that have one."
        )
    if values.min() < 0:
        raise InputError(f"{name} must be linear magnitudes, not negative; got {values.min():.3g} (dB?).")
    _, channels, n_a, n_r = values.shape
    return values, Axes(channels=channels, bins_acceleration=n_a, bins_jerk=n_r, **known)


def _reach(axis: NDArray[Any], *, name: str) -> float:
    """Limit of an axis as isacsim makes them: with the number of bins it says where every bin lies."""
    largest = float(axis.max())
    if not np.abs(axis - np.linspace(-largest, largest, len(axis))).max() < 1e-4 * largest:  # nor NaN
        raise InputError(
            f"{name} must rise evenly from -max to max, got {len(axis)} values from {axis[0]:g} to {axis[-1]:g}."
        )
    return largest


def _ordered(dims: Sequence[Any]) -> list[Any]:
    return [
        "sample",
        *(d for d in dims if d not in ("sample", "acceleration", "jerk")),
        "acceleration",
        "jerk",
    ]


def shaped_as(values: NDArray[np.float32], spectra: Any) -> NDArray[np.float32]:
    """Give what was made of spectra in their shape and order of dimensions; values as `read_spectra`'s."""
    dims = getattr(spectra, "dims", None)
    if dims is None:
        return values.reshape(np.shape(spectra))
    order = _ordered(dims)
    return values.reshape([spectra.sizes[d] for d in order]).transpose([order.index(d) for d in dims])


def unstacked(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectra (sample, channel, acceleration, jerk) without the axis of channels where there is one alone."""
    return values[:, 0] if values.shape[1] == 1 else values


def _column(values: Any, *, name: str) -> NDArray[Any]:
    """Labels of one condition: whole numbers, text, or floats that must turn out whole."""
    try:
        column = np.asarray(values)
        if column.dtype.kind in "OT":
            column = np.asarray(column.tolist())
    except ValueError:
        raise InputError(
            f"labels: {name} must be one value for each sample, got rows of uneven length."
        ) from None
    if column.dtype.kind not in "biufU":
        raise InputError(f"labels: {name} must be whole numbers or text, got {column.dtype}.")
    return column


def read_labels(
    labels: Labels | None, n: int, classes: Mapping[str, Sequence[int | str]] | None
) -> tuple[NDArray[np.int64], dict[str, list[int | str]]]:
    """Turn labels into class numbers.

    Parameters
    ----------
    labels : array_like, mapping of names to array_like, or None
        Conditions over sample; one array alone is ``n_targets``.
    n : int
        How many samples there are.
    classes : mapping, optional
        Values of each condition, in the order of the numbers; default: those that occur, sorted.

    Returns
    -------
    numbers : numpy.ndarray, int64, shape (sample, condition)
    classes : dict
        Values of each condition.

    Raises
    ------
    InputError
        If lengths differ, a condition is missing or unknown, or a value is none of the classes.
    """
    if labels is None:
        columns: dict[str, NDArray[Any]] = {}
    elif isinstance(labels, Mapping):
        columns = {str(name): _column(values, name=name) for name, values in labels.items()}
    else:
        columns = {"n_targets": _column(labels, name="n_targets")}
    for name, values in columns.items():
        if values.shape != (n,):
            raise InputError(
                f"labels: {name} must have one value for each of {n} samples, got {values.shape}."
            )
        if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.round(values))).all():
            raise InputError(
                f"labels: {name} must be whole numbers or text; put numbers such as SNR into bands."
            )
    if classes is None:
        # Text stays text, everything else becomes whole numbers: JSON must bring back the same.
        classes = {
            name: [str(x) if values.dtype.kind == "U" else int(x) for x in np.unique(values)]
            for name, values in columns.items()
        }
    if set(classes) != set(columns):
        raise InputError(
            f"labels must name {sorted(classes) or 'nothing'}, got {sorted(columns) or 'nothing'}."
        )
    numbers = np.empty((n, len(classes)), np.int64)
    for column, (name, known) in enumerate(classes.items()):
        place = {value: i for i, value in enumerate(known)}
        of_samples = columns[name].tolist()
        unknown = sorted({x for x in of_samples if x not in place})
        if unknown:
            raise InputError(f"labels: {name} {unknown[0]!r} is none of the model's {list(known)}.")
        numbers[:, column] = [place[x] for x in of_samples]
    return numbers, {name: list(values) for name, values in classes.items()}


def count_of(labels: Labels | None, n: int | None) -> int:
    """Count the requested spectra: one for each label, or n of a model without conditions.

    Raises
    ------
    InputError
        If neither is given or the number is none.
    """
    if isinstance(labels, Mapping):
        n = max((np.size(values) for values in labels.values()), default=n)
    elif labels is not None:
        n = np.size(labels)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"sample needs labels, or n for a model without conditions, at least 1; got {n!r}.")
    return int(n)
