"""Network that counts bodies: spectrograms of delay cells and beams, and convolutions over Doppler and time."""

from __future__ import annotations

import itertools
import math

import torch
from torch import nn
from torch.nn import functional

__all__ = ["BodyCountingNetwork", "spectrograms"]

# Doppler bins, of as many as the longest window has: faster paths are feet's, and few.
_KEPT = 0.75


def spectrograms(cells: torch.Tensor, windows: tuple[int, ...], hop: int) -> torch.Tensor:
    """Spectrograms of delay cells, one of each window's length, on the same bins and times.

    Parameters
    ----------
    cells : torch.Tensor, complex, shape (sample, channel, time)
    windows : tuple of int
        Lengths of Hann windows, in times.
    hop : int
        Times from frame to frame.

    Returns
    -------
    torch.Tensor, shape (sample, window * channel, bin, frame)
        Square root of the amplitude over the window's rms; Doppler frequency 0 in the middle.
    """
    times, longest = cells.shape[-1], max(windows)
    bins = round(_KEPT * longest)
    frames = (times - min(windows)) // hop + 1
    out = []
    for length in windows:
        hann = torch.hann_window(length, device=cells.device)
        # Longer windows stand over the same middles, beyond the ends over nothing.
        beyond = (length - min(windows)) // 2
        cut = functional.pad(cells, (beyond, beyond)).unfold(-1, length, hop)[..., :frames, :]
        seen = torch.fft.fft(cut * (hann / hann.norm()), n=longest, dim=-1)
        power = torch.view_as_real(seen).square().sum(dim=-1)
        out.append(torch.cat([power[..., -(bins // 2) :], power[..., : bins - bins // 2]], dim=-1))
    together = torch.cat(out, dim=1)
    mean = together.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-30)
    return (together / mean).sqrt().sqrt().transpose(-1, -2)


class _Block(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, inside), nn.GroupNorm(8, outside)])
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(inside, outside, 3, stride, 1), nn.Conv2d(outside, outside, 3, 1, 1)]
        )
        same = inside == outside and stride == 1
        self.short: nn.Module = nn.Identity() if same else nn.Conv2d(inside, outside, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Residual of two convolutions."""
        h = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            h = convolution(functional.silu(norm(h)))
        out: torch.Tensor = h + self.short(x)
        return out


class BodyCountingNetwork(nn.Module):
    """Logits of each number of bodies from delay cells of an array's pairs.

    Parameters
    ----------
    antennas : (int, int)
        Receiving and transmitting elements, each a uniform row: beams of a row are the discrete Fourier transform over
        its elements.
    cells, windows, hop, widths, classes
        Delay cells, windows and steps of the spectrograms, channels of the stages, numbers that are told apart.
    """

    def __init__(
        self,
        *,
        antennas: tuple[int, int],
        cells: int,
        windows: tuple[int, ...],
        hop: int,
        widths: tuple[int, ...],
        classes: int,
    ) -> None:
        super().__init__()
        self.antennas, self.windows, self.hop = antennas, windows, hop
        channels = len(windows) * cells * math.prod(antennas) + 1
        by = max(1, max(windows) // 64)
        self.first = nn.Conv2d(channels, widths[0], (2 * by + 1, 3), (by, 1), (by, 1))
        rows = [
            torch.fft.fft(torch.eye(elements, dtype=torch.complex64)) / elements**0.5 for elements in antennas
        ]
        self.register_buffer("beams", torch.kron(*rows), persistent=False)
        stages: list[nn.Module] = [_Block(widths[0], widths[0], 1)]
        for before, width in itertools.pairwise(widths):
            stages += [_Block(before, width, 2), _Block(width, width, 1)]
        self.blocks = nn.Sequential(*stages)
        self.norm = nn.GroupNorm(8, widths[-1])
        self.head = nn.Sequential(nn.Linear(2 * widths[-1], 128), nn.SiLU(), nn.Linear(128, classes))

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Logits (sample, class) of complex cells (sample, pair, cell, time)."""
        with torch.no_grad():
            assert isinstance(self.beams, torch.Tensor)
            beams = (self.beams @ cells.flatten(2)).view(len(cells), -1, cells.shape[-1])
            seen = spectrograms(beams, self.windows, self.hop)
        doppler = torch.linspace(-1, 1, seen.shape[2], device=seen.device)
        where = doppler[None, None, :, None].expand(len(seen), 1, -1, seen.shape[3])
        h = self.blocks(self.first(torch.cat([seen, where], dim=1)))
        h = functional.silu(self.norm(h))
        out: torch.Tensor = self.head(torch.cat([h.mean(dim=(2, 3)), h.amax(dim=(2, 3))], dim=1))
        return out
