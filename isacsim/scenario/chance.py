"""A scenario's distributions replaced by numbers: all chance about what a scenario says is here.

Whoever simulates draws a section once and hands it down; what is below gets plain numbers
(:func:`isacsim.scenario.numbers.plain`) and takes from a generator only what no field describes: taps, noise, phases.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import numpy as np

from isacsim.scenario.numbers import Choice, Distribution, LogNormal, Normal, Uniform, Whole
from isacsim.scenario.section import Section

__all__ = ["draw", "drawn"]

AnySection = TypeVar("AnySection", bound=Section)

_PLAIN = (float, int, str, type(None))  # nothing to draw


def draw(value: float | Distribution, rng: np.random.Generator) -> float:
    """Draw a number; a plain one takes nothing from the generator.

    Parameters
    ----------
    value : float or Distribution
        What the scenario says.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    float
        In the unit of the scenario's field.
    """
    match value:
        case Uniform(uniform=(lo, hi)):
            return float(rng.uniform(lo, hi))
        case Normal(normal=(mean, std)):
            return float(rng.normal(mean, std))
        case LogNormal(lognormal=(mu, sigma)):
            return float(rng.lognormal(mu, sigma))
        case Choice(choice=values):
            return float(values[int(rng.integers(len(values)))])
    return float(value)


def drawn(section: AnySection, rng: np.random.Generator) -> AnySection:
    """Replace every distribution in a section by a number, field by field in the model's order.

    Parameters
    ----------
    section : Section
        Of a scenario, with whatever sections it holds.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    Section
        The same model; the very same object if it holds no distribution.
    """
    section = section.with_own_draws()
    numbers: dict[str, Any] = {}
    for name, whole in _fields(type(section)):
        value = getattr(section, name)
        if isinstance(value, _PLAIN):
            continue
        number = _drawn(value, rng)
        if number is not value:
            numbers[name] = round(number) if whole else number
    return section.model_copy(update=numbers) if numbers else section


@cache
def _fields(section: type[Section]) -> tuple[tuple[str, bool], ...]:
    """Names of a section's fields, and whether what is drawn for them is rounded."""
    return tuple(
        (name, any(isinstance(mark, Whole) for mark in field.metadata))
        for name, field in section.model_fields.items()
    )


def _drawn(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, Uniform | Normal | LogNormal | Choice):
        return draw(value, rng)
    if isinstance(value, Section):
        return drawn(value, rng)
    if isinstance(value, tuple) and not all(isinstance(one, _PLAIN) for one in value):
        numbers = tuple(_drawn(one, rng) for one in value)
        return value if all(a is b for a, b in zip(numbers, value, strict=True)) else numbers
    return value
