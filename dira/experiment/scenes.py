"""From scenes to spectra and back: spectra generated of kinematics, and the kinematics read off them again.

``python -m dira.experiment.scenes --model FOLDER --scenario points_4x4`` draws kinematics of other seeds than the
training's, generates a spectrum for each scene, and lets a detector that was trained on simulations read them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import xarray as xr
from numpy.typing import NDArray

from dira.metrics.detection import GATE, match_detections, true_paths
from dira.metrics.distances import kernel_distance
from dira.models.detector import PathDetector
from dira.models.paired_diffusion import PairedDiffusion
from dira.pretraining.detectors import FALSE, held_out
from isacsim.compute.provenance import machine
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.files import strict_json, written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.terminal import sample_progress, show_table

__all__ = ["read_again", "scenes"]

SEED = 43_000_000
"""Seed of the scenes: a data set's, below 2^53, so no stream has it."""


def read_again(detector: PathDetector, spectra: xr.DataArray, truth: xr.Dataset) -> dict[str, Any]:
    """Find the paths in spectra, and compare them with the scene's.

    Parameters
    ----------
    detector : PathDetector
        Trained on simulations.
    spectra : xarray.DataArray, shape (sample, acceleration, jerk)
        Simulated or generated.
    truth : xarray.Dataset
        Data set with the targets of the samples.

    Returns
    -------
    dict
        Recall at 0.3 and 1 false detections a spectrum, rms errors in bins, share of counts that are right.
    """
    axes = spectra.coords
    most = float(axes["acceleration"].max()), float(axes["jerk"].max())
    step = np.array([float(np.diff(axes[name])[0]) for name in ("acceleration", "jerk")])
    paths = true_paths(truth, most=most)
    found = detector.detect(spectra, threshold=0.0)
    matches = match_detections(found, paths, GATE)
    counts = np.isfinite(paths).all(axis=-1).sum(axis=1)
    return {
        "recall": {str(false): round(matches.recall(false), 4) for false in (FALSE, 1.0)},
        "rms_bins": np.round(np.array(matches.rms(FALSE)) / step, 3).tolist(),
        "count_right": round(float((found["count_probability"].values.argmax(axis=1) == counts).mean()), 4),
    }


def scenes(
    model: Annotated[Path, typer.Option(help="Folder of a PairedDiffusion that makes aj_noisy of aj_clean.")],
    scenario: Annotated[str, typer.Option(help="Scenario that the kinematics are of.")] = "points_4x4",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for scenes.json and .png.")] = Path(
        "out/scenes"
    ),
    number: Annotated[int, typer.Option(help="Scenes.", min=20)] = 500,
    steps: Annotated[int, typer.Option(help="Steps of the sampler, DPM-Solver++.", min=1)] = 20,
    detector: Annotated[
        Path | None, typer.Option(help="Folder of a detector; default: dira's own that fits.")
    ] = None,
) -> None:
    """Generate spectra of chosen kinematics, and read the kinematics off them again."""
    generator = PairedDiffusion.from_pretrained(model)
    few, _ = thinned(load_scenario(scenario))
    samples = held_out(few, SEED, number, thin=False)
    reader = (
        PathDetector.pretrained(samples["aj_noisy"])
        if detector is None
        else PathDetector.from_pretrained(detector)
    )
    with sample_progress("generating", unit="spectra") as tell:
        values = generator.sample(
            samples["aj_clean"], seed=SEED, steps=steps, progress=lambda done, total, _: tell(done, total)
        )
    generated = samples["aj_noisy"].copy(data=values)
    another = samples["aj_noisy"].copy(data=np.roll(values, 1, axis=0))
    ways = {
        "simulated": samples["aj_noisy"],
        "generated": generated,
        "clean": samples["aj_clean"],
        "generated, of another scene": another,
    }
    results = {name: read_again(reader, spectra, samples) for name, spectra in ways.items()}
    half = number // 2
    simulated = samples["aj_noisy"].values
    distances = {
        "generated to simulated": _distance(simulated[:half], values[half:]),
        "simulated to simulated": _distance(simulated[:half], simulated[half:]),
        "clean to simulated": _distance(simulated[:half], samples["aj_clean"].values[half:]),
    }
    content = {
        "scenario": scenario,
        "scenes": number,
        "seed": SEED,
        "steps": steps,
        "model": generator.history,
        "machine": machine(),
        "results": results,
        "kernel_distance": distances,
    }
    output.mkdir(parents=True, exist_ok=True)
    with written_whole(output / "scenes.json") as file:
        file.write_text(strict_json(content), encoding="utf-8")
    with written_whole(output / "scenes.png") as file:
        _figure(samples, values).savefig(file, dpi=110, format="png")
    rows = [
        [
            name,
            *(f"{one['recall'][key]:.2f}" for key in (str(FALSE), "1.0")),
            *(f"{e:.2f}" for e in one["rms_bins"]),
            f"{one['count_right']:.2f}",
        ]
        for name, one in results.items()
    ]
    head = ["spectra", "recall at 0.3 false", "at 1", "rms a, bins", "rms r, bins", "counted"]
    show_table(f"{scenario}: {number} scenes, read by a detector", head, rows)
    for name, distance in distances.items():
        typer.echo(f"kernel distance, {name}: {distance:.4f}")


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return round(float(kernel_distance(one, other, resamples=0).value), 5)


def _figure(samples: xr.Dataset, values: NDArray[np.float32], columns: int = 5) -> Any:
    from matplotlib.figure import Figure

    a, r = (samples[name].values for name in ("acceleration", "jerk"))
    extent = (a[0], a[-1], r[0], r[-1])
    rows = {
        "rendered kinematics": samples["aj_clean"].values,
        "generated": values,
        "simulated": samples["aj_noisy"].values,
    }
    figure = Figure(figsize=(2.1 * columns, 6.2), layout="constrained")
    grid = figure.subplots(len(rows), columns)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for i, axes in enumerate(line):
            image = images[i] / max(float(images[i].max()), 1e-30)
            axes.imshow(image.T**0.25, origin="lower", extent=extent, aspect="auto", vmin=0, vmax=1)
            truth = samples.isel(sample=i)
            axes.plot(truth["target_acceleration"], truth["target_jerk"], "r+", markersize=5)
            axes.set(xlim=extent[:2], ylim=extent[2:])
            if i:
                axes.set_yticklabels([])
        line[0].set_ylabel(f"{name}\njerk (m/s³)")
    for axes in grid[-1]:
        axes.set_xlabel("acceleration (m/s²)")
    return figure


if __name__ == "__main__":
    typer.run(scenes)
