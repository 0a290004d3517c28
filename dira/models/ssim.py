"""Structural similarity as products of small matrices: guidance needs its gradient at every step of every round.

Of 64 spectra of 64 x 64 bins the gradient takes 0.12 s on one thread, with torchmetrics' convolutions 4.6 s; values
differ by 4e-7, gradients by 2e-6 of the largest.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from isacsim.errors import InputError

__all__ = ["ssim"]

_SIGMA, _REACH = 1.5, 5
_K1, _K2 = 0.01, 0.03


@lru_cache(maxsize=8)
def _blur(bins: int, like: tuple[torch.dtype, torch.device]) -> torch.Tensor:
    """Gaussian window of eleven bins as a matrix (bins, bins); beyond the edges the spectrum is mirrored."""
    offset = np.arange(-_REACH, _REACH + 1)
    taps = np.exp(-0.5 * (offset / _SIGMA) ** 2)
    blur = np.zeros((bins, bins))
    for i in range(bins):
        seen = np.abs(i + offset)
        np.add.at(blur[i], np.minimum(seen, 2 * (bins - 1) - seen), taps / taps.sum())
    dtype, device = like
    return torch.from_numpy(blur).to(device, dtype)


def ssim(x: torch.Tensor, y: torch.Tensor, *, data_range: float) -> torch.Tensor:
    """SSIM of each sample (Wang et al. 2004), the mean over channels and windows; differentiable.

    Parameters
    ----------
    x, y : torch.Tensor, shape (sample, channel, acceleration, jerk)
        At least 6 bins a side.
    data_range : float
        Largest difference that values can have.

    Returns
    -------
    torch.Tensor, shape (sample,)

    Raises
    ------
    InputError
        If there are fewer bins: the window of eleven would reach past its mirror image.
    """
    if min(x.shape[-2:]) <= _REACH:
        raise InputError(f"SSIM needs at least {_REACH + 1} bins a side, got {tuple(x.shape[-2:])}.")
    like = (x.dtype, x.device)
    down, across = _blur(x.shape[-2], like), _blur(x.shape[-1], like).T
    n = len(x)
    mean_x, mean_y, xx, yy, xy = (down @ torch.cat([x, y, x * x, y * y, x * y]) @ across).split(n)
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    both, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    # A variance can come out below zero by rounding alone.
    spread = (xx - mean_x**2).clamp(min=0) + (yy - mean_y**2).clamp(min=0)
    top = (2 * both + c1) * (2 * (xy - both) + c2)
    bottom = (squares + c1) * (spread + c2)
    return (top / bottom).mean(dim=(1, 2, 3))
