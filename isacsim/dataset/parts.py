"""Order of the samples in a data set: parts, classes, splits, and proof that no split leaks into another."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isacsim.compute.jit import CACHE
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario

__all__ = [
    "SPLITS",
    "Part",
    "Splits",
    "apportion",
    "check_leaks",
    "classes_of",
    "derived_seed",
    "fair_order",
    "parts_from_json",
    "parts_to_json",
    "plan_parts",
    "slice_parts",
]

SPLITS = ("train", "validation", "test")
# The order of classes is computed over one period, which is held in memory.
_LONGEST_PERIOD = 10**8

Splits = Mapping[str, "float | str | Mapping[str, float]"]
"""Either split to fraction, for every scenario; or scenario to split, or to fractions of its own."""


@dataclass(frozen=True)
class Part:
    """Consecutive samples of one scenario, seed and split."""

    scenario: str
    """Name of the scenario."""
    seed: int
    """Seed of the samples; -1 for real ones."""
    split: str
    """train, validation or test."""
    first: int
    """Index of the first sample."""
    n: int
    """Number of samples."""
    source: str = ""
    """Capture file of real samples."""


def plan_parts(
    scenarios: Sequence[Scenario], *, seed: int, sizes: Sequence[int], splits: Splits | None = None
) -> list[Part]:
    """Lay out the samples of several scenarios.

    The first scenario's train part has the given seed; every other part one derived from (seed, scenario's name,
    split), so that no two parts share a random number. Within a scenario the indices run on from part to part, so
    classes that go by index (per_class) add up to those of the whole; drawn ones go by the part's seed too.

    Parameters
    ----------
    scenarios : sequence of Scenario
        With names that differ.
    seed : int
        Seed of the data set.
    sizes : sequence of int
        Number of samples of each scenario.
    splits : mapping, optional
        Split to fraction, or scenario's name to split or fractions; default: everything is train.

    Raises
    ------
    InputError
        If names repeat, a split or scenario is unknown, fractions do not add up to one, or a split would be empty.
    """
    names = [s.name for s in scenarios]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"scenario {name} is given twice; scenarios of one data set need different names."
            )
    wanted = _splits_by_scenario(names, splits)
    parts = []
    for name, size in zip(names, sizes, strict=True):
        first = 0
        for split, n in zip(wanted[name], _shares(size, list(wanted[name].values())), strict=True):
            if n == 0:
                raise InputError(
                    f"{size} samples of {name} are too few for a {split} share of {wanted[name][split]:g}: "
                    "it would be empty."
                )
            as_given = name == names[0] and split == "train"
            parts.append(Part(name, seed if as_given else derived_seed(seed, name, split), split, first, n))
            first += n
    check_leaks(parts)
    return parts


def derived_seed(seed: int, scenario: str, split: str) -> int:
    """Seed of a part, from the data set's: 53 bits, so that every reader of JSON keeps them."""
    text = f"{seed}/{scenario}/{split}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 11


def _splits_by_scenario(names: Sequence[str], splits: Splits | None) -> dict[str, dict[str, float]]:
    if splits is None:
        splits = {"train": 1.0}
    if not splits:
        raise InputError("splits is empty; give split to fraction or scenario to split.")
    if all(isinstance(v, int | float) for v in splits.values()):
        shared = _checked("splits", {k: v for k, v in splits.items() if isinstance(v, int | float)})
        return dict.fromkeys(names, shared)
    for name in splits:
        if name not in names:
            raise InputError(
                f"splits names the scenario {name!r}; the scenarios here are {', '.join(names)}."
            )
    if missing := [name for name in names if name not in splits]:
        raise InputError(f"splits says nothing of scenario {missing[0]}; every scenario needs a split.")
    out = {}
    for name in names:
        value = splits[name]
        if isinstance(value, int | float):
            raise InputError(f"splits[{name!r}] must be a split or split to fraction, got {value!r}.")
        out[name] = _checked(f"splits[{name!r}]", {value: 1.0} if isinstance(value, str) else value)
    return out


def _checked(what: str, shares: Mapping[str, float]) -> dict[str, float]:
    for split, share in shares.items():
        if split not in SPLITS:
            raise InputError(f"{what} has a split {split!r}; it must be one of {', '.join(SPLITS)}.")
        if isinstance(share, bool) or not share > 0:
            raise InputError(f"{what} gives {split} a fraction of {share!r}; it must be above 0.")
    if not math.isclose(total := sum(shares.values()), 1, rel_tol=1e-6):
        raise InputError(f"{what} adds up to {total:g}; the fractions must add up to 1.")
    # In the order train, validation, test, however they were given.
    return {split: float(shares[split]) for split in SPLITS if split in shares}


def _shares(total: int, fractions: Sequence[float]) -> list[int]:
    """Divide a number by largest remainder."""
    # Rounded: 0.1 of 30 is 3, not 2.9999999999999996.
    exact = [round(total * f / sum(fractions), 6) for f in fractions]
    out = [math.floor(x) for x in exact]
    by_remainder = sorted(range(len(out)), key=lambda k: (out[k] - exact[k], k))
    for k in by_remainder[: total - sum(out)]:
        out[k] += 1
    return out


def slice_parts(parts: Iterable[Part], start: int, stop: int) -> list[Part]:
    """Cut out samples start to stop (exclusive), counted over all parts."""
    out = []
    position = 0
    for part in parts:
        a, b = max(start - position, 0), min(stop - position, part.n)
        if a < b:
            out.append(replace(part, first=part.first + a, n=b - a))
        position += part.n
    return out


def classes_of(scenario: Scenario, first: int, n: int) -> list[int | None]:
    """Number of targets of samples first to first + n; None where the scenario draws it.

    With ``dataset.per_class`` the classes follow a fixed order that depends on the ratios of the class sizes alone.
    In every prefix each class has its fair share, rounded up or down. The order repeats beyond their sum.
    """
    sizes = {label: size for label, size in (scenario.dataset.per_class or {}).items() if size}
    if not sizes:
        return [None] * n
    labels = sorted(sizes)
    order = _class_order(tuple(sizes[label] for label in labels))
    return [labels[k] for k in order[np.arange(first, first + n) % order.size]]


@lru_cache(maxsize=16)
def _class_order(sizes: tuple[int, ...]) -> NDArray[np.int8]:
    common = math.gcd(*sizes)
    weights = np.array([size // common for size in sizes], np.int64)
    if weights.sum() > _LONGEST_PERIOD:
        raise InputError(
            f"class sizes that add up to {weights.sum()} without a common divisor are too many to put in order; "
            f"at most {_LONGEST_PERIOD}."
        )
    return fair_order(weights)


def check_leaks(parts: Iterable[Part]) -> None:
    """Prove that no (seed, index) pair, so no random number, occurs in two splits.

    Two scenarios at one seed share noise and losses sample by sample, so the pair counts whatever the scenario. Real
    samples go by their source file in place of the seed.

    Raises
    ------
    InputError
        Naming two parts that overlap.
    """
    by_seed: dict[tuple[int, str], list[Part]] = {}
    for part in parts:
        by_seed.setdefault((part.seed, part.source), []).append(part)
    for group in by_seed.values():
        # Of each split, the part that reaches furthest so far.
        reach: dict[str, Part] = {}
        for part in sorted(group, key=lambda p: p.first):
            for split, other in reach.items():
                if split != part.split and other.first + other.n > part.first:
                    raise InputError(_leak(other, part))
            known = reach.get(part.split)
            if known is None or part.first + part.n > known.first + known.n:
                reach[part.split] = part


def _leak(one: Part, other: Part) -> str:
    last = min(one.first + one.n, other.first + other.n) - 1
    return (
        f"samples {max(one.first, other.first)} to {last} of {one.source or f'seed {one.seed}'} are in {one.split} and "
        f"in {other.split}: the splits leak."
    )


def parts_to_json(parts: Iterable[Part]) -> str:
    """Write parts as a store's attribute holds them."""
    return json.dumps([asdict(part) for part in parts])


def parts_from_json(text: str) -> list[Part]:
    """Read a store's attribute ``parts``."""
    entries: list[dict[str, Any]] = json.loads(text)
    return [Part(**entry) for entry in entries]


def apportion(total: int, weights: Mapping[int, float]) -> dict[int, int]:
    """Divide ``total`` in proportion to weights, in whole numbers: the largest remainders are rounded up.

    Equal remainders go to the smaller class.
    """
    whole = sum(weights.values())
    if total == 0 or whole <= 0:
        return dict.fromkeys(weights, 0)
    exact = {c: total * w / whole for c, w in weights.items()}
    out = {c: int(np.floor(e + 1e-9)) for c, e in exact.items()}
    rest = sorted(weights, key=lambda c: (round(out[c] - exact[c], 9), c))
    for c in rest[: total - sum(out.values())]:
        out[c] += 1
    return out


@njit(cache=CACHE)
def fair_order(weights: NDArray[np.int64]) -> NDArray[np.int8]:
    """Put classes in an order in which every prefix holds each one's share, rounded up or down.

    R. Tijdeman, The chairman assignment problem, Discrete Mathematics 32 (1980): of the classes that are due, take the
    one whose deadline is first. No count then departs from its share by more than 1 - 1/(2k - 2), for k classes.

    Parameters
    ----------
    weights : ndarray of int64, shape (class,)
        Sizes of the classes, positive.

    Returns
    -------
    ndarray of int8, shape (sum of weights,)
        Class at each place; class c occurs weights[c] times.
    """
    total = weights.sum()
    k = weights.size
    out = np.zeros(total, np.int8)
    if k == 1:
        return out
    count = np.zeros(k, np.int64)
    step = 2 * k - 2
    for place in range(total):
        best, best_deadline = -1, 0.0
        for c in range(k):
            # How far the class lags behind its share, in units of 1 / total: integers, so no rounding decides.
            lag = weights[c] * (place + 1) - total * count[c]
            if lag * step >= total:
                deadline = (total * (step - 1) - step * lag) / weights[c]
                if best < 0 or deadline < best_deadline:
                    best, best_deadline = c, deadline
        out[place] = best
        count[best] += 1
    return out
