"""Distances of generated or purified spectra from real or clean ones; every number with what it is worth.

Distances carry the name of their features: scores of different features, and scores published for photographs, do not
compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.spatial.distance import cdist

from dira.data.spectra import read_spectra
from dira.metrics.feature_networks import NETWORKS, feature_network
from dira.models.counter import TargetCounter
from isacsim.errors import InputError

__all__ = [
    "Distance",
    "Neighbours",
    "frechet_distance",
    "kernel_distance",
    "name_of",
    "nearest_neighbours",
    "precision_recall",
]

Features = TargetCounter | Callable[[Any], NDArray[np.floating]] | str
Weights = str | PathLike[str] | None
Real = NDArray[np.float64]

_LEAST = 2000


@dataclass(frozen=True)
class Distance:
    """A distance between two sets of spectra.

    Attributes
    ----------
    value : float
        The distance, as it is estimated.
    low, high : float
        95 % interval by bootstrap over samples.
    floor : float
        The same distance between halves of the real set, or between as many of each half as there are generated ones.
    above_floor : float
        How much further than those from each other as many generated ones are from them: sets of one size, so that
        the bias of the Fréchet distance by their number goes out.
    features : str
        What it was measured on, with the digest of a network's weights.
    real, generated : int
        Samples.
    """

    value: float
    low: float
    high: float
    floor: float
    above_floor: float
    features: str
    real: int
    generated: int


def _features(features: Features, weights: Weights, trusted: bool, *sets: Any) -> tuple[str, list[Real]]:
    if weights is not None and features not in NETWORKS:
        raise InputError(f"weights belong to features {' or '.join(NETWORKS)}, not to {features!r:.80}.")
    if isinstance(features, str):
        if features not in ("counter", *NETWORKS):
            raise InputError(
                f"features must be counter, {', '.join(NETWORKS)}, a TargetCounter or a function, got {features!r}."
            )
        features = (
            TargetCounter.from_pretrained()
            if features == "counter"
            else feature_network(features, weights, trust_torchscript=trusted)
        )
    if isinstance(features, TargetCounter):
        return name_of(features), [features.features(one).astype(np.float64) for one in sets]
    rows = [np.asarray(features(spectra), np.float64) for spectra in sets]
    for of_set in rows:
        if of_set.ndim != 2 or not np.isfinite(of_set).all():
            raise InputError(
                f"features must give finite numbers of the shape (sample, feature), got {of_set.shape}."
            )
    return getattr(features, "__name__", type(features).__name__), rows


def _enough(real: Real, generated: Real, least: int, measure: str, instead: str = "") -> None:
    """Refuse sets that are too small for a measure."""
    for which, features in (("real", real), ("generated", generated)):
        if len(features) < least:
            raise InputError(
                f"{measure} needs at least {least} {which} spectra, got {len(features)}{instead}."
            )


def name_of(counter: TargetCounter) -> str:
    """Name of a counter's features, with the digest of its weights."""
    digest = hashlib.sha256()
    for name, value in sorted(counter.fitted()[0].state_dict().items()):
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return f"counter {digest.hexdigest()[:12]}"


def frechet_distance(
    real: Any,
    generated: Any,
    *,
    features: Features = "counter",
    weights: Weights = None,
    trust_torchscript: bool = False,
    seed: int = 0,
    resamples: int = 20,
    least: int = _LEAST,
) -> Distance:
    """Fréchet distance of features, both sets taken as Gaussian (Heusel et al. 2017).

    Parameters
    ----------
    real, generated : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
        Linear magnitudes.
    features : "counter", "inception", "efficientnet-lite0", TargetCounter or callable
        Where features come from; a callable gets the spectra and gives (sample, feature). See
        `dira.metrics.feature_networks.feature_network`.
    weights : path, optional
        TorchScript file of "inception".
    trust_torchscript : bool
        That the file may be run: it is a program.
    seed : int
        Of the bootstrap and the halves.
    resamples : int
        Of the bootstrap; 0: no interval.
    least : int
        Samples that each set must have: with few the covariance has no full rank, and the distance is biased. The floor
        and what is above it are of half as many.

    Raises
    ------
    InputError
        If a set is smaller than ``least``: use `kernel_distance` then.
    """
    name, (a, b) = _features(features, weights, trust_torchscript, real, generated)
    _enough(a, b, least, "frechet_distance", ": use kernel_distance, which is not biased by their number")
    return _with_spread(_frechet, a, b, name, seed, resamples)


def kernel_distance(
    real: Any,
    generated: Any,
    *,
    features: Features = "counter",
    weights: Weights = None,
    trust_torchscript: bool = False,
    seed: int = 0,
    resamples: int = 100,
) -> Distance:
    """Kernel distance: unbiased squared maximum mean discrepancy.

    Its kernel is (x·y/d + 1)³ (Bińkowski et al. 2018). Can be below zero, being unbiased. Parameters as
    `frechet_distance`'s; at least 4 samples a set.
    """
    name, (a, b) = _features(features, weights, trust_torchscript, real, generated)
    _enough(a, b, 4, "kernel_distance")
    return _with_spread(_kernel, a, b, name, seed, resamples)


# By hand: torchmetrics has both formulas in private functions (2000 x 512 features: equal to 2e-14 and 7e-13 of the
# value, 0.69 s against 0.68 s here and 1.3 s against 1.1 s); its classes run a network on images, and give the kernel
# distance of random subsets alone.
def _frechet(a: Real, b: Real) -> float:
    covariance = [np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b)]
    # tr (Σa Σb)^½ from the eigenvalues of their product, real and not negative but for rounding.
    root = np.sqrt(np.maximum(linalg.eigvals(covariance[0] @ covariance[1]).real, 0)).sum()
    apart = a.mean(axis=0) - b.mean(axis=0)
    return float(apart @ apart + np.trace(covariance[0]) + np.trace(covariance[1]) - 2 * root)


def _kernel(a: Real, b: Real) -> float:
    def kernel(x: Real, y: Real) -> Real:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    aa, bb, ab = kernel(a, a), kernel(b, b), kernel(a, b)
    n, m = len(a), len(b)
    within = (aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within - 2 * ab.mean())


def _with_spread(
    measure: Callable[[Real, Real], float], a: Real, b: Real, name: str, seed: int, resamples: int
) -> Distance:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(a))
    size = min(len(a) // 2, len(b))
    halves = a[order[:size]], a[order[size : 2 * size]]
    floor = measure(*halves)
    value = measure(a, b)
    few = b[np.random.default_rng([seed, 1]).permutation(len(b))[:size]]
    above = np.mean([measure(half, few) for half in halves]) - floor
    # Pairs of one resample twice the same sample, which a distance without bias would take for nearness: the interval
    # is that of half-samples, whose spread is that of the whole (Politis and Romano 1994).
    spread = []
    for _ in range(resamples):
        some = [x[rng.permutation(len(x))[: len(x) // 2]] for x in (a, b)]
        spread.append(measure(some[0], some[1]))
    deviation = float(np.std(spread)) if spread else float("nan")
    return Distance(
        value, value - 1.96 * deviation, value + 1.96 * deviation, floor, float(above), name, len(a), len(b)
    )


def precision_recall(
    real: Any,
    generated: Any,
    *,
    features: Features = "counter",
    weights: Weights = None,
    trust_torchscript: bool = False,
    neighbours: int = 3,
) -> tuple[float, float]:
    """Share of generated spectra among the real, and of real among the generated (Kynkäänniemi et al. 2019).

    A sample is among a set if it is nearer to one of the set than that one's k-th neighbour.

    Parameters
    ----------
    real, generated, features, weights
        As `frechet_distance`'s.
    neighbours : int
        k.

    Returns
    -------
    float, float
        Precision and recall.

    Raises
    ------
    InputError
        If a set has no more than ``neighbours`` spectra.
    """
    _, (a, b) = _features(features, weights, trust_torchscript, real, generated)
    _enough(a, b, neighbours + 1, "precision_recall")
    return _among(a, b, neighbours), _among(b, a, neighbours)


def _among(known: Real, asked: Real, k: int) -> float:
    reach = np.sort(cdist(known, known), axis=1)[:, k]
    return float((cdist(asked, known) <= reach).any(axis=1).mean())


@dataclass(frozen=True)
class Neighbours:
    """Nearest neighbours, which show a generator that has memorised its training data.

    Attributes
    ----------
    generated : numpy.ndarray
        Distance of each generated spectrum to the nearest one of training.
    held_out : numpy.ndarray
        The same of real spectra that were not trained on: what chance makes.
    copies : float
        Share of the generated that are nearer than all but one in a hundred of the held-out ones.
    """

    generated: Real
    held_out: Real

    @property
    def copies(self) -> float:
        """Share of generated spectra nearer to training than the nearest 1 % of held-out ones; 0.01 by chance."""
        return float((self.generated < np.quantile(self.held_out, 0.01)).mean())


def nearest_neighbours(training: Any, generated: Any, held_out: Any) -> Neighbours:
    """Distances to the nearest spectrum of training, root mean square over pixels of (P/Pmax)^¼.

    Parameters
    ----------
    training, generated, held_out : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
        Linear magnitudes.

    Raises
    ------
    InputError
        If their shapes differ.
    """
    from dira.config import Scaling

    scale = Scaling()
    sets = []
    for name, one in (("training", training), ("generated", generated), ("held_out", held_out)):
        values, _ = read_spectra(one, name=name)
        sets.append(scale.to_model(values).reshape(len(values), -1) / 2)
    if len({one.shape[1] for one in sets}) > 1:
        raise InputError("training, generated and held_out must be spectra of one shape.")
    root = np.sqrt(sets[0].shape[1])
    near = [cdist(one, sets[0]).min(axis=1) / root for one in sets[1:]]
    return Neighbours(near[0], near[1])
