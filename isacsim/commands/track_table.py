"""Output of `isacsim track`: tracks as a table, their errors against the ground truth, and their conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from isacsim.simulation.truth import truth_at
from isacsim.terminal import number, output, show_table

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Truth", "compared", "conditions", "show_tracks", "true_speeds"]

# A table of ten minutes would have ten thousand rows.
_MOST_ROWS = 20
# Windows at which the truth is asked for.
_MOST_TRUTHS = 500
# The sign of what hardly moves means nothing, m/s.
_SLOW = 0.4

Truth = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Times, s, and speeds of the targets then, m/s (target, time)."""


def true_speeds(capture: xr.Dataset, time: NDArray[np.float64]) -> Truth | None:
    """Speeds of the targets of a simulated capture at some of these times (target, time)."""
    if "target" not in capture or not capture.sizes["path"] or not (capture["target"].values >= 0).any():
        return None
    roles = [str(r) for r in capture.coords["role"].values]
    receiver = str(capture.coords["receiver"].values[roles.index("surveillance")])
    some = time[:: -(-time.size // _MOST_TRUTHS)]
    found = [truth_at(capture, receiver, float(at)) for at in some]
    speeds = [one["velocity"].values for one in found if one is not None]
    return (some, np.array(speeds).T) if len(speeds) == some.size else None


def _matched(tracks: xr.Dataset, truth: Truth) -> list[int | None]:
    """Give the target of each track: those that lie closest together, taken all at once."""
    at = np.searchsorted(tracks["time"].values, truth[0])
    found, count = tracks["velocity"].values[:, at], tracks.sizes["track"]
    with np.errstate(invalid="ignore"):
        off = np.array([[np.nanmean(np.minimum(np.abs(f - t), 1.0)) if np.isfinite(f).any() else 1.0
                         for t in truth[1]] for f in found])  # fmt: skip
    rows, columns = linear_sum_assignment(off)
    pairs = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return [pairs.get(n) for n in range(count)]


def show_tracks(tracks: xr.Dataset, truth: Truth | None) -> None:
    """Print some windows, evenly over the recording, and how the tracks fared against the truth."""
    time, motion = tracks["time"].values, tracks["motion"].values
    every = -(-time.size // _MOST_ROWS)
    matched = [None] * tracks.sizes["track"] if truth is None else _matched(tracks, truth)
    columns, together = ["time [s]", "motion", "index / threshold"], [2]
    for n, target in enumerate(matched):
        group = [f"track {n}: velocity [m/s]", "acceleration [m/s²]"]
        group += [] if target is None else [f"target {target}: true velocity [m/s]"]
        columns += group
        together.append(len(group))
    rows = []
    for w in range(every // 2, time.size, every):
        ratio = float(tracks["motion_index"][w] / tracks["motion_threshold"][w])
        row = [number(time[w], 3), {1: "yes", 0: "no", -1: "?"}[int(motion[w])], number(ratio)]
        for n, target in enumerate(matched):
            row += [_with_error(tracks, name, n, w) for name in ("velocity", "acceleration")]
            if truth is not None and target is not None:
                row.append(number(float(np.interp(time[w], truth[0], truth[1][target]))))
        rows.append(row)
    share = f"{np.mean(motion == 1):.0%} of {time.size} windows move, {np.mean(motion == -1):.0%} are unknown"
    show_table(share + (f"; one in {every} shown" if every > 1 else ""), columns, rows, together=together)
    for sentence in [] if truth is None else _fared(compared(tracks, truth), len(truth[1])):
        output().print(sentence)


def _with_error(tracks: xr.Dataset, name: str, n: int, window: int) -> str:
    value, error = (float(tracks[prefix + name][n, window]) for prefix in ("", "std_"))
    return number(value) if value != value else f"{number(value)} ± {number(error)}"


def compared(tracks: xr.Dataset, truth: Truth | None) -> list[dict[str, Any]]:
    """Compare each track with one target: the nearest over the recording, no two tracks with the same.

    Returns
    -------
    list of dict
        For each track that has a target and a speed: ``track``, ``target``, ``windows`` (at which the truth is known),
        ``share_tracked``, ``median_error_m_s``, ``signs_right``, ``nearest_targets``. The signs are None where the
        target is slow throughout. The last one says in how many windows each target is the nearest.
    """
    if truth is None:
        return []
    at = np.searchsorted(tracks["time"].values, truth[0])
    rows = []
    for n, target in enumerate(_matched(tracks, truth)):
        found = tracks["velocity"].values[n, at]
        there = np.isfinite(found)
        if target is None or not there.any():
            continue
        off = np.abs(found[there] - truth[1][:, there])
        fast = there & (np.abs(truth[1][target]) > _SLOW)
        nearest, windows = np.unique(off.argmin(axis=0), return_counts=True)
        rows.append(
            {
                "track": n,
                "target": target,
                "windows": at.size,
                "share_tracked": float(there.mean()),
                "median_error_m_s": float(np.median(off[target])),
                "signs_right": float(np.mean(np.sign(found[fast]) == np.sign(truth[1][target][fast])))
                if fast.any()
                else None,
                "nearest_targets": dict(zip(nearest.tolist(), windows.tolist(), strict=True)),
            }
        )
    return rows


def _fared(rows: list[dict[str, Any]], targets: int) -> Iterator[str]:
    """Say in sentences how each track fared against its target, and how many targets there are."""
    for row in rows:
        target = row["target"]
        which = (
            "the only target" if targets == 1 else f"target {target} alone, of {targets} targets the nearest"
        )
        signs = "–" if row["signs_right"] is None else f"{row['signs_right']:.3f}"
        yield (
            f"track {row['track']}, compared with {which}: tracked in {row['share_tracked']:.0%} of the windows, "
            f"median error {row['median_error_m_s']:.3f} m/s, signs right {signs} (above {_SLOW:g} m/s)"
        )
        if targets > 1:
            most = sorted(row["nearest_targets"].items(), key=lambda item: -item[1])
            yield (
                f"track {row['track']}: the target of the nearest speed, window by window: "
                + ", ".join(f"target {one} in {n}" for one, n in most)
            )
    if rows and targets > len(rows):
        yield (
            f"{targets - len(rows)} of {targets} targets are compared with no track (--max-targets {targets} looks for "
            "all)"
        )


def conditions(tracks: xr.Dataset) -> str:
    """Say how the tracks were made, in a sentence."""
    attrs = tracks.attrs
    parts = [
        f"{attrs['packet_rate']:.4g} packets/s by the {'mean' if 'hole_s' in attrs else 'median'} interval, windows of "
        f"{attrs['window_s']:g} s every {attrs['hop_s']:g} s, up to ±{attrs['max_speed']:.3g} m/s",
        "phase, timing and gain of each packet taken out"
        if attrs["reference"] == "self"
        else "packets as they are",
        f"threshold of motion from {attrs['threshold_from']}, false-alarm rate {attrs['false_alarm']:g}; its "
        f"index leaves out energy slower than {attrs['static_speed']:.2g} m/s",
    ]
    if "longest_latency_s" in attrs:
        parts.append(
            f"latency {attrs['latency_s'] * 1e3:.1f} ms in the median, "
            f"{attrs['longest_latency_s'] * 1e3:.1f} ms at most (from a window's end to its answer)"
        )
    return "; ".join(parts) + "."
