"""Views of one CSI window: what two receivers of the same motion might see of it."""

from __future__ import annotations

import torch

from dira.training.train import Batch

__all__ = ["one_view"]


def one_view(values: torch.Tensor, there: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Some of the pairs, all turned by one angle, with noise and lost packets."""
    _, pairs, _, _, packets = values.shape

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand((batch.size, *shape), generator=batch.generator)[batch.rows].to(values.device)

    present = there.flatten(2).any(dim=-1)
    # At least the pair with the largest draw stays.
    draw = uniform(pairs) * present
    stays = (draw > 0.5) | (draw == draw.amax(dim=1, keepdim=True))
    lost = uniform(packets) < 0.2 * uniform(1)
    there = there & stays[:, :, None, None] & ~lost[:, None, None]
    angle = 2 * torch.pi * uniform(1)
    c, s = (x[:, :, None, None] for x in (torch.cos(angle), torch.sin(angle)))
    turned = torch.stack(
        [c * values[:, :, 0] - s * values[:, :, 1], s * values[:, :, 0] + c * values[:, :, 1]], 2
    )
    noise = 0.3 * uniform(1)[:, :, None, None, None] * batch.normals(*values.shape[1:])
    return (turned + noise) * there[:, :, None], there
