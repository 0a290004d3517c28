"""Ways to find targets in the same captures, side by side: maxima, a detector, the model of the signal, the ceiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from dira.metrics.detection import GATE, Matches, match_detections, true_paths
from dira.metrics.maxima import maxima
from dira.models.classical import clean_deconvolution, soft_threshold
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.pairs import pairs_together
from isacsim.dataset.synthetic.response import response_of
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.errors import InputError
from isacsim.estimation.estimate import estimate_paths
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate
from isacsim.simulation.truth import truth_at

if TYPE_CHECKING:
    from dira.models.detector import PathDetector

__all__ = [
    "CEILING",
    "DETECTOR",
    "FALSE",
    "MODEL",
    "RAW",
    "Captures",
    "as_found",
    "by_maxima",
    "compared",
    "drawn",
    "estimated_paths",
]

Tell = Callable[[str, int, int], None]
FALSE = (0.3, 1.0)
"""Rates of false detections a capture at which recall is told."""
RAW, CEILING = "spectrum, maxima", "clean spectrum, maxima (ceiling)"
DETECTOR, MODEL = "PathDetector", "model: estimate_paths"
_COLUMNS = ("acceleration", "jerk", "amplitude", "score")


class Captures:
    """Captures of one scenario: spectra, truth, and what `estimate_paths` finds in each.

    Parameters
    ----------
    noisy, clean : xarray.DataArray, shape (sample, acceleration, jerk)
        Spectra as received, and of the true paths alone.
    truth : numpy.ndarray, shape (sample, target, 3)
        As of `true_paths`: those within the axes.
    estimated : list of numpy.ndarray, shape (path, 4)
        Acceleration, jerk, amplitude, and that over the largest.
    snr_db : numpy.ndarray, shape (sample,)
    """

    def __init__(
        self,
        noisy: xr.DataArray,
        clean: xr.DataArray,
        truth: NDArray[np.float64],
        estimated: list[NDArray[np.float64]],
        snr_db: NDArray[np.float64],
    ) -> None:
        self.noisy, self.clean, self.truth = noisy, clean, truth
        self.estimated, self.snr_db = estimated, snr_db

    @property
    def counts(self) -> NDArray[np.intp]:
        """True number of targets of each."""
        return np.asarray(np.isfinite(self.truth).all(axis=-1).sum(axis=1))


def drawn(scenario: Scenario, captures: int, seed: int, tell: Tell) -> Captures:
    """Simulate captures, draw their spectra and estimate their paths.

    Captures are those of seeds ``seed``, ``seed + 1``, ...: what `isacsim.simulate` gives for each. Of several
    receivers the first one's. Estimates beyond the axes are left out, as true paths there are: no spectrum shows them.

    Raises
    ------
    InputError
        If the scenario's spectra have a further axis, delay.
    """
    if scenario.spectrum.combine == "delay":
        raise InputError(
            f"scenario {scenario.name}: spectrum.combine must be another than 'delay', which makes a spectrum for each "
            "delay; paths are looked for in one."
        )
    noisy, clean, truth, estimated, snr = [], [], [], [], []
    for i in range(captures):
        capture = simulate(scenario, seed=seed + i)
        spectra = sample_spectra(capture).isel(receiver=0)
        noisy.append(spectra["aj_noisy"])
        clean.append(spectra["aj_clean"])
        name, rows = estimated_paths(capture)
        true = truth_at(capture, name, 0.0)
        assert true is not None  # it was simulated
        # A body's first path is that of its reference point.
        first = np.unique(true["target"].values, return_index=True)[1]
        truth.append({n: true[n].values[first] for n in ("acceleration", "jerk", "amplitude")})
        estimated.append(rows)
        snr.append(float(capture.attrs["snr_db"]))
        tell("captures", i + 1, captures)
    together = [xr.concat(some, "sample", combine_attrs="drop_conflicts") for some in (noisy, clean)]
    most = [float(together[0].coords[n].max()) for n in ("acceleration", "jerk")]
    width = max(len(one["jerk"]) for one in truth)
    padded = {
        f"target_{n}": np.array(
            [np.pad(one[n].astype(float), (0, width - len(one[n])), constant_values=np.nan) for one in truth]
        )
        for n in ("acceleration", "jerk", "amplitude")
    }
    paths = true_paths(padded, most=(most[0], most[1]))
    within = [one[~(np.abs(one[:, :2]) > most).any(axis=1)] for one in estimated]
    return Captures(together[0], together[1], paths, within, np.array(snr))


def estimated_paths(capture: xr.Dataset) -> tuple[str, NDArray[np.float64]]:
    """Estimate the paths of a capture from the CSI of its first receiver.

    Returns
    -------
    str
        The receiver.
    numpy.ndarray, shape (path, 4)
        Acceleration, jerk, amplitude, and that over the largest.
    """
    csi = pairs_together(condition(capture, uniform=False), 0)
    found = estimate_paths(csi)
    rows = np.stack([found[n].values for n in ("acceleration", "jerk", "amplitude")], axis=-1)
    largest = np.nanmax(rows[:, 2], initial=1e-30)
    return str(np.ravel(csi["receiver"].values)[0]), np.column_stack([rows, rows[:, 2] / largest])


def compared(
    captures: Captures,
    scenario: Scenario,
    detector: PathDetector | None,
    tell: Tell,
    *,
    more: Mapping[str, NDArray[np.float32]] | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Score every way on the captures.

    Parameters
    ----------
    captures : Captures
        From `drawn`.
    scenario : Scenario
        Theirs.
    detector : PathDetector, optional
        That fits their spectra.
    tell : callable
        Told what is done, how much, and of how much.
    more : mapping of str to numpy.ndarray, shape (sample, acceleration, jerk), optional
        Further images of the captures, whose maxima are found.
    device : {"auto", "cpu", "cuda", "mps"}
        Where the detector computes.

    Returns
    -------
    dict
        For each way, ``recall`` at `FALSE` false ones a capture (by one threshold for all captures, set on these),
        with 95 % intervals at the first. ``as_said`` has recall and false ones a capture of detector and model by
        themselves, without a threshold set on these captures. Recalls are NaN where there are no targets. ``rms`` has
        the errors of acceleration and jerk in m/s² and m/s³ of those found at the first rate. ``counted`` is the number
        found in each capture: at that rate by maxima, as they say by detector and model. ``count_right`` is the share
        that is right.
    """
    noisy, clean = captures.noisy.values, captures.clean.values
    response = response_of(scenario).values
    images = {
        RAW: noisy,
        "soft threshold": soft_threshold(noisy, quantile=0.8),
        "CLEAN": clean_deconvolution(noisy, response, floor_db=-10.0, restore="beam"),
        **(more or {}),
    }
    found: dict[str, xr.Dataset] = {}
    for n, (name, image) in enumerate(images.items()):
        tell("images", n, len(images))
        found[name] = by_maxima(image, captures.noisy)
    if detector is not None:
        found[DETECTOR] = detector.detect(captures.noisy, threshold=0.0, device=device)
    found[MODEL] = as_found(captures.estimated)
    found[CEILING] = by_maxima(clean, captures.clean)
    out = {}
    for name, one in found.items():
        matches = match_detections(one, captures.truth, GATE)
        counted, own = (one["score"].values >= matches.threshold(FALSE[0])).sum(axis=1), None
        if name == DETECTOR and detector is not None:
            counted, own = one["count_probability"].values.argmax(axis=1), detector.config.threshold
        elif name == MODEL:
            counted, own = np.isfinite(one["score"].values).sum(axis=1), 0.0
        out[name] = _scores(matches, counted, captures.counts, own)
    return out


def _scores(
    matches: Matches, counted: NDArray[np.intp], counts: NDArray[np.intp], own: float | None
) -> dict[str, Any]:
    least = matches.threshold(FALSE[0])
    hits = int((matches.true & (matches.score >= least)).sum())
    interval = binomtest(hits, max(1, matches.targets)).proportion_ci(method="wilson")
    as_said = None
    if own is not None:
        kept = matches.true[matches.score >= own]
        as_said = {
            "recall": round(float(kept.sum() / matches.targets), 4) if matches.targets else float("nan"),
            "false": round(float((~kept).sum() / matches.samples), 4),
        }
    return {
        "as_said": as_said,
        "recall": {str(false): round(matches.recall(false), 4) for false in FALSE},
        "recall_95": [round(float(interval.low), 4), round(float(interval.high), 4)],
        "rms": [round(one, 4) for one in matches.rms(FALSE[0])],
        "counted": counted.tolist(),
        "count_right": round(float((counted == counts).mean()), 4),
        "count_within_one": round(float((np.abs(counted - counts) <= 1).mean()), 4),
        "targets": matches.targets,
        "captures": matches.samples,
    }


def _maxima(image: NDArray[np.float32], like: xr.DataArray) -> NDArray[np.float64]:
    """Maxima as rows of acceleration, jerk, amplitude (not known), height over the largest."""
    peaks = maxima(image.astype(np.float64), like.coords["acceleration"].values, like.coords["jerk"].values)
    return np.column_stack([peaks[:, :2], np.full(len(peaks), np.nan), 10 ** (peaks[:, 2] / 10)])


def by_maxima(images: NDArray[np.float32], like: xr.DataArray) -> xr.Dataset:
    """Find the maxima of images (sample, acceleration, jerk) on the axes of others, as `PathDetector.detect` would."""
    return as_found([_maxima(one, like) for one in images])


def as_found(rows: list[NDArray[np.float64]]) -> xr.Dataset:
    """Give rows of acceleration, jerk, amplitude and score of each capture as `PathDetector.detect` does."""
    most = max(1, *(len(one) for one in rows))
    table = np.full((len(rows), most, len(_COLUMNS)), np.nan)
    for to, one in zip(table, rows, strict=True):
        to[: len(one)] = one
    variables = {name: (("sample", "detection"), table[..., k]) for k, name in enumerate(_COLUMNS)}
    unknown = np.full(table.shape[:2], np.nan)
    return xr.Dataset(
        variables
        | {
            f"std_{name}": (("sample", "detection"), unknown)
            for name in ("acceleration", "jerk", "amplitude")
        }
    )
