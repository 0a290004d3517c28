"""A transformer over patches of CSI windows: a token for each antenna pair and each short time."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["WindowTransformer"]


class WindowTransformer(nn.Module):
    """From CSI windows to a vector for each patch, and from these back to the patches.

    Parameters
    ----------
    bands, packets, patch : int
        Sub-bands and packets of a window; packets of a patch.
    facts : int
        Numbers that are told beside a window.
    width, depth, heads : int
        Of the transformer.
    """

    def __init__(
        self, *, bands: int, packets: int, patch: int, facts: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.patch = patch
        size = 2 * bands * patch
        # Of every packet and every band, whether it is there.
        self.embed = nn.Linear(size + patch + bands, width)
        self.facts = nn.Sequential(nn.Linear(facts, width), nn.GELU(), nn.Linear(width, width))
        self.time = nn.Parameter(0.02 * torch.randn(packets // patch, width))
        self.hidden = nn.Parameter(0.02 * torch.randn(width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.back = nn.Linear(width, size)

    def patches(self, values: torch.Tensor) -> torch.Tensor:
        """Cut values (window, pair, part, band, packet) to patches (window, pair, time, value)."""
        cut = values.unflatten(-1, (-1, self.patch))  # (window, pair, part, band, time, packet)
        return cut.permute(0, 1, 4, 2, 3, 5).flatten(3)

    def present(self, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Say of each patch (window, pair, time) whether anything is there, and of each of its packets and bands."""
        cut = there.unflatten(-1, (-1, self.patch)).permute(
            0, 1, 3, 2, 4
        )  # (window, pair, time, band, packet)
        return cut.flatten(3).any(dim=-1), torch.cat([cut.any(dim=3), cut.any(dim=4)], dim=-1)

    def forward(
        self,
        values: torch.Tensor,
        there: torch.Tensor,
        facts: torch.Tensor,
        hidden: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors of patches (window, pair · time, width), and whether anything is there (window, pair · time).

        ``hidden`` (window, pair, time) marks patches of which the network is shown nothing.
        """
        known, parts = self.present(there)
        tokens = self.embed(torch.cat([self.patches(values), parts.to(values.dtype)], dim=-1))
        if hidden is not None:
            tokens = torch.where(hidden[..., None], self.hidden, tokens)
        tokens = tokens + self.time + self.facts(facts)[:, None, None]
        known = known.flatten(1)
        # Without any patch attention would be of nothing.
        nothing = ~known.any(dim=1, keepdim=True)
        out = self.layers(tokens.flatten(1, 2), src_key_padding_mask=~(known | nothing))
        return out, known

    def pooled(self, vectors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Mean vector of a window's patches (window, width)."""
        weight = known.to(vectors.dtype)[..., None]
        return (vectors * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
