"""Linear probes: what a straight line through encoded windows tells of their labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError

__all__ = ["Probe", "linear_probe", "scored"]

_RIDGES = 10.0 ** np.arange(-3, 5)
_FOLDS = 4


class Probe(NamedTuple):
    """Probe of how well held-out labels are predicted."""

    accuracy: float
    """Share of labels that are right."""
    macro_f1: float
    """Mean over classes of the harmonic mean of precision and recall."""
    mean_absolute_error: float
    """Mean absolute error of labels as numbers."""
    predicted: NDArray[np.int64]


def linear_probe(
    features: ArrayLike, labels: ArrayLike, test_features: ArrayLike, test_labels: ArrayLike
) -> Probe:
    """Fit a ridge classifier on some windows and judge it on others.

    Parameters
    ----------
    features, test_features : array_like, shape (window, feature)
        Of windows to learn from, and of others.
    labels, test_labels : array_like of int, shape (window,)
        Their classes.

    Raises
    ------
    InputError
        If shapes differ, or there is one class alone.

    Notes
    -----
    One-hot targets, standardised features, the ridge with the best accuracy in a 4-fold cross-validation within the
    windows to learn from.
    """
    x, other = np.asarray(features, np.float64), np.asarray(test_features, np.float64)
    y, true = np.asarray(labels), np.asarray(test_labels)
    if x.ndim != 2 or other.ndim != 2 or x.shape[1] != other.shape[1]:
        raise InputError(f"features must be (window, feature) of one width, got {x.shape} and {other.shape}.")
    if len(x) != len(y) or len(other) != len(true):
        raise InputError("there must be one label for each window.")
    classes, number = np.unique(y, return_inverse=True)
    if classes.size < 2:
        raise InputError("labels must be of at least two classes.")
    mean, std = x.mean(axis=0), x.std(axis=0) + 1e-9
    x, other = (x - mean) / std, (other - mean) / std
    target = np.eye(classes.size)[number]
    fold = np.arange(len(x)) % _FOLDS
    scores = np.zeros(_RIDGES.size)
    for k in range(_FOLDS):
        inside, outside = fold != k, fold == k
        if not outside.any():
            continue
        for i, made in enumerate(_fits(x[inside], target[inside], x[outside])):
            scores[i] += (made.argmax(axis=1) == number[outside]).sum()
    best = int(scores.argmax())
    chosen = classes[_fits(x, target, other)[best].argmax(axis=1)]
    return scored(np.asarray(chosen, np.int64), true)


def scored(predicted: NDArray[np.int64], labels: ArrayLike) -> Probe:
    """Judge predicted labels.

    Parameters
    ----------
    predicted, labels : array_like of int, shape (window,)
        As predicted, and true.
    """
    true, f1 = np.asarray(labels), []
    for c in np.unique(true):
        hits = ((predicted == c) & (true == c)).sum()
        f1.append(2 * hits / max(1, (predicted == c).sum() + (true == c).sum()))
    return Probe(
        float((predicted == true).mean()),
        float(np.mean(f1)),
        float(np.abs(predicted.astype(np.float64) - true).mean()),
        predicted,
    )


def _fits(
    x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Scores (window, class) of every ridge."""
    middle = y.mean(axis=0)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    projected = u.T @ (y - middle)
    return [at @ (vt.T @ (projected * (s / (s**2 + ridge))[:, np.newaxis])) + middle for ridge in _RIDGES]
