"""``isacsim validate``: the studies that measure the toolkit against known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isacsim.commands.terminal import output, progress, show_table

__all__ = ["validate"]


def validate(
    study: Annotated[
        str | None,
        typer.Argument(help="Name of a study, or all; without one they are listed.", show_default=False),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for STUDY.json and STUDY.png.")
    ] = Path("out/validation"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Seconds instead of an hour; the numbers are no results.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    trials: Annotated[
        int | None, typer.Option(help="Trials a point; default: the study's own.", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; they don't change the results.")] = 1,
) -> None:
    """Run a study against known truth: a JSON table with settings, sample counts and spreads, and a figure.

    Without --quick a study takes a minute to an hour on one core; the list says how long. One that was stopped goes on
    where it was.
    """
    from isacsim.validation.study import STUDIES, load_study, write_study

    if study is None:
        rows = [(name, load_study(name).DESCRIPTION) for name in STUDIES]
        show_table("", ["study", "description"], rows, numbers=False)
        return
    names = STUDIES if study == "all" else (study,)
    for name in names:
        load_study(name)
    for name in names:
        with progress() as bar:
            task = bar.add_task(name, total=None)

            def tell(what: str, done: int, total: int, name: str = name) -> None:
                bar.update(task, description=f"{name}: {what}", completed=done, total=total)  # noqa: B023

            table, picture = write_study(
                name, folder, quick=quick, seed=seed, trials=trials, jobs=jobs, progress=tell
            )
        output().print(f"{name}: {table}, {picture}")
