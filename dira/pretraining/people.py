"""Training of the counters of people that come with dira: ``python -m dira.pretraining.people``.

Each learns from crowds of simulated bodies (`dira.data.crowds`) and is calibrated on whole simulations of other seeds.
`dira.experiment.people` judges them on others again. A run that was stopped goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from safetensors.torch import load_file

from dira.data.crowds import Crowds, make_bodies
from dira.experiment.people import MOST, plain, whole_window
from dira.models.people_counter import PeopleCounter
from dira.pretraining.record import Record, keeping
from isacsim.compute.provenance import machine
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.scenario.model import Scenario

__all__ = ["PLANS", "Plan", "make_people_counters"]

SEED = 20271
# Of whole simulations: a data set's seed, below 2^53, so it is that of no training's bodies.
VALIDATION_SEED, VALIDATION = 41_000_000, 400


class Plan(NamedTuple):
    """Plan of one counter."""

    scenario: str
    """Shipped scenario of walking people; its impairments are left out of the training."""
    bodies: int
    steps: int
    windows: tuple[int, ...]
    hop: int


PLANS = {
    "one_antenna": Plan("walker", 20_000, 8_000, (128, 256), 32),
    "lab_4x4": Plan("people_lab", 8_000, 2_000, (128,), 64),
}


def _windows(
    counter: PeopleCounter, scenario: Scenario, seed: int, n: int
) -> tuple[NDArray[np.complex64], NDArray[np.int64]]:
    """Cells and numbers of simulated captures, from 0 to `MOST` people in turn; those of arrays are thinned."""
    scenario = thinned(scenario)[0] if scenario.radio.has_arrays else scenario
    numbers = np.arange(n, dtype=np.int64) % (MOST + 1)
    cells = [counter.cells(whole_window(scenario, seed, i, int(number))) for i, number in enumerate(numbers)]
    return np.stack(cells), numbers


def _scored(
    counter: PeopleCounter, weights: Path, cells: NDArray[np.complex64], true: NDArray[np.int64]
) -> float:
    """Share that the weights of a checkpoint count right."""
    earlier = PeopleCounter(**counter.config.model_dump())
    earlier.network = earlier.build()
    earlier.network.load_state_dict(load_file(weights))
    return round(float((earlier.predict(cells) == true).mean()), 4)


def make_people_counters(
    work: Annotated[Path, typer.Option(help="Folder for bodies and checkpoints.")] = Path("out/people"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the weights go.")] = Path(
        "dira/weights/PeopleCounter"
    ),
    only: Annotated[str, typer.Option(help=f"Some of {','.join(PLANS)}.")] = ",".join(PLANS),
    workers: Annotated[int | None, typer.Option(help="Processes that simulate; default: one a core.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make dira's counters of people: one antenna, and 4 x 4 antennas."""
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in PLANS]:
        raise typer.BadParameter(f"--only must be some of {', '.join(PLANS)}, got {unknown[0]!r}.")
    for name in names:
        plan, folder = PLANS[name], work / name
        folder.mkdir(parents=True, exist_ok=True)
        record = Record(folder / "record.json", {**plan._asdict(), "seed": SEED})
        scenario = plain(plan.scenario)
        make_bodies(scenario, folder / "bodies", plan.bodies, seed=SEED, workers=workers)
        crowds = Crowds(scenario, folder / "bodies", plan.bodies, most=MOST, seed=SEED)
        counter = PeopleCounter(antennas=crowds.antennas, most=MOST, windows=plan.windows, hop=plan.hop)
        with record.timed(name) as bar:
            counter.fit(
                crowds,
                steps=plan.steps,
                checkpoints=folder / "steps",
                every=plan.steps // 20,
                seed=SEED,
                threads=1,
                device=device,
                progress=keeping(bar, folder),
            )
        cells, true = _windows(counter, scenario, VALIDATION_SEED, VALIDATION)
        curve = {plan.steps: round(float((counter.predict(cells) == true).mean()), 4)} | {
            done: _scored(counter, folder / f"after-{done}.safetensors", cells, true)
            for done in (plan.steps // 2, plan.steps // 4)
            if (folder / f"after-{done}.safetensors").exists()  # a kill may come before the copy
        }
        counter.calibrate(cells, true)
        counter.history |= {"name": name, "validation_right_after": curve}
        counter.save_pretrained(output / name, half=True)
        record.note(machine=machine(), validation_right_after=curve)
        typer.echo(f"{name}: right of {VALIDATION} validation captures after steps: {curve}")


if __name__ == "__main__":
    typer.run(make_people_counters)
