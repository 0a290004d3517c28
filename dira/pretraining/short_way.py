"""Compare a detector that learned from thinned simulations with one that learned from whole ones.

``python -m dira.pretraining.short_way``: two detectors of one seed, one trained on whole simulations and one on
thinned ones. They see the same number of samples of the same captures: each target, channel and impairment is the
same, but noise is not. Both are judged on whole simulations of other seeds.
"""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import numpy as np
import typer

from dira.metrics.detection import GATE, match_detections, true_paths
from dira.models.detector import PathDetector
from dira.pretraining.detectors import NETWORK, TRAINING
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.scenario.catalogue import load_scenario
from isacsim.terminal import sample_progress

__all__ = ["short_way"]

_TRAIN_SEED, _TEST_SEED = 34_000_000, 35_000_000
_AT_ONCE = 50


def short_way(
    scenario: Annotated[str, typer.Argument(help="A shipped scenario.")] = "lab",
    samples: Annotated[int, typer.Option(help="Captures to learn from.")] = 1500,
    test: Annotated[int, typer.Option(help="Captures to judge on.")] = 400,
    steps: Annotated[int, typer.Option(help="Steps of each training.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of each training.")] = 0,
) -> None:
    """Train a detector both ways and print what each finds, as JSON."""
    whole = load_scenario(scenario)
    few, _ = thinned(whole)
    judged_on = _made(whole, _TEST_SEED, test)
    axes = judged_on["aj_noisy"].coords
    most = float(axes["acceleration"].max()), float(axes["jerk"].max())
    paths = true_paths(judged_on, most=most)
    out: dict[str, Any] = {
        "scenario": scenario,
        "samples": samples,
        "test": test,
        "steps": steps,
        "seed": seed,
    }
    for name, made_of in (("whole", whole), ("thinned", few)):
        begun = time.process_time()
        learned = _made(made_of, _TRAIN_SEED, samples)
        simulated = time.process_time() - begun
        detector = PathDetector(**NETWORK)
        detector.fit(learned["aj_noisy"], learned, steps=steps, seed=seed, threads=1, **TRAINING)
        found = detector.detect(judged_on["aj_noisy"], threshold=0.0)
        matches = match_detections(found, paths, GATE)
        out[name] = {
            "recall": {str(false): round(matches.recall(false), 4) for false in (0.3, 1.0)},
            "targets": matches.targets,
            "samples_per_s": round(samples / simulated, 1),
        }
    typer.echo(json.dumps(out, indent=1))


def _made(scenario: Any, seed: int, n: int) -> Any:
    import xarray as xr

    numbers = np.random.default_rng(seed).choice(scenario.targets.counts, n).tolist()
    parts = []
    with sample_progress(f"{scenario.radio.n_subcarriers} subcarriers") as tell:
        for first in range(0, n, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, n))
            parts.append(
                make_samples(
                    scenario,
                    seed=seed,
                    indices=some,
                    n_targets=numbers[some.start : some.stop],
                    kinds=("noisy",),
                )
            )
            tell(some.stop, n)
    return xr.concat(parts, "sample", data_vars="all")


if __name__ == "__main__":
    typer.run(short_way)
