"""Counting targets in a spectrum: ResNet-18 (Fig. 3; He et al. 2016) on any number of channels."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self, Unpack

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.special import softmax
from torch import nn
from torch.nn import functional
from torchmetrics.functional.classification import multiclass_confusion_matrix

from dira.config import Axes, Config, Scaling
from dira.data.spectra import read_labels, read_spectra
from dira.models.model import Classes, Examples, Model
from dira.models.temperature import likeliest_temperature
from dira.networks.resnet import ResNet18
from dira.training.moved import mirrored_and_shifted
from dira.training.options import FitOptions, Whereabouts
from dira.training.threads import on_threads
from dira.training.train import Batch, Training
from isacsim.errors import InputError

__all__ = ["CounterConfig", "TargetCounter"]

_TARGETS = "n_targets"


def _targets(labels: ArrayLike, n: int) -> tuple[NDArray[np.int64], Classes]:
    """Numbers of targets as `read_labels` gives them."""
    numbers, classes = read_labels({_TARGETS: labels}, n, None)
    wrong = [count for count in classes[_TARGETS] if isinstance(count, str) or count < 0]
    if wrong:
        raise InputError(f"labels must be numbers of targets, 0 or more, got {wrong[0]!r}.")
    return numbers, classes


class CounterConfig(Config):
    """Configuration of a counter."""

    width: int = Field(default=64, ge=8, le=1024)
    """Channels of the first stage; 64 is ResNet-18 as published, 11.2 million weights."""
    scaling: Scaling = Scaling()
    augment: bool = True
    """Train on spectra mirrored along both axes and shifted in a circle at random. Without it, a few thousand are
    memorised. The number of targets stays. Mirrored ones are valid spectra: time reversal mirrors the jerk, and the
    other sign of the phase mirrors both axes. Shifted ones nearly are. Another acceleration and jerk of all paths
    shifts their spectrum, but not the notch of static removal, nor the images of a product of channels. And no path
    enters at the opposite edge."""
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Label smoothing."""
    temperature: float = Field(default=1.0, ge=1e-6, le=1e6)
    """By which logits are divided; set by `calibrate`."""


class TargetCounter(Model):
    """Counts targets in spectra.

    Parameters
    ----------
    **config
        Fields of `CounterConfig`.

    Examples
    --------
    >>> import numpy as np, dira
    >>> spectra, counts = np.random.default_rng(0).random((8, 32, 32)), np.array([3, 4] * 4)
    >>> counter = dira.TargetCounter(width=8).fit(spectra, counts, steps=2, batch_size=4)
    >>> counter.predict(spectra).shape
    (8,)
    """

    Settings = CounterConfig
    config: CounterConfig
    title = "the counter"
    training_defaults: ClassVar = {"learning_rate": 1e-3, "weight_decay": 1e-2, "average": 0.0}

    def build(self, axes: Axes, classes: Classes) -> ResNet18:
        """Make the network for spectra and counts."""
        return ResNet18(axes.channels, len(classes[_TARGETS]), self.config.width)

    def fit(
        self,
        spectra: Any = None,
        labels: ArrayLike | None = None,
        *,
        steps: int,
        **options: Unpack[FitOptions],
    ) -> Self:
        """Train on spectra and their numbers of targets.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes.
        labels : array_like of int, shape (sample,)
            Numbers of targets.
        steps, **options
            As `dira.ConditionalDiffusion.fit`'s; without other wishes the rate is 1e-3 with weight decay 1e-2, and no
            average is taken over the weights.

        Raises
        ------
        InputError
            If an argument is out of range, or the checkpoints are of another training.
        """
        return self.learn((spectra, labels), steps=steps, **options)

    def fine_tune(
        self,
        spectra: Any,
        labels: ArrayLike,
        *,
        steps: int = 200,
        learning_rate: float = 1e-4,
        batch_size: int = 16,
        device: str = "auto",
        seed: int = 0,
    ) -> Self:
        """Train a little further on a few labelled spectra of one's own; `calibrate` again afterwards.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes.
        labels : array_like of int, shape (sample,)
            Numbers of targets, some of ``counts``.
        steps : int
            Optimiser steps.
        learning_rate : float
            A tenth of `fit`'s: what was learned before is to stay.
        batch_size : int
            Samples a step, at most as many as there are.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.
        seed : int
            Of batches and views.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's, a label is none of ``counts``, or there are fewer than two samples.
        """
        network, axes = self.fitted()
        values = self.spectra_of_its_axes(spectra)
        numbers, _ = read_labels(labels, len(values), self.classes)
        asked = {
            "steps": steps,
            "learning_rate": learning_rate,
            "batch_size": min(batch_size, len(values)),
            "seed": seed,
            "warmup": 0,
        }
        training = self.training(asked)
        examples = Examples(axes, self.classes, [self.scaled(values), torch.from_numpy(numbers)])
        where = Whereabouts(device, None, steps, None, None)
        with on_threads(training.threads):
            self.network, seconds, _ = self.optimise(copy.deepcopy(network), examples, training, where)
        self.history["fine_tuned"] = {**asked, "samples": len(values), "seconds": round(seconds, 1)}
        return self

    def examples(self, *learnt_from: Any) -> Examples:
        """Spectra and their numbers of targets."""
        spectra, labels = learnt_from
        values, axes = read_spectra(spectra)
        numbers, classes = _targets(labels, len(values))
        return Examples(axes, classes, [self.scaled(values), torch.from_numpy(numbers)])

    def training(self, asked: Mapping[str, Any]) -> Training:
        """As every model's, and two samples a step at least."""
        training = super().training(asked)
        if training.batch_size < 2:
            raise InputError(
                f"fit: batch_size must be 2 or more for the batch norm, got {training.batch_size}."
            )
        return training

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """Cross-entropy of spectra mirrored and shifted by chance."""
        inputs, counts = batch.tensors
        if self.config.augment:
            inputs = mirrored_and_shifted(inputs, batch.generator, batch.rows, batch.size)
        return functional.cross_entropy(
            network(inputs).float(), counts[:, 0], label_smoothing=self.config.smoothing
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """Numbers of targets that the columns of `predict_proba` stand for."""
        self.fitted()
        return np.array(self.classes[_TARGETS], np.int64)

    def features(self, spectra: Any, *, batch_size: int = 256, device: str = "auto") -> NDArray[np.float32]:
        """Compute the last layer's features of each spectrum, for distances.

        Parameters
        ----------
        spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
            Linear magnitudes on the model's axes.
        batch_size : int
            Spectra at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        numpy.ndarray, float32, shape (sample, 8 · width)

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's.
        """
        return self.run(
            lambda network, inputs: network.features(inputs),  # type: ignore[operator]
            spectra,
            batch_size=batch_size,
            device=device,
        )

    def predict_proba(
        self, spectra: Any, *, batch_size: int = 256, device: str = "auto"
    ) -> NDArray[np.float64]:
        """Probability of each of ``counts``, calibrated if `calibrate` was called.

        Parameters
        ----------
        spectra, batch_size, device
            As `features`'s.

        Returns
        -------
        numpy.ndarray, float64, shape (sample, count)

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the axes are others than the model's.
        """
        return softmax(self._logits(spectra, batch_size=batch_size, device=device), axis=1)

    def _logits(self, spectra: Any, *, batch_size: int = 256, device: str = "auto") -> NDArray[np.float64]:
        """Compute the output of the network, divided by the temperature."""
        logits = self.run(
            lambda network, inputs: network(inputs), spectra, batch_size=batch_size, device=device
        )
        return logits.astype(np.float64) / self.config.temperature

    def predict(self, spectra: Any, **how: Any) -> NDArray[np.int64]:
        """Most probable number of targets of each spectrum.

        Parameters
        ----------
        spectra, **how
            As `predict_proba`'s.

        Returns
        -------
        numpy.ndarray, int64, shape (sample,)

        Raises
        ------
        NotFitted, InputError
            As `predict_proba`.
        """
        return np.asarray(self.counts[self.predict_proba(spectra, **how).argmax(axis=1)])

    def score(self, spectra: Any, labels: ArrayLike, **how: Any) -> float:
        """Share of spectra whose number is right.

        Parameters
        ----------
        spectra, **how
            As `predict_proba`'s.
        labels : array_like of int, shape (sample,)
            True numbers; one that the counter does not know is counted wrong.

        Raises
        ------
        InputError
            If there are not as many labels as spectra, or they are no numbers of targets.
        """
        counted = self.predict(spectra, **how)
        numbers, classes = _targets(labels, len(counted))
        return float((counted == np.array(classes[_TARGETS])[numbers[:, 0]]).mean())

    def confusion(self, spectra: Any, labels: ArrayLike, **how: Any) -> NDArray[np.int64]:
        """Count the spectra of each true count (rows) that got each count (columns), both as ``counts``.

        Parameters
        ----------
        spectra, **how
            As `predict_proba`'s.
        labels : array_like of int, shape (sample,)
            True numbers.

        Raises
        ------
        InputError
            If a label is none of the counts, or there are not as many as spectra.
        """
        odds = self.predict_proba(spectra, **how)
        truth, _ = read_labels(labels, len(odds), self.classes)
        chosen, true = (torch.from_numpy(numbers) for numbers in (odds.argmax(axis=1), truth[:, 0]))
        return np.asarray(multiclass_confusion_matrix(chosen, true, odds.shape[1]).numpy())

    def calibrate(self, spectra: Any, labels: ArrayLike, **how: Any) -> Self:
        """Set the temperature that makes held-out labels most likely (Guo et al. 2017); one set before is forgotten.

        Parameters
        ----------
        spectra, **how
            As `predict_proba`'s; samples that were not trained on.
        labels : array_like of int, shape (sample,)
            Their true numbers.

        Raises
        ------
        InputError
            If a label is none of the counts, or there are not as many as spectra.
        """
        odds = np.maximum(self.predict_proba(spectra, **how), 1e-300)
        log_p = np.log(odds) * self.config.temperature  # logits again, up to what the softmax takes off
        truth, _ = read_labels(labels, len(log_p), self.classes)
        temperature = likeliest_temperature(log_p, truth[:, 0])
        self.config = self.config.model_copy(update={"temperature": temperature})
        return self
