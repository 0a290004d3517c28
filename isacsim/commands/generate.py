"""``isacsim generate``: scenarios, or captures, become a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.commands.options import _numbers, _of_scenario, _range, _unique, class_sizes
from isacsim.commands.source import Seed
from isacsim.errors import InputError
from isacsim.terminal import output

if TYPE_CHECKING:
    from isacsim.dataset.parts import Splits

__all__ = ["generate", "store_size"]

_PANEL = "Captures"


def generate(
    scenario: Annotated[
        list[str],
        typer.Argument(
            help="Names of shipped scenarios, or .yaml files; several go into one data set. With --capture: files.",
            show_default=False,
        ),
    ],
    output_store: Annotated[
        str, typer.Option("--output", "-o", help="Zarr store to write: a folder, or a URL such as s3://...")
    ] = "dataset.zarr",
    n: Annotated[
        int | None,
        typer.Option("--n", "-n", help="Samples of each scenario; default: as it says.", show_default=False),
    ] = None,
    per_class: Annotated[
        str | None,
        typer.Option(help="Samples for each number of targets, e.g. 3=100,4=100.", show_default=False),
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(
            help="Fractions, e.g. train=0.8,validation=0.1,test=0.1; default: all train.", show_default=False
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="Split of a scenario, e.g. --split lab=train --split hall=test, or lab=train:0.9,validation:0.1.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes on this machine; default: one a core.", show_default=False)
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a dask scheduler whose workers to use instead.", show_default=False),
    ] = None,
    keep_csi: Annotated[bool, typer.Option("--keep-csi", help="Keep the CSI too.")] = False,
    chunk: Annotated[
        int | None,
        typer.Option(help="Samples a chunk; default: 1 MiB of each spectrum.", show_default=False),
    ] = None,
    index_range: Annotated[
        str | None,
        typer.Option(
            "--range", help="Only samples START:STOP of the whole, e.g. 100:200.", show_default=False
        ),
    ] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Show no bar.")] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Let a data set that is there grow to the samples asked for.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a data set that is there.")] = False,
    capture: Annotated[
        bool,
        typer.Option(
            "--capture", help="Cut capture files (saved .nc or a receiver's) instead.", rich_help_panel=_PANEL
        ),
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(
            help="Scenario or store whose axes and spectrum settings to take; default: what the packet rates allow.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    window_s: Annotated[
        float | None,
        typer.Option(
            "--window-s",
            "--window",
            help="Window in s; default: 1.024.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    hop_s: Annotated[
        float | None,
        typer.Option(
            "--hop-s",
            "--hop",
            help="Step from window to window in s; default: a window.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    label: Annotated[
        int | None,
        typer.Option(
            help="Number of targets in all windows; default: unlabelled.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV of labels: file, label, and if need be start, end (s) and split.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    one_receiver: Annotated[
        bool,
        typer.Option(
            "--one-receiver",
            help="Of several receivers take the pair whose phases agree best.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    reference: Annotated[
        str,
        typer.Option(
            help="Common phase removed by: auto, product, ratio, self or none.", rich_help_panel=_PANEL
        ),
    ] = "auto",
    gain: Annotated[
        str, typer.Option(help="Gain control undone by: auto, agc, rssi or none.", rich_help_panel=_PANEL)
    ] = "auto",
    format: Annotated[
        str,
        typer.Option(
            help="File format: auto, intel5300, nexmon, atheros, picoscenes or esp32.", rich_help_panel=_PANEL
        ),
    ] = "auto",
    carrier: Annotated[
        float | None,
        typer.Option(
            help="Carrier in Hz that files do not carry, e.g. 5.32e9.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    bandwidth: Annotated[
        float | None,
        typer.Option(
            help="Bandwidth in Hz to check against the files.", show_default=False, rich_help_panel=_PANEL
        ),
    ] = None,
    phase_sign: Annotated[
        int | None,
        typer.Option(
            help="-1 if a path of length d turns as exp(-j2πfd/c), 1 if as its conjugate; default -1.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """Make a data set of noisy, noiseless and clean spectra with truth, or go on with one that is not finished.

    The same command finishes what was interrupted; --extend and a larger --n let it grow. It opens with
    isacsim.open_dataset, or xarray.open_zarr.
    """
    from isacsim.commands.import_captures import generate_captures, refuse
    from isacsim.dataset.synthetic.generate import generate as make
    from isacsim.scenario.catalogue import load_scenario

    options: dict[str, Any] = {
        "like": like,
        "window_s": window_s,
        "hop_s": hop_s,
        "label": label,
        "labels": labels,
        "one_receiver": one_receiver,
        "reference": reference,
        "gain": gain,
        "format": format,
        "carrier": carrier,
        "bandwidth": bandwidth,
        "phase_sign": phase_sign,
    }
    if capture:
        others = {"n": n, "per_class": per_class, "splits": splits, "seed": seed, "workers": workers}
        refuse(
            others | {"scheduler": scheduler, "keep_csi": keep_csi, "range": index_range, "extend": extend},
            "is for scenarios, not for captures",
        )
        generate_captures(
            scenario,
            output_store,
            split=split or [],
            chunk=chunk,
            overwrite=overwrite,
            shown=not no_progress,
            **options,
        )
        _finished(output_store)
        return
    refuse(options, "is for captures: give --capture and their files")
    if splits is not None and split:
        raise InputError("--splits divides every scenario, --split says where each goes; give one of them.")
    wanted: Splits | None = None
    if splits is not None:
        wanted = _numbers("--splits", splits, "=", float)
    elif split:
        wanted = dict(_unique("--split", [_of_scenario(text) for text in split]))
    classes = None if per_class is None else class_sizes(per_class)
    if n is not None and n < 1:
        raise InputError(f"--n must be at least 1, got {n}.")
    loaded = [load_scenario(name) for name in scenario]
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
        index_range=_range(index_range),
    )
    _finished(output_store)


def _finished(store: str) -> None:
    from isacsim.dataset.store.store import open_record

    out = output()
    out.print(f"data set: {store}, {open_record(store).n_samples} samples{store_size(store)}")
    out.print(f"look at it: isacsim inspect {store}")


def store_size(store: str) -> str:
    """Size of a local store in words; nothing for one elsewhere."""
    if "://" in store:
        return ""
    files = [path.stat().st_size for path in Path(store).rglob("*") if path.is_file()]
    return f", {sum(files) / 1e6:.1f} MB in {len(files)} files"
