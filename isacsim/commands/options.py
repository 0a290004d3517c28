"""Options of commands as text, read: class sizes, splits, ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from isacsim.errors import InputError

if TYPE_CHECKING:
    pass


Number = TypeVar("Number", int, float)


Key = TypeVar("Key", int, str)


Value = TypeVar("Value")


_EXAMPLES = {
    "--per-class": "3=100,4=100",
    "--splits": "train=0.9,test=0.1",
    "--split": "lab=train:0.9,test:0.1",
}


def class_sizes(text: str) -> dict[int, int]:
    """Samples for each number of targets from ``--per-class``."""
    entries = _numbers("--per-class", text, "=", int).items()
    return _unique("--per-class", [(_converted("--per-class", text, k, int), n) for k, n in entries])


def _of_scenario(text: str) -> tuple[str, str | dict[str, float]]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise InputError(f"--split is {text!r}; it must be like lab=train or lab=train:0.9,validation:0.1.")
    return name, _numbers("--split", value, ":", float) if ":" in value else value


def _numbers(option: str, text: str, sign: str, kind: type[Number]) -> dict[str, Number]:
    if not text.strip():
        raise InputError(f"{option} is empty; give at least one entry, e.g. {_EXAMPLES[option]}.")
    entries = []
    for entry in text.split(","):
        key, separator, value = entry.partition(sign)
        if not separator:
            raise InputError(f"{option} is {text!r}; it must be like {_EXAMPLES[option]}.")
        entries.append((key.strip(), _converted(option, text, value, kind)))
    return _unique(option, entries)


def _unique(option: str, entries: Sequence[tuple[Key, Value]]) -> dict[Key, Value]:
    keys = [key for key, _ in entries]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"{option} gives {key} more than once.")
    return dict(entries)


def _converted(option: str, text: str, value: str, kind: type[Number]) -> Number:
    try:
        return kind(value)
    except ValueError:
        what = "a number" if kind is float else "an integer"
        raise InputError(f"{option} is {text!r}: {value!r} is not {what}.") from None


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    start, colon, stop = text.partition(":")
    if not colon:
        raise InputError(f"--range is {text!r}; it must be START:STOP, e.g. 100:200.")
    return _converted("--range", text, start, int), _converted("--range", text, stop, int)
