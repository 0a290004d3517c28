"""``isacsim estimate``: the moving paths in each window of a capture, against the truth where there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.checks import check_choice
from isacsim.commands import source as given
from isacsim.commands.options import Settings
from isacsim.commands.reading import reads_files
from isacsim.errors import InputError
from isacsim.terminal import Json, number, output, progress, remark, show_json, show_table

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.conditioning.cutting import CaptureWindow

__all__ = ["DEFAULT_METHOD", "estimate"]

DEFAULT_METHOD = "auto"


@reads_files
def estimate(
    source: given.Input,
    method: Annotated[
        str, typer.Option(help="Estimator: auto, modes, relax, peaks, haf, cpf, cpf-haf, qml or vncmd.")
    ] = DEFAULT_METHOD,
    max_paths: Annotated[int, typer.Option(help="Largest number of paths a window.")] = 12,
    max_path_length: Annotated[
        float | None,
        typer.Option(help="Largest path length searched, in m; default: 120.", show_default=False),
    ] = None,
    max_speed: Annotated[
        float | None,
        typer.Option(
            help="Largest speed searched, in m/s; default: by packet rate, at most 60.", show_default=False
        ),
    ] = None,
    max_acceleration: Annotated[
        float | None,
        typer.Option(
            help="Largest acceleration searched, in m/s²; default: 8, more or less by rate.",
            show_default=False,
        ),
    ] = None,
    max_jerk: Annotated[
        float | None,
        typer.Option(
            help="Largest jerk searched, in m/s³; default: 40, more or less by rate.",
            show_default=False,
        ),
    ] = None,
    seed: given.Seed = None,
    settings: Settings = None,
    window_s: given.WindowLength = None,
    hop_s: given.Hop = None,
    start_s: given.Start = 0.0,
    max_windows: given.MaxWindows = 8,
    reference: given.Reference = "auto",
    pair: given.Pair = None,
    gain: given.Gain = "auto",
    receiver: given.Receiver = 0,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Estimate the moving paths in each window of a capture; a simulated one is compared with its ground truth.

    All values are of the path length (transmitter, target, receiver) at the window's centre. With a reference
    receiver, path lengths are relative to that of its static path, and are not compared with the ground truth.
    Methods auto, modes and relax take the packets at their own times. For the others, packets are interpolated
    onto a uniform grid. Method auto allows slow modulations, and gives exact cubics where these explain the capture
    down to its noise.
    """
    from isacsim.commands.estimate_remarks import ambiguity_remark, component_remarks, speed_remark
    from isacsim.commands.remarks import (
        band_remark,
        body_remark,
        cubic_remark,
        interpolation_remark,
        mirror_remark,
        rest_remark,
    )
    from isacsim.conditioning.pairs import pairs_together, receiver_of
    from isacsim.estimation.estimate import METHODS, OWN_TIMES, TOGETHER
    from isacsim.simulation.truth import truth_at

    check_choice("method", method, METHODS)
    limits = {
        "max_path_length": max_path_length,
        "max_speed": max_speed,
        "max_acceleration": max_acceleration,
        "max_jerk": max_jerk,
    }
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        opened, windows = given.open_windows(
            source,
            lambda name: bar.update(task, description=name),
            file=reading,
            cut={"window_s": window_s, "hop_s": hop_s, "start_s": start_s, "max_windows": max_windows},
            seed=seed,
            settings=settings,
            reference=reference,
            pair=pair,
            gain=gain,
            uniform=method not in OWN_TIMES,
        )
        bar.update(task, description="estimating", total=len(windows.used))
        of = pairs_together if method in TOGETHER else receiver_of
        found = []
        for window in windows.used:
            found.append(_estimated(window.csi, of, receiver, method=method, max_paths=max_paths, **limits))
            bar.advance(task)
    name = str(receiver_of(windows.used[0].csi, receiver).coords["receiver"].values)
    notes = [*opened.notes, *windows.skipped]
    times = [w.csi.coords["time"].values for w in windows.used]
    if method == "relax" and opened.simulated:
        notes += filter(None, [cubic_remark(opened.capture, name, times, "--window-s")])
    remarks = [
        interpolation_remark(windows.used),
        body_remark(opened.capture),
        mirror_remark(windows.used[0].csi),
        rest_remark(opened.capture, name, times),
        band_remark(windows.used[0], 0.089) if method == "peaks" else None,
    ]
    notes += filter(None, remarks)
    truths = [truth_at(opened.capture, name, window.centre) for window in windows.used]
    notes += filter(None, [speed_remark(truths, found), ambiguity_remark(found)])
    full = sum(estimates.sizes["path"] == max_paths for estimates in found) if method == "relax" else 0
    if full:
        notes.append(
            f"{full} of {len(found)} windows hold {max_paths} paths, the most that were looked for: there may be more, "
            "and if the motion is no sum of cubics the standard errors mean little"
        )
    notes += component_remarks(found)
    for line in notes:
        remark(f"note: {line}")
    if as_json:
        show_json(
            source=opened.name,
            method=method,
            packet_rate_hz=windows.packet_rate,
            conditioning=windows.conditioning,
            windows=[
                _window(*one, opened.lag_ratio) for one in zip(windows.used, found, truths, strict=True)
            ],
            remaining_windows=windows.remaining,
            notes=notes,
        )
        return
    for window, estimates, truth in zip(windows.used, found, truths, strict=True):
        _show(window, estimates, truth, opened.lag_ratio)
    out = output()
    out.print(
        f"{windows.pace.said}; conditioning: {windows.conditioning}; method: {method}"
        + (f"; {windows.remaining} further windows" if windows.remaining else "")
    )
    if "limits" in found[0].attrs:
        out.print(f"searched up to {found[0].attrs['limits']}")


def _estimated(
    csi: xr.DataArray, of: Callable[..., xr.DataArray], receiver: int, **arguments: Any
) -> xr.Dataset:
    from isacsim.estimation.estimate import estimate_paths

    try:
        return estimate_paths(of(csi, receiver), **arguments)
    except InputError as error:
        raise given.in_options(error, ("--max-acceleration", "--max-jerk")) from error


def _window(
    window: CaptureWindow, estimates: xr.Dataset, truth: xr.Dataset | None, lag_ratio: float
) -> dict[str, Any]:
    """Give one window as JSON has it; `matches` are pairs of numbers of a true and an estimated path, or None."""
    from isacsim.estimation.matching import match_paths

    matches = [] if truth is None else match_paths(truth, estimates, window.grid(lag_ratio))
    return {
        "start_s": window.start,
        "stop_s": window.start + window.packets * window.interval,
        "centre_s": window.centre,
        "estimates": estimates,
        "truth": truth,
        "matches": [[match.truth, match.estimate] for match in matches],
    }


def _show(window: CaptureWindow, estimates: xr.Dataset, truth: xr.Dataset | None, lag_ratio: float) -> None:
    from isacsim.commands.estimate_remarks import is_relative, length_heading
    from isacsim.commands.remarks import QUANTITIES
    from isacsim.estimation.matching import match_paths

    title = f"{window.start:.3f} to {window.start + window.packets * window.interval:.3f} s"
    # A column that a method does not fill tells nothing.
    names = [n for n in QUANTITIES if estimates[n].notnull().any()] or ["acceleration", "jerk"]
    headings = QUANTITIES | ({"path_length": length_heading(estimates)} if is_relative(estimates) else {})
    if truth is None:
        rows = [
            [f"{p + 1}{_mark(estimates, p)}", *(_with_spread(estimates, n, p) for n in names)]
            for p in range(estimates.sizes["path"])
        ]
        show_table(f"{title}: {len(rows)} paths", ["path", *(headings[n] for n in names)], rows)
        return
    matches = match_paths(truth, estimates, window.grid(lag_ratio))
    # The truth's lengths are absolute: beside relative ones they would look like errors of metres.
    compared = [n for n in names if n != "path_length" or not is_relative(estimates)]
    columns, together = ["target"], []
    for name in names:
        group = [f"true {headings[name]}", "estimate"] if name in compared else [headings[name]]
        columns += group
        together.append(len(group))
    rows = []
    for match in matches:
        mark = "" if match.estimate is None else _mark(estimates, match.estimate)
        row = [("–" if match.truth is None else str(int(truth["target"][match.truth]))) + mark]
        for name in names:
            if name in compared:
                row.append("" if match.truth is None else number(float(truth[name][match.truth])))
            row.append("" if match.estimate is None else _with_spread(estimates, name, match.estimate))
        rows.append(row)
    hits = sum(m.truth is not None and m.estimate is not None for m in matches)
    extra = sum(m.truth is None for m in matches)
    show_table(
        f"{title}: {hits} of {truth.sizes['path']} targets found, {extra} false",
        columns,
        rows,
        together=together,
    )


def _mark(estimates: xr.Dataset, path: int) -> str:
    return " ?" if "ambiguous" in estimates and bool(estimates["ambiguous"][path]) else ""


def _with_spread(estimates: xr.Dataset, name: str, path: int) -> str:
    """An estimate with its standard deviation, where the method gives one."""
    value, spread = float(estimates[name][path]), float(estimates[f"std_{name}"][path])
    if spread != spread:
        return number(value)
    # Two digits of the standard deviation, and two decimals at least, as the truth has.
    digits = min(max(1 - math.floor(math.log10(spread)), 2), 9) if 0 < spread < math.inf else 4
    return f"{number(value, digits)} ± {number(spread, digits)}"
