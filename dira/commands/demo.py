"""The command ``dira demo``: captures of a scenario, what each way finds in them, and the truth beside it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from isacsim.terminal import Seed

__all__ = ["demo"]


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")] = Path(
        "out/dira.html"
    ),
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or a .yaml file.")] = "lab",
    samples: Annotated[int, typer.Option(help="Captures to simulate.", min=1)] = 8,
    seed: Seed = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Folder with PathDetector, Purifier, PairedDenoiser, TargetCounter, or some; default: dira's."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Simulate captures, find and count their targets in every way that fits, and leave one HTML page."""
    from dira.commands.demo_page import demo_page
    from isacsim.figures.html import check_page
    from isacsim.files import written_whole
    from isacsim.scenario.catalogue import load_scenario
    from isacsim.terminal import progress

    check_page(output)
    loaded = load_scenario(scenario)
    number = loaded.seed if seed is None else seed
    command = f"dira demo --scenario {shlex.quote(scenario)} --samples {samples} --seed {number}"
    with progress() as bar:
        task = bar.add_task("simulating", total=None)

        def tell(what: str, done: int, total: int, task: Any = task) -> None:
            bar.update(task, description=what, completed=done, total=total)

        page, conclusion = demo_page(
            loaded, samples=samples, seed=number, weights=weights, device=device, command=command, tell=tell
        )
    with written_whole(output) as file:
        file.write_text(page, encoding="utf-8")
    typer.echo(conclusion)
    typer.echo(f"dira demo: {output.absolute()} ({output.stat().st_size / 1e6:.1f} MB, open it in a browser)")
