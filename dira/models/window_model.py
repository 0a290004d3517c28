"""Base of the models that learn from windows of CSI: the course of a training, saving and reading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import nn

from dira.config import Config, validated
from dira.models.files import check_shapes, read_content, read_weights, reading, write_network
from dira.models.model import NotFitted
from dira.models.shipped import shipped_model
from dira.training.source import Data
from dira.training.threads import on_threads
from dira.training.train import Loss, Progress, Training, train
from isacsim.errors import InputError

__all__ = ["WindowModel"]


class WindowModel(ABC):
    """Base of the models of windows.

    Parameters
    ----------
    **config
        Fields of the model's configuration, `Settings`.

    Raises
    ------
    InputError
        If a field is unknown or out of range.
    """

    Settings: ClassVar[type[Config]]
    usual: ClassVar[str] = ""
    """Name of the one that `pretrained` reads unless told otherwise."""
    without_numbers: ClassVar[bool] = True
    """False where the network cannot be built without memory for its weights."""

    def __init__(self, **config: Any) -> None:
        self.config = validated(self.Settings, config, what=type(self).__name__)
        self.network: nn.Module | None = None
        self.history: dict[str, Any] = {}
        """Record of the training."""

    @abstractmethod
    def build(self) -> nn.Module:
        """Make the network."""

    def not_fitted(self) -> NotFitted:
        """Error of a model that is used before it was trained or read."""
        return NotFitted(f"{type(self).__name__} is not trained: train it, or read one with from_pretrained.")

    def optimise(
        self,
        loss: Loss,
        data: Data,
        training: Training,
        *,
        device: str,
        checkpoints: str | PathLike[str] | None,
        every: int,
        progress: Progress | None,
        onward: bool = False,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Train, keep the network, and write down how; a run that was stopped goes on from its checkpoints.

        Parameters
        ----------
        loss : callable
            Mean loss of a network on a batch.
        data : sequence of torch.Tensor, or Source
            To learn from.
        training : Training
            How.
        device, checkpoints, every, progress
            As for `dira.training.train.train`.
        onward : bool
            Begin with the weights that there are.
        about : mapping, optional
            What the record is to hold beside the settings.

        Raises
        ------
        InputError
            If the checkpoints are of another training.
        """
        with on_threads(training.threads):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(training.seed)
                network = self.build()
            if onward and self.network is not None:
                network.load_state_dict(self.network.state_dict())
            before = {"onward_from": self.history} if onward else {}
            self.network, seconds = train(
                network,
                loss,
                data,
                training,
                device=device,
                checkpoints=None if checkpoints is None else Path(checkpoints),
                every=every,
                progress=progress,
                more={"model": type(self).__name__, "config": self.config.model_dump(mode="json"), **before},
            )
        settings = training.model_dump(mode="json")
        self.history = {**(about or {}), **settings, "seconds": round(seconds, 1), **before}

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
            If the model is not trained.
        """
        if self.network is None:
            raise self.not_fitted()
        return write_network(
            Path(folder),
            self.network,
            model=type(self).__name__,
            config=self.config,
            history=self.history,
            half=half,
        )

    @classmethod
    def from_pretrained(cls, folder: str | PathLike[str]) -> Self:
        """Read what `save_pretrained` wrote.

        Raises
        ------
        InputError
            If the folder holds no such model, one of an earlier version, or a file is damaged.
        """
        folder = Path(folder)
        with reading(folder):
            content = read_content(folder)
            if content["model"] != cls.__name__:
                raise InputError(f"{folder} holds a {content['model']:.80}, not a {cls.__name__}.")
            if cls.is_earlier(content["config"]):
                raise InputError(f"{folder} holds an earlier version of {cls.__name__}; train a new one.")
            model = cls(**content["config"])
            if cls.without_numbers:
                check_shapes(folder, model.build)
                network = model.build()
            else:
                network = model.build()
                check_shapes(folder, lambda: network)
            network.load_state_dict(read_weights(folder, content))
        model.network, model.history = network.eval(), content["history"]
        return model

    @classmethod
    def is_earlier(cls, config: Mapping[str, Any]) -> bool:
        """Tell whether a configuration is of an earlier version that this one cannot use."""
        return False

    @classmethod
    def pretrained(cls, name: str | None = None) -> Self:
        """Read a model that comes with dira.

        Parameters
        ----------
        name : str, optional
            Its name; default: the usual one.

        Raises
        ------
        InputError
            If there is none of that name; says which there are.
        """
        return cls.from_pretrained(shipped_model(cls.__name__, cls.usual if name is None else name))
