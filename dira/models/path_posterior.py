"""A posterior over sets of moving paths and over the static channel, given a window of CSI: amortised inference."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import nn

from dira.config import Config, validated
from dira.data.path_windows import FACTS, NUMBERS, Described, describe, together
from dira.models.path_density import (
    Conditions,
    drawn,
    log_likelihood,
    mirrored,
    static_log_likelihood,
)
from dira.models.path_sets import sets_of
from dira.models.window_model import WindowModel
from dira.networks.path_posterior import PathPosteriorNetwork
from dira.training.source import Data, Source
from dira.training.threads import default_threads, on_threads
from dira.training.train import Batch, Progress, Training, place_for
from isacsim.checks import check_integer, check_seed
from isacsim.conditioning.windows import capture_windows
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PathPosterior", "PathPosteriorConfig"]

_TRAINING: dict[str, Any] = {
    "batch_size": 64,
    "learning_rate": 1e-3,
    "warmup": 200,
    "decay": "cosine",
    "average": 0.995,
    "weight_decay": 1e-4,
}


class PathPosteriorConfig(Config):
    """Configuration of a path posterior."""

    width: int = Field(default=64, ge=8, le=512, multiple_of=8)
    """Numbers that a candidate and a window are encoded to."""
    depth: int = Field(default=2, ge=1, le=12)
    """Layers of the transformer."""
    heads: int = Field(default=4, ge=1, le=16)
    context: int = Field(default=32, ge=2, le=256)
    """Numbers that a flow is conditioned on."""
    hidden: int = Field(default=64, ge=4, le=512)
    """Width of the flows' networks."""
    most_paths: int = Field(default=5, ge=1, le=12)
    """Largest number of paths."""
    mirror: bool = True
    """Train on windows mirrored by chance: time reversed, and the phase's sign turned with path lengths about 9 m. Both
    are exact where the prior has these symmetries, as `points_4x1` has."""


class PathPosterior(WindowModel):
    """Draws sets of moving paths from their posterior, given a window of CSI.

    It is trained by neural posterior estimation on simulations. Candidates for paths are found by a quick search
    (`dira.data.candidates`). A transformer reads them, AJ spectra and a delay-Doppler map. Paths are drawn in
    descending amplitude, each by a spline flow about one of the candidates or over everything, until a drawn stop.

    Parameters
    ----------
    **config
        Fields of `PathPosteriorConfig`.

    References
    ----------
    Papamakarios and Murray, "Fast ε-free inference of simulation models", NeurIPS 2016. Durkan et al., "Neural spline
    flows", NeurIPS 2019.

    Examples
    --------
    >>> import isacsim, dira
    >>> posterior = dira.PathPosterior.pretrained()  # doctest: +SKIP
    >>> posterior.sample(isacsim.simulate("points_4x1", seed=1), seed=2)  # doctest: +SKIP
    """

    Settings = PathPosteriorConfig
    config: PathPosteriorConfig
    network: PathPosteriorNetwork | None
    usual = "points_4x1"
    without_numbers = False  # flows; the limits of the configuration keep them small

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        if self.config.width % self.config.heads:
            raise InputError(
                f"PathPosterior: heads must divide width, got {self.config.heads} and {self.config.width}."
            )

    def build(self) -> PathPosteriorNetwork:
        """Make the network."""
        c = self.config
        return PathPosteriorNetwork(
            numbers=NUMBERS,
            facts=len(FACTS),
            width=c.width,
            depth=c.depth,
            heads=c.heads,
            context=c.context,
            hidden=c.hidden,
        )

    def fit(
        self,
        windows: Data | None = None,
        *,
        stream: Any = None,
        steps: int,
        device: str = "auto",
        checkpoints: str | PathLike[str] | None = None,
        every: int = 500,
        progress: Progress | None = None,
        **asked: Any,
    ) -> Self:
        """Train on described windows and the true paths in them.

        Parameters
        ----------
        windows : sequence of torch.Tensor, or dira.training.source.Source
            The fields of `dira.data.path_windows.Described`, true paths (window, path, 5) and true static summaries
            (window, 2); or what gives batches of them.
        stream : EndlessSamples, optional
            From `isacsim.stream`, in place of windows: its scenarios are simulated while the network trains.
        steps : int
            Optimiser steps.
        device, checkpoints, every, progress, **asked
            As for `dira.ConditionalDiffusion.fit`; a run that was stopped goes on from its checkpoints.

        Raises
        ------
        InputError
            If both or none are given, an argument is out of range, or the checkpoints are of another training.
        """
        if (windows is None) == (stream is None):
            raise InputError("fit needs windows to learn from, or stream= in their place, and not both.")
        if windows is None:
            from dira.data.path_stream import PathStream

            folder = None if checkpoints is None else Path(checkpoints) / "windows"
            windows = PathStream(stream, self.config.most_paths, folder=folder)
        training = validated(Training, {**_TRAINING, **asked, "steps": steps}, what="fit")
        about = {"stream": windows.about()} if isinstance(windows, Source) else {"windows": len(windows[0])}
        how: Any = {"device": device, "checkpoints": checkpoints, "every": every, "progress": progress}
        self.optimise(self.loss, windows, training, about=about, **how)
        return self

    def loss(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean negative logarithm of the density of the true paths and of the true static summaries."""
        tensors = batch.tensors
        if self.config.mirror:
            chance = torch.rand((batch.size, 2), generator=batch.generator)[batch.rows] < 0.5
            tensors = mirrored(tensors, chance.to(tensors[0].device))
        whole = network.module if hasattr(network, "module") else network
        assert isinstance(whole, PathPosteriorNetwork)
        return -self._log_density(whole, tensors).mean()

    @staticmethod
    def _log_density(network: PathPosteriorNetwork, tensors: list[torch.Tensor]) -> torch.Tensor:
        states, scale, level, numbers, images, doppler, facts, static, paths, true_static = tensors
        given = Conditions(states, scale, level, static)
        encoded = network.encode(numbers.float(), given.there, images.float(), doppler.float(), facts)
        of_static = static_log_likelihood(network, encoded, given, true_static)
        return log_likelihood(network, encoded, given, paths) + of_static

    def describe(
        self,
        capture: xr.Dataset | Sequence[xr.DataArray],
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> tuple[Described, list[float]]:
        """Describe the windows of a capture as the network takes them, and say where their middles are, s.

        Parameters
        ----------
        capture, window_s, hop_s
            As `sample`'s.

        Raises
        ------
        InputError
            If the capture does not fit.
        """
        import xarray as xr

        if isinstance(capture, xr.Dataset):
            cut = capture_windows(capture, window_s=window_s, hop_s=hop_s, uniform=False)
            given = [window.csi for window in cut.used]
        else:
            given = list(capture)
        made, middles = [], []
        for one in given:
            values = one.values.conj() if int(one.attrs.get("phase_sign", -1)) == 1 else one.values
            time = one.coords["time"].values
            made.append(describe(values, time, one.coords["frequency"].values))
            middles.append(float(time[[0, -1]].mean()))
        if not made:
            raise InputError("capture has no window to look at.")
        return together(made), middles

    def sample(
        self,
        capture: xr.Dataset | Sequence[xr.DataArray] | Described,
        *,
        draws: int = 64,
        seed: int = 0,
        window_s: float | None = None,
        hop_s: float | None = None,
        batch_size: int = 16,
        device: str = "auto",
    ) -> xr.Dataset:
        """Draw from the posterior.

        Parameters
        ----------
        capture : xarray.Dataset, sequence of xarray.DataArray, or Described
            A capture, simulated or read; conditioned windows ([receiver,] subcarrier, packet), NaN where a packet is
            missing; or what `describe` makes of either.
        draws : int
            Sets of paths for each window.
        seed : int
            Window i has the same draws whatever other windows there are, up to rounding.
        window_s, hop_s : float, optional
            Length of the windows and between their beginnings, s; default: about one second, half of it.
        batch_size : int
            Windows at once.
        device : {"auto", "cpu", "cuda", "mps"}
            Where.

        Returns
        -------
        xarray.Dataset
            Over (window, draw): ``count``, and of the static channel ``delay_spread`` in s and ``static_power``. They
            are those of the power-delay profile that 16 bands tell, over all pairs. ``rician_k`` is the static power
            over that of all paths, dB, NaN without a path. Over (window, draw, path), strongest first, NaN beyond
            ``count``: ``path_length`` m, ``velocity`` m/s, ``acceleration`` m/s², ``jerk`` m/s³, ``amplitude``, all in
            the window's middle. ``at_limit`` (window) is True where most draws have as many paths as the posterior
            knows: there may be more, and no draw is to be trusted.

        Raises
        ------
        NotFitted
            Before `fit`.
        InputError
            If the capture does not fit, or an argument is out of range.
        """
        if self.network is None:
            raise self.not_fitted()
        check_integer("draws", draws, least=1)
        check_integer("batch_size", batch_size, least=1)
        check_seed("seed", seed)
        middles: list[float] | None
        if isinstance(capture, Described):
            windows, middles = capture, None
        else:
            windows, middles = self.describe(capture, window_s=window_s, hop_s=hop_s)
        place = place_for(device).device
        network = self.network.to(place).eval()
        chances = [np.random.default_rng([seed, i]) for i in range(len(windows.states))]
        paths, static = [], []
        try:
            with on_threads(default_threads()), torch.no_grad():
                for first in range(0, len(windows.states), batch_size):
                    rows = slice(first, first + batch_size)
                    some = [torch.from_numpy(np.asarray(part[rows])).to(place) for part in windows]
                    given = Conditions(some[0], some[1], some[2], some[7])
                    seen = (some[3].float(), given.there, some[4].float(), some[5].float(), some[6])
                    made = drawn(
                        network,
                        network.encode(*seen),
                        given,
                        draws=draws,
                        most=self.config.most_paths,
                        chances=chances[rows],
                    )
                    paths.append(made[0].cpu().numpy())
                    static.append(made[1].cpu().numpy())
        finally:
            network.cpu()
        out = sets_of(np.concatenate(paths), np.concatenate(static), middles)
        full = (out["count"] == self.config.most_paths).mean("draw") > 0.5
        long_name = f"most draws have {self.config.most_paths} paths, the limit: there may be more"
        return out.assign(at_limit=full.assign_attrs(long_name=long_name, units="1"))
