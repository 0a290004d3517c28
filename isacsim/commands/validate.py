"""``isacsim validate``: the studies that measure the toolkit against known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isacsim.commands.source import in_options
from isacsim.errors import InputError
from isacsim.terminal import Json, output, progress, remark, show_json, show_table

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
        bool, typer.Option("--quick", help="Run for seconds instead of an hour; the numbers are no results.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    trials: Annotated[
        int | None, typer.Option(help="Trials a point; default: the study's own.", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; they do not change the results.")] = 1,
    captures: Annotated[
        list[Path] | None,
        typer.Option(
            help="For realism: a capture of a person who walks; once for each file.", show_default=False
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Estimator to compare; once for each, or several with commas. Default: all that fit.",
            show_default=False,
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help="For counting, false-alarm, coverage: name or file of a scenario; once for each. Default: default.",
            show_default=False,
        ),
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="For real: the part of the data that was not developed on.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="For real: folder of a published data set (docs/validation.md).", show_default=False
        ),
    ] = None,
    carrier: Annotated[
        float | None,
        typer.Option(help="Carrier in Hz of captures that do not hold theirs.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a study against ground truth: a JSON table with settings, sample counts and spreads, and a figure.

    Without --quick a study takes a minute to an hour on one core; the list gives the times. A stopped study continues
    where it was.
    """
    from isacsim.validation.study import (
        NEED_DATA,
        OF_CAPTURES,
        OF_DATA,
        OF_METHODS,
        OF_SCENARIOS,
        STUDIES,
        load_study,
        write_study,
    )

    if study is None:
        rows = [(name, load_study(name).DESCRIPTION) for name in STUDIES]
        if as_json:
            show_json(studies=[{"name": name, "description": text} for name, text in rows])
            return
        show_table("", ["study", "description"], rows, numbers=False)
        return
    names = STUDIES if study == "all" else (study,)
    written: list[dict[str, Any]] = []
    for name in names:
        load_study(name)
    methods = [part.strip() for text in method or () for part in text.split(",")]
    for name in names:
        # Of "all", each study gets what it takes; a study asked for by name says what it does not.
        alone = study != "all"
        theirs = name in OF_CAPTURES or alone
        if name in OF_CAPTURES and study == "all" and not captures:
            remark(f"{name}: skipped, it needs real captures (--captures FILE).")
            continue
        if name in NEED_DATA and study == "all" and data is None:
            remark(f"{name}: skipped, it needs a published data set (--data FOLDER).")
            continue
        with progress() as bar:
            task = bar.add_task(name, total=None)

            def tell(what: str, done: int, total: int, name: str = name) -> None:
                bar.update(task, description=f"{name}: {what}", completed=done, total=total)  # noqa: B023

            try:
                table, picture = write_study(
                    name,
                    folder,
                    quick=quick,
                    seed=seed,
                    trials=trials,
                    jobs=jobs,
                    progress=tell,
                    captures=captures or () if theirs else (),
                    carrier=carrier if theirs else None,
                    methods=methods if name in OF_METHODS or alone else (),
                    scenarios=scenario or () if name in OF_SCENARIOS or alone else (),
                    data=data if name in OF_DATA or alone else None,
                    held_out=held_out and (name in OF_DATA or alone),
                )
            except InputError as error:
                raise in_options(error) from error
        written.append({"study": name, "table": table, "figure": picture})
        if not as_json:
            output().print(f"{name}: {table}, {picture}")
    if as_json:
        show_json(studies=written)
