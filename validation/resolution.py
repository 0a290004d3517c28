"""Study `resolution`: from what separation on two paths are found as two.

In the hard case two paths share length, velocity and all but one of acceleration and jerk: nothing else separates
them. In the other case they differ in length and velocity as well, as two people in a room do. Separations count in
resolution cells of the AJ spectrum (method.md section 2).

Success: exactly two paths found, each true one with an estimate of its own closer than half the separation and half
a cell in the quantity that differs. Nothing is told about the count, but to methods that must be told it.

Full size: 20 trials a point, 3 cases, 9 separations, 2 amplitude ratios, every method: about 9 minutes on one core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isacsim.estimation.estimate import COUNT_GIVEN
from isacsim.spectrum.grid import WindowResolution

from .captures import axes, channel, draw_paths, noise, static_part
from .own import digests_of, estimate_by
from .points import Compute, Point
from .scored import chosen_methods
from .study import Table, figure_of, opening, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "resolution"
DESCRIPTION = "two paths: success against separation in a and r and amplitude ratio, every method (9 min)"

CASES = {
    "acceleration": "only acceleration differs",
    "jerk": "only jerk differs",
    "apart": "acceleration, length and velocity differ",
}
SNR_DB, SUBCARRIERS = 20.0, 16


def two_paths(rng: np.random.Generator, case: str, separation: float, ratio_db: float) -> dict[str, NDArray]:
    """Draw two paths, `separation` (m/s² or m/s³) apart about a random middle, the second `ratio_db` weaker."""
    truth = draw_paths(rng, 2, spread=0.0)
    truth["amplitude"] = np.array([1.0, 10 ** (-ratio_db / 20)])
    state = "jerk" if case == "jerk" else "acceleration"
    # Away from zero Doppler, where the static part would be the question, and off the axes' edges.
    truth["velocity"] = np.sign(truth["velocity"]) * (1.5 + np.abs(truth["velocity"]) / 2)
    middle = {"acceleration": rng.uniform(-3, 3), "jerk": rng.uniform(-15, 15)}
    for name in ("path_length", "velocity") if case != "apart" else ():
        truth[name] = np.full(2, truth[name][0])
    for name, value in middle.items():
        truth[name] = np.full(2, value)
    sides = rng.permutation([-0.5, 0.5])
    truth[state] = truth[state] + separation * sides
    return truth


def resolved(estimate: xr.Dataset, truth: dict[str, NDArray], state: str, near: float) -> bool:
    """Tell whether exactly two paths came out, one closer than `near` to each of the true ones."""
    if estimate.sizes["path"] != 2:
        return False
    off = np.abs(np.sort(estimate[state].values) - np.sort(truth[state]))
    return bool((off < near).all())


def cells(packets: int) -> dict[str, float]:
    """Resolution of the spectrum, m/s² and m/s³."""
    grid = WindowResolution(packets, 1e-3, float(axes(SUBCARRIERS)[1].mean()))
    return dict(zip(("acceleration", "jerk"), grid.resolution(), strict=True))


def point(
    methods: Sequence[str],
    case: str,
    separation_cells: float,
    ratio_db: float,
    packets: int,
    trials: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Share resolved at one separation, a row a method."""
    t, f = axes(SUBCARRIERS, packets)
    state = "jerk" if case == "jerk" else "acceleration"
    cell = cells(packets)[state]
    apart = separation_cells * cell
    hits = dict.fromkeys(methods, 0)
    for i in range(trials):
        rng = np.random.default_rng([seed, i, round(100 * separation_cells)])
        truth = two_paths(rng, case, apart, ratio_db)
        h = channel(t, f, truth) + static_part(rng, f, 20.0)
        h = (h + noise(rng, h.shape, SNR_DB)).astype(np.complex64)
        for method in methods:
            told = {"max_paths": 2} if method in COUNT_GIVEN else {}
            found = estimate_by(method, h, time=t, frequency=f, **told)
            hits[method] += resolved(found, truth, state, min(apart, cell) / 2)
    here = {"case": case, "separation_cells": separation_cells, "ratio_db": ratio_db}
    return [
        {**here, "method": name, "count_given": name in COUNT_GIVEN, "success": share(hits[name], trials)}
        for name in methods
    ]


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    methods: Iterable[str] = (),
) -> Table:
    """Do the study; see `validation.study.Study`."""
    chosen = chosen_methods(methods)
    separations = [0.1, 3.0] if quick else [0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0]
    ratios = [0.0] if quick else [0.0, 12.0]
    trials, packets = trials or (3 if quick else 20), 512 if quick else 1024
    settings = {
        "trials": trials,
        "methods": chosen,
        "own": digests_of(chosen),
        "packets": packets,
        "subcarriers": SUBCARRIERS,
        "snr_db": SNR_DB,
        "cells": cells(packets),
    }
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    rows = compute(
        table,
        [
            Point(
                f"{case}, {separation:g} cells, {ratio_db:g} dB",
                point,
                {
                    "methods": chosen,
                    "case": case,
                    "separation_cells": separation,
                    "ratio_db": ratio_db,
                    "packets": packets,
                    "trials": trials,
                    "seed": seed,
                },
            )
            for case in CASES
            for ratio_db in ratios
            for separation in separations
        ],
    )
    table["rows"] = [row for both in rows for row in both]
    return table


def figure(table: Table) -> Figure:
    """Draw success against separation, a panel a case, a colour a method, line styles for amplitude ratios."""
    settings = table["settings"]
    drawing = figure_of(
        table,
        (14, 4.4),
        f"Two paths at {settings['snr_db']:g} dB, {settings['subcarriers']} subcarriers over 80 MHz, "
        f"{settings['packets']} packets, "
        "static part 20 dB above; nothing told about the count, but where the legend says so. One cell: "
        f"{settings['cells']['acceleration']:.3g} m/s², {settings['cells']['jerk']:.3g} m/s³. Success: "
        "exactly two found, each "
        "within half the separation and half a cell. Bands: 95 %.",
    )
    ratios = sorted({row["ratio_db"] for row in table["rows"]})
    panels = drawing.subplots(1, len(CASES), sharey=True)
    for axis, (case, title) in zip(panels, CASES.items(), strict=True):
        for ratio_db, style in zip(ratios, ("o-", "s--"), strict=False):
            for n, method in enumerate(dict.fromkeys(row["method"] for row in table["rows"])):
                rows = [
                    row
                    for row in table["rows"]
                    if (row["case"], row["ratio_db"], row["method"]) == (case, ratio_db, method)
                ]
                x = [row["separation_cells"] for row in rows]
                success = [row["success"] for row in rows]
                # Tables from before methods could be told the count do not say so.
                given = ", count given" * rows[0].get("count_given", False)
                label = f"{method}{given}, {ratio_db:g} dB"
                axis.plot(x, [s["value"] for s in success], style, ms=3, color=f"C{n}", lw=1.2, label=label)
                axis.fill_between(
                    x, [s["low"] for s in success], [s["high"] for s in success],
                    color=f"C{n}", alpha=0.12, lw=0,
                )  # fmt: skip
        axis.set_xscale("log")
        axis.axvline(1, color="black", lw=0.8, ls=":")
        axis.set(xlabel="separation [resolution cells]", title=title, ylim=(-0.03, 1.03))
        axis.grid(alpha=0.3)
    panels[0].set_ylabel("share resolved")
    handles = panels[0].get_legend_handles_labels()
    drawing.legend(
        *handles, title="second path weaker by", fontsize=7, title_fontsize=7, loc="outside right upper"
    )
    return drawing
