"""Few labels: what a pretrained encoder gains over training from scratch, and over features without a network.

``python -m dira.experiment.few_labels --encoder FOLDER`` simulates labelled windows, learns from 1 to 100 of each
class in one room, and judges in another room with other people. A run that was stopped goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from dira.experiment.label_tasks import PLACES, TASKS, windows_of
from dira.experiment.labelled import BASELINES, Labelled
from dira.metrics.probe import Probe, linear_probe, scored
from dira.models.encoder import Encoder
from dira.models.window_classifier import WindowClassifier
from dira.pretraining.record import Record
from isacsim.compute.provenance import machine
from isacsim.errors import InputError
from isacsim.files import strict_json, written_whole
from isacsim.terminal import sample_progress, show_table

__all__ = ["METHODS", "Setting", "few_labels", "learned", "summary"]

TUNED = ("lora", "full", "scratch")
METHODS = (*BASELINES, "probe", *TUNED)
LABELS = (1, 5, 10, 100)
"""Labels of each class."""
TESTED = 100
"""Windows of each class that are judged."""
POOL_SEED, TEST_SEED = 41_000_000, 42_000_000


class Setting(NamedTuple):
    """Length of the training: steps with at most 10 labels a class, and with more."""

    few: int = 200
    many: int = 600
    batch_size: int = 32


def learned(
    method: str, encoder: Encoder, known: Labelled, other: Labelled, *, seed: int, setting: Setting
) -> Probe:
    """Learn from labelled windows by one of `METHODS`, and judge on others.

    Parameters
    ----------
    method : str
        A baseline is a random forest on its features; probe: a linear layer on the encoder's code; the rest as
        `dira.WindowClassifier`.
    encoder : Encoder
        Pretrained.
    known, other : Labelled
        To learn from, and to judge on.
    seed : int
        Of forest or training.
    setting : Setting
        Of the training.

    Raises
    ------
    InputError
        If scikit-learn or peft is missing.
    """
    if method in BASELINES:
        return scored(_forest(known, other, method, seed), other.labels)
    if method == "probe":
        code = [encoder.encode_windows(one.windows) for one in (known, other)]
        return linear_probe(code[0], known.labels, code[1], other.labels)
    most = np.bincount(known.labels).max()
    classifier = WindowClassifier(encoder, method=method).fit(
        known.windows,
        known.labels,
        steps=setting.few if most <= 10 else setting.many,
        batch_size=setting.batch_size,
        seed=seed,
    )
    return scored(classifier.predict(other.windows), other.labels)


def _forest(known: Labelled, other: Labelled, features: str, seed: int) -> NDArray[np.int64]:
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ModuleNotFoundError as error:
        raise InputError(
            "the baselines need scikit-learn, which is not installed: pip install 'isacsim[tuning]'."
        ) from error
    forest = RandomForestClassifier(n_estimators=300, random_state=seed, n_jobs=1)
    forest.fit(known.features[features], known.labels)
    return np.asarray(forest.predict(other.features[features]), np.int64)


def summary(
    results: dict[str, dict[str, float]], tasks: list[str], methods: list[str]
) -> list[dict[str, Any]]:
    """Mean and standard deviation over draws of the labels, a row for each task, number of labels and method."""
    rows = []
    for task in tasks:
        for labels in LABELS:
            for method in methods:
                of = [
                    one
                    for key, one in results.items()
                    if key.split("/")[:2] == [task, str(labels)] and key.split("/")[3] == method
                ]
                if not of:
                    continue
                row: dict[str, Any] = {"task": task, "labels": labels, "method": method, "draws": len(of)}
                for name in ("accuracy", "macro_f1", "mean_absolute_error"):
                    values = [one[name] for one in of]
                    row[name] = round(float(np.mean(values)), 4)
                    row[f"{name}_std"] = round(float(np.std(values, ddof=1)), 4) if len(of) > 1 else None
                rows.append(row)
    return rows


def few_labels(
    encoder: Annotated[Path, typer.Option(help="Folder of a pretrained encoder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for few_labels.json and .png.")],
    work: Annotated[Path, typer.Option(help="Folder of what is done; a stopped run continues.")] = Path(
        "out/few_labels"
    ),
    tasks: Annotated[str, typer.Option(help=f"Some of {','.join(TASKS)}.")] = ",".join(TASKS),
    methods: Annotated[str, typer.Option(help=f"Some of {','.join(METHODS)}.")] = ",".join(METHODS),
    draws: Annotated[int, typer.Option(help="Draws of the labels, each with its own seed.", min=1)] = 3,
    most: Annotated[int, typer.Option(help="Labels of each class at most.", min=1)] = LABELS[-1],
    few_steps: Annotated[
        int, typer.Option(help="Steps with up to 10 labels a class.", min=1)
    ] = Setting().few,
    many_steps: Annotated[int, typer.Option(help="Steps with more.", min=1)] = Setting().many,
    workers: Annotated[int | None, typer.Option(help="Processes that simulate; default: one a core.")] = None,
) -> None:
    """Learn tasks from 1 to 100 labels of each class, by every method, and judge in another room."""
    asked, ways = [name.strip() for name in tasks.split(",")], [name.strip() for name in methods.split(",")]
    for name, allowed in [*((one, tuple(TASKS)) for one in asked), *((one, METHODS) for one in ways)]:
        if name not in allowed:
            raise InputError(f"{name!r} is not one of {', '.join(allowed)}.")
    trained = Encoder.from_pretrained(encoder)
    setting = Setting(few_steps, many_steps)
    work.mkdir(parents=True, exist_ok=True)
    plan = {"encoder": trained.history, "setting": setting._asdict(), "seeds": [POOL_SEED, TEST_SEED]}
    record = Record(work / "record.json", plan)
    results: dict[str, dict[str, float]] = record.content.setdefault("results", {})
    jobs = [
        (labels, draw, method)
        for labels in LABELS
        for draw in range(draws)
        for method in ways
        if labels <= most
    ]
    for task in asked:
        missing = [job for job in jobs if _key(task, job) not in results]
        if not missing:
            continue
        with sample_progress(f"{task}: windows", unit="windows") as tell:
            pool = windows_of(
                TASKS[task], PLACES["labels"], LABELS[-1], seed=POOL_SEED, workers=workers, tell=tell
            )
            other = windows_of(
                TASKS[task], PLACES["test"], TESTED, seed=TEST_SEED, workers=workers, tell=tell
            )
        with sample_progress(task, unit="trainings") as tell:
            for done, job in enumerate(missing):
                labels, draw, method = job
                known = pool.rows(_chosen(pool.labels, labels, draw))
                probe = learned(method, trained, known, other, seed=draw, setting=setting)
                results[_key(task, job)] = {
                    "accuracy": probe.accuracy,
                    "macro_f1": probe.macro_f1,
                    "mean_absolute_error": probe.mean_absolute_error,
                }
                record.note(results=results)
                tell(done + 1, len(missing))
    rows = summary(results, asked, ways)
    content = {**plan, "machine": machine(), "tested": TESTED, "draws": draws, "rows": rows}
    output.mkdir(parents=True, exist_ok=True)
    with written_whole(output / "few_labels.json") as file:
        file.write_text(strict_json(content), encoding="utf-8")
    with written_whole(output / "few_labels.png") as file:
        _figure(rows).savefig(file, dpi=110, format="png")
    for task in asked:
        head = ["labels a class", *ways]
        table = [[str(labels), *(_cell(rows, task, labels, method) for method in ways)] for labels in LABELS]
        show_table(f"{task}: accuracy in another room, {draws} draws of the labels", head, table)


def _key(task: str, job: tuple[int, int, str]) -> str:
    labels, draw, method = job
    return f"{task}/{labels}/{draw}/{method}"


def _chosen(labels: NDArray[np.int64], a_class: int, draw: int) -> NDArray[np.intp]:
    """Some windows of each class, by a draw's own seed."""
    rng = np.random.default_rng([POOL_SEED, draw])
    return np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:a_class] for c in np.unique(labels)])


def _cell(rows: list[dict[str, Any]], task: str, labels: int, method: str) -> str:
    of = [row for row in rows if (row["task"], row["labels"], row["method"]) == (task, labels, method)]
    return f"{of[0]['accuracy']:.2f}" if of else ""


def _figure(rows: list[dict[str, Any]]) -> Any:
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure = Figure(figsize=(4 * len(tasks), 3.6), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        for method in dict.fromkeys(row["method"] for row in rows):
            of = [row for row in rows if row["task"] == task and row["method"] == method]
            axes.errorbar(
                [row["labels"] for row in of],
                [row["accuracy"] for row in of],
                [row["accuracy_std"] or 0 for row in of],
                marker="o",
                markersize=4,
                capsize=2,
                linestyle="--" if method in BASELINES else "-",
                label=method,
            )
        axes.axhline(1 / len(TASKS[task].classes), color="0.6", linewidth=0.8)
        axes.set(xscale="log", xlabel="labels of each class", title=task, ylim=(0, 1))
    figure.axes[0].set_ylabel("accuracy in another room")
    figure.axes[-1].legend(fontsize=8)
    return figure


if __name__ == "__main__":
    typer.run(few_labels)
