"""Detections against true paths: recall at a rate of false ones, errors, reliability of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import InputError

__all__ = ["GATE", "Matches", "match_detections", "true_paths"]

Real = NDArray[np.float64]

# A detection belongs to a path within these, m/s² and m/s³.
GATE = (0.45, 2.0)
QUANTITIES = ("acceleration", "jerk", "amplitude")


def true_paths(truth: Any, *, most: tuple[float, float] | None = None) -> Real:
    """Read the targets' truth of a data set.

    Parameters
    ----------
    truth : xarray.Dataset or mapping
        ``target_acceleration``, ``target_jerk``, ``target_amplitude`` as a data set has them, or the names without
        ``target_``; each (sample, [receiver,] target), NaN where there is no target. Of several receivers the first
        counts.
    most : (float, float), optional
        Limits of the spectrum's axes; paths beyond them are left out (NaN).

    Returns
    -------
    numpy.ndarray, float64, shape (sample, target, 3)
        m/s², m/s³, amplitude; NaN where there is no target.

    Raises
    ------
    InputError
        If a quantity is missing or the shapes differ.
    """
    if truth is None:
        raise InputError("truth is missing; give the samples of a data set.")
    columns = []
    for name in QUANTITIES:
        key = f"target_{name}" if f"target_{name}" in truth else name
        if key not in truth:
            raise InputError(f"truth has no variable target_{name}; give the samples of a data set.")
        array = np.asarray(truth[key], np.float64)
        if array.ndim < 2:
            raise InputError(f"truth: {key} must have the shape (sample, target), got {array.shape}.")
        columns.append(array[:, 0] if array.ndim == 3 else array)
    if len({column.shape for column in columns}) > 1:
        raise InputError(f"truth: shapes differ: {', '.join(str(c.shape) for c in columns)}.")
    out = np.stack(columns, axis=-1)
    out[~np.isfinite(out).all(axis=-1)] = np.nan
    if most is not None:
        with np.errstate(invalid="ignore"):
            out[(np.abs(out[..., :2]) > np.array(most)).any(axis=-1)] = np.nan
    return out


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of a set of spectra, each true or false; shape (detection,) over all samples, best score first."""

    score: Real
    true: NDArray[np.bool_]
    error: Real
    """Detected minus true acceleration, jerk, ln amplitude; NaN of false ones; (detection, 3)."""
    std: Real
    """Reported standard deviations of these; (detection, 3)."""
    targets: int
    samples: int

    def threshold(self, false: float) -> float:
        """Lowest score at which at most so many false ones a spectrum are left; above the highest if none will do."""
        wrong = np.cumsum(~self.true) / self.samples
        allowed = np.searchsorted(wrong, false * (1 + 1e-12), side="right")
        if allowed == self.score.size:
            return float(self.score[-1]) if self.score.size else 1.0
        # Between the last score that may stay and the first that may not.
        upper = self.score[allowed - 1] if allowed else 1.0
        return float((upper + self.score[allowed]) / 2)

    def recall(self, false: float) -> float:
        """Share of targets found at a rate of false detections a spectrum."""
        if not self.targets:
            return float("nan")
        return float(self.true[self.score >= self.threshold(false)].sum() / self.targets)

    def rms(self, false: float) -> tuple[float, float]:
        """Root mean square errors of acceleration and jerk of those found, m/s² and m/s³."""
        found = self.true & (self.score >= self.threshold(false))
        if not found.any():
            return float("nan"), float("nan")
        a, r = np.sqrt(np.square(self.error[found, :2]).mean(axis=0))
        return float(a), float(r)

    def reliability(self, bins: int = 10) -> list[tuple[float, float, int]]:
        """Mean score, share of true ones and number of detections, for each bin of score that holds any."""
        place = np.minimum((self.score * bins).astype(int), bins - 1)
        return [
            (
                float(self.score[place == k].mean()),
                float(self.true[place == k].mean()),
                int((place == k).sum()),
            )
            for k in range(bins)
            if (place == k).any()
        ]


def match_detections(found: Any, paths: Real, gate: tuple[float, float] = GATE) -> Matches:
    """Match detections with true paths, best score first, each with the nearest path that is left within the gate.

    Parameters
    ----------
    found : xarray.Dataset
        Of `dira.PathDetector.detect`: acceleration, jerk, amplitude, score and std_* over (sample, detection).
    paths : numpy.ndarray, shape (sample, target, 3)
        Of `true_paths`.
    gate : (float, float)
        m/s² and m/s³.
    """
    at = np.stack([np.asarray(found[name], np.float64) for name in QUANTITIES], axis=-1)
    std = np.stack([np.asarray(found[f"std_{name}"], np.float64) for name in QUANTITIES], axis=-1)
    score = np.asarray(found["score"], np.float64)
    if len(at) != len(paths):
        raise InputError(f"found and truth must hold the same samples, got {len(at)} and {len(paths)}.")
    rows = []
    for here, deviation, scores, true in zip(at, std, score, paths, strict=True):
        left = true[np.isfinite(true).all(axis=1)]
        for k in np.argsort(-scores, kind="stable"):
            if not np.isfinite(scores[k]):
                continue
            error = np.full(3, np.nan)
            if len(left):
                off = np.abs(left[:, :2] - here[k, :2]) / np.array(gate)
                near = np.where((off <= 1).all(axis=1), np.square(off).sum(axis=1), np.inf)
                nearest = int(near.argmin())
                if np.isfinite(near[nearest]):
                    error = here[k] - left[nearest]
                    error[2] = np.log(here[k, 2] / left[nearest, 2])
                    left = np.delete(left, nearest, axis=0)
            relative = deviation[k] / np.array([1, 1, here[k, 2]])
            rows.append((scores[k], *error, *relative))
    table = np.array(rows, np.float64).reshape(-1, 7)
    table = table[np.argsort(-table[:, 0], kind="stable")]
    return Matches(
        table[:, 0],
        np.isfinite(table[:, 1]),
        table[:, 1:4],
        table[:, 4:],
        int(np.isfinite(paths).all(axis=-1).sum()),
        len(paths),
    )
