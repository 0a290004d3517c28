"""All experiments in their order; each stage is done once, so that a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dira.experiment import baselines, counting, enhancement, expansion, purifiers
from dira.experiment.model_based import model_based
from dira.experiment.samples import simulate_all
from dira.experiment.stages import Run

__all__ = ["stages"]


def stages(run: Run) -> dict[str, Callable[[], dict[str, Any]]]:
    """List the stages, in their order."""
    seeds = run.preset.seeds
    return {
        "data": partial(simulate_all, run),
        "gan-rate": partial(baselines.gan_rate, run),
        **{f"expansion-{s}": partial(expansion.expand, run, s) for s in seeds},
        "samplers": lambda: {"rows": expansion.samplers(run)},
        "sizes": partial(expansion.sizes, run),
        "guidance": partial(purifiers.guidance, run),
        "enhancement": partial(enhancement.compare, run),
        "distances": partial(enhancement.distances, run),
        "process": lambda: {"pictures": [*run.array("process", partial(enhancement.process, run))]},
        **{f"counting-{s}": partial(counting.count, run, s) for s in seeds},
        "calibration": partial(counting.calibration, run),
        "data-ablations": partial(counting.data_ablations, run),
        "model-based": partial(model_based, run),
    }
