"""ResNet-18 (Fig. 3; He et al. 2016) on any number of channels."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["ResNet18"]


class _Block(nn.Module):
    """Two 3 x 3 convolutions and the way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the two ways."""
        y = functional.relu(self.bn1(self.conv1(x)))
        out: torch.Tensor = functional.relu(self.bn2(self.conv2(y)) + self.downsample(x))
        return out


class ResNet18(nn.Module):
    """ResNet-18 as published, with any number of input channels; ``features`` are what the last layer sees.

    Parameters
    ----------
    channels : int
        Input channels.
    outputs : int
        Classes.
    width : int
        Channels of the first stage, 64 as published.
    """

    def __init__(self, channels: int, outputs: int, width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        stages, inputs = [], width
        for stage in range(4):
            out = width * 2**stage
            stages.append(nn.Sequential(_Block(inputs, out, 1 if stage == 0 else 2), _Block(out, out, 1)))
            inputs = out
        self.stages = nn.Sequential(*stages)
        self.fc = nn.Linear(inputs, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Mean over the image of the last stage, shape (sample, 8 · width)."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        out: torch.Tensor = self.stages(x).mean(dim=(2, 3))
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (sample, class)."""
        out: torch.Tensor = self.fc(self.features(x))
        return out
