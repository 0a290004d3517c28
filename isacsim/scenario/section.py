"""The base of a scenario's sections, and kinds of numbers and vectors that several of them use.

Each section is a frozen pydantic model that refuses unknown fields; every field has its unit in its name. What concerns
several sections at once is checked by `isacsim.scenario.model.Scenario`.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from isacsim.scenario.limits import Coordinate, Place

__all__ = ["NumberVector", "Section", "Vector", "refuse", "several"]

Vector = tuple[Coordinate, Coordinate, Coordinate]
NumberVector = tuple[Place, Place, Place]


class Section(BaseModel):
    """Base of every model here: frozen, no unknown fields, docstrings under fields become descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def with_own_draws(self) -> Self:
        """The same section, with a distribution for each number that is drawn apart (a rotor's speed, say)."""
        return self


def refuse(message: str, *field: str | int) -> PydanticCustomError:
    """Make the error of a check that spans fields.

    Parameters
    ----------
    message : str
        One sentence: what is wrong, and what is allowed.
    *field : str or int
        The field to point at, relative to the model that raises.
    """
    return PydanticCustomError("scenario", "{message}", {"message": message, "field": field})


def several(errors: list[PydanticCustomError]) -> PydanticCustomError:
    """Make one error of what several checks of one model found; :func:`refuse` made each."""
    if len(errors) == 1:
        return errors[0]
    found = [error.context or {} for error in errors]
    text = "; ".join(str(context["message"]) for context in found)
    return PydanticCustomError("scenario_several", "{message}", {"message": text, "found": found})
