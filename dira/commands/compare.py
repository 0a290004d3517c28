"""The command ``dira compare``: what finds the targets of a scenario, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dira.commands.options import model_in
from isacsim.errors import InputError
from isacsim.terminal import Json

if TYPE_CHECKING:
    from dira.models.detector import PathDetector
    from isacsim.scenario.model import Scenario

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
    # Whatever does not fit is told before captures are simulated, which takes minutes.
    detectors = {one.name: _detector_for(one, model) for one in loaded}
    results: dict[str, Any] = {}
    for scenario in loaded:
        with progress() as bar:
            task = bar.add_task(scenario.name, total=None)

            def tell(what: str, done: int, total: int, name: str = scenario.name, task: Any = task) -> None:
                bar.update(task, description=f"{name}: {what}", completed=done, total=total)

            made = drawn(scenario, captures, seed, tell)
            results[scenario.name] = compared(made, scenario, detectors[scenario.name], tell)
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


def _detector_for(scenario: Scenario, folder: Path | None) -> PathDetector | None:
    """Detector of a folder, else dira's own for the scenario's spectra; None, and a word of it, where none fits."""
    from dira.data.spectra import read_spectra
    from dira.models.detector import PathDetector
    from isacsim.dataset.synthetic.batch import make_samples

    if scenario.spectrum.combine == "delay":
        return None  # `drawn` says why it takes none
    spectra = make_samples(scenario, seed=0, indices=[0], kinds=("noisy",))["aj_noisy"]
    one = spectra.isel(receiver=0) if "receiver" in spectra.dims else spectra
    if folder is not None:
        detector: PathDetector = model_in(folder, "detector")
        detector.fitted()[1].check(read_spectra(one)[1], model="PathDetector")
        return detector
    try:
        return PathDetector.pretrained(one)
    except InputError as error:
        typer.echo(f"{scenario.name}: without PathDetector; {error}", err=True)
        return None
