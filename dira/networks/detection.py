"""The network of the path detector: a U-Net from a spectrum to what is known of a path at each of its bins."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from isacsim.errors import InputError

__all__ = ["DetectionUNet", "PathMaps"]

_GROUPS = 8
# An offset reaches this many bins, so that the neighbours of a path's bin can point at it too.
REACH = 2.0
# Natural logarithm of the least and the largest standard deviation, in bins and in ln(level).
_LOG_STD = (-4.0, 2.0)
# Few bins hold a path: the first guess of every bin is a probability of 0.1 %.
_RARE = -7.0


class PathMaps(NamedTuple):
    """Output of the network for each bin; each (sample, [2,] acceleration, jerk)."""

    logit: torch.Tensor
    """Logit of the probability that a path's nearest bin is this one."""
    offset: torch.Tensor
    """From the bin's centre to the path, in bins; (sample, 2, acceleration, jerk)."""
    log_std: torch.Tensor
    """Logarithm of the offset's standard deviation; (sample, 2, acceleration, jerk)."""
    level: torch.Tensor
    """ln of the height that the path alone has in the spectrum, over the spectrum's maximum."""
    level_log_std: torch.Tensor

    @classmethod
    def of(cls, channels: torch.Tensor) -> PathMaps:
        """From the network's channels (sample, 7, acceleration, jerk)."""
        return cls(
            channels[:, 0],
            REACH * torch.tanh(channels[:, 1:3]),
            channels[:, 3:5].clamp(*_LOG_STD),
            channels[:, 5],
            channels[:, 6].clamp(*_LOG_STD),
        )


class DetectionUNet(nn.Module):
    """From spectra to maps of paths and the number of them.

    Parameters
    ----------
    widths : sequence of int
        Channels at each resolution, multiples of 8.
    patch : int
        Bins of each axis that become channels of one pixel.
    channels : int
        Spectra a sample.
    shape : tuple of int
        Bins of acceleration and jerk; each a multiple of patch · 2^(len(widths) - 1).
    most_targets : int
        Largest number of targets that the count knows.

    Raises
    ------
    InputError
        If the shape cannot be halved so often.
    """

    MAPS = 7

    def __init__(
        self, widths: tuple[int, ...], *, patch: int, channels: int, shape: tuple[int, int], most_targets: int
    ) -> None:
        super().__init__()
        halvings = patch * 2 ** (len(widths) - 1)
        if any(n % halvings for n in shape):
            raise InputError(
                f"spectra of {shape[0]} x {shape[1]} bins do not fit {len(widths)} widths and patches of {patch}: both "
                f"numbers must be multiples of {halvings}."
            )
        self.patch = patch
        self.first = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_Residual(w, w) for w in widths)
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_Residual(a + b, a) for a, b in reversed(list(pairwise(widths))))
        self.last = nn.Sequential(
            nn.GroupNorm(_GROUPS, widths[0]),
            nn.SiLU(),
            nn.Conv2d(widths[0], self.MAPS * patch**2, 3, padding=1),
        )
        self.number = nn.Linear(2 * widths[-1], most_targets + 1)
        rare = self.last[2]
        assert isinstance(rare, nn.Conv2d)
        assert rare.bias is not None
        nn.init.zeros_(rare.bias)
        with torch.no_grad():
            rare.weight *= 0.1
            rare.bias[: patch**2] = _RARE

    def forward(self, spectra: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps (sample, 7, acceleration, jerk), see `PathMaps.of`, and logits of the count (sample, most + 1)."""
        x = self.first(functional.pixel_unshuffle(spectra, self.patch))
        kept = []
        for i, block in enumerate(self.down):
            x = block(x)
            if i < len(self.narrow):
                kept.append(x)
                x = self.narrow[i](x)
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        for block in self.up:
            x = block(torch.cat([kept.pop(), functional.interpolate(x, scale_factor=2.0)], dim=1))
        return functional.pixel_shuffle(self.last(x), self.patch), self.number(pooled)


class _Residual(nn.Module):
    """Two convolutions beside the way past them (He et al. 2016), with group norms."""

    def __init__(self, of: int, to: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.GroupNorm(_GROUPS, of),
            nn.SiLU(),
            nn.Conv2d(of, to, 3, padding=1),
            nn.GroupNorm(_GROUPS, to),
            nn.SiLU(),
            nn.Conv2d(to, to, 3, padding=1),
        )
        self.past = nn.Identity() if of == to else nn.Conv2d(of, to, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        out: torch.Tensor = self.past(x) + self.way(x)
        return out
