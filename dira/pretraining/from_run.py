"""Ship the models of a finished run: ``python -m dira.pretraining.from_run out/laptop --name lab_4x4``.

Purifier, paired denoiser, the first seed's generator and the counter of the stream, with the axes and the settings of
the run's spectra, and with how the validation set chose to use the purifier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dira.data.spectra import read_spectra
from dira.experiment.presets import preset
from dira.experiment.samples import data
from dira.experiment.stages import Run, freeze
from dira.models.model import Model
from isacsim.errors import InputError
from isacsim.files import read_json

__all__ = ["ship"]


def _of_run(run: Run) -> dict[str, Model]:
    """Models of a run by their names there."""
    first = run.preset.seeds[0]
    return {name: run.model(name) for name in ("purifier", "denoiser", f"dira-{first}", "stream-counter")}


def ship(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run of dira reproduce.")],
    name: Annotated[str, typer.Option(help="Name of the models.")] = "lab_4x4",
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the weights go.")] = Path(
        "dira/weights"
    ),
) -> None:
    """Write the models of a finished run to dira's weights, as float16."""
    frozen = folder / "frozen.json"
    if not frozen.exists():
        raise InputError(f"{folder} holds no run of dira reproduce (frozen.json is missing).")
    run = freeze(preset(str(read_json(frozen)["preset"]["name"])), folder, device="cpu", tell=lambda *_: None)
    axes = read_spectra(data(run, "validation")["aj_noisy"])[1]
    chosen: dict[str, Any] = read_json(folder / "stages" / "guidance.json")["result"]["chosen"]
    for model in _of_run(run).values():
        # A run's models learn from bare arrays; here they are told what those spectra were.
        model.axes = axes
        model.history |= {"name": name, "scenarios": [run.preset.original], "run": run.digest}
        if type(model).__name__ == "Purifier":
            model.history["enhance"] = {"t_star": chosen["t_star"], "rounds": 1, "scale": chosen["a"]}
        to = model.save_pretrained(output / type(model).__name__ / name, half=True)
        typer.echo(f"{to}: {sum(file.stat().st_size for file in to.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(ship)
