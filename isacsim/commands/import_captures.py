"""``isacsim import``: capture files become a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from isacsim.commands.generate import finished
from isacsim.commands.options import Chunk, NoProgress, OutputStore, Overwrite
from isacsim.commands.reading import in_option_names, reads_files
from isacsim.commands.source import Gain, Reference, in_options
from isacsim.errors import InputError
from isacsim.terminal import remark, sample_progress

__all__ = ["import_captures"]

_MOST_NOTES = 8

Like = Annotated[
    str | None,
    typer.Option(
        help="Scenario or store that sets axes and spectrum settings; default: what the packet rates allow.",
        show_default=False,
    ),
]
Hop = Annotated[
    float | None,
    typer.Option(
        "--hop-s",
        "--hop",
        help="Step from window to window in s; default: a window.",
        show_default=False,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="CSV of labels: columns file and label; optional: start, end (s), split, and your own (person, ...), "
        "which samples keep.",
        show_default=False,
    ),
]


@reads_files
def import_captures(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Captures saved as .nc, or receivers' files (Intel 5300, Nexmon, Atheros, PicoScenes, ESP32).",
            show_default=False,
        ),
    ],
    output_store: OutputStore = "captures.zarr",
    like: Like = None,
    window_s: Annotated[
        float | None,
        typer.Option("--window-s", "--window", help="Window in s; default: 1.024.", show_default=False),
    ] = None,
    hop_s: Hop = None,
    label: Annotated[
        int | None,
        typer.Option(help="Number of targets in all windows; default: unlabelled.", show_default=False),
    ] = None,
    labels: Labels = None,
    split: Annotated[
        str,
        typer.Option(help="Split of the files: train, validation or test; --labels may give it for each."),
    ] = "train",
    splits: Annotated[
        str | None,
        typer.Option(
            help="Share of each split instead, e.g. train=0.7,test=0.3: whole files, or groups of --split-by.",
            show_default=False,
        ),
    ] = None,
    split_by: Annotated[
        str | None,
        typer.Option(
            help="Column of --labels that forms groups; each split gets whole groups.", show_default=False
        ),
    ] = None,
    split_seed: Annotated[int, typer.Option(help="Seed of the choice of groups.")] = 0,
    one_receiver: Annotated[
        bool,
        typer.Option("--one-receiver", help="Take the pair of receivers whose phases agree best."),
    ] = False,
    reference: Reference = "auto",
    gain: Gain = "auto",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and list them.")
    ] = False,
    chunk: Chunk = None,
    no_progress: NoProgress = False,
    overwrite: Overwrite = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Make a data set from windows of captures, with labels where you know them.

    All files are checked before anything is written. The same command finishes an interrupted run.
    """
    from isacsim.commands.remarks import mirror_remark
    from isacsim.dataset.notation import split_fractions
    from isacsim.dataset.real.write import write_captures

    try:
        with sample_progress("captures", shown=not no_progress) as progress:
            dataset = write_captures(
                files,
                output_store,
                overwrite=overwrite,
                chunk=chunk,
                progress=progress,
                length_s=window_s,
                hop_s=hop_s,
                label=label,
                labels=labels,
                split=split,
                splits=None if splits is None else split_fractions(splits),
                split_by=split_by,
                split_seed=split_seed,
                settings=settings_like(like) if like else None,
                receivers="one" if one_receiver else "all",
                reference=reference,
                gain=gain,
                skip_bad=skip_bad,
                **reading,
            )
    except InputError as error:
        raise in_options(error) from error
    for file, why in json.loads(dataset.attrs.get("skipped", "{}")).items():
        remark(f"skipped {file}: {in_option_names(why)}")
    captures = json.loads(dataset.attrs["captures"])
    for line in sorted({mirror_remark(r["conditioning"]) or "" for r in captures} - {""}):
        remark(f"note: {line}")
    lines = [f"{r['file']}: {line}" for r in captures for line in r["notes"]]
    for line in lines[:_MOST_NOTES]:
        remark(f"note: {line}")
    if len(lines) > _MOST_NOTES:
        remark(f"and {len(lines) - _MOST_NOTES} more, in the store's attribute captures")
    finished(output_store)


def settings_like(like: str) -> dict[str, Any]:
    """Arguments of `isacsim.aj_spectrum` that a scenario asks for, or a store was made with."""
    import numpy as np

    from isacsim.dataset.synthetic.sample import spectrum_settings
    from isacsim.scenario.catalogue import load_scenario
    from isacsim.scenario.model import Scenario

    if not Path(like).is_dir() and "://" not in like:
        return _of_any_antennas(spectrum_settings(load_scenario(like)))
    from isacsim.dataset.store.store import open_record

    attrs = open_record(like).attrs
    if "scenarios" in attrs:
        text = next(iter(json.loads(attrs["scenarios"]).values()))
        return _of_any_antennas(spectrum_settings(Scenario.from_yaml(text, file=like)))
    if "spectrum" in attrs:
        settings = json.loads(attrs["spectrum"])
        return {k: np.array(v) if isinstance(v, list) else v for k, v in settings.items()}
    raise InputError(f"--like {like}: this store says nothing of how its spectra were made.")


def _of_any_antennas(settings: dict[str, Any]) -> dict[str, Any]:
    """The same for captures, which say themselves which antennas they have."""
    return {name: value for name, value in settings.items() if name != "antennas"}
