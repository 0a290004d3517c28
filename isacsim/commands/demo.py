"""``isacsim demo``: one page that shows the whole chain on one scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isacsim.commands.estimate import DEFAULT_METHOD
from isacsim.commands.options import Settings, scenario_with
from isacsim.commands.source import Seed
from isacsim.terminal import output, progress

__all__ = ["demo"]


def demo(
    output_file: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")] = Path(
        "out/demo.html"
    ),
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or a .yaml file.")] = "lab",
    seed: Seed = None,
    settings: Settings = None,
    method: Annotated[str, typer.Option(help="Estimator.")] = DEFAULT_METHOD,
) -> None:
    """Simulate a scenario and leave one HTML page: scene, CSI, spectra, estimates against ground truth.

    The page is self-contained and needs no network. An existing one is replaced.
    """
    from isacsim.commands.demo_page import STEPS, demo_page
    from isacsim.figures.html import check_page
    from isacsim.files import written_whole

    check_page(output_file)
    loaded = scenario_with(scenario, settings)
    with progress() as bar:
        task = bar.add_task("starting", total=STEPS)
        page = demo_page(
            loaded,
            seed=loaded.seed if seed is None else seed,
            method=method,
            given=scenario,
            step=lambda name: bar.update(task, description=name, advance=1),
        )
        with written_whole(output_file) as temporary:
            temporary.write_text(page, encoding="utf-8")
    output().print(
        f"demo: {output_file.absolute()} ({output_file.stat().st_size / 1e6:.1f} MB, open it in a browser)"
    )
