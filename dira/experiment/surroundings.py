"""From CSI to the surroundings: line of sight blocked or clear, and the room.

``python -m dira.experiment.surroundings`` simulates one person who walks, in rooms with other walls and antennas. It
learns from the delay profile of the static part, or from an encoder's code of the moving part. Line of sight is judged
in a room that was not learned from. Rooms are judged on captures of other people.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import ArrayLike, NDArray

from dira.data.windows import Windows, joined, reduced
from dira.experiment.label_methods import forest
from dira.experiment.label_tasks import PLACES, Place, scenario_in
from dira.metrics.probe import Probe, linear_probe, scored
from dira.models.encoder import Encoder
from isacsim.compute.provenance import machine
from isacsim.dataset.synthetic.sample import Conditioned
from isacsim.dataset.synthetic.workers import map_ordered
from isacsim.files import strict_json, written_whole
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.survey.static import static_channel
from isacsim.terminal import sample_progress, show_table

__all__ = ["DELAYS", "delay_profile", "surroundings"]

F64 = NDArray[np.float64]

DELAYS = 12
"""Cells of a power-delay profile, 1 / bandwidth apart, the strongest among the first."""
_BEFORE = 2
SEED = 44_000_000
_HALL = Place(
    "hall",
    (0.5, 5.0, 2.5),
    (14.0, 5.0, 2.5),
    {"kind": "linear", "elements": 3, "looks_at_m": [7, 5, 1.2]},
    {
        "power_db": {"uniform": [16, 22]},
        "delay_spread_ns": {"uniform": [70, 130]},
        "k_factor_db": {"uniform": [0, 6]},
    },
    (2.0, 13.0),
    (1.0, 9.0),
    (1.55, 1.9),
    (0.3, 0.3),
)
_SIGHT: dict[str, Any] = {"blocked": None, "clear": {"uniform": [3, 9]}}


class _Case(NamedTuple):
    place: Place
    label: int
    number: int
    seed: int


class _Seen(NamedTuple):
    windows: Windows
    profile: F64
    line_of_sight_db: float
    label: int


def delay_profile(csi: ArrayLike, frequency: ArrayLike) -> F64:
    """Power-delay profile of the static part of CSI, in dB of its sum.

    Parameters
    ----------
    csi : array_like, complex, shape (pair, subcarrier, packet)
        Conditioned.
    frequency : array_like, shape (subcarrier,)
        Hz, uniform or not.

    Returns
    -------
    numpy.ndarray, shape (12,)
        Power over delay cells of 1 / bandwidth under a Hann window, added over pairs. The strongest of each pair is at
        the third place, as clocks hide where zero is.
    """
    f = np.asarray(frequency, np.float64)
    static = np.asarray(csi).mean(axis=-1)
    width = np.ptp(f) * f.size / (f.size - 1)
    place = (f - f.min()) / np.ptp(f)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * (place * (f.size - 1) + 0.5) / f.size)
    cells = np.arange(f.size)
    turns = np.exp(2j * np.pi * np.outer(cells / width, f - f.mean()))
    power = np.abs((static * taper) @ turns.T) ** 2  # (pair, delay)
    profile = np.zeros(DELAYS)
    for one in power:
        first = int(one.argmax()) - _BEFORE
        profile += np.take(one, first + np.arange(DELAYS), mode="wrap")
    return np.asarray(10 * np.log10(profile / profile.sum() + 1e-5))


def _seen(task: str, case: _Case) -> _Seen:
    place = case.place
    if task == "sight":
        k_factor = _SIGHT[("blocked", "clear")[case.label]]
        place = replace(place, environment=place.environment | {"k_factor_db": k_factor})
    scenario = scenario_in("activity_walk", place)
    ready = Conditioned.of_received(receive(realise(scenario, seed=case.seed, index=case.number)))
    frequency = scenario.radio.frequency_hz
    return _Seen(
        reduced(ready.csi, ready.time, frequency),
        delay_profile(ready.csi, frequency),
        static_channel(ready.csi.mean(axis=-1), frequency).k_factor_db[1],
        case.label,
    )


def _cases(task: str, number: int) -> tuple[list[_Case], list[_Case]]:
    """Captures to learn from, and to judge on."""
    if task == "sight":
        first, second = (
            [_Case(PLACES[name], label, i, SEED + k) for label in range(2) for i in range(number)]
            for k, name in enumerate(("labels", "test"))
        )
        return first, second
    rooms = [PLACES["labels"], PLACES["test"], _HALL]
    people = ((1.5, 1.7), (1.7, 2.0))
    first, second = (
        [
            _Case(replace(room, height_m=height), label, i, SEED + 2 + k)
            for label, room in enumerate(rooms)
            for i in range(number)
        ]
        for k, height in enumerate(people)
    )
    return first, second


def _judged(task: str, known: list[_Seen], other: list[_Seen], encoder: Encoder | None) -> dict[str, Probe]:
    labels, true = (np.array([one.label for one in some], np.int64) for some in (known, other))
    profiles = [np.array([one.profile for one in some]) for some in (known, other)]
    found = {"delay profile, forest": scored(forest(profiles[0], labels, profiles[1], seed=0), true)}
    if task == "sight":
        k = [np.array([one.line_of_sight_db for one in some]) for some in (known, other)]
        cuts = np.unique(k[0])
        best = cuts[np.argmax([((k[0] >= cut) == labels).mean() for cut in cuts])]
        found["K-factor of the amplitudes"] = scored((k[1] >= best).astype(np.int64), true)
    if encoder is not None:
        codes = [
            encoder.encode_windows(joined([one.windows for one in some])).astype(np.float64)
            for some in (known, other)
        ]
        found["code of the moving part"] = linear_probe(codes[0], labels, codes[1], true)
        both = [np.concatenate(pair, axis=1) for pair in zip(codes, profiles, strict=True)]
        found["code and delay profile"] = linear_probe(both[0], labels, both[1], true)
    return found


def surroundings(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for surroundings.json.")] = Path(
        "out/surroundings"
    ),
    encoder: Annotated[Path | None, typer.Option(help="Folder of a pretrained encoder.")] = None,
    number: Annotated[int, typer.Option(help="Captures of each class and part.", min=4)] = 150,
    workers: Annotated[int | None, typer.Option(help="Processes that simulate; default: one a core.")] = None,
) -> None:
    """Tell from CSI whether the line of sight is blocked, and in which room it was taken."""
    trained = None if encoder is None else Encoder.from_pretrained(encoder)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for task in ("sight", "room"):
        parts = []
        with sample_progress(task, unit="captures") as tell:
            for cases in _cases(task, number):
                tasks = ((task, case) for case in cases)
                seen = []
                for one in map_ordered(_seen, tasks, workers=workers, ahead=8):
                    seen.append(one)
                    tell(len(seen), len(cases))
                parts.append(seen)
        results[task] = {
            name: {"accuracy": round(one.accuracy, 4), "macro_f1": round(one.macro_f1, 4)}
            for name, one in _judged(task, parts[0], parts[1], trained).items()
        }
    content = {"captures_a_class": number, "seed": SEED, "machine": machine(), "results": results}
    output.mkdir(parents=True, exist_ok=True)
    with written_whole(output / "surroundings.json") as file:
        file.write_text(strict_json(content), encoding="utf-8")
    show_table(
        "from CSI to the surroundings",
        ["task", "learned from", "accuracy", "macro-F1"],
        [
            [task, name, f"{one['accuracy']:.2f}", f"{one['macro_f1']:.2f}"]
            for task, of in results.items()
            for name, one in of.items()
        ],
    )


if __name__ == "__main__":
    typer.run(surroundings)
