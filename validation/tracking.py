"""Study `tracking`: speed and acceleration of `isacsim.track` on simulated walks, whose truth is exact.

Captures of the scenario `stroll` (one walker, an Intel 5300 with its errors) and of variants of it: other windows,
packets as they come, a point in the walker's place, one antenna, two at once. Errors against the torso's speed. Real
walkers: the study ``real``.

Full size: 8 captures a case: about 8 minutes on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import isacsim
from isacsim.simulation.truth import truth_at

from .points import Compute, Point
from .study import Table, figure_of, opening, share

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from isacsim.scenario import Scenario

__all__ = ["DESCRIPTION", "NAME", "figure", "point", "run"]

NAME = "tracking"
DESCRIPTION = "tracks of simulated walkers: speed, sign, acceleration, and whether the errors cover (8 min)"

Real = NDArray[np.float64]

# Slower than this a sign says little, m/s.
_FAST = 0.4
# The other one's way, of two.
_SECOND = {
    "kind": "waypoints",
    "times_s": [-6, -3, 0, 3, 6],
    "positions_m": [[3, 2, 1.18], [2, 4.5, 1.18], [0.5, 3, 1.18], [3, 2.5, 1.18], [3.5, 5, 1.18]],
}
CASES: dict[str, dict[str, Any]] = {
    "0.12 s": {"window_s": 0.12},
    "0.25 s": {},
    "0.4 s": {"window_s": 0.4},
    "0.6 s": {"window_s": 0.6},
    "0.25 s, live": {"live": True},
    "a point": {"body": False},
    "one antenna": {"antennas": 1},
    "two points": {"body": False, "targets": 2},
    "two walkers": {"targets": 2},
}
_QUICK = ("0.25 s", "a point")


def _scenario(body: bool, antennas: int, targets: int) -> Scenario:
    scenario = isacsim.load_scenario("stroll")
    said = scenario.model_dump(mode="json", exclude_unset=True)
    first = said["targets"]["fixed"][0]
    fixed = [first, {**first, "motion": _SECOND}][:targets]
    if not body:
        fixed = [{key: value for key, value in one.items() if key != "body"} for one in fixed]
    return scenario.with_(
        targets={"fixed": fixed}, radio={"receivers": said["radio"]["receivers"][:antennas]}
    )


def point(
    *,
    seed: int,
    window_s: float = 0.25,
    live: bool = False,
    body: bool = True,
    antennas: int = 3,
    targets: int = 1,
) -> list[list[float | None]]:
    """Track one capture; one row (speed, its error, acceleration, its error, true speed, true acceleration) a window.

    A window without a speed has None. Each target has its own rows; in each window speeds are given to targets as they
    fit best, so that tracks may change places where two targets cross.
    """
    capture = isacsim.simulate(_scenario(body, antennas, targets), seed=seed)
    tracks = _live(capture, window_s) if live else isacsim.track(
        capture, window_s=window_s, max_targets=targets
    )  # fmt: skip
    receiver = str(capture["receiver"].values[0])
    truth = [truth_at(capture, receiver, float(at)) for at in tracks["time"].values]
    names = ("velocity", "std_velocity", "acceleration", "std_acceleration")
    found = np.stack([tracks[name].values for name in names], axis=-1)
    real = np.array(
        [[t[name].values for name in ("velocity", "acceleration")] for t in truth if t is not None]
    )
    real = np.moveaxis(real, -1, 0)
    rows = []
    for n in range(found.shape[1]):
        off = np.minimum(np.abs(found[:, None, n, 0] - real[None, :, n, 0]), 1e3)
        for track, target in zip(*linear_sum_assignment(np.nan_to_num(off, nan=1e3)), strict=True):
            both = np.concatenate([found[track, n], real[target, n]])
            rows.append([float(x) if np.isfinite(x) else None for x in both])
    return rows


def _live(capture: xr.Dataset, window_s: float) -> xr.Dataset:
    import xarray as xr

    packets = zip(capture["time"].values, capture["csi"].values.transpose(2, 0, 1), strict=True)
    windows = list(isacsim.track(packets, frequency=capture["frequency"].values, window_s=window_s))
    return xr.concat(windows, "window", data_vars="all", coords="minimal", compat="override", join="override",
                     combine_attrs="override")  # fmt: skip


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (1 if quick else 8)
    table = opening(NAME, quick=quick, seed=seed, settings={"trials": trials, "scenario": "stroll"})
    cases = {name: CASES[name] for name in (_QUICK if quick else CASES)}
    points = [
        Point(f"{name}, capture {n}", point, {"seed": seed + n, **case})
        for name, case in cases.items()
        for n in range(trials)
    ]
    made = compute(table, points)
    table["rows"] = [
        {"case": name, **_summary([row for rows in made[i * trials : (i + 1) * trials] for row in rows])}
        for i, name in enumerate(cases)
    ]
    return table


def _summary(rows: list[list[float | None]]) -> dict[str, Any]:
    values = np.array(rows, np.float64)
    known = np.isfinite(values[:, 0])
    speed, std, acceleration, std_a, true, true_a = values[known].T
    fast = np.abs(true) > _FAST
    error, error_a = np.abs(speed - true), np.abs(acceleration - true_a)
    return {
        "known": share(int(known.sum()), len(known)),
        "median": float(np.median(error)),
        "ninety": float(np.quantile(error, 0.9)),
        "signs": share(int((np.sign(speed) == np.sign(true))[fast].sum()), int(fast.sum())),
        "covered": [float((error <= k * std).mean()) for k in (1, 2)],
        "acceleration": {
            "median": float(np.median(error_a)),
            "covered": [float((error_a <= k * std_a).mean()) for k in (1, 2)],
        },
    }


def figure(table: Table) -> Figure:
    """Draw median and nine tenths of the errors of speed (left), and how much they are covered (right)."""
    drawing = figure_of(
        table, (10, 0.45 * len(table["rows"]) + 2),
        "Error of the path's speed in windows of ten-second walks (scenario stroll; 0.25 s where no window is named); "
        "right: share of windows within one and two standard errors, dotted: 0.68 and 0.95.",
    )  # fmt: skip
    left, right = drawing.subplots(1, 2, sharey=True)
    for n, row in enumerate(table["rows"]):
        left.plot([row["median"], row["ninety"]], [n, n], color="C0", lw=1)
        left.plot(row["median"], n, "o", color="C0", label="median" if not n else None)
        left.plot(row["ninety"], n, "|", color="C0", ms=10, label="90 % below" if not n else None)
        for k, covered in enumerate(row["covered"], 1):
            right.plot(covered, n, "os"[k - 1], color=f"C{k - 1}", label=f"{k} std" if not n else None)
    for line in (0.6827, 0.9545):
        right.axvline(line, color="black", ls=":", lw=0.8)
    left.set_yticks(range(len(table["rows"])), [row["case"] for row in table["rows"]])
    left.invert_yaxis()
    left.set_xscale("log")
    left.set_xlabel("error of speed [m/s]")
    right.set_xlabel("share covered")
    right.set_xlim(0, 1)
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return drawing
