"""``isacsim generate``: scenarios become a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from isacsim.commands.source import Seed
from isacsim.commands.terminal import output
from isacsim.errors import InputError

if TYPE_CHECKING:
    from isacsim.dataset.parts import Splits

__all__ = ["generate"]

Number = TypeVar("Number", int, float)


def generate(
    scenario: Annotated[
        list[str],
        typer.Argument(help="Names of shipped scenarios, or .yaml files; several go into one data set."),
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a data set that is there.")] = False,
) -> None:
    """Make a data set of noisy, noiseless and clean spectra with truth, or go on with one that is not finished.

    The same command finishes what was interrupted, and a larger --n extends it. It opens with isacsim.open_dataset,
    or xarray.open_zarr.
    """
    from isacsim.dataset.generate import generate as make
    from isacsim.scenario import load_scenario

    if splits and split:
        raise InputError("--splits divides every scenario, --split says where each goes; give one of them.")
    wanted: Splits | None = None
    if splits:
        wanted = _numbers("--splits", splits, "=", float)
    elif split:
        wanted = dict(_of_scenario(text) for text in split)
    classes = None
    if per_class:
        classes = {
            _converted("--per-class", per_class, label, int): size
            for label, size in _numbers("--per-class", per_class, "=", int).items()
        }
    loaded = [load_scenario(name) for name in scenario]
    dataset = make(
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
        workers=workers,
        index_range=_range(index_range),
    )
    out = output()
    out.print(f"data set: {output_store}, {dataset.sizes['sample']} samples{_size(output_store)}")
    out.print(f"look at it: isacsim inspect {output_store}")


def _of_scenario(text: str) -> tuple[str, str | dict[str, float]]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise InputError(f"--split is {text!r}; it must be like lab=train or lab=train:0.9,validation:0.1.")
    return name, _numbers("--split", value, ":", float) if ":" in value else value


def _numbers(option: str, text: str, sign: str, kind: type[Number]) -> dict[str, Number]:
    out: dict[str, Number] = {}
    for entry in text.split(","):
        key, _, value = entry.partition(sign)
        out[key.strip()] = _converted(option, text, value, kind)
    return out


def _converted(option: str, text: str, value: str, kind: type[Number]) -> Number:
    try:
        return kind(value)
    except ValueError:
        what = "a number" if kind is float else "an integer"
        raise InputError(f"{option} is {text!r}: {value!r} is not {what}.") from None


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    start, colon, stop = text.partition(":")
    if not colon:
        raise InputError(f"--range is {text!r}; it must be START:STOP, e.g. 100:200.")
    return _converted("--range", text, start, int), _converted("--range", text, stop, int)


def _size(store: str) -> str:
    if "://" in store:
        return ""
    files = [path.stat().st_size for path in Path(store).rglob("*") if path.is_file()]
    return f", {sum(files) / 1e6:.1f} MB in {len(files)} files"
