"""A distribution over sets of paths: one path after the other, each near a candidate or anywhere, until it stops."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from isacsim.errors import InputError

__all__ = ["PATH", "Encoded", "PathPosteriorNetwork", "Step", "spline_flow"]

PATH = 5
"""Numbers of a path: path length, velocity, acceleration, jerk, logarithm of the amplitude."""
_STATIC = 2
_USED = 4


def spline_flow(features: int, context: int, hidden: int, transforms: int = 2) -> Any:
    """Conditional neural spline flow of `zuko` (Durkan et al., NeurIPS 2019), autoregressive.

    Raises
    ------
    InputError
        If zuko is not installed.
    """
    try:
        import zuko
    except ModuleNotFoundError as error:
        raise InputError(
            "PathPosterior needs zuko, which is not installed: pip install 'isacsim[solver]'."
        ) from error
    return zuko.flows.NSF(features, context, bins=8, transforms=transforms, hidden_features=(hidden, hidden))


class Encoded(NamedTuple):
    """Windows, encoded."""

    whole: torch.Tensor
    """(window, width)."""
    tokens: torch.Tensor
    """(window, candidate, width)."""
    there: torch.Tensor
    """(window, candidate): true where there is one."""


class Step(NamedTuple):
    """Distribution of the next path, given those before it."""

    stop: torch.Tensor
    """(...): logit of no further path."""
    choice: torch.Tensor
    """(..., candidate + 1): logarithm of the share of each candidate, and of anywhere."""
    near: torch.Tensor
    """(..., candidate, context) of the flow about a candidate."""
    anywhere: torch.Tensor
    """(..., context) of the flow over everything."""


class PathPosteriorNetwork(nn.Module):
    """Transformer over candidates, small convolutions over images, and three spline flows.

    Parameters
    ----------
    numbers, facts : int
        Numbers of a candidate and of a window.
    width, depth, heads : int
        Of the transformer.
    context, hidden : int
        Of the flows.
    """

    def __init__(
        self, *, numbers: int, facts: int, width: int, depth: int, heads: int, context: int, hidden: int
    ) -> None:
        super().__init__()
        self.token = nn.Linear(numbers, width)
        self.fact = nn.Linear(facts, width)
        self.spectra = _convolutions(2, width)
        self.doppler = _convolutions(1, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.mixing = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.path = nn.Sequential(nn.Linear(PATH, width), nn.GELU(), nn.Linear(width, width))
        self.state = nn.Sequential(nn.Linear(2 * width + 2, width), nn.GELU(), nn.Linear(width, width))
        self.used = nn.Linear(_USED, width)
        self.both = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.share = nn.Linear(width, 1)
        self.rest = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, context + 2))
        self.near = nn.Linear(width, context)
        self.static = nn.Linear(width, context)
        self.near_flow = spline_flow(PATH, context, hidden)
        self.anywhere_flow = spline_flow(PATH, context, hidden)
        self.static_flow = spline_flow(_STATIC, context, hidden, transforms=1)

    def encode(
        self,
        numbers: torch.Tensor,
        there: torch.Tensor,
        images: torch.Tensor,
        doppler: torch.Tensor,
        facts: torch.Tensor,
    ) -> Encoded:
        """Encode windows: numbers (window, candidate, number), there (window, candidate), images, facts."""
        whole = self.fact(facts) + self.spectra(images) + self.doppler(doppler)
        tokens = torch.cat([whole[:, None], self.token(numbers)], dim=1)
        hidden = torch.cat([torch.zeros_like(there[:, :1]), ~there], dim=1)
        mixed = self.mixing(tokens, src_key_padding_mask=hidden)
        return Encoded(mixed[:, 0], mixed[:, 1:], there)

    def step(
        self,
        encoded: Encoded,
        used: torch.Tensor,
        summed: torch.Tensor,
        count: torch.Tensor,
        last: torch.Tensor,
    ) -> Step:
        """Say what the next path may be.

        Parameters
        ----------
        encoded : Encoded
            With dimensions for steps or draws put in, (window, 1, ...).
        used : torch.Tensor, shape (window, step, candidate, 4)
            How near the paths before are to each candidate.
        summed : torch.Tensor, shape (window, step, width)
            Sum of ``path`` over the paths before.
        count, last : torch.Tensor, shape (window, step)
            Their number, and the logarithm of the weakest one's amplitude; 0 where there is none.
        """
        more = torch.stack([count / 5, last], dim=-1)
        whole = encoded.whole.expand(*summed.shape[:-1], -1)
        state = self.state(torch.cat([whole, summed, more], dim=-1))
        tokens = self.both(encoded.tokens + self.used(used) + state[..., None, :])
        there = encoded.there.expand(tokens.shape[:-1])
        pooled = (tokens * there[..., None]).sum(dim=-2)
        rest = self.rest(torch.cat([state, pooled], dim=-1))
        share = self.share(tokens)[..., 0].masked_fill(~there, -1e4)
        choice = functional.log_softmax(torch.cat([share, rest[..., 1:2]], dim=-1), dim=-1)
        return Step(rest[..., 0], choice, self.near(tokens), rest[..., 2:])


def _convolutions(channels: int, width: int) -> nn.Sequential:
    widths = (channels, 8, 16, 32)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GELU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(32 * 16, width))
