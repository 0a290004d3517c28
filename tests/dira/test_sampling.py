"""Samplers against a closed form: where the data are normal, so is what they make, and the best prediction is known."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from numpy.typing import NDArray
from torch import nn

from dira.config import Axes, ScheduleConfig
from dira.models.sampling import generate
from dira.models.schedule import alphas_bar, scheduler

pytestmark = pytest.mark.numerical

MEAN, DEVIATION = -0.3, 0.05


class Exact(nn.Module):
    """The conditional mean of the noise (or of the velocity) for independent normal bins."""

    def __init__(self, prediction: str) -> None:
        super().__init__()
        self.alphas, self.prediction = alphas_bar(ScheduleConfig()), prediction

    def forward(
        self, noisy: torch.Tensor, step: torch.Tensor, labels: object = None, given: None = None
    ) -> torch.Tensor:
        share = float(self.alphas[int(step.flatten()[0])])
        variance = share * DEVIATION**2 + 1 - share
        noise = (1 - share) ** 0.5 * (noisy - share**0.5 * MEAN) / variance
        if self.prediction == "epsilon":
            return noise
        clean = (noisy - (1 - share) ** 0.5 * noise) / share**0.5
        return share**0.5 * noise - (1 - share) ** 0.5 * clean


def _made(prediction: str, walk: Callable[[], Any]) -> NDArray[np.float32]:
    return generate(
        Exact(prediction),  # type: ignore[arg-type]
        Axes(channels=1, bins_acceleration=32, bins_jerk=32),
        None,
        4,
        walk=walk,
        seed=3,
        guidance=1.0,
        batch_size=4,
        device="cpu",
        progress=None,
    )


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    ("sampler", "steps", "low", "high"),
    [("dpm", 10, 0.78, 1.0), ("dpm", 20, 0.95, 1.0), ("ddim", 200, 0.75, 1.0), ("ddpm", 1000, 0.9, 1.05)],
)
def test_normal_data_come_out_normal(
    sampler: str, steps: int, low: float, high: float, prediction: str
) -> None:
    made = _made(prediction, lambda: scheduler(sampler, ScheduleConfig(), prediction=prediction, steps=steps))
    # 4096 bins: the mean is known to 0.0008, the deviation to 1.1 %.
    assert made.mean() == pytest.approx(MEAN, abs=0.005)
    assert low * DEVIATION < made.std() < high * DEVIATION


def test_evenly_spaced_steps_leave_out_what_is_fine() -> None:
    """Why the steps of DPM-Solver++ are those of Karras et al. (0.27 here; 0.98 with them)."""

    def even() -> Any:
        ours = scheduler("dpm", ScheduleConfig(), prediction="epsilon", steps=20)
        other = DPMSolverMultistepScheduler.from_config(ours.config, use_karras_sigmas=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # diffusers' way to NumPy
            other.set_timesteps(20)
        return other

    assert _made("epsilon", even).std() < 0.4 * DEVIATION
