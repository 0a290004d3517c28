"""Study `images`: which spectrum of an antenna array shows the targets, before anything is learned.

3 to 7 points at 80 MHz and one second, 5 to 25 dB, are seen by arrays of several sizes. Each capture is drawn as an
image by every combination of subcarriers and antennas. The image's local maxima are scored by one threshold on P /
max P for all images of a case. A maximum belongs to a target within 0.45 m/s² and 2 m/s³ of it; a target seen by two
receivers counts where one of them shows it, and their false maxima count half each.

Recall: share of the targets found where the threshold lets 0.3 false maxima an image pass. Largest: share of the
targets among the L largest maxima, L the true number. `clean` is the image of the true paths alone (the ceiling),
`modes` the image of what `estimate_paths` finds.

In a room paths are no cubics. They are scored against the middle of the window, and against the cubics that fit the
whole window best under a Hann window. The image sees the latter. `true motion` is the image of each true path alone.

Full size: 30 trials, 21 cases: about 30 minutes on one core.
"""

from __future__ import annotations

import time as clock
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .images_scenes import PLACES, independent, room
from .images_scored import FALSE, GATE, assigned, images_of, maxima, scored
from .points import Compute, Point
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "images"
DESCRIPTION = (
    "targets that spectra of antenna arrays show: combinations, equalisation, windows, rooms (30 min)"
)

ARRAYS = ((1, 1), (3, 1), (4, 1), (4, 4))


def point(case: dict[str, Any], trials: int, seed: int) -> list[dict[str, Any]]:
    """Every image of one case's captures, a row each."""
    antennas = tuple(case["antennas"])
    scene = (
        independent
        if case["scene"] == "independent angles"
        else partial(room, place=case["scene"], truth_of=case["truth"])
    )
    images = images_of(antennas, modes=case["modes"], motion=case["scene"] in PLACES)
    found: dict[str, list] = {name: [] for name in images}
    cost = dict.fromkeys(images, 0.0)
    targets, snr = [], []
    for i in range(trials):
        rng = np.random.default_rng([seed, i])
        snr.append(float(rng.uniform(5, 25)))
        seen = scene(
            rng,
            antennas=antennas,
            subcarriers=case["subcarriers"],
            spread=case["spread"],
            snr_db=snr[-1],
            unknown_chains=case["chains"] == "unknown",
        )
        targets.append(seen[0].truth["amplitude"].size)
        for name, image in images.items():
            began = clock.process_time()
            made = [image(one, antennas) for one in seen]
            if i or trials == 1:  # the first one compiles and plans
                cost[name] += (clock.process_time() - began) / len(seen) / max(1, trials - 1)
            peaks = [maxima(one) for one in made]
            found[name].append([(p, assigned(p, one.truth)) for p, one in zip(peaks, seen, strict=True)])
    return [
        {
            **case,
            "image": name,
            **scored(found[name], targets, snr),
            "ms": round(1e3 * cost[name], 1),
        }
        for name in images
    ]


def cases(quick: bool) -> list[dict[str, Any]]:
    """The arrays, scenes and radios of the study."""
    plain: dict[str, Any] = {
        "scene": "independent angles", "antennas": (4, 4), "subcarriers": 64, "spread": 0.3, "chains": "known",
        "modes": False, "truth": "middle",
    }  # fmt: skip
    if quick:
        return [{**plain, "subcarriers": 8}]
    differing: list[dict[str, Any]] = [
        *({"antennas": antennas, "modes": antennas in ((1, 1), (4, 4))} for antennas in ARRAYS),
        *({"antennas": antennas, "chains": "unknown"} for antennas in ((4, 1), (4, 4))),
        *({"antennas": antennas, "spread": 0.1} for antennas in ((1, 1), (4, 4))),
        *({"antennas": antennas, "subcarriers": n} for antennas in ((1, 1), (4, 4)) for n in (30, 256)),
        *({"scene": place} for place in PLACES),
        *({"scene": place, "truth": "window", "modes": True} for place in PLACES),
        {"scene": "one wall", "chains": "unknown"},
    ]
    return [{**plain, **one} for one in differing]


def _name(case: dict[str, Any]) -> str:
    rx, tx = case["antennas"]
    parts = [f"{rx} x {tx}", f"{case['subcarriers']} subcarriers", f"spread {case['spread']:g}"]
    of = ", the window's cubics" if case["truth"] == "window" else ""
    return f"{case['scene']}: {', '.join(parts)}, {case['chains']} chains{of}"


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (2 if quick else 30)
    settings = {"trials": trials, "gate": GATE, "false_maxima": FALSE, "snr_db": (5, 25), "packets": 1024}
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    chosen = cases(quick)
    rows = compute(
        table, [Point(_name(case), point, {"case": case, "trials": trials, "seed": seed}) for case in chosen]
    )
    table["rows"] = [{**row, "case": _name(row)} for of_case in rows for row in of_case]
    return table


def markdown(table: Table, images: tuple[str, ...]) -> str:
    """Recall at 0.3 false maxima of some images, a line a case, as in docs/validation.md."""
    lines = ["| case | " + " | ".join(images) + " |", "|---" * (len(images) + 1) + "|"]
    for case in dict.fromkeys(row["case"] for row in table["rows"]):
        of_case = {row["image"]: row for row in table["rows"] if row["case"] == case}
        shown = [f"{of_case[i]['recall']['0.3']['value']:.2f}" if i in of_case else "" for i in images]
        lines.append(f"| {case} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def figure(table: Table) -> Figure:
    """Draw recall of every image, a panel a case."""
    names = list(dict.fromkeys(row["case"] for row in table["rows"]))
    columns = min(5, len(names))
    lines = -(-len(names) // columns)
    drawing = figure_of(
        table,
        (3.4 * columns + 2, 3.6 * lines + 0.6),
        "Share of the targets that an image's maxima show at 0.3 false maxima an image; bars: 95 %. Circles: share "
        "among the L largest maxima. Numbers after `resolved`: the power of equalisation.",
    )
    panels = np.atleast_1d(drawing.subplots(lines, columns, sharex=True, sharey=True)).ravel()
    every = list(dict.fromkeys(row["image"] for row in table["rows"]))
    for axis, name in zip(panels, names, strict=False):
        rows = [row for row in table["rows"] if row["case"] == name]
        place = [every.index(row["image"]) for row in rows]
        recall = [row["recall"]["0.3"] for row in rows]
        value = np.array([r["value"] for r in recall])
        spread = np.abs(np.array([[r["low"], r["high"]] for r in recall]).T - value)
        axis.barh(place, value, xerr=spread, color="C0", alpha=0.7, height=0.7, ecolor="#444444")
        axis.plot([row["among_largest"]["value"] for row in rows], place, "o", color="C1", ms=3)
        axis.set_title(name.replace(": ", ":\n"), fontsize=7)
        axis.set_yticks(range(len(every)), every, fontsize=6)
        axis.grid(alpha=0.3, axis="x")
    panels[0].set(xlim=(0, 1))
    panels[0].invert_yaxis()
    for axis in panels[len(names) :]:
        axis.set_axis_off()
    return drawing
