"""Spectra moved by chance, so that a network learns no place by heart."""

from __future__ import annotations

import torch

__all__ = ["mirrored_and_shifted"]


def mirrored_and_shifted(
    spectra: torch.Tensor, generator: torch.Generator, rows: slice, batch_size: int
) -> torch.Tensor:
    """Mirror spectra (sample, channel, acceleration, jerk) along either axis by chance and shift them in a circle.

    ``rows`` are those of a batch that are here; what happens to each is drawn for the whole batch.
    """
    places = []
    for bins in spectra.shape[-2:]:
        mirrored = torch.randint(0, 2, (batch_size, 1), generator=generator)[rows]
        shift = torch.randint(0, bins, (batch_size, 1), generator=generator)[rows]
        bin_ = torch.arange(bins)
        places.append((torch.where(mirrored == 1, -bin_, bin_) + shift).remainder(bins).to(spectra.device))
    acceleration, jerk = places
    sample = torch.arange(len(spectra), device=spectra.device)[:, None, None, None]
    channel = torch.arange(spectra.shape[1], device=spectra.device)[:, None, None]
    return spectra[sample, channel, acceleration[:, None, :, None], jerk[:, None, None, :]]
