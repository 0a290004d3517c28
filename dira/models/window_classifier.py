"""Few labels: a class for each CSI window, from a pretrained encoder that is tuned a little, wholly, or not at all."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional

from dira.config import Config, validated
from dira.data.windows import Windows, trimmed
from dira.models.encoder import Encoder
from dira.models.model import NotFitted
from dira.models.window_views import one_view
from dira.networks.window_transformer import WindowTransformer
from dira.training.threads import default_threads, on_threads
from dira.training.train import Batch, Training, place_for, train
from isacsim.errors import InputError

if TYPE_CHECKING:
    from dira.training.train import Progress

__all__ = ["ClassifierConfig", "WindowClassifier"]

Method = Literal["probe", "lora", "full", "scratch"]
_RATES: dict[str, float] = {"probe": 3e-3, "lora": 2e-3, "full": 2e-4, "scratch": 1e-3}


class ClassifierConfig(Config):
    """Configuration of a classifier of windows."""

    method: Method = "lora"
    """probe: a linear layer on the encoder as it is. lora: low-rank adapters in its layers (Hu et al. 2022, by `peft`).
    full: all its weights. scratch: all weights, from a new start."""
    rank: int = Field(default=4, ge=1, le=64)
    """Rank of the adapters."""


class WindowClassifier:
    """Tells the class of CSI windows.

    Parameters
    ----------
    encoder : Encoder
        Pretrained; of "scratch" only its configuration counts.
    **config
        Fields of `ClassifierConfig`.
    """

    def __init__(self, encoder: Encoder, **config: Any) -> None:
        self.config = validated(ClassifierConfig, config, what="WindowClassifier")
        if encoder.network is None and self.config.method != "scratch":
            raise NotFitted("WindowClassifier needs an encoder that is trained, or method='scratch'.")
        self.encoder = encoder
        self.classes: NDArray[Any] = np.empty(0)
        self.network: _Head | None = None
        self.trained_share = 0.0
        """Weights that were trained, over all."""

    def fit(
        self,
        windows: Windows,
        labels: ArrayLike,
        *,
        steps: int = 300,
        learning_rate: float | None = None,
        batch_size: int = 32,
        seed: int = 0,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> Self:
        """Learn from labelled windows.

        Parameters
        ----------
        windows : Windows
            From `dira.data.windows`.
        labels : array_like, shape (window,)
            Class of each.
        steps, learning_rate, batch_size, seed, device, progress
            Of the training; the rate's default is the method's.

        Raises
        ------
        InputError
            If there is not one label for each window, or one class alone.
        """
        y = np.asarray(labels)
        if y.shape != (len(windows.values),):
            got = str(len(y)) if y.ndim == 1 else f"shape {y.shape}"
            raise InputError(f"labels must be one for each of the {len(windows.values)} windows, got {got}.")
        self.classes, number = np.unique(y, return_inverse=True)
        if self.classes.size < 2:
            raise InputError(f"labels must be of at least two classes, got {self.classes.tolist()} alone.")
        method = self.config.method
        training = validated(
            Training,
            {
                "steps": steps,
                "learning_rate": _RATES[method] if learning_rate is None else learning_rate,
                "batch_size": min(batch_size, len(y)),
                "seed": seed,
                "warmup": min(20, steps),
                "decay": "cosine",
                "average": 0.0,
            },
            what="fit",
        )
        with on_threads(training.threads):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = _Head(self._start(), self.encoder.config.width, self.classes.size)
            sizes = [p.numel() for p in network.parameters()]
            trained = [p.numel() for p in network.parameters() if p.requires_grad]
            self.trained_share = sum(trained) / sum(sizes)
            few = trimmed(windows, self.encoder.config.patch)
            data = [torch.from_numpy(np.asarray(part)) for part in (*few, number.astype(np.int64))]
            made, _ = train(network, _loss, data, training, device=device, progress=progress)
        assert isinstance(made, _Head)
        self.network = made
        return self

    def _start(self) -> nn.Module:
        """The encoder's network as this method begins with it."""
        if self.config.method == "scratch":
            return self.encoder.build()
        base = copy.deepcopy(self.encoder.network)
        assert base is not None
        if self.config.method == "probe":
            return base.requires_grad_(False)
        if self.config.method == "full":
            return base
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ModuleNotFoundError as error:
            raise InputError(
                "method 'lora' needs peft, which is not installed: pip install 'isacsim[tuning]'."
            ) from error
        adapters = LoraConfig(
            r=self.config.rank, lora_alpha=2 * self.config.rank, target_modules=["qkv", "out", "up", "down"]
        )
        made: nn.Module = inject_adapter_in_model(adapters, base)
        for name, weight in made.named_parameters():
            weight.requires_grad_("lora_" in name)
        return made

    def predict_proba(self, windows: Windows, *, batch_size: int = 256) -> NDArray[np.float64]:
        """Probability of each of ``classes``, (window, class).

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If there are no windows.
        """
        if self.network is None:
            raise NotFitted("WindowClassifier is not trained: call fit first.")
        if not len(windows.values):
            raise InputError("windows must hold at least one window, got none.")
        windows = trimmed(windows, self.encoder.config.patch)
        place, out = place_for("auto").device, []
        network = self.network.to(place).eval()
        with torch.no_grad(), on_threads(default_threads()):
            for first in range(0, len(windows.values), batch_size):
                parts = [torch.from_numpy(np.asarray(part[first : first + batch_size])) for part in windows]
                out.append(network(*(part.to(place) for part in parts)).double().softmax(dim=1).cpu().numpy())
        network.cpu()
        return np.concatenate(out)

    def predict(self, windows: Windows) -> NDArray[Any]:
        """Most probable class of each window."""
        return np.asarray(self.classes[self.predict_proba(windows).argmax(axis=1)])


class _Head(nn.Module):
    """A linear layer on the mean of a window's vectors."""

    def __init__(self, network: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.network = network
        self.norm = nn.LayerNorm(width)
        self.classes = nn.Linear(width, classes)
        nn.init.zeros_(self.classes.weight)
        nn.init.zeros_(self.classes.bias)

    def forward(self, values: torch.Tensor, there: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
        """Logits (window, class)."""
        vectors, known = self.network(values.float(), there, facts)
        assert isinstance(self.network, WindowTransformer)
        out: torch.Tensor = self.classes(self.norm(self.network.pooled(vectors, known)))
        return out


def _loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Cross-entropy of some of the pairs, turned and with noise (`Encoder.view`)."""
    values, there, facts, number = batch.tensors
    seen, left = one_view(values.float(), there, batch)
    return functional.cross_entropy(network(seen, left, facts), number)
