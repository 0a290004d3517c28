"""Base of the models: configuration at construction, the course of `fit`, running in batches, and saving.

A model says what it learns from (`examples`), what its network is (`build`) and what a step's loss is (`loss`); the
course of a training is here. So is the way of a network to the device and back, and of spectra into batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dira.config import Axes, Config, Scaling, validated
from dira.data.spectra import Labels, read_labels, read_spectra
from dira.models.files import (
    CONFIG,
    check_shapes,
    checked_classes,
    read_content,
    read_weights,
    reading,
    write_network,
)
from dira.models.shipped import fitting_model, shipped_model
from dira.training.options import Whereabouts
from dira.training.source import Source
from dira.training.threads import default_threads, on_threads
from dira.training.train import Batch, Progress, Training, place_for, train
from isacsim.checks import check_integer
from isacsim.errors import InputError

if TYPE_CHECKING:
    from isacsim.dataset.loading.reuse import ReusedSamples
    from isacsim.dataset.synthetic.endless import EndlessSamples

__all__ = ["Examples", "Model", "NotFitted"]

Classes = dict[str, list[int | str]]


class NotFitted(InputError):
    """A model is used before `fit` or `from_pretrained`."""


class Examples(NamedTuple):
    """Examples that a model learns from."""

    axes: Axes
    classes: Classes
    """Values of each condition."""
    tensors: Any
    """List of tensors of equal length, spectra on the model's scale first; or a `dira.training.source.Source` of such
    batches."""


class Model(ABC):
    """Base of all models.

    Parameters
    ----------
    **config
        Fields of the model's configuration, `Settings`.
    """

    Settings: ClassVar[type[Config]]
    usual: ClassVar[str] = "one_antenna"
    """Name of the one that comes with dira for the default spectra."""
    folder: Path | None = None
    """Folder that it was read from."""
    title: ClassVar[str]
    """For messages, e.g. the counter."""
    variables: tuple[str, ...] = ("aj_noisy", "n_targets")
    """Variables of a data set that it learns from, in the order of `examples`' arguments: those taken from a stream."""
    training_defaults: ClassVar[Mapping[str, Any]] = {}
    """Where they are others than `dira.training.train.Training`'s."""

    def __init__(self, **config: Any) -> None:
        self.config = validated(self.Settings, config, what=type(self).__name__)
        self.axes: Axes | None = None
        self.classes: Classes = {}
        self.history: dict[str, Any] = {}
        """Record of the training."""
        self.network: nn.Module | None = None

    @property
    def scaling(self) -> Scaling:
        """From linear magnitude to the network's range."""
        scaling: Scaling = self.config.scaling  # type: ignore[attr-defined]  # every model's configuration has one
        return scaling

    @abstractmethod
    def build(self, axes: Axes, classes: Classes) -> nn.Module:
        """Make the network for spectra and conditions."""

    @abstractmethod
    def examples(self, *learnt_from: Any) -> Examples:
        """Check and scale what `fit` was given."""

    def loss(self, network: nn.Module, batch: Batch, classes: Classes) -> torch.Tensor:
        """Mean loss of those rows of a batch that are here."""
        raise NotImplementedError

    def training(self, asked: Mapping[str, Any]) -> Training:
        """Check how it is to be trained."""
        return validated(Training, {**self.training_defaults, **asked}, what="fit")

    def fitted(self) -> tuple[nn.Module, Axes]:
        """Give the network and the axes it is for.

        Raises
        ------
        NotFitted
            Before `fit`.
        """
        if self.network is None or self.axes is None:
            raise NotFitted(f"{type(self).__name__} is not trained: call fit or from_pretrained first.")
        return self.network, self.axes

    def identity(self, axes: Axes, classes: Classes) -> dict[str, Any]:
        """Settings that checkpoints of this model must agree in, besides training and data."""
        return {
            "model": type(self).__name__,
            "config": self.config.model_dump(mode="json"),
            "axes": axes.model_dump(mode="json"),
            "classes": classes,
        }

    def labelled(self, spectra: Any, labels: Labels | None) -> Examples:
        """Spectra and the numbers of their classes as examples."""
        values, axes = read_spectra(spectra)
        numbers, classes = read_labels(labels, len(values), None)
        return Examples(axes, classes, [self.scaled(values), torch.from_numpy(numbers)])

    def scaled(self, values: NDArray[np.float32]) -> torch.Tensor:
        """Linear magnitudes on the network's scale."""
        return torch.from_numpy(self.scaling.to_model(values))

    def learn(
        self,
        learnt_from: Sequence[Any],
        *,
        steps: int,
        stream: EndlessSamples | ReusedSamples | None = None,
        device: str = "auto",
        checkpoints: str | PathLike[str] | None = None,
        every: int = 1000,
        progress: Progress | None = None,
        best_by: Callable[[Any], float] | None = None,
        **asked: Any,
    ) -> Self:
        """Check what is asked, build the network from the training's seed, train it, and keep it: what `fit` does."""
        training = self.training({**asked, "steps": steps})
        examples = self._examples_of(learnt_from, stream)
        folder = None if checkpoints is None else Path(checkpoints)
        where = Whereabouts(device, folder, every, progress, best_by)
        with on_threads(training.threads):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(training.seed)
                network = self.initial(examples.axes, examples.classes)
            self.network, seconds, found = self.optimise(network, examples, training, where)
        self.axes, self.classes = examples.axes, examples.classes
        self.history = {
            **_said_of(examples.tensors, training),
            **training.model_dump(mode="json"),
            **found,
            "seconds": round(seconds, 1),
        }
        return self

    def _examples_of(self, given: Sequence[Any], stream: Any) -> Examples:
        """Take the examples as given, or those that a stream is to give."""
        if (stream is None) == (given[0] is None):
            raise InputError("fit needs spectra to learn from, or stream= in their place, and not both.")
        if stream is None:
            return self.examples(*given)
        from dira.data.streams import StreamedExamples

        source = StreamedExamples(stream, self.variables, self.examples)
        return Examples(source.axes, source.classes, source)

    def initial(self, axes: Axes, classes: Classes) -> nn.Module:
        """Build what is trained, before training: the network, and what it may need meanwhile."""
        return self.build(axes, classes)

    def optimise(
        self, network: nn.Module, examples: Examples, training: Training, where: Whereabouts
    ) -> tuple[nn.Module, float, dict[str, Any]]:
        """Train; give the network to keep, seconds, and what else the history is to hold."""
        trained, seconds = train(
            network,
            lambda net, batch: self.loss(net, batch, examples.classes),
            examples.tensors,
            training,
            device=where.device,
            checkpoints=where.checkpoints,
            every=where.every,
            progress=where.progress,
            more=self.identity(examples.axes, examples.classes),
        )
        return trained, seconds, {}

    def spectra_of_its_axes(self, spectra: Any) -> NDArray[np.float32]:
        """Read spectra that the trained model is to take.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If their axes are others than the model's.
        """
        _, own = self.fitted()
        values, axes = read_spectra(spectra)
        own.check(axes, model=self.title)
        return values

    @contextmanager
    def running(self, device: str) -> Iterator[tuple[nn.Module, torch.device]]:
        """The trained network on a device, for as long as it is needed there, on as many threads as `fit` takes."""
        network, _ = self.fitted()
        place = place_for(device).device
        try:
            with on_threads(default_threads()):
                yield network.to(place).eval(), place
        finally:
            network.cpu()

    @torch.no_grad()
    def run(
        self,
        forward: Callable[[nn.Module, torch.Tensor], torch.Tensor],
        spectra: Any,
        *,
        batch_size: int,
        device: str,
    ) -> NDArray[np.float32]:
        """Run a forward pass over spectra, batch by batch."""
        self.fitted()
        check_integer("batch_size", batch_size, least=1)
        inputs = self.scaled(self.spectra_of_its_axes(spectra))
        with self.running(device) as (network, place):
            outputs = [forward(network, part.to(place)).cpu() for part in inputs.split(batch_size)]
        return np.asarray(torch.cat(outputs).numpy())

    def save_pretrained(self, folder: str | PathLike[str], *, half: bool = False) -> Path:
        """Write config.json and model.safetensors.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        half : bool
            Store weights as float16, half the size.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        NotFitted
            Before `fit`.
        """
        network, axes = self.fitted()
        return write_network(
            Path(folder),
            network,
            model=type(self).__name__,
            config=self.config,
            axes=axes.model_dump(mode="json"),
            classes=self.classes,
            history=self.history,
            half=half,
        )

    @classmethod
    def shipped(cls) -> Path:
        """Folder of the model that comes with dira for the default spectra; `pretrained` knows the others.

        Raises
        ------
        InputError
            If there is none.
        """
        return shipped_model(cls.__name__, cls.usual)

    @classmethod
    def from_pretrained(cls, folder: str | PathLike[str] | None = None) -> Self:
        """Read what `save_pretrained` wrote; without a folder the model that comes with dira, for the default spectra.

        Raises
        ------
        InputError
            If the folder holds no such model, a file is damaged, or dira comes with none.
        """
        folder = cls.shipped() if folder is None else Path(folder)
        with reading(folder):
            content = read_content(folder)
            if content["model"] != cls.__name__:
                raise InputError(f"{folder} holds a {content['model']:.80}, not a {cls.__name__}.")
            model = cls(**content["config"])
            axes = model.axes = validated(Axes, content["axes"], what=f"{folder / CONFIG}: axes")
            classes = model.classes = checked_classes(content["classes"])
            model.history = content["history"]
            check_shapes(folder, lambda: model.build(axes, classes))
            weights = read_weights(folder, content)
            network = model.build(axes, classes)
            network.load_state_dict(weights)
        model.network, model.folder = network.eval(), folder
        return model

    @classmethod
    def pretrained(cls, like: Any = None) -> Self:
        """Read a model that comes with dira.

        Parameters
        ----------
        like : str or xarray.DataArray, optional
            Its name, or spectra that it has to fit: axes, settings, antennas. Default: that for the default spectra.

        Raises
        ------
        InputError
            If there is none of that name, or none fits: names those there are, or what the nearest one differs in.
        """
        if like is None or isinstance(like, str):
            return cls.from_pretrained(shipped_model(cls.__name__, like or cls.usual))
        return cls.from_pretrained(fitting_model(cls.__name__, read_spectra(like)[1]))


def _said_of(data: Any, training: Training) -> dict[str, Any]:
    """Describe the data in a model's history: number of samples, and of a stream how often each was used."""
    if isinstance(data, Source):
        return {"samples": data.seen(training.steps * training.batch_size), "stream": data.about()}
    return {"samples": len(data[0])}
