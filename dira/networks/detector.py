"""The network of the detector: a small U-Net on bins gathered two by two into channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from isacsim.errors import InputError

__all__ = ["DetectorNet"]

_GROUPS = 8
# The share of bins with a target is below one in a hundred: training starts from there.
_PRIOR_LOGIT = -6.0


class _Block(nn.Module):
    """Two convolutions and what they add to."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, outputs) for _ in range(2))
        self.past = nn.Conv2d(inputs, outputs, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        made = functional.silu(self.norms[0](self.first(values)))
        return functional.silu(self.norms[1](self.second(made)) + self.past(values))


class DetectorNet(nn.Module):
    """Maps spectra (sample, channel, acceleration, jerk) to maps (sample, output, acceleration, jerk).

    Parameters
    ----------
    channels, outputs : int
        Of spectra and of maps; the first map is a logit that is rarely above zero.
    shape : tuple of int
        Bins; each a multiple of patch · 2^(widths - 1).
    widths : sequence of int
        Channels at each resolution, multiples of 8.
    patch : int
        Bins a side that become channels of one pixel.

    Raises
    ------
    InputError
        If the shape can't be halved so often.
    """

    def __init__(
        self, *, channels: int, outputs: int, shape: tuple[int, int], widths: Sequence[int], patch: int
    ) -> None:
        super().__init__()
        least = patch * 2 ** (len(widths) - 1)
        if any(n % least for n in shape):
            raise InputError(
                f"spectra of {shape[0]} x {shape[1]} bins don't fit {len(widths)} widths and patches of {patch}: both "
                f"numbers must be multiples of {least}."
            )
        self.patch = patch
        inputs = [channels * patch**2, *widths[:-1]]
        self.down = nn.ModuleList(_Block(i, o) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(_Block(low + high, high) for high, low in pairwise(widths))
        self.last = nn.Conv2d(widths[0], outputs * patch**2, 1)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.last.bias.zero_()  # type: ignore[union-attr]
            self.last.bias[: patch**2] = _PRIOR_LOGIT  # type: ignore[index]

    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        """Give the maps."""
        values = functional.pixel_unshuffle(spectra, self.patch)
        passed = []
        for number, block in enumerate(self.down):
            values = block(functional.avg_pool2d(values, 2) if number else values)
            passed.append(values)
        for block, beside in zip(reversed(self.up), reversed(passed[:-1]), strict=True):
            wide = functional.interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)
            values = block(torch.cat([wide, beside], dim=1))
        return functional.pixel_shuffle(self.last(values), self.patch)
