"""``isacsim count``: how many targets move in each window of a capture, against the truth where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.commands import source as given
from isacsim.commands.options import Settings
from isacsim.commands.reading import reads_files
from isacsim.errors import InputError
from isacsim.terminal import Json, output, progress, remark, show_json, show_table

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from isacsim.conditioning.cutting import CaptureWindow

__all__ = ["count"]

_CAPTION = (
    "runner-up: the second likeliest count; at least: so many move, even where the count cannot be told; kind: what "
    "was counted, points or bodies (people)."
)


@reads_files
def count(
    source: given.Input,
    method: Annotated[
        str, typer.Option(help="auto (by models) or a counter that a package registers, such as dira.")
    ] = "auto",
    targets: Annotated[str, typer.Option(help="What may move: points, bodies (people) or auto.")] = "auto",
    max_targets: Annotated[int, typer.Option(help="Largest possible count; a known limit helps.")] = 12,
    max_components: Annotated[
        int, typer.Option(help="Largest number of components of points a window.")
    ] = 60,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Store all windows (.nc, .netcdf or .h5).", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
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
    """Count the moving targets in each window of a capture; a simulated one is compared with its ground truth.

    For a window without a count, the reason and a lower limit are printed. Points are counted by their paths, people
    by a rule learned from simulated walkers (docs/counting.md says when to believe it).

    More examples: [bold]isacsim count walker --max-targets 4[/bold],
    [bold]isacsim count walk.dat --carrier 5.32e9 --targets bodies -o count.nc[/bold]
    """
    from isacsim.capture.netcdf import check_capture_path, save_capture
    from isacsim.commands.remarks import mirror_remark, rest_remark
    from isacsim.conditioning.pairs import pairs_together
    from isacsim.counting.counting import count_windows

    if output_file is not None:
        check_capture_path(output_file, overwrite=overwrite)
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
            uniform=False,
        )
        bar.update(task, description="counting", total=len(windows.used))
        try:
            csi = [pairs_together(window.csi, receiver) for window in windows.used]
            found = count_windows(
                csi,
                method=method,
                max_targets=max_targets,
                targets=targets,  # type: ignore[arg-type]  # checked there
                max_components=max_components,
                step=lambda: bar.advance(task),
            )
        except InputError as error:
            raise given.in_options(error) from error
    name = str(csi[0].coords["receiver"].values.flat[0])
    notes = [*opened.notes, *windows.skipped]
    times = [c.coords["time"].values for c in csi]
    notes += filter(None, [mirror_remark(windows.conditioning), rest_remark(opened.capture, name, times)])
    for line in notes:
        remark(f"note: {line}")
    truth = int(opened.capture.attrs["n_targets"]) if opened.simulated else None
    if output_file is not None:
        save_capture(found, output_file, overwrite=overwrite)
    if as_json:
        show_json(
            source=opened.name,
            method=method,
            conditioning=windows.conditioning,
            windows=[{"start_s": w.start, "stop_s": w.start + w.packets * w.interval} for w in windows.used],
            counts=found,
            true_count=truth,
            remaining_windows=windows.remaining,
            notes=notes,
            file=output_file,
        )
        return
    _show(windows.used, found, truth)
    out = output()
    untold = int((found["count"] < 0).sum())
    out.print(
        f"cannot tell: {untold} of {len(csi)} windows ({untold / len(csi):.0%}); conditioning: "
        f"{windows.conditioning}; method: {method}"
        + (f"; {windows.remaining} further windows" if windows.remaining else "")
    )
    if output_file is not None:
        out.print(f"{output_file}: {found.sizes['window']} windows")


def _show(windows: list[CaptureWindow], found: xr.Dataset, truth: int | None) -> None:
    columns = ["window [s]", "count (probability)", "runner-up", "at least", "kind"]
    columns += [] if truth is None else ["true count"]
    rows, reasons = [], []
    for n, window in enumerate(windows):
        row = [f"{window.start:.3f} to {window.start + window.packets * window.interval:.3f}"]
        at = found.isel(window=n)
        if int(at["count"]) < 0:
            reasons.append(f"{row[0]} s: {at['reason'].item()}")
            row += ["cannot tell", ""]
        else:
            row += _likeliest(at["probability"].values)
        row += [str(int(at["at_least"])), at["kind"].item() or "–"]
        rows.append(row if truth is None else [*row, str(truth)])
    for reason in reasons:
        remark(f"note: {reason}")
    show_table(f"{len(windows)} {'window' if len(windows) == 1 else 'windows'}", columns, rows)
    output().print(_CAPTION)


def _likeliest(probability: NDArray[np.float64]) -> list[str]:
    """The two likeliest counts, each with its probability."""
    return [f"{n} ({probability[n]:.2f})" for n in probability.argsort()[::-1][:2]]
