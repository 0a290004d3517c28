"""``isacsim track``: the speeds of what moves through a capture over time, and whether anything does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from isacsim.checks import refusal
from isacsim.commands import source as given
from isacsim.terminal import number, output, progress, remark, show_table

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["track"]

# A table of ten minutes would have ten thousand rows.
_MOST_ROWS = 20
# Windows at which the truth is asked for.
_MOST_TRUTHS = 500
# The sign of what hardly moves means nothing, m/s.
_SLOW = 0.4
# Packets handed over at once in --live: as a receiver's driver does.
_AT_ONCE = 10

Truth = tuple[NDArray[np.float64], NDArray[np.float64]]


def track(
    source: given.Input,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Save the tracks as netCDF (.nc).", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw tracks and motion index (.png, .pdf, .svg).", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing -o file (pictures always are).")
    ] = False,
    seed: given.Seed = None,
    window_s: Annotated[
        float | None, typer.Option("--window-s", help="Window in s; default: 0.25.", show_default=False)
    ] = None,
    hop_s: Annotated[
        float | None,
        typer.Option(
            "--hop-s", help="Step from window to window in s; default: a quarter window.", show_default=False
        ),
    ] = None,
    max_targets: Annotated[int, typer.Option(help="Tracks to look for.")] = 1,
    max_speed: Annotated[
        float | None,
        typer.Option(
            help="Largest rate of change of the path length, m/s; default: 3, or what the packet rate allows.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[
        str | None,
        typer.Option(
            help="START:STOP in s after the first packet: nothing moves there, which sets the threshold of motion; "
            "default: set by noise.",
            show_default=False,
        ),
    ] = None,
    false_alarm: Annotated[
        float, typer.Option(help="Share of windows without motion that may pass the threshold.")
    ] = 1e-3,
    reference: Annotated[
        str,
        typer.Option(
            help="Errors by the packet: self takes them out, none has none; auto: as the capture says."
        ),
    ] = "auto",
    live: Annotated[
        bool, typer.Option("--live", help="Hand the packets over one after the other, and print the latency.")
    ] = False,
    format: given.Format = "auto",
    carrier: given.Carrier = None,
    bandwidth: given.Bandwidth = None,
    phase_sign: given.PhaseSign = None,
) -> None:
    """Track the speed of what moves through a capture, and say in which windows anything moves.

    Speed is that of the path length (transmitter, target, receiver); positive: it grows. Saved captures may be of any
    length: they are read some seconds at a time.
    """
    from isacsim.capture.netcdf import check_capture_path, save_capture
    from isacsim.figures.spectra import check_picture, save_figure

    if output_file is not None:
        check_capture_path(output_file, overwrite=overwrite)
    if plot is not None:
        check_picture(plot)
    asked = {
        "window_s": window_s,
        "hop_s": hop_s,
        "max_targets": max_targets,
        "max_speed": max_speed,
        "false_alarm": false_alarm,
        "reference": reference,
        "quiet": _stretch(quiet),
    }
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        opened = given.open_source(
            source,
            seed=seed,
            format=format,
            carrier=carrier,
            bandwidth=bandwidth,
            phase_sign=phase_sign,
            whole=False,
        )
        bar.update(task, description="tracking")

        def done(made: int, total: int) -> None:
            bar.update(task, completed=made, total=total)

        tracks = _live(opened.capture, asked, done) if live else _whole(opened.capture, asked, done)
        truth = _truth(opened.capture, tracks["time"].values)
        note = _note(tracks)
        if plot is not None:
            from isacsim.figures.tracks import tracks_figure

            bar.update(task, description="drawing", total=None)
            save_figure(tracks_figure(tracks, title=f"{opened.name}: tracks", note=note, truth=truth), plot)
        if output_file is not None:
            save_capture(tracks.assign_attrs(source=opened.name), output_file, overwrite=overwrite)
    for line in (*opened.notes, *filter(None, str(tracks.attrs["remarks"]).splitlines())):
        remark(f"note: {line}")
    _show(tracks, truth)
    output().print(note)
    for what, path in (("picture", plot), ("tracks", output_file)):
        if path is not None:
            output().print(f"{what}: {path}")


def _stretch(quiet: str | None) -> tuple[float, float] | None:
    """START:STOP as two numbers."""
    if quiet is None:
        return None
    try:
        start, stop = (float(part) for part in quiet.split(":"))
    except ValueError:
        raise refusal("--quiet", "START:STOP in seconds, e.g. 0:5", quiet) from None
    return start, stop


def _whole(capture: xr.Dataset, asked: dict[str, Any], done: Callable[[int, int], None]) -> xr.Dataset:
    from isacsim.tracking.track import track as track_capture

    return track_capture(capture, done=done, **asked)


def _live(capture: xr.Dataset, asked: dict[str, Any], done: Callable[[int, int], None]) -> xr.Dataset:
    """Hand packets over as if they came now."""
    import xarray as xr

    from isacsim.errors import InputError
    from isacsim.tracking.packets import SETTLE_S
    from isacsim.tracking.recording import Recording
    from isacsim.tracking.result import remarks_on
    from isacsim.tracking.track import track as track_capture

    recording = Recording.of(capture, asked["reference"])

    def packets() -> Iterator[tuple[Any, Any]]:
        count = recording.time.size
        for first in range(0, count, _AT_ONCE):
            some = slice(first, min(first + _AT_ONCE, count))
            yield recording.time[some], recording.read(some)
            done(some.stop, count)

    asked = asked | {"reference": "self" if recording.aligned else "none"}
    made = list(
        track_capture(packets(), frequency=recording.frequency, phase_sign=recording.phase_sign, **asked)
    )
    if not made:
        raise InputError("the capture is too short for --live, which waits for 2 s and a window first.")
    latency = np.array([one.attrs["latency_s"] for one in made])
    tracks = xr.concat(made, "window", data_vars="all", coords="minimal", compat="override", join="override",
                       combine_attrs="override")  # fmt: skip
    last = {name: made[-1].attrs[name] for name in ("threshold_from", "static_s")}
    last["faster"] = float(np.mean([one.attrs["faster"] for one in made]))
    # Windows that had filled before the first answer waited for it, not for the computer.
    running = tracks["time"].values + tracks.attrs["window_s"] / 2 > recording.time[0] + SETTLE_S
    tracks = tracks.assign_attrs(last)
    if running.any():
        tracks.attrs |= {
            "latency_s": float(np.median(latency[running])),
            "longest_latency_s": float(latency[running].max()),
        }
    return tracks.assign_attrs(remarks="\n".join(remarks_on(tracks)))


def _truth(capture: xr.Dataset, time: NDArray[np.float64]) -> Truth | None:
    """Speeds of the targets of a simulated capture at some of these times (target, time)."""
    from isacsim.simulation.truth import truth_at

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
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(off)
    pairs = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return [pairs.get(n) for n in range(count)]


def _show(tracks: xr.Dataset, truth: Truth | None) -> None:
    """Print some windows, evenly over the recording, and how the tracks fared against the truth."""
    time, motion = tracks["time"].values, tracks["motion"].values
    every = -(-time.size // _MOST_ROWS)
    matched = None if truth is None else _matched(tracks, truth)
    columns = ["time [s]", "motion", "index / threshold"]
    for n in range(tracks.sizes["track"]):
        columns += [f"track {n}: velocity [m/s]", "acceleration [m/s²]"]
        if matched is not None and matched[n] is not None:
            columns.append("truth [m/s]")
    rows = []
    for w in range(every // 2, time.size, every):
        ratio = float(tracks["motion_index"][w] / tracks["motion_threshold"][w])
        row = [number(time[w], 3), {1: "yes", 0: "no", -1: "?"}[int(motion[w])], number(ratio)]
        for n in range(tracks.sizes["track"]):
            row += [_with_error(tracks, name, n, w) for name in ("velocity", "acceleration")]
            if matched is not None and truth is not None and (target := matched[n]) is not None:
                row.append(number(float(np.interp(time[w], truth[0], truth[1][target]))))
        rows.append(row)
    share = (
        f"{np.mean(motion == 1):.0%} of {time.size} windows move, {np.mean(motion == -1):.0%} can't be told"
    )
    show_table(share + (f"; every {every}th shown" if every > 1 else ""), columns, rows)
    if matched is not None and truth is not None:
        _fared(tracks, truth, matched)


def _with_error(tracks: xr.Dataset, name: str, n: int, window: int) -> str:
    value, error = (float(tracks[prefix + name][n, window]) for prefix in ("", "std_"))
    return number(value) if value != value else f"{number(value)} ± {number(error)}"


def _fared(tracks: xr.Dataset, truth: Truth, matched: list[int | None]) -> None:
    at = np.searchsorted(tracks["time"].values, truth[0])
    for n, target in enumerate(matched):
        if target is None:
            continue
        found, real = tracks["velocity"].values[n, at], truth[1][target]
        there = np.isfinite(found)
        if not there.any():
            continue
        fast = there & (np.abs(real) > _SLOW)
        signs = f"{np.mean(np.sign(found[fast]) == np.sign(real[fast])):.3f}" if fast.any() else "–"
        output().print(
            f"track {n} against target {target}: in {np.mean(there):.0%} of the windows, median error "
            f"{np.median(np.abs(found - real)[there]):.3f} m/s, signs right {signs} (above {_SLOW:g} m/s)"
        )


def _note(tracks: xr.Dataset) -> str:
    attrs = tracks.attrs
    parts = [
        f"{attrs['packet_rate']:.4g} packets/s, windows of {attrs['window_s']:g} s every {attrs['hop_s']:g} s, up to "
        f"±{attrs['max_speed']:.3g} m/s",
        "phase, timing and gain of each packet taken out"
        if attrs["reference"] == "self"
        else "packets as they are",
        f"threshold of motion from {attrs['threshold_from']}, false-alarm rate {attrs['false_alarm']:g}; motion "
        f"slower than {attrs['static_speed']:.2g} m/s does not count",
    ]
    if "longest_latency_s" in attrs:
        parts.append(
            f"latency {attrs['latency_s'] * 1e3:.1f} ms in the median, "
            f"{attrs['longest_latency_s'] * 1e3:.1f} ms at most (from a window's end to its answer)"
        )
    return "; ".join(parts) + "."
