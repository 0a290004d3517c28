"""The command ``dira pretrain``: an encoder from simulated CSI windows, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dira.commands.options import Device, Output, Overwrite, Seed, bar
from isacsim.errors import InputError

__all__ = ["pretrain"]

_SCENARIOS = (
    "randomised,lab,corridor,hall,lab_siso,corridor_siso,hall_siso,people_lab,people_corridor,people_hall,walker,stroll,"
    "fall,phases,default,empty_room,intel5300,activity_walk,activity_sit,activity_fall,activity_still"
)


def pretrain(
    output: Output,
    scenarios: Annotated[
        str, typer.Option(help="Scenarios whose windows it learns from, in turn.")
    ] = _SCENARIOS,
    windows: Annotated[int, typer.Option(help="Windows to simulate; stored once.", min=512)] = 50_000,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = 10_000,
    batch_size: Annotated[int, typer.Option(help="Windows a step.", min=2)] = 64,
    width: Annotated[int, typer.Option(help="Numbers that a window is encoded to.")] = 160,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for windows and checkpoints; default: OUTPUT-work. A stopped run continues."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that simulate; default: one a core.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Simulate CSI windows, pretrain an encoder on them without labels, and test it with a linear probe."""
    import dira
    from dira.metrics.probe import linear_probe
    from dira.pretraining.csi_windows import make_windows
    from dira.training.train import place_for
    from isacsim.files import check_output

    if (output / "config.json").exists() and not overwrite:
        raise InputError(f"{output} holds a model already; choose another name or pass --overwrite.")
    check_output(output / "config.json")
    work = output.with_name(f"{output.name}-work") if work is None else work
    names = [name.strip() for name in scenarios.split(",") if name.strip()]
    if not names:
        raise InputError("--scenarios must name one or several scenarios, got none.")
    # Refused before the windows are simulated, which may take hours.
    encoder = dira.Encoder(width=width)
    place_for(device)
    stored = make_windows(names, work / "windows", windows, seed=seed, workers=workers)
    with bar("pretraining", "steps") as progress:
        encoder.pretrain(
            stored,
            steps=steps,
            batch_size=batch_size,
            checkpoints=work / "steps",
            progress=progress,
            device=device,
            seed=seed,
        )
    # The windows were seen, their labels were not: this says what is in the code, not how it does elsewhere.
    rows = np.random.default_rng(seed).permutation(len(stored))[:4000]
    code = encoder.encode_windows(stored.windows(rows), device=device)
    labels = stored.labels("n_targets")[rows]
    half = len(rows) // 2
    encoder.history |= stored.about()
    said = "all windows have one number of targets, so no probe counts them"
    if np.unique(labels[:half]).size > 1:
        probe = linear_probe(code[:half], labels[:half], code[half:], labels[half:])
        most = np.bincount(labels[half:]).max() / half
        encoder.history["probe_n_targets"] = {
            "accuracy": round(probe.accuracy, 4),
            "mean_absolute_error": round(probe.mean_absolute_error, 4),
            "commonest": round(float(most), 4),
            "windows": half,
        }
        said = (
            f"a linear probe of the code counts {probe.accuracy:.2f} of {half} windows right (the commonest number: "
            f"{most:.2f}), off by {probe.mean_absolute_error:.2f} on average"
        )
    encoder.save_pretrained(output, half=True)
    typer.echo(f"{said}: {output}")
