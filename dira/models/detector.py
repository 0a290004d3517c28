"""Detecting paths in a spectrum: a probability for every bin, and where within it the path lies, how strong it is.

After DECODE (Speiser et al., Nature Methods 2021), which finds molecules in the same way: the network is trained to
positions, not to pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional

from dira.config import Axes, Config, Scaling
from dira.data.spectra import read_spectra
from dira.models.detections import false_scores, peaks_of
from dira.models.model import Classes, Examples, FitOptions, Model
from dira.networks.detector import DetectorNet
from dira.training.train import Batch
from isacsim.checks import check_number
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DetectorConfig", "PathDetector"]

_TRUTH = ("target_acceleration", "target_jerk", "target_amplitude")
# Offset in bins along both axes, logarithm of the amplitude; then the logarithm of each one's deviation.
_VALUES = 3
_OUTPUTS = 1 + 2 * _VALUES
# Candidates below it are none whatever the threshold.
_LEAST_SCORE = 0.01


class DetectorConfig(Config):
    """Configuration of a detector."""

    widths: tuple[Annotated[int, Field(ge=8, multiple_of=8)], ...] = Field(
        default=(32, 64, 96, 128), min_length=1
    )
    """Channels at each resolution, multiples of 8."""
    patch: int = Field(default=2, ge=1)
    """Bins a side that become channels of one pixel."""
    scaling: Scaling = Scaling()
    threshold: float = Field(default=0.5, gt=0, le=1)
    """Score from which a path counts as found; set by `calibrate`."""
    most: int = Field(default=32, ge=1)
    """Paths a spectrum at most."""


class PathDetector(Model):
    """Finds paths in spectra: acceleration, jerk and amplitude, with deviations, and a score for each.

    Trained on positions: of a point target its path, of a body that of its torso, which is its truth in a data set.

    Parameters
    ----------
    **config
        Fields of `DetectorConfig`.

    Examples
    --------
    >>> import dira, isacsim
    >>> samples = isacsim.stream("default", seed=1, workers=0)
    >>> detector = dira.PathDetector(widths=(8, 8)).fit(stream=samples, steps=1, batch_size=2)
    >>> spectra = next(samples)["aj_noisy"].expand_dims("sample")
    >>> sorted(detector.detect(spectra).dims)
    ['detection', 'sample']
    """

    Settings = DetectorConfig
    config: DetectorConfig
    title = "the detector"
    variables = ("aj_noisy", *_TRUTH)
    training_defaults: ClassVar = {"learning_rate": 1e-3, "average": 0.99}

    def build(self, axes: Axes, classes: Classes) -> DetectorNet:
        """Make the network."""
        return DetectorNet(
            channels=axes.channels,
            outputs=_OUTPUTS,
            shape=(axes.bins_acceleration, axes.bins_jerk),
            widths=self.config.widths,
            patch=self.config.patch,
        )

    def fit(
        self,
        spectra: Any = None,
        truth: xr.Dataset | Mapping[str, Any] | None = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on spectra and the true paths in them.

        Parameters
        ----------
        spectra : xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes with coordinates.
        truth : xarray.Dataset or mapping
            ``target_acceleration``, ``target_jerk``, ``target_amplitude`` over (sample, [receiver,] target), NaN where
            there is none: a data set. Of several receivers the first one's.
        steps, **options
            As `dira.ConditionalDiffusion.fit`'s.

        Raises
        ------
        InputError
            If spectra have no coordinates, truth is missing or of another length, an argument is out of range, or the
            checkpoints are of another training.
        """
        return self.learn((spectra, truth), steps=steps, **options)

    def examples(self, *learnt_from: Any) -> Examples:
        """Spectra and the true paths: bins along both axes, and the logarithm of amplitude over a lone one's."""
        spectra, *truth = learnt_from
        values, axes = read_spectra(spectra)
        if axes.acceleration_max is None or axes.jerk_max is None:
            raise InputError(
                "spectra need coordinates of acceleration and jerk, where true paths are to be found."
            )
        rows = _truth_of(truth[0] if len(truth) == 1 else dict(zip(_TRUTH, truth, strict=True)), len(values))
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.log(rows[2]) - np.log(_lone_amplitude(values, axes))[:, np.newaxis]
        a, r = (
            (row + largest) / (2 * largest) * (bins - 1)
            for row, largest, bins in (
                (rows[0], axes.acceleration_max, axes.bins_acceleration),
                (rows[1], axes.jerk_max, axes.bins_jerk),
            )
        )
        paths = np.stack([a, r, relative], axis=-1).astype(np.float32)
        return Examples(axes, {}, [self.scaled(values), torch.from_numpy(paths)])

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """Cross-entropy of every bin, and likelihood of offset and amplitude where a path is.

        The bin nearest to a path is the one to be found. Paths off the axes are none.
        """
        spectra, paths = batch.tensors
        maps = network(spectra).float()
        bins = paths[..., :2].round()
        limits = torch.tensor(spectra.shape[-2:], device=bins.device)
        here = (paths.isfinite().all(-1)) & ((bins >= 0) & (bins < limits)).all(-1)
        sample, which = here.nonzero(as_tuple=True)
        row, column = bins[sample, which].long().unbind(-1)
        wanted = torch.zeros_like(maps[:, 0])
        wanted[sample, row, column] = 1
        found = functional.binary_cross_entropy_with_logits(maps[:, 0], wanted, reduction="sum")
        at = maps[sample, 1:, row, column]
        true = torch.cat([paths[sample, which, :2] - bins[sample, which], paths[sample, which, 2:]], dim=-1)
        deviation = at[:, _VALUES:].clamp(-6, 4)
        places = (0.5 * ((at[:, :_VALUES] - true) / deviation.exp()) ** 2 + deviation).sum()
        return (found + places) / len(spectra)

    def detect(
        self, spectra: Any, *, threshold: float | None = None, batch_size: int = 128, device: str = "auto"
    ) -> xr.Dataset:
        """Find the paths in spectra.

        Parameters
        ----------
        spectra : xarray.DataArray or array_like, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes.
        threshold : float, optional
            Least score, above 0 up to 1; default: what `calibrate` set, else 0.5.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        xarray.Dataset
            Over (sample, detection), the highest score first, NaN where there are no more: ``acceleration`` (m/s²),
            ``jerk`` (m/s³), ``amplitude``, ``std_acceleration``, ``std_jerk``, ``std_amplitude`` (as the network states
            them), ``score`` (probability that a path is there).

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's, or an argument is out of range.
        """
        import xarray as xr

        least = self.config.threshold if threshold is None else threshold
        check_number("threshold", least, above=0, most=1)
        _, axes = self.fitted()
        strongest = _lone_amplitude(self.spectra_of_its_axes(spectra), axes)
        maps = self.run(
            lambda network, inputs: network(inputs).float(), spectra, batch_size=batch_size, device=device
        )
        found = [
            self._paths(one, axes, float(most), least) for one, most in zip(maps, strongest, strict=True)
        ]
        out = np.full((len(found), max(len(paths) for paths in found), len(_FOUND)), np.nan)
        for row, paths in zip(out, found, strict=True):
            row[: len(paths)] = paths
        return xr.Dataset(
            {
                name: (("sample", "detection"), out[..., i], {"units": units, "long_name": long_name})
                for i, (name, (units, long_name)) in enumerate(_FOUND.items())
            }
        )

    def _paths(self, maps: NDArray[np.float32], axes: Axes, unit: float, least: float) -> NDArray[np.float64]:
        """Paths of one spectrum, (path, variable) as `_FOUND`; unit is the amplitude of a lone path of this Pmax."""
        assert axes.acceleration_max is not None and axes.jerk_max is not None
        probability = 1 / (1 + np.exp(-maps[0].astype(np.float64)))
        peaks = peaks_of(probability, least=max(least, _LEAST_SCORE), most=self.config.most)
        at = maps[1:, peaks.bins[:, 0], peaks.bins[:, 1]].T.astype(np.float64)
        step = np.array(
            [
                2 * axes.acceleration_max / (axes.bins_acceleration - 1),
                2 * axes.jerk_max / (axes.bins_jerk - 1),
            ]
        )
        place = (peaks.bins + at[:, :2]) * step - [axes.acceleration_max, axes.jerk_max]
        amplitude = unit * np.exp(at[:, 2:3])
        deviation = np.exp(np.clip(at[:, _VALUES:], -6, 4))
        return np.hstack(
            [
                place,
                amplitude,
                deviation[:, :2] * step,
                deviation[:, 2:] * amplitude,
                peaks.score[:, np.newaxis],
            ]
        )

    def calibrate(
        self, spectra: Any, truth: xr.Dataset | Mapping[str, Any], *, false_rate: float = 0.3, **how: Any
    ) -> float:
        """Set the threshold that leaves so many false paths a spectrum, on simulations that it was not trained on.

        Parameters
        ----------
        spectra, truth
            As `fit`'s.
        false_rate : float
            Paths found a spectrum, in the mean, that are further from every true one than 0.45 m/s² or 2 m/s³.
        **how
            As `detect`'s.

        Returns
        -------
        float
            The threshold.
        """
        check_number("false_rate", false_rate, above=0)
        found = self.detect(spectra, threshold=_LEAST_SCORE, **how)
        true = _truth_of(truth, found.sizes["sample"])
        places = np.stack([found["acceleration"].values, found["jerk"].values], axis=-1)
        wrong = np.concatenate(
            [
                false_scores(p[np.isfinite(s)], s[np.isfinite(s)], t)
                for p, s, t in zip(places, found["score"].values, true[:2].transpose(1, 2, 0), strict=True)
            ]
        )
        allowed = int(false_rate * found.sizes["sample"])
        rest = np.sort(wrong)[::-1][allowed:]
        # Just above the first false one that is too many.
        threshold = min(1.0, float(np.nextafter(rest[0], 2))) if rest.size else _LEAST_SCORE
        self.config = self.config.model_copy(update={"threshold": threshold})
        self.history["calibration"] = {"false_rate": false_rate, "spectra": found.sizes["sample"]}
        return threshold


_FOUND = {
    "acceleration": ("m/s²", "acceleration of path length"),
    "jerk": ("m/s³", "jerk of path length"),
    "amplitude": ("1", "amplitude"),
    "std_acceleration": ("m/s²", "standard deviation of the acceleration"),
    "std_jerk": ("m/s³", "standard deviation of the jerk"),
    "std_amplitude": ("1", "standard deviation of the amplitude"),
    "score": ("1", "probability that a path is there"),
}


def _lone_amplitude(values: NDArray[np.float32], axes: Axes) -> NDArray[np.float32]:
    """Amplitude of a lone path of each spectrum's maximum: P goes with |A|⁴, equalised with |A|^(4 - 4β)."""
    power = 4 * (1 - float(axes.made_with.get("equalise", 0.0)))
    return np.asarray(values.max(axis=(1, 2, 3)) ** (1 / power if power > 0 else 0.25), np.float32)


def _truth_of(truth: Any, n: int) -> NDArray[np.float64]:
    """True acceleration, jerk and amplitude, (variable, sample, target)."""
    rows = []
    for name in _TRUTH:
        if truth is None or name not in truth:
            raise InputError(f"truth must have {', '.join(_TRUTH)} over (sample, target); it has no {name}.")
        values = np.asarray(truth[name], np.float64)
        values = values[:, 0] if values.ndim == 3 else values
        if values.ndim != 2 or len(values) != n:
            raise InputError(f"truth: {name} must be (sample, target) for {n} samples, got {values.shape}.")
        rows.append(values)
    return np.stack(rows)
