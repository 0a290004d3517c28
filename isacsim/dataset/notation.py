"""Class sizes, splits and ranges of a data set as people write them: ``3=100,4=100``, ``lab=train:0.9,test:0.1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from isacsim.errors import InputError

__all__ = ["class_sizes", "index_range", "split_fractions", "splits_by_scenario"]

Number = TypeVar("Number", int, float)
Key = TypeVar("Key", int, str)
Value = TypeVar("Value")

_EXAMPLES = {
    "--per-class": "3=100,4=100",
    "--splits": "train=0.9,test=0.1",
    "--split": "lab=train:0.9,test:0.1",
}


def class_sizes(text: str) -> dict[int, int]:
    """Read ``--per-class``: samples for each number of targets.

    Raises
    ------
    InputError
        If it is none, or gives a class twice.
    """
    sizes = _entries("--per-class", text, "=", int).items()
    return _unique("--per-class", [(_number("--per-class", text, label, int), n) for label, n in sizes])


def split_fractions(text: str) -> dict[str, float]:
    """Read ``--splits``: the fraction of each split.

    Raises
    ------
    InputError
        If it is none, or gives a split twice.
    """
    return _entries("--splits", text, "=", float)


def splits_by_scenario(texts: Sequence[str]) -> dict[str, str | dict[str, float]]:
    """Read every ``--split``: a scenario's split, or fractions of its own.

    Raises
    ------
    InputError
        If one is none, or gives a scenario twice.
    """
    return _unique("--split", [_of_scenario(text) for text in texts])


def index_range(text: str) -> tuple[int, int]:
    """Read ``--range``: first sample, and last + 1.

    Raises
    ------
    InputError
        If it is none.
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise InputError(f"--range is {text!r}; it must be START:STOP, e.g. 100:200.")
    return _number("--range", text, start, int), _number("--range", text, stop, int)


def _of_scenario(text: str) -> tuple[str, str | dict[str, float]]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise InputError(f"--split is {text!r}; it must be like lab=train or lab=train:0.9,validation:0.1.")
    return name, _entries("--split", value, ":", float) if ":" in value else value


def _entries(option: str, text: str, sign: str, kind: type[Number]) -> dict[str, Number]:
    """Read KEY=NUMBER, separated by commas."""
    if not text.strip():
        raise InputError(f"{option} is empty; give at least one entry, e.g. {_EXAMPLES[option]}.")
    entries = []
    for entry in text.split(","):
        key, separator, value = entry.partition(sign)
        if not separator:
            raise InputError(f"{option} is {text!r}; it must be like {_EXAMPLES[option]}.")
        entries.append((key.strip(), _number(option, text, value, kind)))
    return _unique(option, entries)


def _unique(option: str, entries: Sequence[tuple[Key, Value]]) -> dict[Key, Value]:
    keys = [key for key, _ in entries]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"{option} gives {key} more than once.")
    return dict(entries)


def _number(option: str, text: str, value: str, kind: type[Number]) -> Number:
    try:
        return kind(value)
    except ValueError:
        what = "a number" if kind is float else "an integer"
        raise InputError(f"{option} is {text!r}: {value!r} is not {what}.") from None
