"""Samplers against a closed form: where the data are normal, so is what they make, and the best prediction is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dira.config import Axes, ScheduleConfig
from dira.sampling import generate
from dira.schedule import alphas_bar, scheduler

MEAN, DEVIATION = -0.3, 0.05


class Exact(nn.Module):
    """The conditional mean of the noise (or of the velocity) for independent normal bins."""

    def __init__(self, prediction: str) -> None:
        super().__init__()
        self.alphas, self.prediction = alphas_bar(ScheduleConfig()), prediction

    def forward(self, noisy: torch.Tensor, step: torch.Tensor, labels: object = None) -> torch.Tensor:
        share = float(self.alphas[int(step.flatten()[0])])
        variance = share * DEVIATION**2 + 1 - share
        noise = (1 - share) ** 0.5 * (noisy - share**0.5 * MEAN) / variance
        if self.prediction == "epsilon":
            return noise
        clean = (noisy - (1 - share) ** 0.5 * noise) / share**0.5
        return share**0.5 * noise - (1 - share) ** 0.5 * clean


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    ("sampler", "steps", "low", "high"),
    [("dpm", 10, 0.78, 1.0), ("dpm", 20, 0.95, 1.0), ("ddim", 200, 0.75, 1.0), ("ddpm", 1000, 0.9, 1.05)],
)
def test_normal_data_come_out_normal(
    sampler: str, steps: int, low: float, high: float, prediction: str
) -> None:
    made = generate(
        Exact(prediction),  # type: ignore[arg-type]
        Axes(channels=1, bins_acceleration=32, bins_jerk=32),
        None,
        4,
        walk=lambda: scheduler(sampler, ScheduleConfig(), prediction=prediction, steps=steps),
        seed=3,
        guidance=1.0,
        batch_size=4,
        device="cpu",
        progress=None,
    )
    # 4096 bins: the mean is known to 0.0008, the deviation to 1.1 %.
    assert made.mean() == pytest.approx(MEAN, abs=0.005)
    assert low * DEVIATION < made.std() < high * DEVIATION
