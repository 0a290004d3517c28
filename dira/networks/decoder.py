"""Networks that make spectra of noise vectors (the GAN's generator, the VAE's decoder), and sampling from them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dira.config import Axes
from isacsim.errors import InputError

__all__ = ["Generator", "stages", "widths"]

_SMALLEST = 4


def stages(axes: Axes) -> int:
    """Halvings from the spectrum down to about 4 x 4 bins."""
    smallest = min(axes.bins_acceleration, axes.bins_jerk)
    n = int(np.log2(smallest / _SMALLEST))
    if n < 1 or axes.bins_acceleration % 2**n or axes.bins_jerk % 2**n:
        raise InputError(
            f"spectra of {axes.bins_acceleration} x {axes.bins_jerk} bins cannot be halved to about 4 x 4: both "
            "numbers must be multiples of the same power of two, 8 or more."
        )
    return n


def widths(first: int, n: int) -> list[int]:
    """Channels at the full resolution and after each halving."""
    return [first * min(2**i, 8) for i in range(n + 1)]


class Generator(nn.Module):
    """From a noise vector and conditions to spectra on the models' scale."""

    def __init__(self, latent: int, width: int, axes: Axes, classes: list[int]) -> None:
        super().__init__()
        n = stages(axes)
        wide = widths(width, n)
        self.shape = (wide[n], axes.bins_acceleration // 2**n, axes.bins_jerk // 2**n)
        self.conditions = nn.ModuleList(nn.Embedding(c, latent) for c in classes)
        self.first = nn.Linear(latent * (1 + len(classes)), int(np.prod(self.shape)))
        layers: list[nn.Module] = []
        for i in range(n, 0, -1):
            layers += [
                nn.BatchNorm2d(wide[i]),
                nn.ReLU(),
                nn.Upsample(scale_factor=2),
                nn.Conv2d(wide[i], wide[i - 1], 3, padding=1),
            ]
        layers += [
            nn.BatchNorm2d(wide[0]),
            nn.ReLU(),
            nn.Conv2d(wide[0], axes.channels, 3, padding=1),
            nn.Tanh(),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Make spectra; noise (sample, latent), labels int64 (sample, condition)."""
        parts = [noise, *(table(labels[:, i]) for i, table in enumerate(self.conditions))]
        out: torch.Tensor = self.layers(self.first(torch.cat(parts, 1)).reshape(-1, *self.shape))
        return out
