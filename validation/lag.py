"""Study `lag`: the lag φ and the least autocorrelation lag against the bound.

Is 0.089 Q right? The peak of the AJ spectrum of one path, searched off the grid, is compared with the Cramér-Rao
bound. There is no static part, nor is one removed: a notch would add an error of its own. The bound has no static
part either.

For a strong path R is a chirp with a noise of 2/ρ per sample, so that a least-squares fit to it has
``var(a) ∝ 1/(φ² (Q-2φ)³)`` and ``var(r) ∝ 1/(φ² (Q-2φ)⁵)``, smallest at φ = Q/5 and Q/7. That takes the noise of R as
white; it is not (each noise sample enters R twice, 2φ apart), which is what the study shows.

Full size: 100 trials a point, 4 SNR, 10 lags and 7 least lags: about 3 minutes on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.estimation.bounds import cramer_rao_bound

from .captures import axes, channel, draw_paths, noise
from .peak import highest_point
from .points import Compute, Point
from .study import Table, figure_of, opening, rms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "lag"
DESCRIPTION = "the lag φ and the minimum lag of the AJ spectrum against the bound: is 0.089 Q right? (3 min)"

PAPER_LAG, PAPER_MIN_LAG = 0.089, 0.12
STATES = ("acceleration", "jerk")
SUBCARRIERS, SPAN = 8, 20e6


def point(
    trials: int, snr_db: float, packets: int, seed: int, settings: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Rms of error over bound at one setting of the spectrum; the same captures at every setting."""
    t, f = axes(SUBCARRIERS, packets, span=SPAN)
    scaled = np.empty((trials, 2))
    for i in range(trials):
        rng = np.random.default_rng([seed, i])
        truth = draw_paths(rng, 1, spread=0.0)
        h = channel(t, f, truth)
        h = (h + noise(rng, h.shape, snr_db)).astype(np.complex64)
        bound = cramer_rao_bound(t, f, snr_db=snr_db, paths=truth, static="known")
        got = highest_point(h, t, f, remove_static=False, **settings)
        for j, name in enumerate(STATES):
            scaled[i, j] = (got[j] - truth[name][0]) / bound[f"std_{name}"].values[0]
    return {name: rms(scaled[:, j]) for j, name in enumerate(STATES)}


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    lags = (
        [0.03, PAPER_LAG, 0.2] if quick else [0.03, 0.05, 0.07, PAPER_LAG, 0.11, 0.13, 0.15, 0.175, 0.2, 0.25]
    )
    least = [0.0, PAPER_MIN_LAG, 0.3] if quick else [0.0, 0.03, 0.06, 0.09, PAPER_MIN_LAG, 0.2, 0.3]
    snr_db = [0.0, 15.0] if quick else [-3.0, 0.0, 5.0, 15.0]
    packets, trials = 512 if quick else 1024, trials or (20 if quick else 100)
    table = opening(
        NAME,
        quick=quick,
        seed=seed,
        settings={
            "trials": trials,
            "packets": packets,
            "subcarriers": SUBCARRIERS,
            "span_hz": SPAN,
            "snr_db": snr_db,
        },
    )
    varied: list[tuple[str, dict[str, Any]]] = [
        *(("lag_ratio", {"lag_ratio": lag}) for lag in lags),
        *(("min_lag", {"min_lag": low}) for low in least),
        ("symmetric", {}),
    ]
    same = {"trials": trials, "packets": packets, "seed": seed}
    cases = [(snr, key, value) for snr in snr_db for key, value in varied]
    found = compute(
        table,
        [
            Point(
                f"{key} {value.get(key, '')}, {snr:g} dB",
                point,
                {"snr_db": snr, "settings": value or {"lags": "symmetric"}, **same},
            )
            for snr, key, value in cases
        ],
    )
    table |= {"lag_ratio": [], "min_lag": [], "symmetric": []}
    for (snr, key, value), ratio in zip(cases, found, strict=True):
        table[key].append({"snr_db": snr, **value, "ratio": ratio})
    table["best_lag_ratio"] = [
        {"snr_db": snr, **{name: _best(table["lag_ratio"], snr, name) for name in STATES}} for snr in snr_db
    ]
    return table


def _best(rows: list[dict[str, Any]], snr: float, state: str) -> float:
    """The lag ratio of the smallest rmse at one SNR."""
    here = [row for row in rows if row["snr_db"] == snr]
    return float(min(here, key=lambda row: row["ratio"][state]["rms"])["lag_ratio"])


def figure(table: Table) -> Figure:
    """Draw rmse over bound against φ/Q (left) and against the least lag (right)."""
    settings = table["settings"]
    drawing = figure_of(
        table,
        (10, 7),
        f"Highest point of the AJ spectrum of one path, {settings['subcarriers']} subcarriers over "
        f"{settings['span_hz'] / 1e6:g} MHz, {settings['packets']} packets, no static part. Dotted: the "
        "paper's φ = 0.089 Q and "
        "τ_d = 0.12. Triangles at the left edge: symmetric lags. Bars: 95 %.",
    )
    panels = drawing.subplots(2, 2, sharey="row", sharex="col")
    for row, state in zip(panels, STATES, strict=True):
        for axis, key in zip(row, ("lag_ratio", "min_lag"), strict=True):
            for n, snr in enumerate(settings["snr_db"]):
                rows = [x for x in table[key] if x["snr_db"] == snr]
                value = np.array([x["ratio"][state]["rms"] for x in rows])
                spread = 1.96 * np.array([x["ratio"][state]["standard_error"] for x in rows])
                axis.errorbar(
                    [x[key] for x in rows], value, yerr=[np.minimum(spread, 0.7 * value), spread],
                    fmt=".-", color=f"C{n}", elinewidth=0.7, lw=1.2, label=f"{snr:g} dB",
                )  # fmt: skip
                if key == "min_lag":
                    best = next(x for x in table["symmetric"] if x["snr_db"] == snr)["ratio"][state]["rms"]
                    axis.plot([-0.01], [best], marker=">", color=f"C{n}")
            axis.axvline(PAPER_LAG if key == "lag_ratio" else PAPER_MIN_LAG, color="black", ls=":", lw=0.8)
            axis.axhline(1, color="black", lw=0.8)
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("{x:g}")
            axis.tick_params(axis="y", which="minor", labelsize=7)
            axis.grid(alpha=0.3, which="both")
        row[0].set_ylabel(f"{state}: rmse / bound")
    panels[1][0].set_xlabel("lag φ / Q")
    panels[1][1].set_xlabel("least autocorrelation lag / length of R")
    panels[0][0].legend(title="SNR", fontsize=8)
    return drawing
