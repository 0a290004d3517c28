"""Study `motion`: how fast the targets of each shipped scenario move, and how far their paths are from cubics.

For each target: the derivatives of its true path at 33 moments of the window, and at the window's centre, where the
ground truth of a capture is. The path is that of `motion_model: exact`, whatever the scenario says. For a body it is
that of its reference point. Two cubics are set against it: the truth's (the Taylor cubic at the centre, which a
scenario with `motion_model: polynomial` simulates in the path's place) and the one that fits the window best. Where a
scenario gives path kinematics, the cubic is the path.

``python -m isacsim.validation.motion out/validation/motion.json`` prints a finished table in Markdown.

Full size: 500 targets of each of 27 scenarios: 40 s on one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.scenario.catalogue import list_scenarios, load_scenario
from isacsim.scenario.model import Scenario
from isacsim.simulation.drawing import draw_target
from isacsim.targets.kinematics import Motion, path_kinematics, path_length_cubic, path_length_exact

from .points import Compute, Point
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DESCRIPTION", "NAME", "departures", "figure", "markdown", "point", "run"]

NAME = "motion"
DESCRIPTION = "each scenario's path velocity, acceleration and jerk; how far paths are from cubics (40 s)"

Real = NDArray[np.float64]

STATES = ("velocity", "acceleration", "jerk")
LEVELS = (0.5, 0.95, 0.99)
_MOMENTS = 33


def departures(motion: Motion, scenario: Scenario, receiver: int) -> tuple[float, float]:
    """Measure how far a path leaves the truth's cubic and its best one within the window.

    Parameters
    ----------
    motion : Motion
        Of the target's reference point.
    scenario : Scenario
        For the antennas, the window and the wavelength.
    receiver : int
        Which of ``radio.receivers``.

    Returns
    -------
    (float, float)
        The largest distance from either cubic, carrier wavelengths.
    """
    radio = scenario.radio
    time, ends = radio.time_s, (radio.transmitter_m, radio.receivers[receiver].position_m)
    exact = path_length_exact(motion, *ends, time)
    powers = np.vander(time / time[-1], 4)
    best = powers @ np.linalg.lstsq(powers, exact, rcond=None)[0]
    off = (np.abs(exact - cubic).max() for cubic in (path_length_cubic(motion, *ends, time), best))
    taylor, fitted = (float(x) / radio.wavelength_m for x in off)
    return taylor, fitted


def point(name: str, trials: int, seed: int) -> dict[str, Any]:
    """Quantiles of one scenario's targets; ``motion_model`` says what it simulates."""
    scenario = load_scenario(name)
    radio = scenario.radio
    moments = np.linspace(radio.time_s[0], radio.time_s[-1], _MOMENTS)
    surveillance = [i for i, r in enumerate(radio.receivers) if r.role == "surveillance"]
    within, centre, off = [], [], []
    for index in range(trials):
        # One of the template, or all fixed ones.
        for number, config in enumerate(scenario.targets.configs(1)):
            motion = draw_target(scenario, config, seed=seed, index=index, number=number)[1].reference
            for i in surveillance:
                ends = radio.transmitter_m, radio.receivers[i].position_m
                within.append([path_kinematics(motion, *ends, t)[1:] for t in moments.tolist()])
                centre.append(path_kinematics(motion, *ends)[1:])
                off.append(departures(motion, scenario, i))
    taylor, best = np.array(off).T
    return {
        "scenario": name,
        "motion_model": scenario.motion_model,
        "axes": [scenario.spectrum.acceleration_max_m_s2, scenario.spectrum.jerk_max_m_s3],
        "window": _quantiles(np.array(within).reshape(-1, 3)),
        "centre": _quantiles(np.array(centre)),
        "wavelengths": {"taylor": _spread(taylor), "best": _spread(best)},
    }


def _quantiles(states: Real) -> dict[str, list[float]]:
    """Quantiles `LEVELS` of the magnitude of each of `STATES`; states (sample, 3)."""
    rows = np.quantile(np.abs(states), LEVELS, axis=0).T
    return {name: row.tolist() for name, row in zip(STATES, rows, strict=True)}


def _spread(values: Real) -> dict[str, float]:
    median, most = np.quantile(values, [0.5, 0.95])
    return {"median": float(median), "quantile_95": float(most), "max": float(values.max())}


def moving() -> list[str]:
    """Names of the shipped scenarios that have targets."""
    return [name for name in list_scenarios() if max(load_scenario(name).targets.counts) > 0]


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (10 if quick else 500)
    names = ["default", "lab", "lab_cubic", "fall"] if quick else moving()
    table = opening(NAME, quick=quick, seed=seed, settings={"trials": trials, "levels": list(LEVELS)})
    points = [Point(name, point, {"name": name, "trials": trials, "seed": seed}) for name in names]
    table["rows"] = compute(table, points)
    return table


def markdown(table: Table) -> list[str]:
    """The lines of a table in Markdown: quantiles 50, 95, 99 % and departures."""
    lines = [
        "| scenario | \\|v\\| over the window [m/s] | \\|a\\| over the window, at its centre [m/s²] "
        "| \\|r\\| over the window, at its centre [m/s³] | from the ground truth's cubic [wavelengths] "
        "| from the best cubic |",
        "|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        v, a, r = (" / ".join(f"{x:.3g}" for x in row["window"][name]) for name in STATES)
        a_centre, r_centre = (" / ".join(f"{x:.3g}" for x in row["centre"][n]) for n in STATES[1:])
        off = [" / ".join(_length(x) for x in row["wavelengths"][n].values()) for n in ("taylor", "best")]
        name = f"`{row['scenario']}`" + (", cubic" if row["motion_model"] == "polynomial" else "")
        lines.append(f"| {name} | {v} | {a}, {a_centre} | {r}, {r_centre} | {off[0]} | {off[1]} |")
    return lines


def _length(wavelengths: float) -> str:
    # Below a hundredth nothing that follows can tell it from none.
    return f"{wavelengths:.2g}" if wavelengths >= 0.01 else "< 0.01"


def figure(table: Table) -> Figure:
    """Draw the quantiles of acceleration, jerk and the departures, a line a scenario."""
    rows = table["rows"]
    drawing = figure_of(
        table,
        (13, 0.28 * len(rows) + 2.4),
        "Targets of the shipped scenarios. Left and middle: quantiles 50, 95 and 99 % of the magnitude of path "
        "acceleration and jerk (from dark to light) over the window (blue) and at its centre (orange); bars: axes of "
        "the spectrum. Right: how far the true path leaves the truth's cubic (green) and the best one (red): median, "
        "95 % and maximum.",
    )
    panels = drawing.subplots(1, 3, sharey=True)
    y = -np.arange(len(rows), dtype=np.float64)
    for panel, name, unit, axis in zip(panels, STATES[1:], ("m/s²", "m/s³"), (0, 1), strict=False):
        for place, shift, colour in (("window", 0.17, "C0"), ("centre", -0.17, "C1")):
            for k, alpha in enumerate((1, 0.6, 0.3)):
                panel.plot(
                    [row[place][name][k] for row in rows],
                    y + shift,
                    ".",
                    color=colour,
                    alpha=alpha,
                    label=place,
                )
        panel.plot([row["axes"][axis] for row in rows], y, "|", color="#888888", ms=12)
        panel.set_xlabel(f"path {name} [{unit}]")
        panel.set_xscale("symlog", linthresh=1 if axis == 0 else 5)
    for kind, shift, colour in (("taylor", 0.17, "C2"), ("best", -0.17, "C3")):
        for key, alpha in (("median", 1.0), ("quantile_95", 0.6), ("max", 0.3)):
            values = [max(row["wavelengths"][kind][key], 1e-3) for row in rows]
            panels[2].plot(values, y + shift, ".", color=colour, alpha=alpha)
    panels[2].set_xscale("log")
    panels[2].set_xlabel("departure from a cubic [wavelengths]; 0.001 and less")
    names = [row["scenario"] + " (cubic)" * (row["motion_model"] == "polynomial") for row in rows]
    panels[0].set_yticks(y, names, fontsize=8)
    for panel in panels:
        panel.grid(alpha=0.3)
    return drawing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print a finished table in Markdown.")
    parser.add_argument("table", type=Path, help="motion.json, as `isacsim validate motion` wrote it")
    print("\n".join(markdown(json.loads(parser.parse_args().table.read_text(encoding="utf-8")))))
