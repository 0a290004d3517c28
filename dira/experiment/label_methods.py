"""Ways to learn from few labels: a forest on features, a probe of an encoder's code, and networks that are tuned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dira.experiment.labelled import BASELINES, Labelled
from dira.metrics.probe import Probe, linear_probe, scored
from dira.models.encoder import Encoder
from dira.models.window_classifier import WindowClassifier
from isacsim.errors import InputError

__all__ = ["METHODS", "Setting", "forest", "learned"]

TUNED = ("lora", "full", "scratch")
METHODS = (*BASELINES, "probe", *TUNED)


class Setting(NamedTuple):
    """Length of the training: steps with at most 10 labels a class, and with more."""

    few: int = 200
    many: int = 600
    batch_size: int = 32


def learned(
    method: str, encoder: Encoder, known: Labelled, other: Labelled, *, seed: int, setting: Setting
) -> Probe:
    """Learn from labelled windows by one of `METHODS`, and judge on others.

    Parameters
    ----------
    method : str
        A baseline is a random forest on its features; probe: a linear layer on the encoder's code; the rest as
        `dira.WindowClassifier`.
    encoder : Encoder
        Pretrained.
    known, other : Labelled
        To learn from, and to judge on.
    seed : int
        Of forest or training.
    setting : Setting
        Of the training.

    Raises
    ------
    InputError
        If scikit-learn or peft is missing.
    """
    if method in BASELINES:
        return scored(
            forest(known.features[method], known.labels, other.features[method], seed=seed), other.labels
        )
    if method == "probe":
        code = [encoder.encode_windows(one.windows) for one in (known, other)]
        return linear_probe(code[0], known.labels, code[1], other.labels)
    most = np.bincount(known.labels).max()
    classifier = WindowClassifier(encoder, method=method).fit(
        known.windows,
        known.labels,
        steps=setting.few if most <= 10 else setting.many,
        batch_size=setting.batch_size,
        seed=seed,
    )
    return scored(classifier.predict(other.windows), other.labels)


def forest(
    known: NDArray[np.float64], labels: NDArray[np.int64], other: NDArray[np.float64], *, seed: int
) -> NDArray[np.int64]:
    """Predict labels by a random forest (Breiman 2001).

    Parameters
    ----------
    known, other : numpy.ndarray, shape (window, feature)
        To learn from, and to predict.
    labels : numpy.ndarray of int, shape (window,)
        Classes of those to learn from.
    seed : int
        Of the forest.

    Raises
    ------
    InputError
        If scikit-learn is missing.
    """
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ModuleNotFoundError as error:
        raise InputError(
            "the baselines need scikit-learn, which is not installed: pip install 'isacsim[tuning]'."
        ) from error
    trees = RandomForestClassifier(n_estimators=300, random_state=seed, n_jobs=1)
    return np.asarray(trees.fit(known, labels).predict(other), np.int64)
