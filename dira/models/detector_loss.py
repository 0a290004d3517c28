"""Training of a path detector: mirrored spectra, and the likelihood of the places of true paths."""

from __future__ import annotations

import torch

from dira.models.detections import NEIGHBOURS
from dira.networks.detection import PathMaps
from dira.training.train import Batch

__all__ = ["mirrored", "of_paths"]


def mirrored(spectra: torch.Tensor, targets: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Mirror spectra and their targets, in bins, along either axis by chance."""
    targets = targets.clone()
    for axis in (0, 1):
        chosen = torch.randint(0, 2, (batch.size,), generator=batch.generator)[batch.rows].bool()
        chosen = chosen.to(spectra.device)
        spectra = torch.where(chosen[:, None, None, None], spectra.flip(axis + 2), spectra)
        last = spectra.shape[axis + 2] - 1
        targets[..., axis] = torch.where(chosen[:, None], last - targets[..., axis], targets[..., axis])
    return spectra, targets


def of_paths(
    maps: PathMaps, sample: torch.Tensor, nearest: torch.Tensor, paths: torch.Tensor
) -> torch.Tensor:
    """Negative log-likelihood of true offsets and levels at each path's bin and those about it, summed over paths."""
    total = maps.logit.new_zeros(())
    bins = torch.tensor(maps.logit.shape[1:], device=nearest.device)
    for i, j, weight in NEIGHBOURS:
        at = nearest + torch.tensor([i, j], device=nearest.device)
        inside = ((at >= 0) & (at < bins)).all(dim=1)
        s, (row, column), true = sample[inside], at[inside].T, paths[inside]
        offset, log_std = maps.offset[s, :, row, column], maps.log_std[s, :, row, column]
        miss = (true[:, :2] - at[inside] - offset) * torch.exp(-log_std)
        level_log_std = maps.level_log_std[s, row, column]
        level_miss = (true[:, 2] - maps.level[s, row, column]) * torch.exp(-level_log_std)
        gaussian = (0.5 * miss**2 + log_std).sum() + (0.5 * level_miss**2 + level_log_std).sum()
        total = total + weight * gaussian
    return total / sum(weight for *_, weight in NEIGHBOURS)
