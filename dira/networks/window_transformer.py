"""A transformer over patches of CSI windows: a token for each antenna pair and each short time."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["WindowTransformer"]


class Block(nn.Module):
    """Attention and a layer of neurons, each beside a way past it, with norms first.

    Not torch's `TransformerEncoderLayer`: in evaluation that reads the weights of its linear layers past the adapters
    that low-rank fine-tuning puts around them.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """From tokens (window, token, width) and those that may be attended to (window, 1, 1, token) to tokens."""
        parts = self.qkv(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        out: torch.Tensor = x + self.down(functional.gelu(self.up(self.between(x))))
        return out


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
        self,
        *,
        bands: int,
        packets: int,
        patch: int,
        facts: int,
        width: int,
        depth: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.patch = patch
        size = 2 * bands * patch
        # Beside values and spectrum, whether anything is there, of every packet and every band.
        self.embed = nn.Linear(size + patch + bands + 2 * patch, width)
        self.facts = nn.Sequential(nn.Linear(facts, width), nn.GELU(), nn.Linear(width, width))
        self.time = nn.Parameter(0.02 * torch.randn(packets // patch, width))
        self.hidden = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.back = nn.Linear(width, 2 * patch)

    def patches(self, values: torch.Tensor) -> torch.Tensor:
        """Cut values (window, pair, part, band, packet) to patches (window, pair, time, value)."""
        cut = values.unflatten(-1, (-1, self.patch))  # (window, pair, part, band, time, packet)
        return cut.permute(0, 1, 4, 2, 3, 5).flatten(3)

    def spectra(self, values: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Doppler power spectra around each patch (window, pair, time, frequency), as log10 of the power.

        A segment is the patch and half a patch before and after it, under a Hann window. Power is summed over the
        sub-bands and divided by that of white noise of unit variance, so it knows neither phases nor losses.
        """
        half = self.patch // 2
        segments = torch.hann_window(2 * self.patch, device=values.device)

        def cut(x: torch.Tensor) -> torch.Tensor:
            padded = functional.pad(x, (half, 2 * self.patch - self.patch - half))
            return padded.unfold(-1, 2 * self.patch, self.patch) * segments

        known = cut(there.float()).square().sum(dim=(2, 4))[..., None]
        moving = torch.complex(cut(values[:, :, 0].float()), cut(values[:, :, 1].float()))
        power = torch.fft.fft(moving).abs().square().sum(dim=2) / known.clamp(min=1e-6)
        return torch.log10(power + 0.01)

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
        # Spectra reach into the patches beside theirs, so these must not hold what is hidden.
        shown = there if hidden is None else there & ~self._packets(hidden)
        spectra = self.spectra(values * shown[:, :, None], shown)
        tokens = self.embed(torch.cat([self.patches(values), parts.to(values.dtype), spectra], dim=-1))
        if hidden is not None:
            tokens = torch.where(hidden[..., None], self.hidden, tokens)
        tokens = tokens + self.time[: tokens.shape[2]] + self.facts(facts)[:, None, None]
        known = known.flatten(1)
        # Without any patch attention would be of nothing.
        attended = (known | ~known.any(dim=1, keepdim=True))[:, None, None]
        out = tokens.flatten(1, 2)
        for block in self.blocks:
            out = block(out, attended)
        return self.norm(out), known

    def _packets(self, of_patches: torch.Tensor) -> torch.Tensor:
        """Stretch what holds of patches (window, pair, time) to their packets (window, pair, 1, packet)."""
        return of_patches.repeat_interleave(self.patch, dim=-1)[:, :, None]

    def pooled(self, vectors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Mean vector of a window's patches (window, width)."""
        weight = known.to(vectors.dtype)[..., None]
        return (vectors * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
