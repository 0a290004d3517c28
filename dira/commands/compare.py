"""The command ``dira compare``: what finds the targets of a scenario, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dira.commands.options import model_in
from isacsim.errors import InputError
from isacsim.terminal import Json

__all__ = ["compare"]


def compare(
    scenarios: Annotated[list[str], typer.Argument(help="Shipped scenarios, or .yaml files.")],
    captures: Annotated[int, typer.Option(help="Captures of each.", min=1)] = 100,
    seed: Annotated[
        int, typer.Option(help="Seed of the first capture; the others follow.", min=0)
    ] = 33_000_000,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="Folder of a detector; default: dira's own that fits the spectra."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON with all figures and their conditions.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the targets of simulated captures in several ways, and print recall, errors and counts side by side."""
    import dira
    from dira.experiment.finding import FALSE, compared, drawn
    from isacsim import __version__
    from isacsim.files import check_output, strict_json, written_whole
    from isacsim.scenario.catalogue import load_scenario
    from isacsim.terminal import progress, show_json, show_table

    if output is not None:
        check_output(output)
    loaded = [load_scenario(name) for name in scenarios]
    names = [one.name for one in loaded]
    if len(set(names)) < len(names):
        raise InputError(f"scenarios must differ in their names, got {', '.join(names)}.")
    results: dict[str, Any] = {}
    for scenario in loaded:
        with progress() as bar:
            task = bar.add_task(scenario.name, total=None)

            def tell(what: str, done: int, total: int, name: str = scenario.name, task: Any = task) -> None:
                bar.update(task, description=f"{name}: {what}", completed=done, total=total)

            made = drawn(scenario, captures, seed, tell)
            fitting = dira.PathDetector.pretrained
            detector = fitting(made.noisy) if model is None else model_in(model, "detector")
            results[scenario.name] = compared(made, scenario, detector, tell)
        if as_json:
            continue
        rows = [
            [
                way,
                *(f"{one['recall'][str(false)]:.2f}" for false in FALSE),
                *(f"{one['as_said'][name]:.2f}" if one["as_said"] else "" for name in ("recall", "false")),
                f"{one['rms'][0]:.3f}",
                f"{one['rms'][1]:.2f}",
                f"{one['count_right']:.2f}",
            ]
            for way, one in results[scenario.name].items()
        ]
        head = ["way", *(f"at {false:g}" for false in FALSE), "by itself", "false", "rms a", "rms r", "count"]
        targets = next(iter(results[scenario.name].values()))["targets"]
        show_table(f"{scenario.name}: {captures} captures, {targets} targets", head, rows)
    whole = {
        "isacsim": __version__,
        "captures": captures,
        "seed": seed,
        "scenarios": {one.name: one.fingerprint() for one in loaded},
        "results": results,
    }
    if output is not None:
        with written_whole(output) as file:
            file.write_text(strict_json(whole), encoding="utf-8")
    if as_json:
        show_json(**whole)
