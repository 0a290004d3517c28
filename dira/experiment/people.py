"""Counting people who walk, by `dira.PeopleCounter` and by the rule of `isacsim.count_targets`, on the same captures.

``python -m dira.experiment.people`` simulates whole captures of seeds that nothing learned from, conditions them as a
user's are, and counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
import xarray as xr
from numpy.typing import NDArray

from dira.models.people_counter import PeopleCounter
from dira.models.shipped import shipped_models
from isacsim.compute.provenance import machine
from isacsim.conditioning.conditioning import Reference, condition
from isacsim.counting.counting import count_windows
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.files import strict_json, written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.terminal import sample_progress, show_table

__all__ = ["CASES", "MOST", "TEST_SEED", "Case", "judged", "people", "plain", "whole_window"]

MOST = 7
TEST_SEED = 42_000_000
"""A data set's seed, below 2^53, so none is that of a training's bodies."""


class Case(NamedTuple):
    """Captures that are counted."""

    counter: str
    """Name of the counter that comes with dira."""
    scenario: str
    impaired: str
    """Scenario whose impairments it has beside noise; empty: none."""
    captures: int
    reference: Reference = "auto"
    """Removal of the common phase."""


CASES = {
    "walker, noise alone": Case("one_antenna", "walker", "", 700),
    "walker, impairments of lab_siso, reference self": Case("one_antenna", "walker", "lab_siso", 350, "self"),
    "walker, impairments of lab_siso, reference projection": Case(
        "one_antenna", "walker", "lab_siso", 350, "projection"
    ),
    "people_lab, noise alone": Case("lab_4x4", "people_lab", "", 700),
    "people_lab, all impairments": Case("lab_4x4", "people_lab", "people_lab", 350),
    "people_corridor, all impairments": Case("lab_4x4", "people_corridor", "people_corridor", 350),
    "people_hall, all impairments": Case("lab_4x4", "people_hall", "people_hall", 350),
}


def plain(name: str, *, impaired: str = "") -> Scenario:
    """Scenario with up to `MOST` people, and with the impairments of another one, or with noise alone."""
    given = load_scenario(name).model_dump(mode="json", exclude_unset=True)
    given.pop("impairments", None)
    if impaired:
        given["impairments"] = load_scenario(impaired).model_dump(mode="json", exclude_unset=True)[
            "impairments"
        ]
    given["targets"]["count"] = {"min": 0, "max": MOST}
    given["dataset"] = {"n_samples": 1}
    return Scenario.model_validate(given)


def whole_window(
    scenario: Scenario, seed: int, index: int, number: int, *, reference: Reference = "auto"
) -> xr.DataArray:
    """Simulate one capture with so many people, and condition it as a user does."""
    received = receive(realise(scenario, seed=seed, index=index, n_targets=number))
    return condition(received.bare_capture(), reference=reference, uniform=False)


def judged(probability: NDArray[np.float64], numbers: NDArray[np.int64]) -> dict[str, Any]:
    """Figures of probabilities of each number: shares right and within one, error, confusion, reliability.

    A row of NaN cannot tell: it counts as wrong, and as an error of the true number.
    """
    tells = np.isfinite(probability).all(axis=1)
    said = np.where(tells, np.nan_to_num(probability).argmax(axis=1), -1)
    error = np.where(tells, np.abs(said - numbers), numbers)
    right = said == numbers
    sure = np.nan_to_num(probability).max(axis=1)
    confusion = np.zeros((MOST + 1, probability.shape[1] + 1), np.int64)
    np.add.at(confusion, (numbers, said), 1)
    groups = [
        tells & (sure >= low) & (sure < high) for low, high in ((0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 2))
    ]
    return {
        "captures": len(numbers),
        "right": round(float(right.mean()), 4),
        "right_of_1_to_5": round(float(right[numbers <= 5].mean()), 4),
        "within_one": round(float((tells & (error <= 1)).mean()), 4),
        "mean_error": round(float(error.mean()), 4),
        "cannot_tell": round(float((~tells).mean()), 4),
        "confusion": confusion.tolist(),
        "reliability": [
            [round(float(sure[rows].mean()), 3), round(float(right[rows].mean()), 3), int(rows.sum())]
            for rows in groups
            if rows.any()
        ],
    }


def _by_rule(csi: xr.DataArray) -> NDArray[np.float64]:
    """Probabilities of the rule for bodies, of one antenna pair; NaN where it cannot tell."""
    found = count_windows([csi.isel(receiver=0)], targets="bodies", max_targets=MOST)
    return np.asarray(found["probability"].values[0])


def counted(case: Case, seed: int = TEST_SEED) -> dict[str, Any]:
    """Figures of a case: the counter's and the rule's. Captures of arrays are thinned (`isacsim.stream`)."""
    scenario = plain(case.scenario, impaired=case.impaired)
    counter = PeopleCounter.pretrained(case.counter)
    simulated = thinned(scenario)[0] if scenario.radio.has_arrays else scenario
    numbers = np.array([1 + index % MOST for index in range(case.captures)], np.int64)
    mine, rule = [], []
    with sample_progress(case.scenario, unit="captures") as tell:
        for index, number in enumerate(numbers):
            csi = whole_window(simulated, seed, index, int(number), reference=case.reference)
            mine.append(counter.predict_proba([csi])[0])
            rule.append(_by_rule(csi))
            tell(index + 1, len(numbers))
    return {"counter": judged(np.array(mine), numbers), "rule": judged(np.array(rule), numbers)}


def people(
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON file to write.")] = Path("people.json"),
    only: Annotated[
        str,
        typer.Option(
            help="Some of the cases, with semicolons; default: those with a counter that comes with dira."
        ),
    ] = "",
) -> None:
    """Count people in simulated captures, by the counters that come with dira and by the rule of isacsim."""
    known = shipped_models("PeopleCounter")
    names = [name for name, case in CASES.items() if case.counter in known]
    names = [name.strip() for name in only.split(";")] if only else names
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise typer.BadParameter(f"--only must be some of {'; '.join(CASES)}, got {unknown[0]!r}.")
    found: dict[str, Any] = {}
    for name in names:
        found[name] = counted(CASES[name])
        with written_whole(output) as file:
            content = {"seed": TEST_SEED, "machine": machine(), "cases": found}
            file.write_text(strict_json(content), encoding="utf-8")
    columns = ("right", "right_of_1_to_5", "within_one", "mean_error")
    rows = [
        (name, way, *(f"{one[column]:.2f}" for column in columns), f"{one['captures']}")
        for name, ways in found.items()
        for way, one in ways.items()
    ]
    titles = ["captures of", "by", "right", "right of 1 to 5", "within one", "mean error", "captures"]
    show_table("People counted", titles, rows)


if __name__ == "__main__":
    typer.run(people)
