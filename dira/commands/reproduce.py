"""The commands ``dira reproduce`` and ``dira report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from isacsim.errors import InputError
from isacsim.terminal import Json

__all__ = ["report", "reproduce"]

Folder = Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the run; default out/NAME.")]


def reproduce(
    preset: Annotated[
        str, typer.Option(help="smoke (minutes), laptop (hours on two cores) or paper (for a GPU).")
    ] = "smoke",
    output: Folder = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    budget_only: Annotated[
        bool, typer.Option("--budget", help="Estimate the time it would take, and stop.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the paper's experiments on simulated spectra, and write a report; a stopped run continues."""
    from dira.experiment import presets, stages
    from dira.experiment.budget import budget
    from dira.experiment.report import write_report
    from dira.experiment.reproduce import stages as all_stages
    from dira.training.train import place_for
    from isacsim.terminal import progress, show_json, show_table

    chosen = presets.preset(preset)
    folder = output or Path("out") / preset
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; --output names the folder of the run.")
    place_for(device)  # refuses one that is not there, before anything is made
    with progress() as bar:
        task = bar.add_task("measuring this machine", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        if budget_only:
            run = stages.Run(chosen, folder, "", device, tell)  # makes nothing
        else:
            run = stages.freeze(chosen, folder, device=device, tell=tell)
        planned = budget(run)
    rows = [[name, _duration(seconds)] for name, seconds in planned["seconds"].items()]
    if not as_json:
        show_table(
            f"preset {preset}, on this machine",
            ["part", "time"],
            [*rows, ["all", _duration(planned["total"])]],
        )
    expected = {"preset": preset, "parts_s": planned["seconds"], "all_s": planned["total"]}
    if budget_only:
        if as_json:
            show_json(**expected)
        return
    with stages.exclusive(folder), progress() as bar:
        task = bar.add_task("", total=None)
        for name, make in all_stages(run).items():
            bar.update(task, description=name, completed=0, total=None)
            run.stage(name, make)
    page, table = write_report(run)
    if as_json:
        show_json(**expected, report=page.absolute(), table=table.absolute())
        return
    typer.echo(f"report: {page.absolute()}, {table.absolute()}")


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run of dira reproduce.")],
) -> None:
    """Write the report of a finished run again."""
    from dira.experiment import stages
    from dira.experiment.presets import preset
    from dira.experiment.report import write_report

    try:
        frozen: dict[str, Any] = json.loads((folder / "frozen.json").read_text(encoding="utf-8"))
        name = str(frozen["preset"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{folder} holds no run of dira reproduce (frozen.json is missing or damaged)."
        ) from None
    run = stages.freeze(preset(name), folder, device="cpu", tell=lambda what, done, total: None)
    page, table = write_report(run)
    typer.echo(f"report: {page.absolute()}, {table.absolute()}")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
