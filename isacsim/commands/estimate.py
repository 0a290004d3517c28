"""``isacsim estimate``: the moving paths in each window of a capture, against the truth where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from isacsim.commands import source as given
from isacsim.commands.terminal import number, output, progress, remark, show_table

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.windows import Window

__all__ = ["DEFAULT_METHOD", "estimate"]

DEFAULT_METHOD = "relax"

_QUANTITIES = {
    "path_length": "path length [m]",
    "velocity": "velocity [m/s]",
    "acceleration": "acceleration [m/s²]",
    "jerk": "jerk [m/s³]",
    "amplitude": "amplitude [1]",
}


def estimate(
    source: given.Input,
    method: Annotated[
        str, typer.Option(help="Estimator: relax, peaks, haf, cpf, cpf-haf or qml.")
    ] = DEFAULT_METHOD,
    max_paths: Annotated[int, typer.Option(help="At most so many paths a window.")] = 10,
    seed: given.Seed = None,
    window_s: given.WindowLength = None,
    hop_s: given.Hop = None,
    start_s: given.Start = 0.0,
    max_windows: given.MaxWindows = 8,
    reference: given.Reference = "auto",
    pair: given.Pair = None,
    gain: given.Gain = "auto",
    receiver: given.Receiver = 0,
    format: given.Format = "auto",
    carrier: given.Carrier = None,
    bandwidth: given.Bandwidth = None,
    phase_sign: given.PhaseSign = None,
) -> None:
    """Estimate the moving paths in each window of a capture; a simulated one is set against its truth.

    All values are of the path length (transmitter, target, receiver) at the window's centre.
    """
    from isacsim.estimation import estimate_paths
    from isacsim.windows import capture_windows, truth_at

    with progress() as bar:
        task = bar.add_task("reading", total=None)
        opened = given.open_source(
            source, seed=seed, format=format, carrier=carrier, bandwidth=bandwidth, phase_sign=phase_sign
        )
        bar.update(task, description="conditioning")
        windows = capture_windows(
            opened.capture,
            window_s=window_s,
            hop_s=hop_s,
            start_s=start_s,
            max_windows=max_windows,
            reference=opened.reference(reference),
            pair=pair,
            gain=gain,  # type: ignore[arg-type]  # checked by condition
        )
        bar.update(task, description="estimating", total=len(windows.used))
        found = []
        for window in windows.used:
            csi = given.receiver_of(window.csi, receiver)
            found.append(estimate_paths(csi, method=method, max_paths=max_paths))  # type: ignore[arg-type]
            bar.advance(task)
    full = sum(estimates.sizes["path"] == max_paths for estimates in found) if method == "relax" else 0
    notes = [*opened.notes, *windows.skipped]
    if full:
        notes.append(
            f"{full} of {len(found)} windows hold {max_paths} paths, the most that were looked for: there may be more, "
            "and if the motion is no sum of cubics the deviations mean little"
        )
    for line in notes:
        remark(f"note: {line}")
    for window, estimates in zip(windows.used, found, strict=True):
        name = str(given.receiver_of(window.csi, receiver).coords["receiver"].values)
        _show(window, estimates, truth_at(opened.capture, name, window.centre))
    out = output()
    out.print(
        f"{windows.packet_rate:.4g} packets/s; conditioning: {windows.conditioning}; method: {method}"
        + (f"; {windows.remaining} further windows" if windows.remaining else "")
    )


def _show(window: Window, estimates: xr.Dataset, truth: xr.Dataset | None) -> None:
    from isacsim.report import match_paths

    title = f"{window.start:.3f} to {window.start + window.packets * window.interval:.3f} s"
    # A column that a method doesn't fill tells nothing.
    given_ones = [n for n in _QUANTITIES if estimates[n].notnull().any()] or ["acceleration", "jerk"]
    if truth is None:
        rows = [
            [str(p + 1), *(_with_spread(estimates, n, p) for n in given_ones)]
            for p in range(estimates.sizes["path"])
        ]
        show_table(f"{title}: {len(rows)} paths", ["path", *(_QUANTITIES[n] for n in given_ones)], rows)
        return
    matches = match_paths(truth, estimates, window.grid())
    columns = ["target"]
    for name in given_ones:
        columns += [f"true {_QUANTITIES[name]}", "estimate"]
    rows = []
    for match in matches:
        row = ["–" if match.truth is None else str(int(truth["target"][match.truth]))]
        for name in given_ones:
            row.append("" if match.truth is None else number(float(truth[name][match.truth])))
            row.append("" if match.estimate is None else _with_spread(estimates, name, match.estimate))
        rows.append(row)
    hits = sum(m.truth is not None and m.estimate is not None for m in matches)
    extra = sum(m.truth is None for m in matches)
    show_table(f"{title}: {hits} of {truth.sizes['path']} targets found, {extra} false", columns, rows)


def _with_spread(estimates: xr.Dataset, name: str, path: int) -> str:
    """An estimate with its standard deviation, where the method gives one."""
    value, spread = float(estimates[name][path]), float(estimates[f"std_{name}"][path])
    return number(value) if spread != spread else f"{number(value, 4)} ± {number(spread, 4)}"
