"""Cases of few labels: windows to learn from and to judge on, for each room or fold, and the study over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dira.experiment.captured import Captured
from dira.experiment.label_methods import Setting, learned
from dira.experiment.label_tables import LABELS
from dira.experiment.labelled import Labelled
from dira.models.encoder import Encoder
from dira.pretraining.record import Record
from isacsim.errors import InputError
from isacsim.terminal import sample_progress

__all__ = ["TESTED", "Case", "Study", "chosen", "folds_of"]

TESTED = 100
"""Windows of each class that are judged, at most."""
POOL_SEED = 41_000_000


class Case(NamedTuple):
    """Windows to draw labels from, and others to judge on."""

    pool: Labelled
    recordings: NDArray[np.int64]
    """Recording of each window of the pool."""
    other: Labelled


class Study(NamedTuple):
    """Study of methods, draws and numbers of labels; what is done stays in a record."""

    encoder: Encoder
    record: Record
    setting: Setting
    methods: list[str]
    draws: int
    most: int

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Results, by task/labels/draw/method."""
        done: dict[str, dict[str, Any]] = self.record.content.setdefault("results", {})
        return done

    def learn(
        self, task: str, case: Case | Callable[[], Case], *, fold: int | None = None, sized: bool = True
    ) -> None:
        """Do what is missing of a case.

        Parameters
        ----------
        task : str
            Its name.
        case : Case or callable
            The case, or what makes it if anything is missing.
        fold : int, optional
            Number of the case, where a task has several.
        sized : bool
            True if labels are numbers, so that errors have a size.
        """
        jobs = [
            (labels, draw, method)
            for labels in LABELS
            for draw in range(self.draws)
            for method in self.methods
            if labels <= self.most
        ]
        before = "" if fold is None else f"{fold}."
        missing = [job for job in jobs if f"{task}/{job[0]}/{before}{job[1]}/{job[2]}" not in self.results]
        if not missing:
            return
        made = case() if callable(case) else case
        with sample_progress(task if fold is None else f"{task}, fold {fold + 1}", unit="trainings") as tell:
            for done, (labels, draw, method) in enumerate(missing):
                seed = draw if fold is None else draw + 1000 * (fold + 1)
                known = made.pool.rows(chosen(made.pool.labels, labels, seed, made.recordings))
                probe = learned(method, self.encoder, known, made.other, seed=seed, setting=self.setting)
                results = self.results
                results[f"{task}/{labels}/{before}{draw}/{method}"] = {
                    "accuracy": probe.accuracy,
                    "macro_f1": probe.macro_f1,
                    "mean_absolute_error": probe.mean_absolute_error if sized else None,
                }
                self.record.note(results=results)
                tell(done + 1, len(missing))


def chosen(
    labels: NDArray[np.int64], a_class: int, seed: int, recordings: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Choose some windows of each class at random: of as many recordings as there are, then second ones of these.

    Parameters
    ----------
    labels, recordings : array of int, shape (window,)
        Class and recording of each window.
    a_class : int
        Windows of each class; all, where there are fewer.
    seed : int
        Of the draw.
    """
    rng = np.random.default_rng([POOL_SEED, seed])
    out = []
    for c in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == c))
        before: dict[int, int] = {}
        rank = np.empty(order.size, np.int64)
        for place, recording in enumerate(recordings[order].tolist()):
            rank[place] = before[recording] = before.get(recording, -1) + 1
        out.append(order[np.argsort(rank, kind="stable")][:a_class])
    return np.concatenate(out)


def folds_of(captured: Captured, *, by: str, folds: int | None) -> list[tuple[list[str], Case]]:
    """Split captured windows by groups: each fold's groups are judged by what was learned from all others.

    Parameters
    ----------
    captured : Captured
        Labelled windows.
    by : str
        Name of what a group is.
    folds : int, optional
        Number of folds; default: one for each group (leave one group out).

    Returns
    -------
    list of (list of str, Case)
        Groups that are judged, and the case.

    Raises
    ------
    InputError
        If there is one group alone, or a fold leaves out a class.
    """
    try:
        from sklearn.model_selection import GroupKFold
    except ModuleNotFoundError as error:
        raise InputError(
            "splits need scikit-learn, which is not installed: pip install 'isacsim[tuning]'."
        ) from error
    data = captured.data
    groups = np.unique(data.groups)
    if groups.size < 2:
        raise InputError(
            f"all windows are of one {by}, {groups[0]}; a split by {by} needs two, or take another column (--split-by)."
        )
    number = groups.size if folds is None else folds
    if not 2 <= number <= groups.size:
        raise InputError(f"--folds must be 2 to {groups.size}, the number of groups ({by}), got {number}.")
    numbers = np.unique(data.labels)
    out = []
    for learn, judge in GroupKFold(number).split(data.labels, groups=data.groups):
        judged = np.unique(data.groups[judge]).tolist()
        if (lacking := np.setdiff1d(numbers, data.labels[learn])).size:
            name = captured.classes[int(np.searchsorted(numbers, lacking[0]))]
            raise InputError(
                f"class {name} is of {by} {', '.join(judged)} alone; to be learned, it must be of others too."
            )
        few = judge[chosen(data.labels[judge], TESTED, 0, captured.recordings[judge])]
        out.append((judged, Case(data.rows(learn), captured.recordings[learn], data.rows(few))))
    return out
