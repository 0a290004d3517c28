"""Training of the detectors that come with dira: ``python -m dira.pretraining.detectors``.

Each is trained on an endless stream of thinned simulations until its curve is flat, calibrated on simulations of other
seeds, and judged on others again, at full size. Checkpoints stay in the working folder: a run that was stopped goes on.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
import xarray as xr
from safetensors.torch import load_file

from dira.metrics.detection import GATE, match_detections, true_paths
from dira.models.detector import PathDetector
from dira.pretraining.record import Record, keeping
from isacsim.compute.provenance import machine
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.endless import EndlessSamples
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.files import strict_json, written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario

__all__ = ["DETECTORS", "Plan", "held_out", "judged", "make_detectors"]

SEED = 20261
# Of held-out samples: data sets' seeds, below 2^53, so none is a stream's.
VALIDATION_SEED, TEST_SEED = 31_000_000, 32_000_000
VALIDATION, TEST = 1000, 1000
"""Thinned simulations for calibration, and whole ones for the figures."""
FALSE = 0.3
NETWORK: dict[str, Any] = {"widths": (32, 64, 96, 128), "scaling": {"power": 0.5}}
TRAINING: dict[str, Any] = {
    "batch_size": 64,
    "learning_rate": 1.5e-3,
    "warmup": 200,
    "decay": "cosine",
    "average": 0.998,
    "precision": "bf16",
}
# All that a receiver does to packets, as in `lab`; the reference antenna of one antenna takes it out again.
_HARDWARE: dict[str, Any] = {
    name: load_scenario("lab").model_dump(mode="json", exclude_none=True)["impairments"][name]
    for name in ("cfo", "sfo", "sto", "agc", "jitter", "loss", "quantisation")
}
_REFERENCE: list[dict[str, Any]] = [
    {"name": "rx", "position_m": [2, 0, 1]},
    {
        "name": "reference",
        "role": "reference",
        "position_m": [1.7, 0, 1],
        "dynamic_gain_db": -18,
        "static_gain_db": 3,
    },
]


class Plan(NamedTuple):
    """Plan of one detector's training data."""

    scenario: str
    """A shipped one, or several of them with commas, judged each by itself."""
    varied: bool
    """True if every second sample has all impairments, and a band of 20, 40 or 80 MHz."""
    steps: int
    uses: int
    """Number of times that each simulation is used."""


DETECTORS = {
    "rooms_4x4": Plan("lab,corridor,hall", False, 5000, 4),
    "points_4x4": Plan("points_4x4", True, 2600, 4),
    "points_4x1": Plan("points_4x1", True, 2600, 4),
    "points_3x1": Plan("points_3x1", True, 2600, 4),
    "points_1x1": Plan("points_1x1", True, 2600, 4),
}


# A user's capture may hold none, or more than the 3 to 7 targets of the figures.
_COUNTS: dict[str, Any] = {
    "targets": {"count": {"min": 0, "max": 9}},
    "dataset": {"per_class": None, "n_samples": 1000},
}
MEASURED = range(3, 8)
"""Numbers of targets of the samples that the figures are of."""


def scenarios_of(plan: Plan) -> list[Scenario]:
    """List the scenarios that its stream simulates, in turn."""
    shipped = [load_scenario(name).with_(**_COUNTS) for name in plan.scenario.split(",")]
    if not plan.varied:
        return shipped
    out = []
    for scenario in shipped:
        single = scenario.radio.antennas == (1, 1)
        for i, mhz in enumerate((80, 40, 20)):
            plain = scenario.with_(name=f"{scenario.name}_plain{i}")
            radio: dict[str, Any] = {"bandwidth_hz": mhz * 1e6} | (
                {"receivers": _REFERENCE} if single else {}
            )
            hard = scenario.with_(name=f"{scenario.name}_{mhz}", radio=radio, impairments=_HARDWARE)
            out += [plain, hard]
    return out


def held_out(scenario: Scenario, seed: int, n: int, *, thin: bool) -> xr.Dataset:
    """Samples that no stream has, noisy and clean spectra with their truth."""
    made = thinned(scenario)[0] if thin else scenario
    numbers = np.random.default_rng(seed).choice(scenario.targets.counts, n).tolist()
    return make_samples(made, seed=seed, indices=range(n), n_targets=numbers, kinds=("noisy", "clean"))


def judged(detector: PathDetector, samples: xr.Dataset, device: str = "auto") -> dict[str, Any]:
    """Judge a detector on held-out spectra."""
    axes = samples["aj_noisy"].coords
    most = float(axes["acceleration"].max()), float(axes["jerk"].max())
    step = np.array([float(np.diff(axes[name])[0]) for name in ("acceleration", "jerk")])
    paths = true_paths(samples, most=most)
    found = detector.detect(samples["aj_noisy"], threshold=0.0, device=device)
    matches = match_detections(found, paths, GATE)
    own = match_detections(detector.detect(samples["aj_noisy"], device=device), paths, GATE)
    count = np.isfinite(paths).all(axis=-1).sum(axis=1)
    probability = found["count_probability"].values
    said = probability.argmax(axis=1)
    among = MEASURED[0] + probability[:, list(MEASURED)].argmax(axis=1)
    return {
        "spectra": matches.samples,
        "targets": matches.targets,
        "recall": {str(false): round(matches.recall(false), 4) for false in (0.1, 0.3, 1.0, 3.0)},
        "rms_bins": np.round(np.array(matches.rms(FALSE)) / step, 3).tolist(),
        "at_threshold": {
            "recall": round(float(own.true.sum() / own.targets), 4),
            "false": round(float((~own.true).sum() / own.samples), 3),
        },
        "count_right": round(float((said == count).mean()), 4),
        "count_right_told_3_to_7": round(float((among == count).mean()), 4),
        "count_within_one": round(float((np.abs(said - count) <= 1).mean()), 4),
        "reliability": [[round(p, 3), round(share, 3), n] for p, share, n in matches.reliability()],
    }


def _recall(detector: PathDetector, samples: xr.Dataset, device: str) -> float:
    """Share of targets found at 0.3 false ones a spectrum."""
    axes = samples["aj_noisy"].coords
    paths = true_paths(samples, most=(float(axes["acceleration"].max()), float(axes["jerk"].max())))
    found = detector.detect(samples["aj_noisy"], threshold=0.0, device=device)
    return round(match_detections(found, paths, GATE).recall(FALSE), 4)


def _validation(scenarios: list[Scenario]) -> tuple[xr.DataArray, xr.Dataset]:
    """Thinned samples for calibration: spectra, and all with their truth."""
    share = VALIDATION // len(scenarios)
    sets = [held_out(one, VALIDATION_SEED, share, thin=True) for one in scenarios]
    together = xr.concat(sets, "sample", combine_attrs="drop_conflicts", data_vars="all")
    return together["aj_noisy"], together


def _tested(folder: Path, scenarios: list[Scenario], device: str) -> dict[str, Any]:
    """Figures of saved weights on whole samples of each scenario."""
    kept = PathDetector.from_pretrained(folder)
    number = TEST // len(scenarios)
    return {one.name: judged(kept, held_out(one, TEST_SEED, number, thin=False), device) for one in scenarios}


def make_detectors(
    work: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("out/detectors"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the weights go.")] = Path(
        "dira/weights/PathDetector"
    ),
    only: Annotated[str, typer.Option(help=f"Some of {','.join(DETECTORS)}.")] = ",".join(DETECTORS),
    workers: Annotated[int, typer.Option(help="Processes that simulate.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    again: Annotated[
        bool, typer.Option("--again", help="Train nothing: calibrate and judge the weights that are there.")
    ] = False,
) -> None:
    """Make dira's detectors: points of independent angles by arrays of 16, 4, 3 and 1 pairs, and the rooms."""
    for name in only.split(","):
        plan, folder = DETECTORS[name], work / name
        folder.mkdir(parents=True, exist_ok=True)
        of_plan = [load_scenario(one) for one in plan.scenario.split(",")]
        if again:
            there = PathDetector.from_pretrained(output / name)
            there.calibrate(*_validation(of_plan), false=FALSE, device=device)
            there.save_pretrained(output / name, half=True)
            content = {"machine": machine(), "test": _tested(output / name, of_plan, device)}
            with written_whole(folder / "again.json") as file:
                file.write_text(strict_json(content), encoding="utf-8")
            typer.echo(f"{name}: {content['test']}")
            continue
        record = Record(
            folder / "record.json",
            {**plan._asdict(), "network": NETWORK, "training": TRAINING, "seed": SEED},
        )
        scenarios = scenarios_of(plan)
        detector = PathDetector(**NETWORK)
        samples = EndlessSamples(scenarios, seed=SEED, workers=workers, thinned=True)
        stream = samples.reused(plan.uses, folder=folder / "stream")
        with record.timed(name) as bar:
            detector.fit(
                stream=stream,
                steps=plan.steps,
                checkpoints=folder / "steps",
                every=plan.steps // 20,
                seed=SEED,
                threads=1,
                device=device,
                progress=keeping(bar, folder),
                **TRAINING,
            )
        noisy, together = _validation(of_plan)
        curve = {plan.steps: _recall(detector, together, device)}
        for done in (plan.steps // 2, plan.steps // 4):
            earlier, axes = copy.deepcopy(detector), detector.fitted()[1]
            earlier.network = detector.build(axes, {})
            earlier.network.load_state_dict(load_file(folder / f"after-{done}.safetensors"))
            curve[done] = _recall(earlier, together, device)
        detector.calibrate(noisy, together, false=FALSE, device=device)
        detector.history["name"] = name
        detector.save_pretrained(output / name, half=True)
        figures = _tested(output / name, of_plan, device)
        record.note(machine=machine(), validation_recall_after=curve, test=figures)
        typer.echo(f"{name}: {figures}")


if __name__ == "__main__":
    typer.run(make_detectors)
