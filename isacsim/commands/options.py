"""Options that the commands which make data sets share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Chunk", "NoProgress", "OutputStore", "Overwrite"]

OutputStore = Annotated[
    str, typer.Option("--output", "-o", help="Zarr store to write: a folder, or a URL such as s3://...")
]
Chunk = Annotated[
    int | None, typer.Option(help="Samples a chunk; default: 1 MiB of each spectrum.", show_default=False)
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no bar.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a data set that is there.")]
