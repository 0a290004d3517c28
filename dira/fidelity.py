"""What a purified spectrum keeps, loses and invents, against the truth; and how like the clean one it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from torchmetrics.functional.image import structural_similarity_index_measure

from dira.config import Scaling
from dira.spectra import read_spectra
from isacsim.errors import InputError

__all__ = ["PeakFidelity", "Similarity", "peak_fidelity", "similarity"]

Real = NDArray[np.float64]

# Lowest maxima that count, 10 log10 P below the highest.
VISIBLE_DB = 20.0
# A maximum belongs to a target within this, m/s² and m/s³: about a resolution cell of a window of a second.
NEAR = (0.5, 4.0)


@dataclass(frozen=True)
class PeakFidelity:
    """Peaks of spectra against the targets that their clean spectra show.

    Attributes
    ----------
    visible, kept, invented : numpy.ndarray, shape (sample,)
        Targets with a maximum in the clean spectrum, how many of them have one in the spectrum, and maxima of the
        spectrum at no target.
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
        """Of all visible targets, the share that is kept; NaN if none is visible."""
        return float(self.kept.sum() / self.visible.sum()) if self.visible.sum() else float("nan")

    @property
    def invented_mean(self) -> float:
        """Invented maxima a spectrum."""
        return float(self.invented.mean())

    @property
    def added_mean(self) -> float:
        """Invented maxima a spectrum that the clean spectrum has not."""
        return float(self.added.mean())

    def rms(self) -> tuple[float, float]:
        """Root mean square errors of the kept ones, m/s² and m/s³."""
        if not self.acceleration.size:
            return float("nan"), float("nan")
        return float(np.sqrt((self.acceleration**2).mean())), float(np.sqrt((self.jerk**2).mean()))


def maxima(spectrum: Real, acceleration: Real, jerk: Real, *, floor_db: float = -VISIBLE_DB) -> Real:
    """Local maxima (peak, [acceleration, jerk]) of one spectrum down to a floor, placed by parabolas."""
    from isacsim.estimation.peaks import interpolate_peak

    if spectrum.max() <= 0:
        return np.empty((0, 2))
    high = spectrum >= spectrum.max() * 10 ** (floor_db / 10)
    rows, columns = np.nonzero((spectrum == maximum_filter(spectrum, size=3)) & high)
    found = [
        interpolate_peak(spectrum, acceleration, jerk, int(i), int(j))
        for i, j in zip(rows, columns, strict=True)
    ]
    return np.array([(p.acceleration, p.jerk) for p in found]).reshape(-1, 2)


def peak_fidelity(spectra: Any, truth: Any, *, floor_db: float = -VISIBLE_DB) -> PeakFidelity:
    """Which targets a set of spectra keeps, and what it invents.

    A target is visible when the clean spectrum has a local maximum of at least -20 dB (10 log10 P, below its highest)
    within 0.5 m/s² and 4 m/s³ of it; it is kept when the spectrum has one there too. A maximum of the spectrum that is
    near no target is invented, whether the clean spectrum shows that target or not.

    Parameters
    ----------
    spectra : array_like or xarray.DataArray, shape (sample, acceleration, jerk)
        Linear magnitudes, e.g. purified ones.
    truth : xarray.Dataset
        The same samples of a data set: ``aj_clean``, ``target_acceleration`` and ``target_jerk``. The limbs of a
        walking body are no targets there: with such bodies what is invented can't be told from what a limb shows.
    floor_db : float
        Lowest maxima of the spectra that count, 10 log10 P below each one's highest. A path's own side lobes reach
        -14 dB, so that at -20 dB the clean spectra themselves "invent" a hundred maxima; above -14 dB weak targets are
        lost instead. Which targets are visible does not depend on it.

    Raises
    ------
    InputError
        If a variable is missing, the shapes differ, or the floor is not below 0 dB.
    """
    if not floor_db < 0:
        raise InputError(f"floor_db must be below 0, got {floor_db!r}.")
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
    visible, kept, invented, added = (np.zeros(len(values), np.int64) for _ in range(4))
    errors = []
    for i, (here, shown) in enumerate(
        zip(values[:, 0].astype(float), clean[:, 0].astype(float), strict=True)
    ):
        targets = at[i][np.isfinite(at[i]).all(axis=1)]
        wanted = targets[_near(targets, maxima(shown, a, r)).any(axis=1)]
        found = maxima(here, a, r, floor_db=floor_db)
        match = _near(wanted, found)
        visible[i], kept[i] = len(wanted), match.any(axis=1).sum()
        at_target = _near(targets, found).any(axis=0)
        in_clean = _near(maxima(shown, a, r, floor_db=floor_db), found).any(axis=0)
        invented[i], added[i] = (~at_target).sum(), (~at_target & ~in_clean).sum()
        for target, hits in zip(wanted, match, strict=True):
            if hits.any():
                off = found[hits] - target
                errors.append(off[np.argmin(np.square(off / np.array(NEAR)).sum(axis=1))])
    error = np.array(errors).reshape(-1, 2)
    return PeakFidelity(visible, kept, invented, added, error[:, 0], error[:, 1])


def _near(targets: Real, peaks: Real) -> NDArray[np.bool_]:
    off = np.abs(targets[:, np.newaxis] - peaks[np.newaxis])
    return np.asarray((off <= np.array(NEAR)).all(axis=-1))


@dataclass(frozen=True)
class Similarity:
    """SSIM and PSNR (dB) of each spectrum to its clean one, on (P/Pmax)^¼; shape (sample,)."""

    ssim: Real
    psnr_db: Real


def similarity(spectra: Any, clean: Any) -> Similarity:
    """How like the clean spectra they look, on (P/Pmax)^¼.

    On linear magnitude an all-zero image scores 0.94 already: a spectrum is nearly all floor.

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
