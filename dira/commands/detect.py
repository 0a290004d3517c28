"""The command ``dira detect``: the paths that a detector finds in a store's spectra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from dira.commands.options import Device, Split, Store, model_in
from isacsim.terminal import Json

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["detect"]

_COLUMNS = ("acceleration", "jerk", "amplitude", "score", "std_acceleration", "std_jerk", "std_amplitude")


def detect(
    store: Store,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            help="Folder of a trained detector (dira train detector); default: dira's own that fits the spectra.",
        ),
    ] = None,
    variable: Annotated[str, typer.Option(help="Spectra to find paths in.")] = "aj_noisy",
    split: Split = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least probability of a detection; default: the model's.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="CSV with a line for each detection (m/s², m/s³)."),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Find the paths in a store's spectra; with ground truth, count those found and those invented."""
    import dira
    from dira.data.stores import load
    from dira.metrics.detection import match_detections, true_paths
    from isacsim.files import check_output, written_whole
    from isacsim.schema import TRUTH
    from isacsim.terminal import show_json, show_table

    if output is not None:
        check_output(output)
    samples = load(store, variable, split=split)
    fitting = dira.PathDetector.pretrained
    detector = fitting(samples[variable]) if model is None else model_in(model, "detector")
    found = detector.detect(samples[variable], threshold=threshold, device=device)
    number = np.isfinite(found["score"].values).sum(axis=1)
    if output is not None:
        with written_whole(output) as file:
            file.write_text(_csv(found), encoding="utf-8")
    said, times = np.unique(number, return_counts=True)
    hits = None
    if all(name in samples for name in TRUTH):
        axes = samples[variable].coords
        most = float(axes["acceleration"].max()), float(axes["jerk"].max())
        paths = true_paths(samples, most=most)
        if (samples["n_targets"].values >= 0).any():
            hits = match_detections(found, paths)
    if as_json:
        show_json(
            detections=found,
            spectra_by_number_of_paths={int(n): int(t) for n, t in zip(said, times, strict=True)},
            true_paths=None if hits is None else hits.targets,
            true_paths_found=None if hits is None else int(hits.true.sum()),
            false_a_spectrum=None if hits is None else float((~hits.true).sum() / hits.samples),
            file=output,
        )
        return
    show_table("", ["paths", "spectra"], [[str(n), str(t)] for n, t in zip(said, times, strict=True)])
    typer.echo(f"{number.sum()} paths in {number.size} spectra")
    if hits is not None:
        typer.echo(
            f"{hits.true.sum()} of {hits.targets} true paths found, "
            f"{(~hits.true).sum() / hits.samples:.2f} false a spectrum"
        )


def _csv(found: xr.Dataset) -> str:
    lines = [",".join(["sample", *_COLUMNS])]
    table = np.stack([found[name].values for name in _COLUMNS], axis=-1)
    for sample, rows in enumerate(table):
        lines += [",".join([str(sample), *(f"{x:.6g}" for x in row)]) for row in rows if np.isfinite(row[3])]
    return "\n".join(lines) + "\n"
