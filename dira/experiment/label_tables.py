"""Results of few labels as rows, a table and a figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from dira.experiment.labelled import BASELINES
from isacsim.terminal import show_table

__all__ = ["LABELS", "figure", "show", "summary"]

LABELS = (1, 5, 10, 100)
"""Labels of each class."""


def summary(results: dict[str, dict[str, Any]], tasks: list[str], methods: list[str]) -> list[dict[str, Any]]:
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
                    values = [one[name] for one in of if one[name] is not None]
                    row[name] = round(float(np.mean(values)), 4) if values else None
                    row[f"{name}_std"] = round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else None
                rows.append(row)
    return rows


def show(rows: list[dict[str, Any]], *, where: str) -> None:
    """Print a table of accuracies for each task.

    Parameters
    ----------
    rows : list of dict
        Of `summary`.
    where : str
        Place of what is judged, for the heading.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for task in dict.fromkeys(row["task"] for row in rows):
        table = []
        for labels in LABELS:
            of = {row["method"]: row for row in rows if (row["task"], row["labels"]) == (task, labels)}
            table.append(
                [
                    str(labels),
                    *(f"{of[method]['accuracy']:.2f}" if method in of else "" for method in methods),
                ]
            )
        show_table(f"{task}: accuracy {where}", ["labels a class", *methods], table)


def figure(rows: list[dict[str, Any]], classes: dict[str, int], *, where: str) -> Any:
    """Draw accuracy over the number of labels, a panel for each task.

    Parameters
    ----------
    rows : list of dict
        Of `summary`.
    classes : dict of str to int
        Number of classes of each task.
    where : str
        Place of what is judged, for the axis.
    """
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(row["task"] for row in rows))
    drawn = Figure(figsize=(4 * len(tasks), 3.6), layout="constrained")
    for axes, task in zip(drawn.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
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
        axes.axhline(1 / classes[task], color="0.6", linewidth=0.8)
        axes.set(xscale="log", xlabel="labels of each class", title=task, ylim=(0, 1))
    drawn.axes[0].set_ylabel(f"accuracy {where}")
    drawn.axes[-1].legend(fontsize=8)
    return drawn
