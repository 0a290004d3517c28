"""Study `images-bodies`: which window and which spectrum show people who walk, as points and as bodies.

3 to 7 people walk through a 6 x 8 m room, 5 to 25 dB, 80 MHz, 64 subcarriers, 500 packets/s. 4 x 4 antennas of
directional elements see them. One receiver is on the transmitter's wall, or a second one is on the wall to the right
too. Windows of 1, 2 and 4 s; no impairments. Axes hold 95 % of the walkers' truth: `AXES`.

Truth of a window is the cubic that fits the reference point's path best under a Hann window; `true motion` is the image
of the reference points alone. A maximum belongs to a person within
`GATE` of the study `images` at one second; over longer windows that shrinks with the window squared and cubed, down to
a twentieth of the axes. `chance` is the recall of the same maxima against the next capture's people: what an image
shows is the difference. All else is as in the study `images`.

Paths are estimated (`modes`) over 1 s, of points over 2 s too.

Full size: 30 trials, 8 cases: about 15 minutes on one core.
"""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isacsim
from isacsim.scenario import Scenario
from isacsim.simulation.truth import realisation_of
from isacsim.spectrum.grid import symmetric_axis

from .images_scenes import Seen, window_truth
from .images_scored import FALSE, GATE, Image, assigned, images_of, maxima, scored
from .points import Compute, Point
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DESCRIPTION", "NAME", "figure", "markdown", "point", "run", "walks"]

NAME = "images-bodies"
DESCRIPTION = "people who walk in spectra of arrays: points and bodies, windows of 1 to 4 s (15 min)"

ANTENNAS = (4, 4)
# Window in s: largest acceleration and jerk on the axes. 95 % of 30 captures' walkers lie within; people who walk
# without swaying have less jerk.
AXES = {1: (2.0, 10.0), 2: (1.5, 1.5), 4: (1.5, 1.5)}
_RATE = 500.0
_ARRAY = {"kind": "linear", "elements": 4, "pattern": "tr38901", "looks_at_m": [3, 4.5, 1.2]}
_MODES = "modes, rendered"
_SHOWN = (
    *("coherent, no windows", "resolved, 0.875", "blind", "default", _MODES),
    *("true motion (ceiling)", "clean (ceiling)"),
)


def walks(*, body: str, window_s: int, receivers: int) -> Scenario:
    """People who walk through a room, as points or as walkers, and the radio that sees them."""
    places = [("a", [4.5, 0.3, 2.0]), ("b", [5.7, 6.0, 2.0])][:receivers]
    amax, rmax = AXES[window_s]
    return isacsim.load_scenario("walker").with_(
        spectrum={"acceleration_max_m_s2": amax, "jerk_max_m_s3": rmax},
        radio={
            "subcarriers": 64,
            "packet_rate_hz": _RATE,
            "packets": round(1.024 * window_s * _RATE),
            "transmitter_m": [1.5, 0.3, 2.0],
            "transmitter_array": _ARRAY,
            "receivers": [{"name": name, "position_m": at, "array": _ARRAY} for name, at in places],
        },
        targets={
            "count": {"min": 3, "max": 7},
            "within_axes": False,
            "template": {
                "amplitude": {"lognormal": [0, 0.3]},
                "body": {"kind": "walker", "height_m": {"uniform": [1.55, 1.9]}, "sway": True}
                if body == "walker"
                else {"kind": "point"},
                "motion": {
                    "kind": "trajectory",
                    "position_m": [{"uniform": [0.5, 5.5]}, {"uniform": [2, 7.5]}, {"uniform": [1.05, 1.25]}],
                    "speed_m_s": {"uniform": [0.5, 1.6]},
                    "heading_deg": {"uniform": [0, 360]},
                    "acceleration_m_s2": [{"uniform": [-0.25, 0.25]}, {"uniform": [-0.25, 0.25]}, 0],
                },
            },
        },
    )


def _seen(scenario: Scenario, seed: int, index: int) -> tuple[list[Seen], float]:
    """CSI that each receiver gets of one capture, and its signal-to-noise ratio in dB."""
    snr_db = float(np.random.default_rng([seed, index]).uniform(5, 25))
    capture = isacsim.simulate(scenario.with_(snr_db=snr_db), seed=seed * 1_000_003 + index)
    drawn = realisation_of(capture)
    time, frequency = capture["time"].values, capture["frequency"].values
    lengths = drawn.path_lengths(time)[:, drawn.reference]
    amplitude = drawn.received_amplitude[:, drawn.reference]
    axes = {
        "acceleration": symmetric_axis(scenario.spectrum.acceleration_max_m_s2, 64),
        "jerk": symmetric_axis(scenario.spectrum.jerk_max_m_s3, 64),
    }
    csi = capture["csi"].transpose("receiver", "subcarrier", "packet").values
    out = []
    for n in range(len(lengths)):
        truth = window_truth(time, lengths[n]) | {
            "amplitude": amplitude[n],
            "phase": np.zeros(amplitude.shape[1]),
        }
        out.append(
            Seen(time, frequency, csi.reshape(len(lengths), -1, *csi.shape[1:])[n], truth, axes, lengths[n])
        )
    return out, snr_db


def _searched(case: dict[str, Any]) -> bool:
    """Tell whether paths are estimated too: of limbs over seconds it would take minutes a capture."""
    return bool(case["window_s"] <= (2 if case["body"] == "point" else 1))


def _gate(window_s: int) -> tuple[float, float]:
    """Largest error in acceleration and jerk with which a maximum is a person's."""
    a, r = (max(GATE[i] / window_s ** (2 + i), AXES[window_s][i] / 20) for i in (0, 1))
    return a, r


def point(case: dict[str, Any], trials: int, seed: int) -> list[dict[str, Any]]:
    """Every image of one case's captures, a row each."""
    scenario = walks(body=case["body"], window_s=case["window_s"], receivers=case["receivers"])
    every = images_of(ANTENNAS, modes=True, motion=True)
    images: dict[str, Image] = {name: every[name] for name in _SHOWN if name != _MODES or _searched(case)}
    peaks: dict[str, list[list[NDArray]]] = {name: [] for name in images}
    cost = dict.fromkeys(images, 0.0)
    truths: list[list[dict[str, NDArray]]] = []
    snr = []
    for i in range(trials):
        seen, snr_db = _seen(scenario, seed, i)
        snr.append(snr_db)
        truths.append([one.truth for one in seen])
        for name, image in images.items():
            began = clock.process_time()
            made = [image(one, ANTENNAS) for one in seen]
            if i or trials == 1:  # the first one compiles and plans
                cost[name] += (clock.process_time() - began) / len(seen) / max(1, trials - 1)
            peaks[name].append([maxima(one) for one in made])
    targets = [of[0]["amplitude"].size for of in truths]
    gate = _gate(case["window_s"])

    def against(name: str, shift: int) -> dict[str, Any]:
        others = truths[shift:] + truths[:shift]
        found = [
            [(p, assigned(p, truth, gate)) for p, truth in zip(receivers, of, strict=True)]
            for receivers, of in zip(peaks[name], others, strict=True)
        ]
        return scored(found, targets[shift:] + targets[:shift], snr)

    return [
        {
            **case,
            "image": name,
            **against(name, 0),
            "chance": against(name, 1)["recall"],
            "ms": round(1e3 * cost[name], 1),
        }
        for name in images
    ]


def _name(case: dict[str, Any]) -> str:
    apart = ", two receivers" if case["receivers"] == 2 else ""
    return f"{case['body']}s, {case['window_s']} s{apart}"


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (2 if quick else 30)
    cases = [
        {"body": body, "window_s": window_s, "receivers": receivers}
        for body, window_s, receivers in (
            [("walker", 1, 1)]
            if quick
            else [
                *((body, t, 1) for t in AXES for body in ("point", "walker")),
                *(("walker", t, 2) for t in (1, 2)),
            ]
        )
    ]
    settings = {"trials": trials, "axes": {str(t): AXES[t] for t in AXES}, "false_maxima": FALSE}
    settings |= {"gate": {str(t): _gate(t) for t in AXES}, "snr_db": (5, 25), "packet_rate_hz": _RATE}
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    points = [Point(_name(case), point, {"case": case, "trials": trials, "seed": seed}) for case in cases]
    table["rows"] = [{**row, "case": _name(row)} for of_case in compute(table, points) for row in of_case]
    return table


def markdown(table: Table) -> str:
    """Recall at 0.3 false maxima with chance in brackets, and processor time, as in docs/validation.md."""
    lines = ["| case | " + " | ".join(_SHOWN) + " |", "|---" * (len(_SHOWN) + 1) + "|"]
    for case in dict.fromkeys(row["case"] for row in table["rows"]):
        of_case = {row["image"]: row for row in table["rows"] if row["case"] == case}
        cells = [
            f"{of_case[i]['recall']['0.3']['value']:.2f} ({of_case[i]['chance']['0.3']['value']:.2f})"
            if i in of_case
            else ""
            for i in _SHOWN
        ]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    first = {row["image"]: row for row in table["rows"]}
    lines.append("| ms an image | " + " | ".join(f"{first[i]['ms']:.0f}" for i in _SHOWN) + " |")
    return "\n".join(lines)


def figure(table: Table) -> Figure:
    """Draw recall over windows, a panel a kind of people and of receivers; chance as crosses."""
    cases = list(dict.fromkeys(row["case"] for row in table["rows"]))
    drawing = figure_of(
        table,
        (8.0, 0.9 + 0.42 * len(cases) * 2),
        "Share of the people that an image's maxima show at 0.3 false maxima an image; bars: 95 %. Crosses: against "
        "the people of another capture.",
    )
    axis = drawing.subplots()
    height = 0.8 / len(_SHOWN)
    for k, image in enumerate(_SHOWN):
        rows = [row for row in table["rows"] if row["image"] == image]
        at = np.array([cases.index(row["case"]) for row in rows]) + (k - (len(_SHOWN) - 1) / 2) * height
        value = np.array([row["recall"]["0.3"]["value"] for row in rows])
        bounds = np.array([[row["recall"]["0.3"][end] for end in ("low", "high")] for row in rows]).T
        axis.barh(
            at, value, height, xerr=np.abs(bounds - value), color=f"C{k}", label=image, ecolor="#444444"
        )
        axis.plot([row["chance"]["0.3"]["value"] for row in rows], at, "kx", ms=3)
    axis.set_yticks(range(len(cases)), cases, fontsize=8)
    axis.set(xlim=(0, 1), xlabel="recall at 0.3 false maxima an image")
    axis.invert_yaxis()
    axis.grid(alpha=0.3, axis="x")
    drawing.legend(loc="outside right upper", fontsize=7)
    return drawing


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    print(markdown(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
