"""Study `real-motion`: motion or none on public recordings, by the motion index and by how much amplitudes vary.

``--data FOLDER`` holds one or more of the sets of `validation.still_sets`, which says where they are had. Each window
is judged alone. A threshold is learnt from all groups but one, the one with the best balanced accuracy, and judges the
group left out. `isacsim.track` gives both numbers of each window:

index
    `motion_index`, over its threshold from noise where the packets are fast enough for that.
variation
    `amplitude_variation`, which needs no phase: the simple rule to compare with.

Besides, the share of windows that `motion` judges rightly, which learns nothing. Full size: 5 minutes on one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isacsim
from isacsim.errors import InputError

from .points import Compute, Point
from .still_sets import WINDOW_S, Source, labelled, sources
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DESCRIPTION", "NAME", "best_threshold", "figure", "left_out", "point", "run"]

NAME = "real-motion"
DESCRIPTION = (
    "real recordings with and without motion (--data FOLDER): motion index, amplitude variation (5 min)"
)

Real = NDArray[np.float64]
METHODS = ("index", "variation")


def point(source: Source) -> dict[str, Any]:
    """Judge the windows of one group: index (over its threshold, if there is one), variation, motion, truth."""
    rows: list[list[float]] = []
    length = WINDOW_S[source.set]
    for piece in labelled(source):
        time = piece.capture["time"].values
        if time[-1] - time[0] < length:
            continue
        tracks = isacsim.track(piece.capture, window_s=length, hop_s=length)
        index, limit = tracks["motion_index"].values, tracks["motion_threshold"].values
        begin = tracks["time"].values - length / 2 - time[0]
        for low, high, moving in piece.spans:
            inside = (begin >= low - 0.01) & (begin + length <= high + 0.01) & np.isfinite(index)
            rows += [
                [
                    float(index[n] / limit[n]) if np.isfinite(limit[n]) else float(index[n]),
                    float(tracks["amplitude_variation"].values[n]),
                    int(tracks["motion"].values[n]),
                    int(moving),
                ]
                for n in np.flatnonzero(inside)
            ]
    return {"set": source.set, "group": source.group, "rows": rows}


def best_threshold(values: Real, moving: NDArray[np.bool_]) -> float:
    """Threshold above which something moves, of the best balanced accuracy; midway between two values."""
    order = np.argsort(values, kind="stable")
    ranked, truth = values[order], moving[order]
    # Below the threshold still windows are right, windows in motion wrong.
    gained = np.cumsum(np.where(truth, -1 / max(truth.sum(), 1), 1 / max((~truth).sum(), 1)))
    edge = np.concatenate([[ranked[0]], (ranked[1:] + ranked[:-1]) / 2, [ranked[-1]]])
    best = int(np.argmax(np.concatenate([[0.0], gained])))
    return float(edge[best])


def left_out(values: Real, moving: NDArray[np.bool_], group: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Tell for each window whether a threshold that its own group had no part in judges it right; shape (window,)."""
    right = np.zeros(values.size, bool)
    for name in np.unique(group):
        own = group == name
        limit = best_threshold(values[~own], moving[~own])
        right[own] = (values[own] > limit) == moving[own]
    return right


def _judged(right: NDArray[np.bool_], moving: NDArray[np.bool_]) -> dict[str, float]:
    """Balanced accuracy, its binomial standard error, and the accuracy of either kind of window."""
    kinds = {"still": right[~moving], "in_motion": right[moving]}
    shares = {name: float(part.mean()) for name, part in kinds.items()}
    spread = float(np.sqrt(sum(p * (1 - p) / kinds[name].size for name, p in shares.items()) / 4))
    return {"accuracy": sum(shares.values()) / 2, "standard_error": spread, **shares}


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    data: Path | None = None,
    held_out: bool | None = None,
) -> Table:
    """Do the study; see `validation.study.Study`. ``trials`` takes so many files of a group."""
    if data is None:
        raise InputError("real-motion needs --data FOLDER with public recordings (docs/real_captures.md).")
    if held_out:
        raise InputError("real-motion leaves every group out once; it has no held-out part.")
    most = trials or (2 if quick else None)
    found = [s._replace(files=s.files[:most]) for s in sources(Path(data))]
    names = sorted({s.set for s in found})
    settings = {"trials": len(found), "sets": names, "window_s": {n: WINDOW_S[n] for n in names}}
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    judged = compute(table, [Point(f"{s.set}, {s.group}", point, {"source": s}) for s in found])
    table["rows"] = [_of_set(name, [g for g in judged if g["set"] == name]) for name in names]
    return table


def _of_set(name: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    rows = np.array([row for g in groups for row in g["rows"]])
    group = np.array([g["group"] for g in groups for _ in g["rows"]])
    moving = rows[:, 3] > 0
    made: dict[str, Any] = {
        "set": name,
        "groups": len(groups),
        "windows": {"still": int((~moving).sum()), "in_motion": int(moving.sum())},
    }
    for column, method in enumerate(METHODS):
        made[method] = _judged(left_out(rows[:, column], moving, group), moving)
    told = rows[:, 2] >= 0
    made["untaught"] = _judged((rows[:, 2] > 0) == moving, moving) if told.all() else None
    return made


def figure(table: Table) -> Figure:
    """Draw the balanced accuracy of each set."""
    text = "Motion or none on public recordings, every group judged by a threshold of the others: balanced accuracy."
    drawn = figure_of(table, (6.5, 3.4), text)
    axes = drawn.subplots()
    names = [row["set"] for row in table["rows"]]
    for shift, method in enumerate(METHODS):
        at = np.arange(len(names)) + 0.3 * (shift - 0.5)
        axes.bar(
            at,
            [row[method]["accuracy"] for row in table["rows"]],
            0.28,
            yerr=[row[method]["standard_error"] for row in table["rows"]],
            label=method,
        )
    axes.set_xticks(np.arange(len(names)), names)
    axes.set_ylim(0.5, 1.01)
    axes.legend(fontsize=8)
    return drawn
