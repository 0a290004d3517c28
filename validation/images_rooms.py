"""Study `images-rooms`: targets that the spectra of shipped rooms show, all impairments on, as a data set has them.

`lab`, `corridor`, `hall` (4 x 4 antennas, unknown chains, spectra by their own settings) beside the same rooms with one
antenna and a reference. Truth: the path's acceleration and jerk at the window's centre. The clean image's recall is
what no receiver can better with this spectrum: it says whether the antennas are well placed.

Full size: 60 captures a room: about 12 minutes on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import isacsim
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.pairs import pairs_together
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.simulation.truth import realisation_of, truth_at

from .images_scenes import window_truth
from .images_scored import FALSE, GATE, assigned, maxima, scored
from .points import Compute, Point
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "images-rooms"
DESCRIPTION = (
    "targets that the spectra of the shipped rooms show, all impairments on, against the clean ones (12 min)"
)
ROOMS = ("lab", "corridor", "hall", "lab_siso", "corridor_siso", "hall_siso")
IMAGES = ("noisy", "noiseless", "modes, rendered", "clean")


def point(scenario: str, trials: int, seed: int, modes: bool) -> list[dict[str, Any]]:
    """Every image of a room's captures, a row each."""
    images = [name for name in IMAGES if modes or "modes" not in name]
    found: dict[tuple[str, str], list[Any]] = {(name, t): [] for name in images for t in ("window", "centre")}
    targets, snr = [], []
    for i in range(trials):
        capture = isacsim.simulate(scenario, seed=seed + i)
        spectra = sample_spectra(capture)
        name = str(pairs_together(condition(capture), 0)["receiver"].values.flat[0])
        truth = truth_at(capture, name, 0.0)
        assert truth is not None  # it was simulated
        states = {"centre": {state: truth[state].values for state in ("acceleration", "jerk")}}
        drawn_paths = realisation_of(capture)
        time = drawn_paths.scenario.radio.time_s
        lengths = drawn_paths.path_lengths(time)[drawn_paths.receivers_of([0])[0]][drawn_paths.target >= 0]
        states["window"] = window_truth(time, lengths)
        targets.append(int(truth.sizes["path"]))
        snr.append(float(capture.attrs["snr_db"]))
        for image in images:
            if "modes" in image:
                paths = isacsim.estimate_paths(pairs_together(condition(capture, uniform=False), 0))
                drawn = isacsim.render_spectrum(paths, spectra["aj_noisy"][0])
            else:
                drawn = spectra[f"aj_{image}"][0]
            peaks = maxima(drawn)
            for against, of in states.items():
                found[image, against].append([(peaks, assigned(peaks, of))])
    return [
        {"scenario": scenario, "image": name, "truth": against, **scored(rows, targets, snr)}
        for (name, against), rows in found.items()
    ]


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (2 if quick else 60)
    rooms = ROOMS[:1] if quick else ROOMS
    prints = {name: isacsim.load_scenario(name).fingerprint() for name in rooms}
    settings = {"trials": trials, "gate": GATE, "false_maxima": FALSE, "scenarios": prints}
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    how = {"trials": trials, "seed": seed + 5_000_000, "modes": not quick}
    made = compute(table, [Point(name, point, {"scenario": name, **how}) for name in rooms])
    table["rows"] = [row for rows in made for row in rows]
    return table


def markdown(table: Table) -> str:
    """Recall at 0.3 false maxima, against the window's cubic and (in brackets) its centre, as in docs/arrays.md."""
    lines = ["| scenario | " + " | ".join(IMAGES) + " |", "|---" * (len(IMAGES) + 1) + "|"]
    for room in table["settings"]["scenarios"]:
        of = {
            (row["image"], row["truth"]): row["recall"]["0.3"]["value"]
            for row in table["rows"]
            if row["scenario"] == room
        }
        cells = [
            f"{of[i, 'window']:.2f} ({of[i, 'centre']:.2f})" if (i, "window") in of else "" for i in IMAGES
        ]
        lines.append(f"| `{room}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(table: Table) -> Figure:
    """Draw recall of every room's images."""
    rooms = list(table["settings"]["scenarios"])
    drawing = figure_of(
        table,
        (8.0, 0.9 * len(rooms) + 1.2),
        "Share of the targets that an image shows at 0.3 false maxima, all impairments on. Bars: 95 %.",
    )
    axis = drawing.subplots()
    for k, image in enumerate(IMAGES):
        rows = [row for row in table["rows"] if row["image"] == image and row["truth"] == "window"]
        at = np.array([rooms.index(row["scenario"]) for row in rows]) + 0.2 * (k - 1.5)
        value = np.array([row["recall"]["0.3"]["value"] for row in rows])
        if not rows:
            continue
        ends = np.array([[row["recall"]["0.3"][end] for end in ("low", "high")] for row in rows]).T
        axis.barh(at, value, 0.2, xerr=np.abs(ends - value), color=f"C{k}", label=image, ecolor="#444444")
    axis.set_yticks(range(len(rooms)), rooms)
    axis.set(xlim=(0, 1), xlabel="recall at 0.3 false maxima an image")
    axis.invert_yaxis()
    axis.grid(alpha=0.3, axis="x")
    drawing.legend(loc="outside right upper", fontsize=8)
    return drawing


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    print(markdown(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
