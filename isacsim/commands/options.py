"""Options that the commands which make data sets share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from isacsim.compute.memory import LIMIT, parse_size

if TYPE_CHECKING:
    from isacsim.scenario.model import Scenario

__all__ = ["Chunk", "MemoryLimit", "NoProgress", "OutputStore", "Overwrite", "Settings", "scenario_with"]

OutputStore = Annotated[
    str, typer.Option("--output", "-o", help="Zarr store to write: a folder, or a URL such as s3://...")
]
Chunk = Annotated[
    int | None, typer.Option(help="Samples a chunk; default: 1 MiB of each spectrum.", show_default=False)
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress bar.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing data set.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change a field of the scenario: snr_db=20, radio.packets=512. May be repeated; the value is YAML.",
        show_default=False,
    ),
]


def scenario_with(name: str, settings: list[str] | None) -> Scenario:
    """Load a scenario, and change what ``--set`` says."""
    from isacsim.scenario.catalogue import load_scenario
    from isacsim.scenario.changing import changed, parse_settings

    loaded = load_scenario(name)
    return changed(loaded, parse_settings(settings)) if settings else loaded


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
        help="Refuse work that needs more memory than this, e.g. 8GB; default: free memory. Every command takes it.",
        show_default=False,
    ),
]
