"""Paths in a spectrum: where they are, how sure that is, and how many (trained to positions, not to pixels)."""

from __future__ import annotations

from typing import Any, ClassVar, Self, Unpack

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import log_softmax, logit, softmax
from torch import nn
from torch.nn import functional

import isacsim
from dira.config import Axes, Config, Scaling
from dira.data.spectra import read_spectra, shaped_as
from dira.metrics.detection import GATE, match_detections, true_paths
from dira.models.detections import (
    count_by_scores,
    detections,
    limits,
    maxima,
    pooled_counts,
    power,
)
from dira.models.detector_loss import mirrored, of_paths
from dira.models.model import Classes, Examples, Model
from dira.networks.detection import DetectionUNet, PathMaps
from dira.training.options import FitOptions
from dira.training.train import Batch
from isacsim.errors import InputError

__all__ = ["DetectorConfig", "PathDetector"]

_DEFAULT = "points_4x4"
_TRUTH = ("target_acceleration", "target_jerk", "target_amplitude")
# Detections below this score are not worth calibrating.
_LEAST_SCORE = 0.02
_LEAST_PROBABILITY = 0.05


class DetectorConfig(Config):
    """Configuration of a path detector."""

    widths: tuple[int, ...] = Field(default=(32, 64, 96, 128), min_length=1)
    """Channels at each resolution, multiples of 8."""
    patch: int = Field(default=2, ge=1)
    """Bins of each axis that become channels of one pixel."""
    scaling: Scaling = Scaling()
    most_targets: int = Field(default=10, ge=1)
    """Largest number of targets that the count knows."""
    mirror: bool = True
    """Train on spectra mirrored along either axis by chance. Time reversed mirrors the jerk, exactly; the other sign
    of the phase mirrors both axes: exactly for `single`, `noncoherent`, `coherent`, nearly for `delay`, `resolved`."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Least score of a detection; `calibrate` sets it."""
    slope: float = 1.0
    """With `shift` from the network's score to a probability, on the logit's scale; `calibrate` sets both."""
    shift: float = 0.0
    count_weights: tuple[float, float] = (0.0, 1.0)
    """Weights of the counts by the detections' scores and by the network's head, in the logarithm of the count;
    `calibrate` sets them."""


class PathDetector(Model):
    """Finds paths in acceleration-jerk spectra.

    A small U-Net gives for every bin the probability that a path lies there, its place within the bin, its own
    height, and the standard deviations of both. It is trained on the true positions, as DECODE is for single
    molecules (Speiser et al., Nature Methods 2021). This shows weak paths beside strong ones, which a squared error
    between images would lose.

    Parameters
    ----------
    **config
        Fields of `DetectorConfig`.

    Examples
    --------
    >>> import isacsim, dira
    >>> store = isacsim.open_dataset("lab.zarr")  # doctest: +SKIP
    >>> detector = dira.PathDetector().fit(store.aj_noisy, store, steps=20_000)  # doctest: +SKIP
    >>> detector.detect(store.aj_noisy[:8])  # doctest: +SKIP
    """

    Settings = DetectorConfig
    config: DetectorConfig
    title = "the detector"
    usual = "points_4x4"
    variables = ("aj_noisy", *_TRUTH)
    training_defaults: ClassVar = {"learning_rate": 1e-3, "average": 0.99}

    def build(self, axes: Axes, classes: Classes) -> DetectionUNet:
        """Make the network."""
        c = self.config
        if wrong := [width for width in c.widths if width < 8 or width % 8]:
            raise InputError(f"PathDetector: widths must be multiples of 8, got {wrong[0]}.")
        shape = (axes.bins_acceleration, axes.bins_jerk)
        return DetectionUNet(
            c.widths, patch=c.patch, channels=axes.channels, shape=shape, most_targets=c.most_targets
        )

    def fit(
        self, spectra: Any = None, truth: Any = None, *, steps: int, **options: Unpack[FitOptions]
    ) -> Self:
        """Train on spectra and the true positions of their targets.

        Parameters
        ----------
        spectra : xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes with their axes.
        truth : xarray.Dataset
            The same samples of a data set: ``target_acceleration``, ``target_jerk``, ``target_amplitude``. Of a body it
            is the torso's. Targets beyond the axes are none here. Of several receivers the first one's.
        steps, **options
            As `dira.ConditionalDiffusion.fit`'s; ``stream`` in place of spectra and truth.

        Raises
        ------
        InputError
            If the spectra have no axes, the truth is of other samples, or an argument is out of range.
        """
        return self.learn((spectra, truth), steps=steps, **options)

    def examples(self, *learnt_from: Any) -> Examples:
        """Spectra, and their targets in bins: (sample, target, 3) with row, column and ln level; NaN for none."""
        spectra, *rest = learnt_from
        truth = rest[0] if len(rest) == 1 else dict(zip(_TRUTH, rest, strict=True))
        values, axes = read_spectra(spectra)
        most = np.array(limits(axes))
        paths = true_paths(truth, most=limits(axes))
        if len(paths) != len(values):
            raise InputError(
                f"spectra and truth must hold the same samples, got {len(values)} and {len(paths)}."
            )
        counts = np.isfinite(paths).all(axis=-1).sum(axis=1)
        if counts.max(initial=0) > self.config.most_targets:
            raise InputError(
                f"a sample has {counts.max()} targets, more than most_targets {self.config.most_targets}; raise it."
            )
        bins = np.array([axes.bins_acceleration, axes.bins_jerk])
        at = (paths[..., :2] + most) / (2 * most) * (bins - 1)
        highest = values.max(axis=(1, 2, 3))[:, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):
            level = power(axes) * np.log(paths[..., 2]) - np.log(highest)
        targets = np.concatenate([at, level[..., np.newaxis]], axis=-1)
        targets[~np.isfinite(targets).all(axis=-1)] = np.nan
        return Examples(axes, {}, [self.scaled(values), torch.from_numpy(targets.astype(np.float32))])

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """Cross-entropy of each bin, likelihood of offsets and levels about true paths, cross-entropy of the count."""
        spectra, targets = batch.tensors
        if self.config.mirror:
            spectra, targets = mirrored(spectra, targets, batch)
        channels, number = network(spectra)
        maps = PathMaps.of(channels.float())
        there = torch.isfinite(targets).all(dim=-1)
        sample, which = torch.nonzero(there, as_tuple=True)
        paths = targets[sample, which]
        nearest = paths[:, :2].round().long()
        present = torch.zeros_like(maps.logit)
        present[sample, nearest[:, 0], nearest[:, 1]] = 1.0
        found = functional.binary_cross_entropy_with_logits(maps.logit, present, reduction="none")
        of_bins = found.sum(dim=(1, 2)).mean()
        of_count = functional.cross_entropy(number.float(), there.sum(dim=1))
        return of_bins + of_paths(maps, sample, nearest, paths) / len(spectra) + of_count

    def detect(
        self, spectra: Any, *, threshold: float | None = None, batch_size: int = 128, device: str = "auto"
    ) -> xr.Dataset:
        """Find paths.

        Parameters
        ----------
        spectra : xarray.DataArray or array_like, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes.
        threshold : float, optional
            Least score; default: the model's, which `calibrate` sets.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        xarray.Dataset
            Over (sample, detection), best score first, NaN where there is none: ``acceleration`` m/s², ``jerk`` m/s³,
            ``amplitude``, ``score`` (probability that a path is there), ``std_acceleration``, ``std_jerk``,
            ``std_amplitude``. ``count_probability`` (sample, count).

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's, or the threshold is not from 0 to 1.
        """
        least = self.config.threshold if threshold is None else threshold
        if not 0 <= least <= 1:
            raise InputError(f"threshold must be from 0 to 1, got {threshold!r}.")
        values = self.spectra_of_its_axes(spectra)
        _, axes = self.fitted()
        out = self.run(_joined, values, batch_size=batch_size, device=device)
        n_bins = axes.bins_acceleration * axes.bins_jerk * DetectionUNet.MAPS
        channels = out[:, :n_bins].reshape(-1, DetectionUNet.MAPS, axes.bins_acceleration, axes.bins_jerk)
        sample, columns = maxima(
            channels,
            values.max(axis=(1, 2, 3)),
            axes,
            # Weak ones count a little, whatever the threshold.
            least=max(min(least, _LEAST_SCORE), 1e-6),
            line=(self.config.slope, self.config.shift),
        )
        by_scores = count_by_scores(sample, columns["score"], len(values), self.config.most_targets)
        by_head = softmax(out[:, n_bins:].astype(np.float64), axis=1)
        odds = pooled_counts(by_scores, by_head, self.config.count_weights)
        kept = columns["score"] >= max(least, 1e-6)
        return detections(sample[kept], {k: v[kept] for k, v in columns.items()}, len(values), odds)

    def enhance(self, spectra: Any, **how: Any) -> NDArray[np.float32]:
        """Render the self-terms of the paths that are found: no noise and no cross-terms, and nothing that was missed.

        Parameters
        ----------
        spectra : xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes, with the attributes that say how they were made; one channel.
        **how
            As `detect`'s.

        Returns
        -------
        numpy.ndarray, float32, of the spectra's shape
            Linear magnitudes, as `isacsim.render_spectrum`'s.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            As `detect`'s; or if the spectra are plain arrays, have several channels, or do not say how they were made.
        """
        if not isinstance(attrs := getattr(spectra, "attrs", None), dict):
            raise InputError(
                f"enhance needs spectra that say how they were made: an xarray.DataArray, not {type(spectra).__name__}."
            )
        values, axes = read_spectra(spectra)
        if axes.channels > 1:
            raise InputError(
                f"enhance draws one spectrum a sample, but these have {axes.channels}; choose one."
            )
        found = self.detect(spectra, **how)
        coords = {name: spectra.coords[name] for name in ("acceleration", "jerk")}
        like = xr.DataArray(values[0, 0], coords, ("acceleration", "jerk"), attrs=attrs)
        return shaped_as(isacsim.render_spectrum(found.rename(detection="path"), like).values, spectra)

    def calibrate(
        self,
        spectra: Any,
        truth: Any,
        *,
        false: float = 0.3,
        gate: tuple[float, float] = GATE,
        **how: Any,
    ) -> Self:
        """Make scores and counts probabilities, and set the threshold for a rate of false detections.

        On held-out samples.

        Parameters
        ----------
        spectra, truth
            As `fit`'s; samples that were not trained on.
        false : float
            False detections a spectrum, at most. Detections of probability below 0.05 are none, however few false ones
            that leaves.
        gate : (float, float)
            m/s² and m/s³ within which a detection is a true path; the default is for windows of one second.
        **how
            As `detect`'s.

        Raises
        ------
        InputError
            If the truth is of other samples, or ``false`` is not above 0.
        """
        if not false > 0:
            raise InputError(f"false must be above 0, got {false!r}.")
        self.config = self.config.model_copy(update={"slope": 1.0, "shift": 0.0})
        _, axes = self.fitted()
        paths = true_paths(truth, most=limits(axes))
        raw = match_detections(self.detect(spectra, threshold=_LEAST_SCORE, **how), paths, gate)
        if raw.score.size:
            x, y = logit(np.clip(raw.score, 1e-7, 1 - 1e-7)), raw.true

            def surprise(line: NDArray[np.float64]) -> float:
                z = line[0] * x + line[1]
                return float((np.logaddexp(0, z) - y * z).mean() + 1e-4 * (line[0] - 1) ** 2)

            slope, shift = minimize(surprise, [1.0, 0.0], method="Nelder-Mead").x
            if slope > 0:  # scores that say nothing are left as they are
                self.config = self.config.model_copy(update={"slope": float(slope), "shift": float(shift)})
        found = match_detections(self.detect(spectra, threshold=0.0, **how), paths, gate)
        threshold = max(found.threshold(false), _LEAST_PROBABILITY)
        self.config = self.config.model_copy(update={"threshold": threshold})
        self._weigh_counts(spectra, np.isfinite(paths).all(axis=-1).sum(axis=1), how)
        return self

    def _weigh_counts(self, spectra: Any, counts: NDArray[np.intp], how: dict[str, Any]) -> None:
        """Set how much scores and head have to say in the count, by the likelihood of the true numbers."""
        logs = []
        for weights in ((1.0, 0.0), (0.0, 1.0)):
            self.config = self.config.model_copy(update={"count_weights": weights})
            logs.append(np.log(self.detect(spectra, **how)["count_probability"].values + 1e-12))
        rows = np.arange(len(counts))

        def surprise(weights: NDArray[np.float64]) -> float:
            odds = log_softmax(weights[0] * logs[0] + weights[1] * logs[1], axis=1)
            return float(-odds[rows, counts].mean() + 1e-3 * np.square(weights).sum())

        best = minimize(surprise, [0.5, 0.5], method="Nelder-Mead").x
        chosen = (float(max(best[0], 0.0)), float(max(best[1], 0.0)))
        self.config = self.config.model_copy(update={"count_weights": chosen if any(chosen) else (0.0, 1.0)})


def _joined(network: nn.Module, spectra: torch.Tensor) -> torch.Tensor:
    channels, number = network(spectra)
    return torch.cat([channels.flatten(1), number], dim=1).float()
