"""Our SSIM, made for guidance, against torchmetrics'."""

from __future__ import annotations

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from dira.models.ssim import ssim
from isacsim.errors import InputError


@pytest.mark.parametrize("shape", [(3, 1, 16, 16), (2, 3, 32, 64), (1, 1, 6, 11)])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_it_is_the_reference_with_its_gradient(shape: tuple[int, ...], spread: float) -> None:
    chance = torch.Generator().manual_seed(1)
    x = (2 * torch.rand(shape, generator=chance) - 1).requires_grad_(True)
    y = x.detach() + spread * torch.randn(shape, generator=chance)
    ours = ssim(x, y, data_range=2.0)
    theirs = structural_similarity_index_measure(x, y, data_range=2.0, reduction="none")
    assert torch.allclose(ours, theirs, atol=2e-6)
    mine, other = (torch.autograd.grad(value.sum(), x)[0] for value in (ours, theirs))
    assert (mine - other).abs().max() <= max(1e-7, 1e-5 * float(other.abs().max()))


def test_too_few_bins_are_told() -> None:
    with pytest.raises(InputError, match=r"at least 6 bins a side, got \(5, 16\)"):
        ssim(torch.zeros(1, 1, 5, 16), torch.zeros(1, 1, 5, 16), data_range=1.0)
