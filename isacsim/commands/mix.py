"""``isacsim mix``: a synthetic and a real data set become one."""

from __future__ import annotations

import json
import warnings
from typing import Annotated, Any

import typer

from isacsim.commands.generate import store_size
from isacsim.commands.options import Chunk, NoProgress, OutputStore, Overwrite
from isacsim.terminal import Json, output, remark, sample_progress, show_json, show_table

__all__ = ["mix"]


def mix(
    synthetic: Annotated[str, typer.Argument(help="Store of synthetic samples.", show_default=False)],
    real: Annotated[str, typer.Argument(help="Store of real samples.", show_default=False)],
    real_fraction: Annotated[
        float, typer.Option(help="Share of real samples in each class.", show_default=False)
    ],
    output_store: OutputStore = "mixed.zarr",
    n: Annotated[
        int | None,
        typer.Option(
            "--n", "-n", help="Samples in all; default: as many as meet the fraction.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice of samples.")] = 0,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Leave the real spectra at their own scale.")
    ] = False,
    chunk: Chunk = None,
    no_progress: NoProgress = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Combine synthetic and real samples at a fraction, class by class and split by split.

    No sample is taken twice, and none changes its split. The real spectra are brought to the level of the synthetic
    ones by one factor (scale). The same command finishes an interrupted run.
    """
    from isacsim.dataset.mixed.mix import MixWarning
    from isacsim.dataset.mixed.write import write_mix

    with warnings.catch_warnings(), sample_progress("mixing", shown=not no_progress) as progress:
        # They are in the store's attribute too, and come out as remarks.
        warnings.simplefilter("ignore", MixWarning)
        made = write_mix(
            synthetic,
            real,
            output_store,
            real_fraction=real_fraction,
            seed=seed,
            n=n,
            match_scale=not as_it_is,
            overwrite=overwrite,
            chunk=chunk,
            progress=progress,
        )
    record = json.loads(made.attrs["mix"])
    if as_json:
        show_json(data_set=output_store, samples=made.sizes["sample"], **record)
        return
    for line in record["notes"]:
        remark(f"note: {line}")
    if record["left_out"]:
        remark(f"note: only one store has {', '.join(record['left_out'])}; left out")
    show_table(
        "Samples taken, of those there", ["split, class", "synthetic", "real", "asked for"], _rows(record)
    )
    out = output()
    out.print(f"real spectra multiplied by {record['scale']:.4g}")
    out.print(
        f"data set: {output_store}, {made.sizes['sample']} samples{store_size(output_store)}; "
        f"seed {record['seed']}, real fraction asked for {record['real_fraction']:g}"
    )


def _rows(record: dict[str, Any]) -> list[list[str]]:
    rows = []
    for split, taken in record["taken"].items():
        for label in {**taken["synthetic"], **taken["real"]}:
            there = {domain: record["there"][domain][split].get(label, 0) for domain in ("synthetic", "real")}
            cells = [f"{taken[domain].get(label, 0)} of {there[domain]}" for domain in there]
            name = "unlabelled" if label == "-1" else label
            rows.append([f"{split} {name}", *cells, str(taken["wanted"].get(label, 0))])
    return rows
