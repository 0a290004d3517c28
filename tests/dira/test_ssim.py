"""Our SSIM, made for guidance, against torchmetrics'."""

from __future__ import annotations

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from dira.models.ssim import ssim
from isacsim.errors import InputError

pytestmark = pytest.mark.numerical


@pytest.mark.parametrize("shape", [(3, 1, 16, 16), (2, 3, 32, 64), (1, 1, 6, 11)])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_it_is_the_reference_with_its_gradient(shape: tuple[int, ...], spread: float) -> None:
    chance = torch.Generator().manual_seed(1)
    # In double precision: the formulas are compared, not how float32 rounds them.
    x = (2 * torch.rand(shape, generator=chance, dtype=torch.float64) - 1).requires_grad_(True)
    y = x.detach() + spread * torch.randn(shape, generator=chance, dtype=torch.float64)
    ours = ssim(x, y, data_range=2.0)
    theirs = structural_similarity_index_measure(x, y, data_range=2.0, reduction="none")
    # Windows of 121 terms whose rounding is divided by c2 = 0.0036 at the least; half a dozen such operations.
    rounding = 6 * 121 / 0.0036 * torch.finfo(torch.float64).eps
    torch.testing.assert_close(ours, theirs, atol=rounding, rtol=0)
    mine, other = (torch.autograd.grad(value.sum(), x)[0] for value in (ours, theirs))
    torch.testing.assert_close(mine, other, atol=rounding, rtol=0)


def test_too_few_bins_are_told() -> None:
    with pytest.raises(InputError, match=r"at least 6 bins a side, got \(5, 16\)"):
        ssim(torch.zeros(1, 1, 5, 16), torch.zeros(1, 1, 5, 16), data_range=1.0)
