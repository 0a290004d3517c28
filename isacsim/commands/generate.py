"""``isacsim generate``: scenarios become a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isacsim.checks import check_integer
from isacsim.commands.options import Chunk, NoProgress, OutputStore, Overwrite, Settings, scenario_with
from isacsim.errors import InputError
from isacsim.terminal import Seed, output, remark

if TYPE_CHECKING:
    from isacsim.dataset.parts import Splits

__all__ = ["finished", "generate", "store_size"]

SplitFractions = Annotated[
    str | None,
    typer.Option(
        help="Fractions, e.g. train=0.8,validation=0.1,test=0.1; default: all train.", show_default=False
    ),
]
ScenarioSplit = Annotated[
    list[str] | None,
    typer.Option(
        help="Split of a scenario, e.g. --split lab=train --split hall=test, or lab=train:0.9,validation:0.1.",
        show_default=False,
    ),
]
IndexRange = Annotated[
    str | None,
    typer.Option("--range", help="Only samples START:STOP of the whole, e.g. 100:200.", show_default=False),
]


def generate(
    scenario: Annotated[
        list[str],
        typer.Argument(
            help="Names of shipped scenarios, or .yaml files; several go into one data set.",
            show_default=False,
        ),
    ],
    output_store: OutputStore = "dataset.zarr",
    n: Annotated[
        int | None,
        typer.Option(
            "--n", "-n", help="Samples of each scenario; default: the scenario's.", show_default=False
        ),
    ] = None,
    per_class: Annotated[
        str | None,
        typer.Option(help="Samples for each number of targets, e.g. 3=100,4=100.", show_default=False),
    ] = None,
    splits: SplitFractions = None,
    split: ScenarioSplit = None,
    seed: Seed = None,
    settings: Settings = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes on this machine; 0: this one; default: one a core.", show_default=False),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a dask scheduler; its workers are used instead.", show_default=False),
    ] = None,
    keep_csi: Annotated[bool, typer.Option("--keep-csi", help="Keep the CSI too.")] = False,
    chunk: Chunk = None,
    index_range: IndexRange = None,
    no_progress: NoProgress = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Extend an existing data set to the requested samples.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Make a data set of noisy, noiseless and clean spectra with ground truth, or continue an unfinished one.

    The same command finishes an interrupted run; --extend and a larger --n let it grow. It opens with
    isacsim.open_dataset, or xarray.open_zarr.
    """
    from isacsim.dataset.notation import class_sizes, split_fractions, splits_by_scenario
    from isacsim.dataset.notation import index_range as read_range
    from isacsim.dataset.synthetic.generate import generate as make

    if splits is not None and split:
        raise InputError(
            "--splits divides every scenario, --split chooses the split of each; give one of them."
        )
    wanted: Splits | None = splits_by_scenario(split) if split else None
    if splits is not None:
        wanted = split_fractions(splits)
    classes = None if per_class is None else class_sizes(per_class)
    if n is not None:
        check_integer("--n", n, least=1)
    loaded = [scenario_with(name, settings) for name in scenario]
    make(
        loaded,
        output_store,
        n_samples=n,
        seed=loaded[0].seed if seed is None else seed,
        client=scheduler,
        progress=not no_progress,
        per_class=classes,
        splits=wanted,
        keep_csi=keep_csi,
        chunk=chunk,
        overwrite=overwrite,
        extend=extend,
        workers=workers,
        index_range=None if index_range is None else read_range(index_range),
    )
    finished(output_store)


def finished(store: str) -> None:
    """Say what data set is there now, and how to look at it."""
    from isacsim.dataset.store.store import open_dataset, open_record
    from isacsim.dataset.unseen import unseen_remark

    out, record = output(), open_record(store)
    out.print(f"data set: {store}, {record.n_samples} samples{store_size(store)}")
    if (unseen := unseen_remark(open_dataset(store, incomplete=True), record.attrs)) is not None:
        remark(f"note: {unseen}")
    out.print(f"look at it: isacsim inspect {store}")


def store_size(store: str) -> str:
    """Size of a local store in words; nothing for one elsewhere."""
    if "://" in store:
        return ""
    files = [path.stat().st_size for path in Path(store).rglob("*") if path.is_file()]
    return f", {sum(files) / 1e6:.1f} MB in {len(files)} files"
