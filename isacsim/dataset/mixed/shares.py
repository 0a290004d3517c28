"""Number of samples of each class that a mix takes from the synthetic and from the real store.

For each split by itself. The classes keep the shares that they have in the synthetic store; of each, ``real_fraction``
is to be real. No sample is taken twice, so a class with too few real ones gets fewer. What it lacks comes from the
unlabelled real samples, which belong to no class, and what those lack is synthetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from isacsim.dataset.parts import apportion
from isacsim.dataset.real.labels import UNLABELLED
from isacsim.errors import InputError

__all__ = ["Shares", "plan_shares"]

Counts = Mapping[int, int]


@dataclass(frozen=True)
class Shares:
    """Samples to take, by class; unlabelled real ones are the class -1."""

    synthetic: dict[int, int]
    real: dict[int, int]
    wanted: dict[int, int]
    """Real samples that the fraction asks for."""

    @property
    def size(self) -> int:
        """Samples in all."""
        return sum(self.synthetic.values()) + sum(self.real.values())

    @property
    def short(self) -> dict[int, int]:
        """Labelled real samples that a class lacks."""
        return {c: n - self.real.get(c, 0) for c, n in self.wanted.items() if n > self.real.get(c, 0)}


def plan_shares(synthetic: Counts, real: Counts, *, real_fraction: float, n: int | None) -> Shares:
    """Decide how many samples of each class come from which store.

    Parameters
    ----------
    synthetic, real : mapping of int to int
        Samples there are, by class.
    real_fraction : float
        From 0 to 1.
    n : int, optional
        Samples of the mix. Default: as many as there can be with the fraction met in every class that has real samples
        (if none has: with the unlabelled ones).

    Raises
    ------
    InputError
        If there are too few synthetic samples for ``n``; says how many would do.
    """
    unlabelled = real.get(UNLABELLED, 0)
    # A class without any real sample would allow no mix at all; it stays synthetic.
    to_meet = [c for c in synthetic if real.get(c, 0)] or (list(synthetic) if unlabelled else [])

    def enough(size: int) -> bool:
        shares = _shares(synthetic, real, real_fraction, size)
        return all(shares.synthetic[c] <= synthetic[c] for c in synthetic)

    def met(size: int) -> bool:
        short = _shares(synthetic, real, real_fraction, size).short
        return enough(size) and sum(short.get(c, 0) for c in to_meet) <= unlabelled

    most = sum(synthetic.values()) + sum(real.values())
    if n is None:
        n = _largest(met, most)
    elif not enough(n):
        raise InputError(
            f"{n} samples with a real fraction of {real_fraction:g} need more than there are; at most "
            f"{_largest(enough, most)} are possible without taking one twice."
        )
    return _shares(synthetic, real, real_fraction, n)


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """Largest number up to ``most`` for which ``holds``: true of small ones, false of large ones, but for rounding."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _shares(synthetic: Counts, real: Counts, fraction: float, n: int) -> Shares:
    size = apportion(n, synthetic)
    wanted = apportion(int(np.floor(fraction * n + 0.5)), size)
    taken = {c: min(wanted[c], real.get(c, 0)) for c in synthetic}
    lacking = {c: wanted[c] - taken[c] for c in synthetic}
    unlabelled = min(sum(lacking.values()), real.get(UNLABELLED, 0))
    filled = apportion(sum(lacking.values()) - unlabelled, lacking)
    return Shares(
        synthetic={c: size[c] - wanted[c] + filled[c] for c in synthetic},
        real={**taken, **({UNLABELLED: unlabelled} if unlabelled else {})},
        wanted=wanted,
    )
