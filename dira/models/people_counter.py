"""Counting people who walk: from the delay, angle and Doppler cells of one window of CSI."""

from __future__ import annotations

import math
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import softmax
from torch import nn
from torch.nn import functional

from dira.config import Config, validated
from dira.data.body_windows import cells_of_window
from dira.data.crowds import Crowds
from dira.data.delay_cells import LENGTHS_M, TIMES
from dira.models.temperature import likeliest_temperature
from dira.models.window_model import WindowModel
from dira.networks.body_counting import BodyCountingNetwork
from dira.training.source import Data
from dira.training.threads import default_threads, on_threads
from dira.training.train import Batch, Progress, Training, place_for
from isacsim.checks import check_integer
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PeopleCounter", "PeopleCounterConfig"]

_TRAINING: dict[str, Any] = {
    "batch_size": 64,
    "learning_rate": 1.5e-3,
    "warmup": 200,
    "decay": "cosine",
    "weight_decay": 0.01,
    "average": 0.995,
}


class PeopleCounterConfig(Config):
    """Configuration of a counter of people."""

    antennas: tuple[int, int] = (1, 1)
    """Receiving and transmitting elements, each a uniform row."""
    bandwidth_hz: float = Field(default=80e6, gt=0)
    most: int = Field(default=7, ge=1, le=20)
    """Largest number of people."""
    windows: tuple[int, ...] = (128, 256)
    """Lengths of the spectrograms' windows, times of 2 ms; at most 256."""
    hop: int = Field(default=32, ge=8, le=128)
    """Times from frame to frame."""
    widths: tuple[int, ...] = (24, 48, 96)
    """Channels of the stages, multiples of 8."""
    temperature: float = Field(default=1.0, ge=1e-6, le=1e6)
    """By which logits are divided; set by `calibrate`."""


class PeopleCounter(WindowModel):
    """Counts people who walk, in windows of 1.024 s.

    It sees the moving part of CSI alone: neither gain nor power of the static part matters.

    Parameters
    ----------
    **config
        Fields of `PeopleCounterConfig`.

    Examples
    --------
    >>> import dira, isacsim
    >>> counter = dira.PeopleCounter.pretrained()
    >>> counter.predict([isacsim.condition(isacsim.simulate("walker", seed=0, n_targets=1))]).shape
    (1,)
    """

    Settings = PeopleCounterConfig
    config: PeopleCounterConfig
    network: BodyCountingNetwork | None
    usual = "one_antenna"

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        wrong = [width for width in self.config.widths if width % 8 or width < 8]
        if wrong or not self.config.widths:
            raise InputError(f"PeopleCounter: widths must be multiples of 8, got {self.config.widths}.")
        if not self.config.windows or not all(64 <= length <= 256 for length in self.config.windows):
            raise InputError(f"PeopleCounter: windows must be from 64 to 256, got {self.config.windows}.")

    def build(self) -> BodyCountingNetwork:
        """Make the network."""
        c = self.config
        return BodyCountingNetwork(
            antennas=c.antennas,
            cells=len(LENGTHS_M),
            windows=c.windows,
            hop=c.hop,
            widths=c.widths,
            classes=c.most + 1,
        )

    def fit(
        self,
        crowds: Data,
        *,
        steps: int,
        device: str = "auto",
        checkpoints: str | PathLike[str] | None = None,
        every: int = 500,
        progress: Progress | None = None,
        **asked: Any,
    ) -> Self:
        """Train on crowds.

        Parameters
        ----------
        crowds : dira.data.crowds.Crowds, or sequence of torch.Tensor
            Cells (sample, pair, cell, time) of `dira.data.delay_cells.delay_cells`, and numbers of people.
        steps : int
            Optimiser steps.
        device, checkpoints, every, progress, **asked
            As for `dira.ConditionalDiffusion.fit`; a run that was stopped goes on from its checkpoints.

        Raises
        ------
        InputError
            If an argument is out of range, the crowds are of other antennas or larger, or the checkpoints are of
            another training.
        """
        training = validated(Training, {**_TRAINING, **asked, "steps": steps}, what="fit")
        if isinstance(crowds, Crowds) and (
            crowds.antennas != self.config.antennas or crowds.most > self.config.most
        ):
            raise InputError(
                f"fit: the counter is for antennas {self.config.antennas} and up to {self.config.most} people, the "
                f"crowds are of {crowds.antennas} and up to {crowds.most}."
            )
        about = {"crowds": crowds.about()} if isinstance(crowds, Crowds) else {}
        how: Any = {"device": device, "checkpoints": checkpoints, "every": every, "progress": progress}
        self.optimise(_loss, crowds, training, about=about, **how)
        return self

    def cells(self, csi: xr.DataArray) -> NDArray[np.complex64]:
        """Delay cells (pair, cell, time) of one window of conditioned CSI.

        Raises
        ------
        InputError
            If the window is not like those that the counter learned from (says in what), a dimension or coordinate is
            missing, or a value is not finite.
        """
        return cells_of_window(csi, self.config.antennas, self.config.bandwidth_hz)

    def predict_proba(
        self,
        windows: list[xr.DataArray] | NDArray[np.complex64],
        *,
        batch_size: int = 64,
        device: str = "auto",
    ) -> NDArray[np.float64]:
        """Probability of each number of people.

        Parameters
        ----------
        windows : list of xarray.DataArray, or complex array, shape (window, pair, cell, time)
            Conditioned CSI ([receiver,] subcarrier, packet) of each window, or its `cells`.
        batch_size : int
            Windows at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        numpy.ndarray, float64, shape (window, most + 1)

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If a window is not like those that the counter learned from, or there is none.
        """
        return softmax(self._logits(windows, batch_size, device) / self.config.temperature, axis=1)

    def _logits(self, windows: Any, batch_size: int, device: str) -> NDArray[np.float64]:
        if self.network is None:
            raise self.not_fitted()
        if not len(windows):
            raise InputError("windows must hold at least one window, got none.")
        check_integer("batch_size", batch_size, least=1)
        if not isinstance(windows, np.ndarray | list | tuple):
            raise InputError(f"windows must be a list of windows or an array, got {type(windows).__name__}.")
        cells = windows if isinstance(windows, np.ndarray) else np.stack([self.cells(csi) for csi in windows])
        wanted = math.prod(self.config.antennas), len(LENGTHS_M), TIMES
        if cells.shape[1:] != wanted or not np.isfinite(cells).all():
            told = f"shape {cells.shape}" if cells.shape[1:] != wanted else "values that are not finite"
            shape = ", ".join(map(str, wanted))
            raise InputError(f"cells must be finite and of the shape (window, {shape}), got {told}.")
        place, out = place_for(device).device, []
        network = self.network.to(place).eval()
        try:
            with torch.no_grad(), on_threads(default_threads()):
                for part in torch.from_numpy(np.asarray(cells, np.complex64)).split(batch_size):
                    out.append(network(part.to(place)).double().cpu().numpy())
        finally:
            network.cpu()
        return np.concatenate(out)

    def predict(self, windows: list[xr.DataArray] | NDArray[np.complex64], **how: Any) -> NDArray[np.int64]:
        """Most probable number of people in each window; arguments as `predict_proba`'s."""
        return np.asarray(self.predict_proba(windows, **how).argmax(axis=1), np.int64)

    def calibrate(self, windows: list[xr.DataArray] | NDArray[np.complex64], numbers: Any) -> Self:
        """Set the temperature that makes held-out numbers most likely (Guo et al. 2017).

        Parameters
        ----------
        windows
            As `predict_proba`'s; not trained on.
        numbers : array_like of int, shape (window,)
            True numbers of people.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If there is not one number for each window, or one is more than the counter knows.
        """
        logits, true = self._logits(windows, 64, "auto"), np.asarray(numbers, np.int64)
        if true.shape != logits.shape[:1] or not ((true >= 0) & (true <= self.config.most)).all():
            raise InputError(
                f"numbers must be {len(logits)} numbers of people from 0 to {self.config.most}, one a window."
            )
        self.config = self.config.model_copy(update={"temperature": likeliest_temperature(logits, true)})
        return self


def _loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Cross-entropy of crowds seen from either end of time, of either side of Doppler, by arrays turned at random."""
    cells, numbers = batch.tensors
    draw = torch.rand((batch.size, 4), generator=batch.generator)[batch.rows].to(cells.device)
    back = torch.where((draw[:, 0] < 0.5)[:, None, None, None], cells.flip(-1), cells)
    # Conjugate cells mirror Doppler and beams and keep their delays: a crowd that walks the other way.
    seen = torch.where((draw[:, 1] < 0.5)[:, None, None, None], back.conj(), back)
    whole = network.module if hasattr(network, "module") else network
    assert isinstance(whole, BodyCountingNetwork)
    # The chains' phases are known up to a part that is linear over each row of elements.
    rx, tx = (
        torch.exp(2j * torch.pi * draw[:, 2 + axis, None] * torch.arange(elements, device=cells.device))
        for axis, elements in enumerate(whole.antennas)
    )
    turned = seen * (rx[:, :, None] * tx[:, None, :]).flatten(1)[:, :, None, None].to(seen.dtype)
    return functional.cross_entropy(network(turned).float(), numbers)
