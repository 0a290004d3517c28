"""Training of the path posterior that comes with dira: ``python -m dira.pretraining.solver``.

It trains on thinned simulations of four receiving antennas, made while it trains, and is judged on others
(`dira.pretraining.solver_judging`). Checkpoints stay in the working folder: a run that was stopped goes on.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from dira.data.path_stream import PathStream
from dira.models.path_posterior import PathPosterior
from isacsim.dataset.synthetic.endless import EndlessSamples
from isacsim.files import written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario

__all__ = ["SEED", "make_solver", "problem"]

SEED = 20263
TRAINING: dict[str, Any] = {"batch_size": 64, "learning_rate": 2e-3, "warmup": 100, "average": 0.995}


def problem() -> Scenario:
    """Scenario that the posterior is for: `points_4x1` with 0 to 5 targets."""
    changes: dict[str, Any] = {
        "targets": {"count": {"min": 0, "max": 5}},
        "dataset": {"per_class": None, "n_samples": 1000},
    }
    return load_scenario("points_4x1").with_(**changes)


def make_solver(
    work: Annotated[Path, typer.Option(help="Folder for simulations and checkpoints.")] = Path("out/solver"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the weights go.")] = Path(
        "dira/weights/PathPosterior/points_4x1"
    ),
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 5000,
    pace: Annotated[int, typer.Option(help="Steps for each chunk of simulations.")] = 30,
) -> None:
    """Train the path posterior."""
    posterior = PathPosterior()
    stream = EndlessSamples([problem()], seed=SEED, workers=0, thinned=True)
    source = PathStream(
        stream, posterior.config.most_paths, folder=work / "windows", first=min(8, pace), pace=pace
    )
    curve: dict[int, float] = {}
    begun = time.perf_counter()

    def progress(done: int, total: int, loss: float) -> None:
        if done % 50 == 0 or done == total:
            curve[done] = round(loss, 4)
            with written_whole(work / "curve.json") as file:
                file.write_text(json.dumps(curve), encoding="utf-8")
            typer.echo(f"{done}/{total} steps, loss {loss:.3f}, {time.perf_counter() - begun:.0f} s")

    work.mkdir(parents=True, exist_ok=True)
    posterior.fit(
        source,
        steps=steps,
        checkpoints=work / "steps",
        every=250,
        seed=SEED,
        threads=1,
        device="cpu",
        progress=progress,
        **TRAINING,
    )
    posterior.history["name"] = "points_4x1"
    posterior.history["curve"] = curve
    posterior.save_pretrained(output, half=True)


if __name__ == "__main__":
    typer.run(make_solver)
