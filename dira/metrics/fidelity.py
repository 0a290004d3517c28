"""Fidelity of purified spectra: targets kept, lost and invented, and similarity to the clean spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torchmetrics.functional.image import structural_similarity_index_measure

from dira.config import Scaling
from dira.data.spectra import read_spectra
from dira.metrics.maxima import VISIBLE_DB, maxima
from dira.training.train import Progress
from isacsim.errors import InputError

__all__ = [
    "SCORES",
    "Judged",
    "PeakFidelity",
    "Similarity",
    "of_another",
    "peak_fidelities",
    "peak_fidelity",
    "similarity",
]

Real = NDArray[np.float64]

# A path's side lobes reach -14 dB: below that the clean spectra have maxima at no target themselves.
ABOVE_SIDE_LOBES_DB = -12.0
# What tables show of `Judged.scores`, with its unit.
SCORES = {
    "ssim": "SSIM",
    "psnr_db": "PSNR [dB]",
    "kept": "kept",
    "invented": "invented",
    "kept_high": "kept > -12 dB",
    "invented_high": "invented > -12 dB",
    "added_high": "of these not in clean",
    "a_rms": "a rms [m/s²]",
    "r_rms": "r rms [m/s³]",
}
# A maximum belongs to a target within this, m/s² and m/s³: about a resolution cell of a window of a second.
NEAR = (0.5, 4.0)


@dataclass(frozen=True)
class PeakFidelity:
    """Peaks of spectra against the targets that their clean spectra show.

    Attributes
    ----------
    visible, kept, invented : numpy.ndarray, shape (sample,)
        Targets with a maximum of their own in the clean spectrum, how many of them have one in the spectrum, and maxima
        of the spectrum at no target.
    added : numpy.ndarray, shape (sample,)
        Of the invented ones, those that are near no maximum of the clean spectrum either: side lobes that the clean
        spectrum shows too are not held against a method.
    acceleration, jerk : numpy.ndarray
        Error of each kept one's maximum, m/s² and m/s³.
    """

    visible: NDArray[np.int64]
    kept: NDArray[np.int64]
    invented: NDArray[np.int64]
    added: NDArray[np.int64]
    acceleration: Real
    jerk: Real

    @property
    def kept_share(self) -> float:
        """Share of all visible targets that is kept; NaN if none is visible."""
        return float(self.kept.sum() / self.visible.sum()) if self.visible.sum() else float("nan")

    @property
    def invented_mean(self) -> float:
        """Invented maxima a spectrum."""
        return float(self.invented.mean())

    @property
    def added_mean(self) -> float:
        """Invented maxima a spectrum that the clean spectrum has not."""
        return float(self.added.mean())

    def of(self, samples: NDArray[np.integer]) -> PeakFidelity:
        """Select some samples, by index or mask."""
        samples, ends = np.arange(self.kept.size)[samples], np.cumsum(self.kept)
        errors = np.concatenate(
            [np.empty(0, np.intp), *(np.arange(ends[i] - self.kept[i], ends[i]) for i in samples)]
        )
        return PeakFidelity(
            self.visible[samples],
            self.kept[samples],
            self.invented[samples],
            self.added[samples],
            self.acceleration[errors],
            self.jerk[errors],
        )

    def rms(self) -> tuple[float, float]:
        """Root mean square errors of the kept ones, m/s² and m/s³."""
        if not self.acceleration.size:
            return float("nan"), float("nan")
        return float(np.sqrt((self.acceleration**2).mean())), float(np.sqrt((self.jerk**2).mean()))


def peak_fidelity(spectra: Any, truth: Any, *, floor_db: float = -VISIBLE_DB) -> PeakFidelity:
    """Count the targets that a set of spectra keeps, and those that it invents.

    A target is visible when the clean spectrum has a local maximum within 0.5 m/s² and 4 m/s³ of it, of at least -20
    dB (10 log10 P, below its highest). It is kept when the spectrum has one there too. No two targets share a
    maximum. A maximum of the spectrum that is near no target is invented, whether the clean spectrum shows that
    target or not.

    Parameters
    ----------
    spectra : array_like or xarray.DataArray, shape (sample, acceleration, jerk)
        Linear magnitudes, e.g. purified ones.
    truth : xarray.Dataset
        The same samples of a data set: ``aj_clean``, ``target_acceleration`` and ``target_jerk``. The limbs of a
        walking body are no targets there: with such bodies invented maxima cannot be separated from those of limbs.
    floor_db : float
        Lowest maxima that count, of the spectra and of the clean ones, from -20 dB on (10 log10 P, below each one's
        highest). A path's own side lobes reach -14 dB: down to -20 dB they are maxima too. Noise alone has so many
        maxima that it "keeps" nearly all targets at either level: read what is kept beside what is invented.

    Raises
    ------
    InputError
        If a variable is missing, the shapes differ, or the floor is not from -20 dB to below 0 dB.
    """
    if not -VISIBLE_DB <= floor_db < 0:
        raise InputError(f"floor_db must be from -{VISIBLE_DB:g} to below 0, got {floor_db!r}.")
    return peak_fidelities(spectra, truth, (floor_db,))[0]


def peak_fidelities(
    spectra: Any, truth: Any, floors_db: Sequence[float], *, progress: Progress | None = None
) -> list[PeakFidelity]:
    """`peak_fidelity` at several floors, for the work of one; progress is told spectra done, in all, nan."""
    for name in ("aj_clean", "target_acceleration", "target_jerk"):
        if name not in truth:
            raise InputError(
                f"truth has no variable {name}; give the samples of a data set, e.g. ds.isel(sample=...)."
            )
    values, _ = read_spectra(spectra)
    clean, _ = read_spectra(truth["aj_clean"], name="aj_clean")
    if values.shape != clean.shape or values.shape[1] != 1:
        raise InputError(
            f"spectra and truth must hold the same samples of one channel, got {values.shape} and {clean.shape}."
        )
    a, r = (truth[axis].values.astype(np.float64) for axis in ("acceleration", "jerk"))
    at = np.stack([truth[f"target_{n}"].values for n in ("acceleration", "jerk")], axis=-1).reshape(
        len(values), -1, 2
    )
    rows: list[list[tuple[int, int, int, int, Real]]] = [[] for _ in floors_db]
    for here, shown, target_motions in zip(
        values[:, 0].astype(float), clean[:, 0].astype(float), at, strict=True
    ):
        targets, found, in_clean = (
            target_motions[np.isfinite(target_motions).all(axis=1)],
            maxima(here, a, r),
            maxima(shown, a, r),
        )
        for into, floor in zip(rows, floors_db, strict=True):
            # A bin of the floor's own height counts, whatever rounding makes of it.
            into.append(_judged(targets, *(x[x[:, 2] >= floor - 1e-9, :2] for x in (found, in_clean))))
        if progress is not None:
            progress(len(rows[0]), len(values), float("nan"))
    return [_together(each) for each in rows]


def _together(rows: list[tuple[int, int, int, int, Real]]) -> PeakFidelity:
    visible, kept, invented, added = np.array([one[:4] for one in rows], np.int64).reshape(-1, 4).T
    errors = np.concatenate([np.empty((0, 2)), *(one[4] for one in rows)])
    return PeakFidelity(visible, kept, invented, added, errors[:, 0], errors[:, 1])


def _judged(targets: Real, found: Real, in_clean: Real) -> tuple[int, int, int, int, Real]:
    """Visible, kept, invented, added, and the errors of the kept ones, of one spectrum."""
    wanted = targets[_matched(targets, in_clean)[0]]
    kept, by = _matched(wanted, found)
    false = ~_near(targets, found).any(axis=0)
    added = false & ~_near(in_clean, found).any(axis=0)
    return len(wanted), len(kept), int(false.sum()), int(added.sum()), found[by] - wanted[kept]


def _matched(targets: Real, peaks: Real) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As many targets as can have a maximum of their own near them, and those maxima, the nearest that way."""
    near = _near(targets, peaks)
    off = np.square((targets[:, np.newaxis] - peaks[np.newaxis]) / np.array(NEAR)).sum(axis=-1)
    rows, columns = linear_sum_assignment(np.where(near, off, 1e6))
    real = near[rows, columns]
    return rows[real], columns[real]


def _near(targets: Real, peaks: Real) -> NDArray[np.bool_]:
    off = np.abs(targets[:, np.newaxis] - peaks[np.newaxis])
    return np.asarray((off <= np.array(NEAR)).all(axis=-1))


@dataclass(frozen=True)
class Similarity:
    """SSIM and PSNR (dB) of each spectrum to its clean one, on (P/Pmax)^¼; shape (sample,)."""

    ssim: Real
    psnr_db: Real


def similarity(spectra: Any, clean: Any) -> Similarity:
    """Measure the similarity to the clean spectra, on (P/Pmax)^¼.

    On linear magnitude an all-zero image scores 0.94 already: a spectrum is nearly all floor.

    Parameters
    ----------
    spectra, clean : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
        Linear magnitudes of the same samples.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    pair = []
    for name, one in (("spectra", spectra), ("clean", clean)):
        values, _ = read_spectra(one, name=name)
        pair.append(torch.from_numpy((Scaling().to_model(values) + 1) / 2))
    if pair[0].shape != pair[1].shape:
        raise InputError(
            f"spectra and clean must have one shape, got {tuple(pair[0].shape)} and {tuple(pair[1].shape)}."
        )
    same: Any = structural_similarity_index_measure(pair[0], pair[1], data_range=1.0, reduction="none")
    error = ((pair[0] - pair[1]) ** 2).mean(dim=(1, 2, 3)).double()
    return Similarity(same.double().numpy(), (-10 * torch.log10(error.clamp(min=1e-12))).numpy())


@dataclass(frozen=True)
class Judged:
    """Spectra against the truth, sample by sample: likeness, and peaks down to -20 dB and to -12 dB."""

    like: Similarity
    peaks: PeakFidelity
    high: PeakFidelity

    @classmethod
    def of(cls, values: NDArray[np.float32], samples: Any, *, progress: Progress | None = None) -> Judged:
        """Judge spectra (sample, acceleration, jerk) by their samples of a data set, as `peak_fidelity` does."""
        peaks, high = peak_fidelities(values, samples, (-VISIBLE_DB, ABOVE_SIDE_LOBES_DB), progress=progress)
        return cls(similarity(values, samples["aj_clean"].values), peaks, high)

    def scores(self, rows: NDArray[np.integer] | None = None) -> dict[str, float]:
        """Means of all samples or of some, by name.

        Similarity to the clean spectra (SSIM with half its 95 % interval over spectra), targets kept, maxima
        invented, and those of them that the clean spectrum does not have. ``_high`` counts above -12 dB; errors are
        in m/s² and m/s³.
        """
        rows = np.arange(self.like.ssim.size) if rows is None else rows
        ssim, peaks, high = self.like.ssim[rows], self.peaks.of(rows), self.high.of(rows)
        a, r = peaks.rms()
        return {
            "ssim": float(ssim.mean()),
            "ssim_half": float(1.96 * ssim.std() / np.sqrt(ssim.size)),
            "psnr_db": float(self.like.psnr_db[rows].mean()),
            "kept": peaks.kept_share,
            "invented": peaks.invented_mean,
            "added": peaks.added_mean,
            "kept_high": high.kept_share,
            "invented_high": high.invented_mean,
            "added_high": high.added_mean,
            "a_rms": a,
            "r_rms": r,
        }


def of_another(values: NDArray[np.float32], counts: NDArray[np.integer]) -> NDArray[np.float32]:
    """To each sample another one's spectrum: what a model scores that ignores its input.

    Of as many targets, where there is one. Of a single sample nothing is known by another: all zero.
    """
    if len(counts) < 2:
        return np.zeros_like(values)
    order = np.roll(np.arange(len(counts)), 1)
    for n in np.unique(counts):
        rows = np.flatnonzero(counts == n)
        if rows.size > 1:
            order[rows] = np.roll(rows, 1)
    return values[order]
