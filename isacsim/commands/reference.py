"""``isacsim reference``: noise-free data sets to cite, each made by one command."""

from __future__ import annotations

from typing import Annotated

import typer

from isacsim.commands.options import NoProgress, Overwrite
from isacsim.errors import InputError
from isacsim.terminal import Json, output, show_json, show_table

__all__ = ["reference"]


def reference(
    name: Annotated[
        str | None,
        typer.Argument(help="points, people or arrays; without one they are listed.", show_default=False),
    ] = None,
    output_store: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Zarr store to write; default: NAME.zarr.", show_default=False),
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(help="Only compare this store with the data set.", metavar="STORE", show_default=False),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes on this machine; 0: this one; default: one a core.", show_default=False),
    ] = None,
    no_progress: NoProgress = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make a noise-free reference data set, check it, and say how to cite it.

    Name, version, digest and licence are the same on every machine (docs/reference_data.md).
    """
    from isacsim.dataset.reference import LICENCE, check_reference, make_reference, references

    known = references()
    if name is None:
        if output_store is not None or check is not None:
            raise InputError(f"--output and --check need the name of a data set: {', '.join(known)}.")
        if as_json:
            show_json(
                data_sets=[
                    {
                        "name": f"isacsim-{one.name}",
                        "version": one.version,
                        "samples": one.samples,
                        "sha256": one.digest,
                        "licence": LICENCE,
                        "description": one.description,
                    }
                    for one in known.values()
                ]
            )
            return
        rows = [
            [one.name, str(one.version), str(one.samples), one.digest[:12], one.description]
            for one in known.values()
        ]
        show_table(
            f"Licence: {LICENCE}", ["name", "version", "samples", "SHA-256", "what"], rows, numbers=False
        )
        return
    if check is not None and output_store is not None:
        raise InputError("--check compares a store that is there, --output makes one; give one of them.")
    store = check or output_store or f"{name}.zarr"
    if check is not None:
        check_reference(name, store)
    else:
        make_reference(name, store, progress=not no_progress, workers=workers, overwrite=overwrite)
    if as_json:
        show_json(data_set=store, citation=known[name].citation, sha256=known[name].digest)
        return
    output().print(f"data set: {store}")
    output().print(f"cite: {known[name].citation}")
