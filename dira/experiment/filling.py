"""Share of hidden patches that an encoder explains: ``python -m dira.experiment.filling``.

Pretraining hides patches of windows, and the encoder fills in their values or their Doppler spectra. An encoder that
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
    filled, true : torch.Tensor, shape (window, pair, time, value)
        What fills every patch as the encoder gives it, and as it is (`WindowTransformer.targets`).

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
        encoder.network.targets(values.float(), there),
    )


def explained(encoder: Encoder, windows: Windows, *, seed: int) -> float:
    """Share of the variance of hidden patches that the encoder explains; 0 for their mean, 1 for the truth."""
    hidden, filled, true = filled_in(encoder, windows, seed=seed)
    here = true[hidden]
    wrong = torch.square(filled[hidden] - here).sum()
    return float(1 - wrong / torch.square(here - here.mean(dim=0)).sum())


def filling(
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of an encoder; default: the one that comes with dira.")
    ] = None,
    windows: Annotated[int, typer.Option(help="Windows of each scenario.", min=1)] = 64,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSON with all figures.")] = None,
) -> None:
    """Print how much of hidden patches an encoder explains, by scenario."""
    trained = Encoder.pretrained() if encoder is None else Encoder.from_pretrained(encoder)
    shares: dict[str, float] = {}
    with sample_progress("scenarios", unit="scenarios") as tell:
        for done, name in enumerate(SCENARIOS, start=1):
            made, _ = simulated(load_scenario(name), SEED, range(windows))
            shares[name] = round(explained(trained, made, seed=SEED), 4)
            tell(done, len(SCENARIOS))
    show_table(
        f"variance of hidden patches explained, {windows} windows of each scenario",
        ["scenario", "share"],
        [[name, f"{share:.3f}"] for name, share in shares.items()],
    )
    if output is not None:
        content: dict[str, Any] = {
            "windows": windows,
            "seed": SEED,
            "machine": machine(),
            "explained": shares,
        }
        with written_whole(output) as file:
            file.write_text(strict_json(content), encoding="utf-8")


if __name__ == "__main__":
    typer.run(filling)
