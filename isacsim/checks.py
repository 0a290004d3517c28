"""Arguments refused in one form, "NAME must be X, got Y.", and what differs between two settings."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

from isacsim.errors import InputError

__all__ = [
    "ArgumentError",
    "Difference",
    "check_choice",
    "check_integer",
    "check_names",
    "check_number",
    "check_seed",
    "differences",
    "refusal",
]

# Files hold seeds and indices in 64 bits.
_LARGEST_SEED = 2**63 - 1
_LIMITS = {
    "least": ("of at least", operator.ge),
    "above": ("above", operator.gt),
    "most": ("of at most", operator.le),
    "below": ("below", operator.lt),
}


class ArgumentError(InputError):
    """An argument that cannot be; made by :func:`refusal`."""

    argument: str = ""
    """Its name."""


def refusal(name: str, allowed: str, value: object) -> ArgumentError:
    """Give the error to raise for an argument, "NAME must be ALLOWED, got VALUE."."""
    error = ArgumentError(f"{name} must be {allowed}, got {value!r}.")
    error.argument = name
    return error


def check_integer(name: str, value: Any, *, least: int | None = None, most: int | None = None) -> int:
    """Give a whole number within limits, which are allowed themselves; True and False are none.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    limits = {"least": least, "most": most}
    if not isinstance(value, Integral) or isinstance(value, bool) or not _within(limits, value):
        raise refusal(name, f"an integer{_in_words(limits)}", value)
    return int(value)


def check_seed(name: str, value: Any) -> int:
    """Give a seed, or the number of a sample: a whole number from 0 to what 64 bits with a sign hold.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    return check_integer(name, value, least=0, most=_LARGEST_SEED)


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    unit: str = "",
) -> float:
    """Give a finite number within limits; True and False are none.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        What was passed.
    least, most : float, optional
        Limits that are allowed themselves.
    above, below : float, optional
        Limits that are not.
    unit : str
        In the plural, as in "a number of seconds above 0".

    Raises
    ------
    ArgumentError
        If it is none.
    """
    limits = {"least": least, "above": above, "most": most, "below": below}
    if (
        not isinstance(value, Real)
        or isinstance(value, bool)
        or not _finite(value)
        or not _within(limits, value)
    ):
        raise refusal(name, f"a number{f' of {unit}' if unit else ''}{_in_words(limits)}", value)
    return float(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Give one of several words.

    Raises
    ------
    ArgumentError
        If it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise refusal(name, f"one of {', '.join(choices)}", value)
    return value


def check_names(name: str, value: Any) -> tuple[str, ...]:
    """Give names, one or more, that were passed as a sequence, or a single one as a text.

    Raises
    ------
    ArgumentError
        If they were not.
    """
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names or not all(isinstance(one, str) and one for one in names):
        raise refusal(name, "a name, or a sequence of one or more names", value)
    return tuple(names)


class Difference(NamedTuple):
    """Difference between two settings; as text "FIELD is BEFORE, asked for ASKED"."""

    field: str
    """Dotted name."""
    before: Any
    """Earlier value; None where there was none."""
    asked: Any
    """Requested value; None where there is none."""

    def __str__(self) -> str:
        return f"{self.field} is {self.before}, asked for {self.asked}"


def differences(
    before: Any, asked: Any, *, but: Collection[str] = (), whole: Collection[str] = (), within: str = ""
) -> Iterator[Difference]:
    """Go through two mappings or pydantic models, and what they hold; ``next(..., None)`` is the first difference.

    Parameters
    ----------
    before, asked : mapping or model; within such any plain value
        What is compared. A field that one lacks is None.
    but : collection of str
        Dotted names that may differ.
    whole : collection of str
        Dotted names of mappings that differ as a whole.
    within : str
        Dotted name of what is passed; "" for the whole.
    """
    before, asked = (v.model_dump(mode="json") if hasattr(v, "model_dump") else v for v in (before, asked))
    if within in but:
        return
    if not (isinstance(before, Mapping) and isinstance(asked, Mapping)) or within in whole:
        if before != asked:
            yield Difference(within, before, asked)
        return
    for key in dict.fromkeys([*before, *asked]):
        inner = f"{within}.{key}" if within else str(key)
        yield from differences(before.get(key), asked.get(key), but=but, whole=whole, within=inner)


def _finite(value: Any) -> bool:
    """Tell infinities, NaN, and whole numbers that no float holds from the rest."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _within(limits: Mapping[str, float | None], value: Any) -> bool:
    return all(_LIMITS[name][1](value, limit) for name, limit in limits.items() if limit is not None)


def _in_words(limits: Mapping[str, float | None]) -> str:
    """Limits with a space before them."""
    told = {k: "2^63 - 1" if v == _LARGEST_SEED else f"{v:g}" for k, v in limits.items() if v is not None}
    if {"least", "most"} <= told.keys():
        return f" from {told['least']} to {told['most']}"
    return " and".join(f" {_LIMITS[name][0]} {limit}" for name, limit in told.items())
