"""The command ``dira pretrain``: an encoder from CSI windows without labels, simulated or of captures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from dira.commands.options import Device, Output, Overwrite, Seed, bar
from isacsim.commands.reading import reads_files
from isacsim.commands.source import Gain, Reference, in_options
from isacsim.errors import InputError

if TYPE_CHECKING:
    from dira.pretraining.csi_windows import StoredWindows

__all__ = ["pretrain"]

_SCENARIOS = (
    "randomised,lab,corridor,hall,lab_siso,corridor_siso,hall_siso,people_lab,people_corridor,people_hall,walker,stroll,"
    "fall,phases,default,empty_room,intel5300,activity_walk,activity_sit,activity_fall,activity_still"
)


@reads_files
def pretrain(
    output: Output,
    scenarios: Annotated[
        str, typer.Option(help="Scenarios whose windows it learns from, in turn.")
    ] = _SCENARIOS,
    windows: Annotated[int, typer.Option(help="Windows to simulate; stored once.", min=512)] = 50_000,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = 10_000,
    batch_size: Annotated[int, typer.Option(help="Windows a step.", min=2)] = 64,
    width: Annotated[int, typer.Option(help="Numbers that a window is encoded to; of new weights.")] = 160,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for windows and checkpoints; default: OUTPUT-work. A stopped run continues."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that simulate; default: one a core.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="Folder of an encoder to go on from; default: new weights.")
    ] = None,
    captures: Annotated[
        list[Path] | None,
        typer.Option(help="Capture to learn from too, unlabelled; once for each.", show_default=False),
    ] = None,
    capture_share: Annotated[
        float, typer.Option(help="Share of windows of captures; at 1 nothing is simulated.", min=0.01, max=1)
    ] = 0.25,
    window_s: Annotated[float, typer.Option(help="Window of captures in s.")] = 2.0,
    hop_s: Annotated[
        float | None, typer.Option(help="Step of captures in s; default: a window.", show_default=False)
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="Largest learning rate.")] = 1e-3,
    reference: Reference = "auto",
    gain: Gain = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Simulate CSI windows, pretrain an encoder on them without labels, and test it with a linear probe.

    Windows of captures take part with --captures.
    """
    import dira
    from dira.pretraining.captures import MixedWindows, windows_of_captures
    from dira.pretraining.csi_windows import make_windows
    from dira.training.train import place_for
    from isacsim.dataset.real.windows import WindowingOptions
    from isacsim.files import check_output
    from isacsim.terminal import sample_progress

    if (output / "config.json").exists() and not overwrite:
        raise InputError(f"{output} holds a model already; choose another name or pass --overwrite.")
    check_output(output / "config.json")
    work = output.with_name(f"{output.name}-work") if work is None else work
    names = [name.strip() for name in scenarios.split(",") if name.strip()]
    if not names:
        raise InputError("--scenarios must name one or several scenarios, got none.")
    # Refused before the windows are simulated, which may take hours.
    encoder = dira.Encoder(width=width) if start is None else dira.Encoder.from_pretrained(start)
    place_for(device)
    own = None
    if captures:
        options = WindowingOptions(window_s, hop_s, "all", reference, gain, tuple(reading.items()))  # type: ignore[arg-type]
        try:
            with sample_progress("captures", unit="files") as tell:
                own = windows_of_captures(captures, options, tell=tell)
        except InputError as error:
            raise in_options(error) from error
    stored = None
    if own is None or capture_share < 1:
        stored = make_windows(names, work / "windows", windows, seed=seed, workers=workers)
    source: Any = stored if own is None else MixedWindows(own, capture_share, stored, seed=seed)
    with bar("pretraining", "steps") as progress:
        encoder.pretrain(
            source,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            checkpoints=work / "steps",
            progress=progress,
            device=device,
            seed=seed,
            onward=start is not None,
        )
    encoder.history |= source.about()
    said = (
        "no simulated windows, so no probe counts them"
        if stored is None
        else _probe(encoder, stored, seed, device)
    )
    encoder.save_pretrained(output, half=True)
    typer.echo(f"{said}: {output}")


def _probe(encoder: Any, stored: StoredWindows, seed: int, device: str) -> str:
    """Count targets by a linear probe of the code; note it in the encoder's history, and say it."""
    from dira.metrics.probe import linear_probe

    # The windows were seen, their labels were not: this says what is in the code, not how it does elsewhere.
    rows = np.random.default_rng(seed).permutation(len(stored))[:4000]
    code = encoder.encode_windows(stored.windows(rows), device=device)
    labels = stored.labels("n_targets")[rows]
    half = len(rows) // 2
    if np.unique(labels[:half]).size < 2:
        return "all windows have one number of targets, so no probe counts them"
    probe = linear_probe(code[:half], labels[:half], code[half:], labels[half:])
    most = np.bincount(labels[half:]).max() / half
    encoder.history["probe_n_targets"] = {
        "accuracy": round(probe.accuracy, 4),
        "mean_absolute_error": round(probe.mean_absolute_error, 4),
        "commonest": round(float(most), 4),
        "windows": half,
    }
    return (
        f"a linear probe of the code counts {probe.accuracy:.2f} of {half} windows right (the commonest number: "
        f"{most:.2f}), off by {probe.mean_absolute_error:.2f} on average"
    )
