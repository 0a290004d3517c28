"""``isacsim track``: the speeds of what moves through a capture over time, and whether anything does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.checks import refusal
from isacsim.commands import source as given
from isacsim.commands.options import Settings
from isacsim.commands.reading import reads_files
from isacsim.terminal import Json, output, progress, remark, show_json

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["track"]

# Packets handed over at once in --live: as a receiver's driver does.
_AT_ONCE = 10


@reads_files
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
    settings: Settings = None,
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
            help="Errors of each packet: self removes them; none: there are none; auto: as the capture says."
        ),
    ] = "auto",
    live: Annotated[
        bool, typer.Option("--live", help="Pass the packets one after the other, and print the latency.")
    ] = False,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Track the speed of moving targets through a capture, and detect motion in each window.

    Speed is that of the path length (transmitter, target, receiver); positive: it grows. Saved captures may be of any
    length: they are read some seconds at a time. --json has all windows, but not the Doppler energy that -o saves.
    """
    from isacsim.capture.netcdf import check_capture_path, save_capture
    from isacsim.commands.track_table import compared, conditions, show_tracks, true_speeds
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
            settings=settings,
            whole=False,
            **reading,
        )
        bar.update(task, description="tracking")

        def done(made: int, total: int) -> None:
            bar.update(task, completed=made, total=total)

        tracks = _live(opened.capture, asked, done) if live else _whole(opened.capture, asked, done)
        truth = true_speeds(opened.capture, tracks["time"].values)
        note = conditions(tracks)
        if plot is not None:
            from isacsim.figures.tracks import tracks_figure

            bar.update(task, description="drawing", total=None)
            save_figure(tracks_figure(tracks, title=f"{opened.name}: tracks", note=note, truth=truth), plot)
        if output_file is not None:
            save_capture(tracks.assign_attrs(source=opened.name), output_file, overwrite=overwrite)
    for line in (*opened.notes, *filter(None, str(tracks.attrs["remarks"]).splitlines())):
        remark(f"note: {line}")
    if as_json:
        show_json(
            source=opened.name,
            tracks=tracks.drop_vars("doppler_energy").drop_vars("path_velocity", errors="ignore"),
            truth=None if truth is None else {"time_s": truth[0], "velocity_m_s": truth[1]},
            compared=compared(tracks, truth),
            conditions=note,
            notes=opened.notes,
            picture=plot,
            file=output_file,
        )
        return
    show_tracks(tracks, truth)
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
    import numpy as np
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
