"""The network of both diffusion models (Fig. 2): diffusers' UNet with time, conditions and self-attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import UNet2DModel
from torch import nn
from torch.nn import functional

from dira.config import UNetConfig
from isacsim.errors import InputError

__all__ = ["SpectrumUNet"]

_HEAD = 32
_GROUPS = 8


class SpectrumUNet(nn.Module):
    """Predict the noise in a spectrum, given the step and any number of conditions.

    Parameters
    ----------
    config : UNetConfig
        Its size.
    channels : int
        Spectra a sample.
    shape : tuple of int
        Bins of acceleration and jerk; each a multiple of patch · 2^(blocks - 1).
    classes : sequence of int
        Number of values of each condition.
    given : int
        Spectra a sample that the network is shown beside the noisy ones.

    Raises
    ------
    InputError
        If the shape cannot be halved so often.
    """

    def __init__(
        self,
        config: UNetConfig,
        *,
        channels: int,
        shape: tuple[int, int],
        classes: Sequence[int] = (),
        given: int = 0,
    ) -> None:
        super().__init__()
        halvings = config.patch * 2 ** (len(config.blocks) - 1)
        if any(n % halvings for n in shape):
            raise InputError(
                f"spectra of {shape[0]} x {shape[1]} bins do not fit {len(config.blocks)} blocks and patches of "
                f"{config.patch}: both numbers must be multiples of {halvings}."
            )
        attention = config.attention or tuple(i == len(config.blocks) - 1 for i in range(len(config.blocks)))
        down = tuple("AttnDownBlock2D" if here else "DownBlock2D" for here in attention)
        up = tuple("AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attention))
        self.network: Any = UNet2DModel(
            sample_size=(shape[0] // config.patch, shape[1] // config.patch),
            in_channels=(channels + given) * config.patch**2,
            out_channels=channels * config.patch**2,
            layers_per_block=config.layers,
            block_out_channels=config.blocks,
            down_block_types=down,
            up_block_types=up,
            # A head is no wider than any block that has one; the middle has the last one's width.
            attention_head_dim=min(
                _HEAD,
                config.blocks[-1],
                *(b for b, here in zip(config.blocks, attention, strict=True) if here),
            ),
            norm_num_groups=_GROUPS,
            dropout=config.dropout,
            act_fn="silu",
            class_embed_type="identity" if classes else None,
        )
        self.patch = config.patch
        # One table a condition; their last row stands for "not given" (classifier-free guidance).
        width = 4 * config.blocks[0]
        self.conditions = nn.ModuleList(nn.Embedding(n + 1, width) for n in classes)

    @property
    def nothing(self) -> list[int]:
        """Class numbers that stand for "not given"."""
        return [int(table.num_embeddings) - 1 for table in self.conditions]  # type: ignore[arg-type]

    def forward(
        self,
        noisy: torch.Tensor,
        step: torch.Tensor,
        labels: torch.Tensor | None = None,
        given: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predict; spectra (sample, channel, acceleration, jerk), step (sample,), labels (sample, condition)."""
        if given is not None:
            noisy = torch.cat([noisy, given], dim=1)
        embedded = None
        if len(self.conditions):
            assert labels is not None
            embedded = torch.stack([table(labels[:, i]) for i, table in enumerate(self.conditions)]).sum(0)
        if self.patch == 1:
            out: torch.Tensor = self.network(noisy, step, class_labels=embedded).sample
            return out
        small = functional.pixel_unshuffle(noisy, self.patch)
        return functional.pixel_shuffle(self.network(small, step, class_labels=embedded).sample, self.patch)
