"""What the models share: configuration at construction, `fit`, and saving in a folder that anyone can read."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from dira.config import Axes, Config, validated
from dira.training.train import Loss, Progress, Training, train
from isacsim import __version__
from isacsim.errors import InputError
from isacsim.files import written_whole

__all__ = ["Model", "NotFitted"]

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"


class NotFitted(InputError):
    """A model is used before `fit` or `from_pretrained`."""


class Model(ABC):
    """Base of all models.

    Parameters
    ----------
    **config
        Fields of the model's configuration, `Settings`.
    """

    Settings: ClassVar[type[Config]]

    def __init__(self, **config: Any) -> None:
        self.config = validated(self.Settings, config, what=type(self).__name__)
        self.axes: Axes | None = None
        self.classes: dict[str, list[int | str]] = {}
        self.history: dict[str, Any] = {}
        """How it was trained."""
        self.network: nn.Module | None = None

    @abstractmethod
    def build(self, axes: Axes, classes: dict[str, list[int | str]]) -> nn.Module:
        """Make the network for spectra and conditions."""

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

    def identity(self, axes: Axes, classes: dict[str, list[int | str]]) -> dict[str, Any]:
        """What checkpoints of this model must agree in, besides training and data."""
        return {
            "model": type(self).__name__,
            "config": self.config.model_dump(mode="json"),
            "axes": axes.model_dump(mode="json"),
            "classes": classes,
        }

    def learn(
        self,
        axes: Axes,
        classes: dict[str, list[int | str]],
        loss: Loss,
        data: Sequence[torch.Tensor],
        training: Training,
        *,
        device: str,
        checkpoints: str | PathLike[str] | None,
        every: int,
        progress: Progress | None,
    ) -> None:
        """Build the network from the training's seed, train it, and keep it."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            network = self.build(axes, classes)
        self.network, seconds = train(
            network,
            loss,
            data,
            training,
            device=device,
            checkpoints=None if checkpoints is None else Path(checkpoints),
            every=every,
            progress=progress,
            more=self.identity(axes, classes),
        )
        self.axes, self.classes = axes, classes
        self.history = {
            "samples": len(data[0]),
            **training.model_dump(mode="json"),
            "seconds": round(seconds, 1),
        }

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
        folder = Path(folder)
        weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
        if half:
            weights = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
        content = {
            "model": type(self).__name__,
            "version": __version__,
            "config": self.config.model_dump(mode="json"),
            "axes": axes.model_dump(mode="json"),
            "classes": self.classes,
            "history": self.history,
        }
        # A folder without a configuration is no model: an old one goes before the weights change, the new one comes
        # after, so that a kill never leaves one model's classes with another's weights.
        with written_whole(folder / _CONFIG) as config, written_whole(folder / _WEIGHTS) as file:
            config.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            file.write_bytes(save(weights))  # save_file would make it private
            (folder / _CONFIG).unlink(missing_ok=True)
        return folder

    @classmethod
    def shipped(cls) -> Path:
        """Folder of the model that comes with dira.

        Raises
        ------
        InputError
            If there is none.
        """
        folder = Path(__file__).parents[1] / "weights" / cls.__name__
        if not folder.is_dir():
            raise InputError(f"dira comes with no trained {cls.__name__}; train one with fit.")
        return folder

    @classmethod
    def from_pretrained(cls, folder: str | PathLike[str] | None = None) -> Self:
        """Read what `save_pretrained` wrote; without a folder the model that comes with dira, for the default spectra.

        Raises
        ------
        InputError
            If the folder holds no such model, a file is damaged, or dira comes with none.
        """
        folder = cls.shipped() if folder is None else Path(folder)
        try:
            content = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            kind = content["model"]
            if kind != cls.__name__:
                raise InputError(f"{folder} holds a {kind}, not a {cls.__name__}.")
            made = cls(**content["config"])
            made.axes = validated(Axes, content["axes"], what=f"{folder / _CONFIG}: axes")
            made.classes, made.history = content["classes"], content["history"]
            network = made.build(made.axes, made.classes)
            weights = load_file(folder / _WEIGHTS)
            network.load_state_dict(
                {k: v.float() if v.dtype == torch.float16 else v for k, v in weights.items()}
            )
        except FileNotFoundError as error:
            raise InputError(
                f"{folder} holds no model: {Path(str(error.filename)).name} is missing."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{folder}: this model is damaged ({error!s:.200}).") from error
        made.network = network.eval()
        return made

    @classmethod
    def pretrained(cls) -> Self:
        """The model that comes with dira, for the default spectra: short for `from_pretrained` without a folder."""
        return cls.from_pretrained()
