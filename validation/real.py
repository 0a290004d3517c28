"""Study `real`: real walkers of a published data set, by the toolkit's defaults and by simple baselines.

WiVelo (`validation.wivelo`): three people walk six known tracks between three-antenna Intel 5300 receivers. The tracker
was developed on users 1 and 8; user 12 was looked at once. For each group:

- speed: median error, share of windows with the right sign where the truth is above 0.4 m/s, correlation, by
  `isacsim.track` and by the Doppler peak of one pair of antennas (conjugate product, 0.4 s). Windows without an answer
  count as speed 0;
- motion: windows of standing (the first 0.75 s) against windows of walking (the middle half of the walk), by `track`'s
  own flag, and by a threshold on its motion index and on the amplitude's variation, learnt on the other users;
- what windows of 1.024 s say of the walk: the strongest peak of the AJ spectrum and the strongest path of
  `estimate_paths`, as correlation with the true speed and acceleration.

The truth's timing isn't known (`validation.wivelo`): errors are given for a walk between the first and the last motion,
and for the begin and end that fit a tracker best ("aligned", chosen for each tracker by itself).

Full size: 72 walks, two receivers each; long windows of the first walk on each track: ten minutes on one core.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.packets import CaptureWarning
from isacsim.capture.reading import read_capture
from isacsim.conditioning.windows import capture_windows
from isacsim.errors import InputError
from isacsim.estimation.estimate import estimate_paths
from isacsim.spectrum.doppler import doppler_spectrogram
from isacsim.tracking.settings import WINDOW_S
from isacsim.tracking.track import track

from .points import Compute, Point
from .study import Table, figure_of, opening, share
from .wivelo import CARRIER, Walk, aligned_interval, find_walks, path_velocity, walk_interval

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

NAME = "real"
DESCRIPTION = (
    "real walkers of a published set (--data): speed, sign, motion, against simple baselines (10 min)"
)

Real = NDArray[np.float64]

DEVELOPED_ON = (1, 8)
# Signs count where the truth is faster, m/s.
_SIGNED = 0.4
# Everybody stands still so long, s.
_STANDING = 0.75
_PAIR_WINDOW_S, _LONG_WINDOW_S = 0.4, 1.024
_STATIC = 0.3
TRACKERS = {"track": "isacsim.track", "pair": "one pair, Doppler peak"}
LONG = {
    "peak_acceleration": "strongest AJ peak, acceleration",
    "path_velocity": "strongest path, velocity",
    "path_acceleration": "strongest path, acceleration",
}


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    data: Path | None = None,
) -> Table:
    """Do the study; see `validation.study.Study`. ``data`` is the folder, trials the walks of each user."""
    if data is None:
        raise InputError("study real needs --data FOLDER with recordings of WiVelo (docs/validation.md).")
    walks = find_walks(data)
    users = sorted({walk.user for walk in walks})
    trials = trials or (1 if quick else max(sum(w.user == u for w in walks) for u in users))
    chosen = [walk for user in users for walk in [w for w in walks if w.user == user][:trials]]
    settings = {"trials": trials, "users": users, "walks": [walk.name for walk in chosen], "long": not quick}
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    points = [Point(w.name, one_walk, {"walk": w, "long": not quick and w.instance == 1}) for w in chosen]
    rows = [row for both in compute(table, points) for row in both]
    groups = {
        "developed on": [row for row in rows if row["user"] in DEVELOPED_ON],
        "held out": [row for row in rows if row["user"] not in DEVELOPED_ON],
    }
    table["groups"] = {name: summary(part) for name, part in groups.items() if part}
    table["motion"] = motion_rows(rows)
    return table


def one_walk(walk: Walk, long: bool) -> list[dict[str, Any]]:
    """Track one walk by both receivers and set it against the truth: a row a receiver."""
    captures = {}
    for name, file in walk.files:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CaptureWarning)
            captures[name] = read_capture(file, carrier=CARRIER)
    found = {name: track(capture) for name, capture in captures.items()}
    start = {name: float(capture.time[0]) for name, capture in captures.items()}
    windows = min(one.sizes["window"] for one in found.values())
    first = next(iter(found))
    time = found[first].time.values[:windows] - start[first]
    begin, end = walk_interval(time, [_moving(one)[:windows] for one in found.values()])
    times = {name: found[name].time.values - start[name] for name in captures}
    speeds: dict[str, dict[str, Real]] = {name: {} for name in captures}
    for name, capture in captures.items():
        speeds[name]["track"] = np.nan_to_num(found[name].velocity.values[0])
        speeds[name]["pair"] = np.interp(times[name], *_pair_peaks(capture, start[name]))
    fits = {
        method: aligned_interval(
            walk, [(name, times[name], speeds[name][method]) for name in captures], float(time[-1]), WINDOW_S
        )
        for method in TRACKERS
    }
    rows = []
    for name, capture in captures.items():
        result, at = found[name], times[name]
        truth = path_velocity(walk, name, at, begin, end, WINDOW_S)
        inside = (at > begin) & (at < end)
        middle = np.abs(at - (begin + end) / 2) < (end - begin) / 4
        row: dict[str, Any] = {
            "walk": walk.name,
            "user": walk.user,
            "receiver": name,
            "interval_s": [begin, end],
            "truth": _listed(truth[inside]),
            "track": _listed(result.velocity.values[0][inside]),
            "pair": _listed(speeds[name]["pair"][inside]),
        }
        for method, fit in fits.items():
            there = inside & (at > fit[0]) & (at < fit[1])
            row[f"aligned_{method}"] = {
                "truth": _listed(path_velocity(walk, name, at[there], *fit, WINDOW_S)),
                "found": _listed(speeds[name][method][there]),
            }
        for label, chosen in (("still", at < min(_STANDING, begin)), ("moving", middle)):
            row[label] = {
                "flag": result.motion.values[chosen].tolist(),
                "index": _listed(result.motion_index.values[chosen], 9),
                "variation": _listed(result.amplitude_variation.values[chosen], 9),
            }
        row["long"] = _long(walk, name, capture, begin, end) if long else []
        rows.append(row)
    return rows


def _listed(values: Real, digits: int = 4) -> list[float | None]:
    return [round(float(x), digits) if np.isfinite(x) else None for x in values]


def _moving(found: xr.Dataset) -> Real:
    """Energy outside the static bin, over the noise's."""
    speed = np.abs(found.path_velocity.values)
    return np.asarray(found.doppler_energy.values[:, speed > 2 * _STATIC].mean(axis=1), np.float64)


def _pair_peaks(capture: xr.Dataset, start: float) -> tuple[Real, Real]:
    """Baseline: speed of the highest Doppler peak of the most coherent pair of antennas, outside the static bin."""
    span = float(capture.time[-1] - capture.time[0])
    used = capture_windows(capture, window_s=span, max_windows=1, reference="product").used[0]
    power = doppler_spectrogram(used.csi.isel(receiver=0), window_s=_PAIR_WINDOW_S, hop_s=WINDOW_S / 4)
    speed = power.path_velocity.values
    allowed = (np.abs(speed) > _STATIC) & (np.abs(speed) < 3)
    peak = speed[allowed][power.transpose("doppler", "time").values[allowed].argmax(axis=0)]
    return power.time.values - start, peak


def _long(walk: Walk, name: str, capture: xr.Dataset, begin: float, end: float) -> list[dict[str, float]]:
    """What long windows say: the highest AJ peak's acceleration, the strongest path's speed and acceleration."""
    start = float(capture.time[0])
    rows = []
    for window in capture_windows(capture, window_s=_LONG_WINDOW_S).used:
        centre = window.centre - start
        if not begin + _LONG_WINDOW_S / 2 < centre < end - _LONG_WINDOW_S / 2:
            continue
        half = _LONG_WINDOW_S / 4
        before, now, after = path_velocity(
            walk, name, centre + np.array([-half, 0.0, half]), begin, end, WINDOW_S
        )
        row = {"velocity": now, "acceleration": (after - before) / (2 * half)}
        csi = window.csi.isel(receiver=0)
        try:
            peaks = estimate_paths(csi, method="peaks", max_paths=1)
            paths = estimate_paths(csi)
        except InputError:
            continue
        if peaks.sizes["path"] and paths.sizes["path"]:
            strongest = int(paths.amplitude.values.argmax())
            row["peak_acceleration"] = float(peaks.acceleration.values[0])
            row["path_velocity"] = float(paths.velocity.values[strongest])
            row["path_acceleration"] = float(paths.acceleration.values[strongest])
            rows.append({key: round(float(value), 4) for key, value in row.items()})
    return rows


def _column(rows: Iterable[dict[str, Any]], name: str) -> Real:
    return np.array([x for row in rows for x in row[name]], np.float64)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Errors of speed over all windows of some recordings, and correlations of what long windows say."""
    truth = _column(rows, "truth")
    fast = np.abs(truth) > _SIGNED
    out: dict[str, Any] = {"recordings": len(rows), "windows": int(truth.size), "speed": {}, "long": {}}
    for name in TRACKERS:
        found = _column(rows, name)
        value = np.where(np.isfinite(found), found, 0.0)
        each = [
            float(np.median(np.abs(np.nan_to_num(_column([row], name)) - _column([row], "truth"))))
            for row in rows
        ]
        out["speed"][name] = {
            "median_error": float(np.median(np.abs(value - truth))),
            "quartiles_of_recordings": [float(q) for q in np.quantile(each, [0.25, 0.5, 0.75])],
            "sign_right": share(int((np.sign(value) == np.sign(truth))[fast].sum()), int(fast.sum())),
            "answered": share(int(np.isfinite(found).sum()), found.size),
            "correlation": _correlation(value, truth),
            "aligned": _aligned([row[f"aligned_{name}"] for row in rows]),
        }
    long = [one for row in rows for one in row["long"]]
    for name in LONG if long else ():
        state = name.partition("_")[2]
        pairs = np.array([(one[name], one[state]) for one in long])
        out["long"][name] = {"windows": len(long), "correlation": _correlation(*pairs.T)}
    return out


def _aligned(rows: list[dict[str, Any]]) -> dict[str, Any]:
    truth, found = _column(rows, "truth"), _column(rows, "found")
    fast = np.abs(truth) > _SIGNED
    return {
        "median_error": float(np.median(np.abs(found - truth))),
        "sign_right": share(int((np.sign(found) == np.sign(truth))[fast].sum()), int(fast.sum())),
    }


def _correlation(a: Real, b: Real) -> float | None:
    if a.size < 3 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def motion_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Motion or none: balanced accuracy of `track`'s flag, and of thresholds learnt on the other users."""
    users = sorted({row["user"] for row in rows})
    values = {
        (user, label, name): np.array(
            [x for row in rows if row["user"] == user for x in row[label][name] if x is not None], np.float64
        )
        for user in users
        for label in ("still", "moving")
        for name in ("flag", "index", "variation")
    }
    out: dict[str, Any] = {}
    for user in users:
        still, moves = values[user, "still", "flag"], values[user, "moving", "flag"]
        if not still.size or not moves.size:
            continue
        row = {"still": int(still.size), "moving": int(moves.size)}
        accuracy = {"flag": ((still == 0).mean() + (moves == 1).mean()) / 2}
        for name in ("index", "variation") if len(users) > 1 else ():
            others = [
                np.concatenate([values[u, label, name] for u in users if u != user])
                for label in ("still", "moving")
            ]
            line = _threshold(*others)
            accuracy[name] = (
                (values[user, "still", name] <= line).mean() + (values[user, "moving", name] > line).mean()
            ) / 2
        out[str(user)] = row | {f"accuracy_by_{name}": float(value) for name, value in accuracy.items()}
    return out


def _threshold(still: Real, moving: Real) -> float:
    """Line between two sets with the highest balanced accuracy."""
    both = np.unique(np.concatenate([still, moving]))
    lines = (both[1:] + both[:-1]) / 2 if both.size > 1 else both
    score = [(still <= line).mean() + (moving > line).mean() for line in lines]
    return float(lines[int(np.argmax(score))])


def figure(table: Table) -> Figure:
    """Draw errors, signs and motion by group and method."""
    drawing = figure_of(
        table,
        (11, 4.4),
        "WiVelo: three people on six known tracks, Intel 5300, windows of 0.25 s. The truth is a walk of constant "
        "speed between the first and the last motion. Signs where the truth is above 0.4 m/s. Motion: standing "
        "against walking, balanced; thresholds learnt on the other users.",
    )
    panels = drawing.subplots(1, 3)
    names = list(table["groups"])
    for axis, key, label in (
        (panels[0], "median_error", "median error of speed [m/s]"),
        (panels[1], "sign_right", "share of right signs"),
    ):
        for k, method in enumerate(TRACKERS):
            found = [table["groups"][g]["speed"][method][key] for g in names]
            height = [x["value"] if isinstance(x, dict) else x for x in found]
            axis.bar(np.arange(len(names)) + 0.4 * k, height, 0.38, label=TRACKERS[method])
        axis.set_xticks(np.arange(len(names)) + 0.2, names)
        axis.set_title(label, fontsize=9)
        axis.grid(axis="y", alpha=0.3)
    panels[0].legend(fontsize=8)
    for k, name in enumerate(("flag", "index", "variation")):
        found = [(user, row.get(f"accuracy_by_{name}")) for user, row in table["motion"].items()]
        at = [i + 0.27 * k for i, (_, value) in enumerate(found) if value is not None]
        panels[2].bar(at, [value for _, value in found if value is not None], 0.25, label=name)
    panels[2].set_xticks(np.arange(len(table["motion"])) + 0.27, [f"user {u}" for u in table["motion"]])
    panels[2].set_title("motion or none, balanced accuracy", fontsize=9)
    panels[2].set_ylim(0.4, 1.02)
    panels[2].grid(axis="y", alpha=0.3)
    panels[2].legend(fontsize=8)
    return drawing
