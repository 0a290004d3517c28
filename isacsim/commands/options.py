"""Options that the commands which make data sets share."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from isacsim.compute.memory import LIMIT, parse_size

__all__ = ["Chunk", "MemoryLimit", "NoProgress", "OutputStore", "Overwrite"]

OutputStore = Annotated[
    str, typer.Option("--output", "-o", help="Zarr store to write: a folder, or a URL such as s3://...")
]
Chunk = Annotated[
    int | None, typer.Option(help="Samples a chunk; default: 1 MiB of each spectrum.", show_default=False)
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no bar.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a data set that is there.")]


def _limit_memory(text: str | None) -> None:
    if text is not None:
        parse_size(text)
        os.environ[LIMIT] = text  # workers inherit it


MemoryLimit = Annotated[
    str | None,
    typer.Option(
        "--memory-limit",
        metavar="SIZE",
        callback=_limit_memory,
        help="Refuse what would need more memory than this, e.g. 8GB, in place of what is free; of every command.",
        show_default=False,
    ),
]
