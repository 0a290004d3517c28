"""Few labels: what a pretrained encoder gains over training from scratch, and over features without a network.

``python -m dira.experiment.few_labels -o OUT`` simulates labelled windows, learns from 1 to 100 of
each class in one room, and judges in another room with other people. With ``--data TABLE.csv`` it takes labelled
captures, and judges on persons, sessions or rooms that were left out. A run that was stopped goes on.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from dira.experiment.captured import Captured, Table, labelled_captures
from dira.experiment.label_cases import POOL_SEED, TESTED, Case, Study, folds_of
from dira.experiment.label_methods import METHODS, Setting
from dira.experiment.label_tables import LABELS, figure, show, summary
from dira.experiment.label_tasks import PLACES, TASKS, windows_of
from dira.models.encoder import Encoder
from dira.pretraining.record import Record
from isacsim.commands.reading import given_options, reads_files
from isacsim.commands.source import Gain, Reference, in_options
from isacsim.compute.provenance import machine
from isacsim.dataset.real.windows import WindowingOptions
from isacsim.errors import InputError
from isacsim.files import strict_json, written_whole
from isacsim.terminal import remark, sample_progress

__all__ = ["few_labels"]

TEST_SEED = 42_000_000


@reads_files
def few_labels(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for few_labels.json and .png (few_labels_real with --data)."
        ),
    ],
    encoder: Annotated[
        Path | None,
        typer.Option(help="Folder of a pretrained encoder; default: the one that comes with dira."),
    ] = None,
    work: Annotated[Path, typer.Option(help="Folder of what is done; a stopped run continues.")] = Path(
        "out/few_labels"
    ),
    tasks: Annotated[str, typer.Option(help=f"Some of {','.join(TASKS)}; not with --data.")] = ",".join(
        TASKS
    ),
    methods: Annotated[str, typer.Option(help=f"Some of {','.join(METHODS)}.")] = ",".join(METHODS),
    draws: Annotated[int, typer.Option(help="Draws of the labels, each with its own seed.", min=1)] = 3,
    most: Annotated[int, typer.Option(help="Labels of each class at most.", min=1)] = LABELS[-1],
    few_steps: Annotated[
        int, typer.Option(help="Steps with up to 10 labels a class.", min=1)
    ] = Setting().few,
    many_steps: Annotated[int, typer.Option(help="Steps with more.", min=1)] = Setting().many,
    workers: Annotated[int | None, typer.Option(help="Processes that simulate; default: one a core.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="CSV of labelled captures instead: file, label, start, end, and person, session or room."
        ),
    ] = None,
    classes: Annotated[str, typer.Option(help="Column of --data that says the class.")] = "label",
    split_by: Annotated[
        str | None,
        typer.Option(help="Column of --data that splits keep together; default: person, session or room."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Folds of groups; default: each group is left out once.")
    ] = None,
    window_s: Annotated[float, typer.Option(help="Window of --data in s.")] = 2.0,
    hop_s: Annotated[float | None, typer.Option(help="Step of --data in s; default: a window.")] = None,
    reference: Reference = "auto",
    gain: Gain = "auto",
    windows: Annotated[
        Path | None,
        typer.Option(help="File for windows of --data, for further encoders; default: in --work."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files that cannot be used.")
    ] = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Learn from 1 to 100 labels of each class, by every method, and judge in another room or on other people."""
    asked, ways = [name.strip() for name in tasks.split(",")], [name.strip() for name in methods.split(",")]
    for name, allowed in [*((one, tuple(TASKS)) for one in asked), *((one, METHODS) for one in ways)]:
        if name not in allowed:
            raise InputError(f"{name!r} is not one of {', '.join(allowed)}.")
    table = None if data is None else Table.read(data, column=classes, by=split_by)
    if table is None and (given := given_options(reading)):
        raise InputError(f"{given[0]} is of captures, and needs --data.")
    trained = Encoder.pretrained() if encoder is None else Encoder.from_pretrained(encoder)
    setting = Setting(few_steps, many_steps)
    work.mkdir(parents=True, exist_ok=True)
    plan: dict[str, Any] = {"encoder": trained.history, "setting": setting._asdict()}
    about: dict[str, Any] = {"machine": machine(), "tested": TESTED, "draws": draws}
    if table is None:
        plan["seeds"] = [POOL_SEED, TEST_SEED]
        study = Study(trained, Record(work / "record.json", plan), setting, ways, draws, most)
        for task in asked:
            study.learn(task, partial(_simulated, task, workers))
        rows = summary(study.results, asked, ways)
        numbers = {task: len(TASKS[task].classes) for task in asked}
        _write(
            output, "few_labels", {**plan, **about, "rows": rows}, numbers, f"in another room, {draws} draws"
        )
        return
    options = WindowingOptions(window_s, hop_s, "all", reference, gain, tuple(reading.items()))  # type: ignore[arg-type]
    cutting = {"window_s": window_s, "hop_s": hop_s, "reference": reference, "gain": gain, "reading": reading}
    made_from = {**table.identity(), "cutting": cutting}
    plan |= {**made_from, "folds": folds}
    study = Study(trained, Record(work / "record.json", plan), setting, ways, draws, most)
    captured = _captured(table, options, windows or work / "windows.npz", made_from, skip_bad)
    for line in captured.skipped:
        remark(f"skipped {line}")
    task, judged = table.path.stem, []
    for fold, (groups, case) in enumerate(folds_of(captured, by=table.by, folds=folds)):
        study.learn(task, case, fold=fold, sized=table.numbers)
        judged.append(
            {"judged": groups, "learned": _count(case.pool.labels), "tested": _count(case.other.labels)}
        )
    rows = summary(study.results, [task], ways)
    about |= {"classes_of": list(captured.classes), "skipped": list(captured.skipped), "splits": judged}
    where = f"on a {table.by} left out" if folds is None else f"in {folds} folds of {table.by}"
    _write(output, "few_labels_real", {**plan, **about, "rows": rows}, {task: len(captured.classes)}, where)


def _simulated(task: str, workers: int | None) -> Case:
    with sample_progress(f"{task}: windows", unit="windows") as tell:
        pool = windows_of(
            TASKS[task], PLACES["labels"], LABELS[-1], seed=POOL_SEED, workers=workers, tell=tell
        )
        other = windows_of(TASKS[task], PLACES["test"], TESTED, seed=TEST_SEED, workers=workers, tell=tell)
    return Case(pool, np.arange(len(pool.labels)), other)


def _captured(
    table: Table, options: WindowingOptions, path: Path, identity: dict[str, Any], skip_bad: bool
) -> Captured:
    """Windows of a table's files, from a file where they are there already."""
    if path.exists():
        return Captured.load(path, identity)
    with sample_progress(f"{table.path.name}: windows", unit="files") as tell:
        try:
            captured = labelled_captures(table, options, skip_bad=skip_bad, tell=tell)
        except InputError as error:
            raise in_options(error) from error
    captured.save(path, identity)
    return captured


def _count(labels: Any) -> list[int]:
    return [int(n) for n in np.unique(labels, return_counts=True)[1]]


def _write(output: Path, name: str, content: dict[str, Any], classes: dict[str, int], where: str) -> None:
    """Write table and figure, and show the table."""
    output.mkdir(parents=True, exist_ok=True)
    rows = content["rows"]
    with written_whole(output / f"{name}.json") as file:
        file.write_text(strict_json(content), encoding="utf-8")
    with written_whole(output / f"{name}.png") as file:
        figure(rows, classes, where=where).savefig(file, dpi=110, format="png")
    show(rows, where=where)


def _main() -> None:
    try:
        typer.run(few_labels)
    except InputError as error:
        typer.echo(f"few_labels: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    _main()
