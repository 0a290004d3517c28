"""One encoder for CSI windows of any antennas, subcarriers and packet rates, pretrained without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional

from dira.config import Config, validated
from dira.data.windows import BANDS, FACTS, PACKETS, Windows, joined, reduced, trimmed
from dira.models.model import NotFitted
from dira.models.window_model import WindowModel
from dira.models.window_views import one_view
from dira.networks.window_transformer import WindowTransformer
from dira.training.source import Data
from dira.training.threads import default_threads, on_threads
from dira.training.train import Batch, Progress, Training, place_for
from isacsim.checks import check_integer
from isacsim.conditioning.windows import capture_windows
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Encoder", "EncoderConfig"]

_TRAINING: dict[str, Any] = {
    "batch_size": 64,
    "learning_rate": 1e-3,
    "warmup": 500,
    "decay": "cosine",
    "weight_decay": 0.05,
    "average": 0.0,
}
# Share of a batch whose two views are compared: that takes as long as filling in.
_COMPARED = 0.25


class EncoderConfig(Config):
    """Configuration of an encoder."""

    width: int = Field(default=160, ge=16, le=1024, multiple_of=8)
    """Numbers that a window is encoded to."""
    depth: int = Field(default=6, ge=1, le=24)
    heads: int = Field(default=5, ge=1, le=16)
    patch: int = Field(default=16, ge=1, le=PACKETS)
    """Packets of a patch, a divisor of 256."""
    hidden: float = Field(default=0.6, gt=0, lt=1)
    """Share of a window's patches that it learns to fill in."""
    target: Literal["spectrum"] = "spectrum"
    """Target of filling in: the Doppler power spectrum around a patch. Earlier encoders filled in values."""
    contrast: float = Field(default=0.1, ge=0)
    """Weight of telling two views of one window from those of others, beside filling in."""
    temperature: float = Field(default=0.1, gt=0)
    """Temperature of that comparison."""


class Encoder(WindowModel):
    """Encodes windows of conditioned CSI as vectors.

    It is pretrained in two ways: it fills in hidden parts of a window (masked reconstruction), and it separates two
    views of one window from those of others (InfoNCE). A view is some of the antenna pairs, turned, with noise and
    lost packets.

    Parameters
    ----------
    **config
        Fields of `EncoderConfig`.

    Examples
    --------
    >>> import isacsim, dira
    >>> encoder = dira.Encoder.from_pretrained("encoder")  # doctest: +SKIP
    >>> encoder.encode(isacsim.simulate("lab_siso", seed=1))  # doctest: +SKIP
    """

    Settings = EncoderConfig
    config: EncoderConfig
    network: WindowTransformer | None
    usual = "windows"

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        if PACKETS % self.config.patch or self.config.width % self.config.heads:
            raise InputError(
                f"Encoder: patch must divide {PACKETS} and heads must divide width, got {self.config.patch}, "
                f"{self.config.heads} and {self.config.width}."
            )

    def build(self) -> WindowTransformer:
        """Make the network."""
        c = self.config
        return WindowTransformer(
            bands=BANDS,
            packets=PACKETS,
            patch=c.patch,
            facts=len(FACTS),
            width=c.width,
            depth=c.depth,
            heads=c.heads,
        )

    def pretrain(
        self,
        windows: Data,
        *,
        steps: int,
        device: str = "auto",
        checkpoints: str | PathLike[str] | None = None,
        every: int = 500,
        progress: Progress | None = None,
        onward: bool = False,
        **asked: Any,
    ) -> Self:
        """Learn from windows without labels.

        Parameters
        ----------
        windows : sequence of torch.Tensor, or dira.training.source.Source
            ``values``, ``there`` and ``facts`` of `dira.data.windows.Windows`, or what gives batches of them.
        steps : int
            Optimiser steps.
        device, checkpoints, every, progress, **asked
            As for `dira.ConditionalDiffusion.fit`; a run that was stopped goes on from its checkpoints.
        onward : bool
            Begin with the weights that the encoder has, instead of new ones.

        Raises
        ------
        NotFitted
            If it has none to begin with.
        InputError
            If an argument is out of range, or the checkpoints are of another training.
        """
        if onward and self.network is None:
            raise NotFitted("Encoder is not trained: there is nothing to go on from.")
        training = validated(Training, {**_TRAINING, **asked, "steps": steps}, what="pretrain")
        how: Any = {"device": device, "checkpoints": checkpoints, "every": every, "progress": progress}
        self.optimise(self.loss, windows, training, onward=onward, **how)
        return self

    def loss(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """Squared error of what fills hidden patches, and cross-entropy of finding a window's other view."""
        values, there, facts = batch.tensors
        values = values.float()
        whole = network.module if hasattr(network, "module") else network
        assert isinstance(whole, WindowTransformer)
        seen, left = one_view(values, there, batch)
        known, _ = whole.present(left)
        draw = torch.rand(known.shape, generator=batch.generator).to(known.device)
        hidden = (draw < self.config.hidden) & known
        vectors, tokens = network(seen, left, facts, hidden)
        filled = whole.back(vectors).unflatten(1, known.shape[1:])
        # Spectra know no angle, so they can be those without the noise and the losses of the view.
        aim = whole.spectra(values, there)
        error = functional.mse_loss(filled, aim, reduction="none").mean(dim=-1)
        filling = (error * hidden).sum() / hidden.sum().clamp(min=1)
        if not self.config.contrast:
            return filling
        few = slice(max(2, round(_COMPARED * len(values))))
        again, still = one_view(values, there, batch)
        one = functional.normalize(whole.pooled(vectors[few], tokens[few]), dim=-1)
        other = functional.normalize(whole.pooled(*network(again[few], still[few], facts[few])), dim=-1)
        alike = one @ other.T / self.config.temperature
        own = torch.arange(len(alike), device=alike.device)
        found = functional.cross_entropy(alike, own) + functional.cross_entropy(alike.T, own)
        return filling + 0.5 * self.config.contrast * found

    @torch.no_grad()
    def encode_windows(
        self, windows: Windows, *, batch_size: int = 256, device: str = "auto"
    ) -> NDArray[np.float32]:
        """Encode windows in the encoder's form.

        Parameters
        ----------
        windows : Windows
            From `dira.data.windows.reduced`, several from `joined`.
        batch_size : int
            Windows at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        numpy.ndarray, float32, shape (window, width)

        Raises
        ------
        NotFitted
            Before `pretrain`.
        InputError
            If there are no windows.
        """
        if self.network is None:
            raise self.not_fitted()
        check_integer("batch_size", batch_size, least=1)
        if not len(windows.values):
            raise InputError("windows must hold at least one window, got none.")
        windows = trimmed(windows, self.config.patch)
        place = place_for(device).device
        network, out = self.network.to(place).eval(), []
        try:
            with on_threads(default_threads()):
                for first in range(0, len(windows.values), batch_size):
                    some = (
                        torch.from_numpy(np.asarray(part[first : first + batch_size])) for part in windows
                    )
                    values, there, facts = (part.to(place) for part in some)
                    vectors, known = network(values.float(), there, facts)
                    out.append(network.pooled(vectors, known).float().cpu().numpy())
        finally:
            network.cpu()
        return np.concatenate(out)

    def encode(
        self,
        capture: xr.Dataset | Sequence[xr.DataArray],
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
        device: str = "auto",
    ) -> xr.DataArray:
        """Encode the windows of a capture.

        Parameters
        ----------
        capture : xarray.Dataset, or sequence of xarray.DataArray
            A capture, simulated or read; or conditioned windows ([receiver,] subcarrier, packet).
        window_s, hop_s : float, optional
            Length of the windows and between their beginnings, s; default: about one second, half of it.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        xarray.DataArray, float32, dims (window, feature)
            With coordinate ``time``, the windows' middles in s.

        Raises
        ------
        NotFitted
            Before `pretrain`.
        InputError
            If the capture does not fit.
        """
        import xarray as xr

        if isinstance(capture, xr.Dataset):
            cut = capture_windows(capture, window_s=window_s, hop_s=hop_s, uniform=False)
            given = [window.csi for window in cut.used]
        else:
            given = list(capture)
        windows = [
            reduced(one.values, one.coords["time"].values, one.coords["frequency"].values) for one in given
        ]
        if not windows:
            raise InputError("capture has no window to encode.")
        middles = [float(one.coords["time"].values[[0, -1]].mean()) for one in given]
        return xr.DataArray(
            self.encode_windows(joined(windows), device=device),
            {"time": ("window", middles, {"units": "s", "long_name": "middle of the window"})},
            ("window", "feature"),
            attrs={"long_name": "encoded window", "units": "1"},
        )

    @classmethod
    def is_earlier(cls, config: Mapping[str, Any]) -> bool:
        """Tell whether an encoder fills in values, as earlier ones did."""
        return config.get("target") != "spectrum"
