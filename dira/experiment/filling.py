"""Share of hidden patches that an encoder explains: ``python -m dira.experiment.filling``.

Pretraining hides patches of windows, and the encoder fills in their Doppler spectra. An encoder that
has learned nothing about a window fills in the mean of all windows, and explains nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from dira.data.windows import Windows
from dira.models.encoder import Encoder
from dira.models.model import NotFitted
from dira.pretraining.csi_windows import simulated
from isacsim.compute.provenance import machine
from isacsim.files import strict_json, written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.terminal import sample_progress, show_table

__all__ = ["explained", "filled_in", "filling"]

SEED = 45_000_000
"""Seed of the windows: a data set's, below 2^53, so no stream has it."""
SCENARIOS = ("default", "lab_siso", "lab", "walker", "activity_walk", "activity_fall", "intel5300")


@torch.no_grad()
def filled_in(
    encoder: Encoder, windows: Windows, *, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hide patches as pretraining does, and let the encoder fill them in.

    Parameters
    ----------
    encoder : Encoder
        Trained.
    windows : Windows
        In the encoder's form.
    seed : int
        Chooses the hidden patches.

    Returns
    -------
    hidden : torch.Tensor, bool, shape (window, pair, time)
        Patches that were hidden.
    filled, true : torch.Tensor, shape (window, pair, time, frequency)
        What fills every patch as the encoder gives it, and as it is (`WindowTransformer.spectra`).

    Raises
    ------
    NotFitted
        If the encoder is not trained.
    """
    if encoder.network is None:
        raise NotFitted("Encoder is not trained: call pretrain or from_pretrained first.")
    values, there, facts = (torch.from_numpy(np.asarray(part)) for part in windows)
    known, _ = encoder.network.present(there)
    drawn = np.random.default_rng(seed).random(tuple(known.shape))
    hidden = torch.from_numpy(drawn < encoder.config.hidden) & known
    vectors, _ = encoder.network(values.float(), there, facts, hidden)
    return (
        hidden,
        encoder.network.back(vectors).unflatten(1, known.shape[1:]),
        encoder.network.spectra(values.float(), there),
    )


def explained(encoder: Encoder, windows: Windows, *, seed: int) -> tuple[float, float]:
    """Share of the variance of hidden patches that is explained; 0 for their mean over all windows, 1 for the truth.

    Returns
    -------
    by_encoder : float
    by_visible : float
        By the mean of the window's patches that are not hidden, which needs no training.
    """
    hidden, filled, true = filled_in(encoder, windows, seed=seed)
    assert encoder.network is not None
    known, _ = encoder.network.present(torch.from_numpy(np.asarray(windows.there)))
    seen = (known & ~hidden)[..., None]
    mean = (true * seen).sum(dim=(1, 2), keepdim=True) / seen.sum(dim=(1, 2), keepdim=True).clamp(min=1)
    here = true[hidden]
    all_of_it = torch.square(here - here.mean(dim=0)).sum()
    wrong = (torch.square(some[hidden] - here).sum() for some in (filled, mean.expand_as(true)))
    by_encoder, by_visible = (float(1 - part / all_of_it) for part in wrong)
    return by_encoder, by_visible


def filling(
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of an encoder; default: the one that comes with dira.")
    ] = None,
    windows: Annotated[int, typer.Option(help="Windows of each scenario.", min=1)] = 64,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSON with all figures.")] = None,
) -> None:
    """Print how much of hidden patches an encoder explains, by scenario."""
    trained = Encoder.pretrained() if encoder is None else Encoder.from_pretrained(encoder)
    shares: dict[str, list[float]] = {}
    with sample_progress("scenarios", unit="scenarios") as tell:
        for done, name in enumerate(SCENARIOS, start=1):
            made, _ = simulated(load_scenario(name), SEED, range(windows))
            shares[name] = [round(share, 4) for share in explained(trained, made, seed=SEED)]
            tell(done, len(SCENARIOS))
    show_table(
        f"variance of hidden patches explained, {windows} windows of each scenario",
        ["scenario", "by the encoder", "by the mean of visible patches"],
        [[name, *(f"{share:.3f}" for share in both)] for name, both in shares.items()],
    )
    if output is not None:
        content: dict[str, Any] = {
            "windows": windows,
            "seed": SEED,
            "machine": machine(),
            "explained": {name: both[0] for name, both in shares.items()},
            "explained_by_visible": {name: both[1] for name, both in shares.items()},
        }
        with written_whole(output) as file:
            file.write_text(strict_json(content), encoding="utf-8")


if __name__ == "__main__":
    typer.run(filling)
