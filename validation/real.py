"""Study `real`: speed and its sign on real walkers whose track is published, by `isacsim.track` and simple trackers.

``--data FOLDER`` holds WiVelo's files (`validation.wivelo` says which, and how their truth becomes ours). Users 1 and 8
are for development; ``--held-out`` takes user 12 in their place, once at the end.

Two trackers without memory are compared with the defaults of `isacsim.track`, on the same windows. They take the
strongest speed outside the static bin of the same Doppler energy, and of one antenna pair's conjugate product (in the
development part only).

It also gives correlations with the known track in windows of 1.024 s, all conditioned by the product of the most
coherent pair. The highest peak of the AJ spectrum is compared with the path's acceleration. The strongest component
of `isacsim.estimate_paths` outside the static bin is compared with its speed and acceleration, and so is
`isacsim.track`.

Full size: 48 walks, 96 recordings: 20 minutes on one core; the held-out user 24 walks, 8 minutes.
Components are estimated in every other window.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isacsim
from isacsim.capture.packets import CaptureWarning
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.windows import capture_windows
from isacsim.errors import InputError

from .points import Compute, Point
from .study import Table, figure_of, opening, share
from .wivelo import CARRIER, Walk, near_turn, path_speed, walking, walks

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

__all__ = ["DESCRIPTION", "NAME", "figure", "point", "run"]

NAME = "real"
DESCRIPTION = "real walkers with a known track (--data FOLDER): speed, sign, correlations (20 min)"
DEVELOPMENT, HELD_OUT = (1, 8), (12,)

Real = NDArray[np.float64]

# Slower than this a sign says little, m/s.
_FAST = 0.4
# In place of a speed, where there is none: JSON knows no NaN.
_UNKNOWN = 1e9
_AJ_S = 1.024
_PAIRS = (
    "AJ peak, acceleration",
    "component, speed",
    "component, acceleration",
    "track, speed",
    "track, acceleration",
)


def point(walk: Walk, *, more: bool) -> dict[str, Any]:
    """Speeds of one walk by each method, in the windows in which somebody walks.

    ``more`` says whether to take the product of a pair, too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        captures = [isacsim.read_capture(str(path), carrier=CARRIER) for path in walk.files]
    begin, end = walking(captures)
    out: dict[str, Any] = {"user": walk.user, "track": walk.track, "begin": begin, "end": end}
    rows: dict[str, list[list[float]]] = {}
    pairs: dict[str, list[list[float]]] = {name: [] for name in _PAIRS}
    for receiver, capture in enumerate(captures, 1):
        tracks = isacsim.track(capture)
        time = tracks["time"].values
        true = path_speed(walk, receiver, time, begin, end)
        turning = near_turn(walk, time, begin, end)
        speeds = {
            "default": tracks["velocity"].values[0],
            "strongest": _strongest(tracks, tracks["doppler_energy"].values),
        }
        if more:
            speeds["product"] = _strongest(tracks, _product_energy(capture, tracks))
        there = np.isfinite(true)
        for name, speed in speeds.items():
            columns = np.stack([np.nan_to_num(speed, nan=_UNKNOWN), true, turning], axis=1)
            rows.setdefault(name, []).extend(columns[there].tolist())
        change = np.gradient(np.where(turning, np.nan, true), time)
        pairs["track, speed"] += _both(tracks["velocity"].values[0], true)
        pairs["track, acceleration"] += _both(tracks["acceleration"].values[0], change)
        pairs["AJ peak, acceleration"] += _aj_peaks(capture, time, change)
        centre, speed, acceleration = _components(capture, tracks.attrs["static_speed"])
        pairs["component, speed"] += _both(speed, np.interp(centre, time, true))
        pairs["component, acceleration"] += _both(acceleration, np.interp(centre, time, change))
    return out | {"rows": rows, "pairs": pairs}


def _both(found: Real, true: Real) -> list[list[float]]:
    """Pairs of what was found and what is true (pair, 2), where both are known."""
    values = np.stack([found, true], axis=1)
    return values[np.isfinite(values).all(axis=1)].tolist()


def _components(capture: xr.Dataset, still: float) -> tuple[Real, Real, Real]:
    """Centre, speed and acceleration of each window's strongest component faster than ``still``; NaN: none."""
    rows = []
    for window in capture_windows(
        capture, window_s=_AJ_S, hop_s=2 * _AJ_S, start_s=_AJ_S, uniform=False
    ).used:
        paths = isacsim.estimate_paths(window.csi)
        fast = np.flatnonzero(np.abs(paths["velocity"].values) > still)
        found = [np.nan, np.nan]
        if fast.size:
            one = fast[np.abs(paths["amplitude"].values[fast]).argmax()]
            found = [float(paths[name].values[one]) for name in ("velocity", "acceleration")]
        rows.append([window.centre, *found])
    centre, speed, acceleration = np.array(rows).T
    return centre, speed, acceleration


def _strongest(tracks: xr.Dataset, energy: Real) -> Real:
    """Speed outside the static bin at which energy (window, bin) is largest."""
    speed = tracks["path_velocity"].values
    moving = np.abs(speed) > tracks.attrs["static_speed"]
    known = np.isfinite(energy[:, 0])
    return np.where(known, speed[np.where(moving, np.nan_to_num(energy), -1).argmax(axis=1)], np.nan)


def _product_energy(capture: xr.Dataset, tracks: xr.Dataset) -> Real:
    """Doppler energy (window, bin) of one pair's conjugate product less its mean over the recording."""
    product = condition(capture, reference="product", uniform=False)
    time, length = product["time"].values, tracks.attrs["window_s"]
    values = product.values[0].T - product.values[0].mean(axis=-1)
    turn = 2j * np.pi * tracks.attrs["carrier"] / 299792458.0 * tracks["path_velocity"].values
    out = np.full((tracks.sizes["window"], turn.size), np.nan)
    for n, centre in enumerate(tracks["time"].values):
        low, high = np.searchsorted(time, [centre - length / 2, centre + length / 2])
        at = time[low:high] - centre
        if at.size:
            kernel = np.exp(np.outer(turn, at)) * np.cos(np.pi * at / length) ** 2
            out[n] = (np.abs(kernel.astype(np.complex64) @ values[low:high]) ** 2).sum(axis=1)
    return out


def _aj_peaks(capture: xr.Dataset, time: Real, change: Real) -> list[list[float]]:
    """Acceleration of the AJ spectrum's highest peak and the true one, for each window where that is known."""
    out = []
    for window in capture_windows(capture, window_s=_AJ_S).used:
        centre = float(window.csi["time"].values[[0, -1]].mean())
        true = float(np.interp(centre, time, change))
        if np.isfinite(true):
            spectrum = isacsim.aj_spectrum(window.csi)[0]
            highest = int(spectrum.values.max(axis=1).argmax())
            out.append([float(spectrum["acceleration"].values[highest]), true])
    return out


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    data: Path | None = None,
    held_out: bool | None = None,
) -> Table:
    """Do the study; see `validation.study.Study`. ``trials`` takes every so many of the walks."""
    if data is None:
        raise InputError(
            "real needs --data FOLDER with the files of github.com/liecn/WiVelo_SECON22 (wivelo_dataset/CSI)."
        )
    found = walks(Path(data), HELD_OUT if held_out else DEVELOPMENT)
    found = found[:: 8 if quick else 1][:trials]
    settings = {"trials": len(found), "part": "held out" if held_out else "development", "set": "WiVelo"}
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    points = [
        Point(f"user {w.user}, track {w.track}, {w.instance}", point, {"walk": w, "more": not held_out})
        for w in found
    ]
    walked = compute(table, points)
    table["rows"] = [
        _summary(name, np.concatenate([np.array(w["rows"][name]) for w in walked]))
        for name in walked[0]["rows"]
    ]
    table["correlation"] = {
        name: _correlation([pair for w in walked for pair in w["pairs"][name]]) for name in _PAIRS
    }
    table["walks"] = [{k: w[k] for k in ("user", "track", "begin", "end")} for w in walked]
    return table


def _summary(method: str, rows: Real) -> dict[str, Any]:
    """Numbers of one method from rows of (speed, true speed, near a turn)."""
    found, true, turning = rows[:, 0], rows[:, 1], rows[:, 2] > 0
    known = found != _UNKNOWN
    error = np.abs(found - true)[known]
    fast = known & (np.abs(true) > _FAST)
    right = np.sign(found) == np.sign(true)
    return {
        "method": method,
        "windows": int(true.size),
        "known": float(known.mean()),
        "median_error": float(np.median(error)),
        "quantile_90": float(np.quantile(error, 0.9)),
        "sign": share(int((right & fast).sum()), int(fast.sum())),
        "sign_away_from_turns": share(int((right & fast & ~turning).sum()), int((fast & ~turning).sum())),
        "correlation": float(np.corrcoef(found[known], true[known])[0, 1]),
    }


def _correlation(pairs: list[list[float]]) -> dict[str, float] | None:
    """Pearson's correlation with its 95 % interval by Fisher's transform, as if windows were independent."""
    values = np.array(pairs)
    if len(pairs) < 4 or not (np.ptp(values, axis=0) > 0).all():
        return None
    value = float(np.corrcoef(values.T)[0, 1])
    low, high = np.tanh(
        np.arctanh(np.clip(value, -0.999999, 0.999999)) + np.array([-1, 1]) * 1.96 / np.sqrt(len(pairs) - 3)
    )
    return {"value": value, "low": float(low), "high": float(high), "windows": len(pairs)}


def figure(table: Table) -> Figure:
    """Draw median error and share of right signs of each method."""
    text = f"Real walkers (WiVelo, {table['settings']['part']}): error of the path's speed, and its sign above 0.4 m/s."
    drawn = figure_of(table, (7.5, 3.4), text)
    left, right = drawn.subplots(1, 2)
    names = [row["method"] for row in table["rows"]]
    left.bar(names, [row["median_error"] for row in table["rows"]])
    left.set_ylabel("median error [m/s]")
    for key, label in (("sign", "all windows"), ("sign_away_from_turns", "0.75 s and more from a turn")):
        right.plot(names, [row[key]["value"] for row in table["rows"]], "o-", label=label)
    right.set_ylabel("sign right")
    right.set_ylim(0.4, 1.01)
    right.legend(fontsize=8)
    return drawn
