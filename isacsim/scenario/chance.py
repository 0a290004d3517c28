"""Numbers drawn from a scenario's distributions."""

from __future__ import annotations

import numpy as np

from isacsim.scenario.numbers import Choice, Distribution, LogNormal, Normal, Uniform

__all__ = ["draw", "draw_whole"]


def draw(value: float | Distribution, rng: np.random.Generator) -> float:
    """Draw a scenario's number; a plain one takes nothing from the generator.

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


def draw_whole(value: int | Distribution, rng: np.random.Generator) -> int:
    """Draw a scenario's whole number: what :func:`draw` gives, rounded."""
    return round(draw(value, rng))
