"""Numbers that a scenario may leave to chance: a float, or a distribution that one capture draws from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = [
    "Bounds",
    "Choice",
    "DecibelNumber",
    "Decibels",
    "Distribution",
    "Float",
    "Int",
    "LogNormal",
    "Normal",
    "Number",
    "Uniform",
    "Whole",
    "WholeNumber",
    "bound_words",
    "is_distribution",
    "plain",
    "plain_vector",
    "reach",
    "support",
]


def _plain_float(value: float) -> float:
    """A float of Python, -0 as 0: NumPy takes -0 for a negative scale."""
    return float(value) + 0.0


# Strict: `"5"` and `true` are mistakes in a scenario, not numbers. AfterValidator turns NumPy scalars into
# plain ones, which YAML can write.
Float = Annotated[float, Field(strict=True, allow_inf_nan=False), AfterValidator(_plain_float)]
Int = Annotated[int, Field(strict=True), AfterValidator(int)]


class _Distribution(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Uniform(_Distribution):
    """Uniform between two bounds, ``{uniform: [lo, hi]}``."""

    uniform: tuple[Float, Float]
    """Lower and upper bound, in the field's unit."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        lo, hi = self.uniform
        if lo > hi:
            raise PydanticCustomError(
                "bounds", "uniform: [{lo}, {hi}] must have its lower bound first", {"lo": lo, "hi": hi}
            )
        return self


class Normal(_Distribution):
    """Gaussian, ``{normal: [mean, std]}``."""

    normal: tuple[Float, Annotated[Float, Field(ge=0)]]
    """Mean and standard deviation, in the field's unit."""


class LogNormal(_Distribution):
    """Log-normal, ``{lognormal: [mu, sigma]}``: the natural logarithm is Gaussian."""

    # Limits far beyond any physics, within which neither exp nor a draw overflows.
    lognormal: tuple[Annotated[Float, Field(ge=-100, le=100)], Annotated[Float, Field(ge=0, le=20)]]
    """Mean and standard deviation of the natural logarithm (of the value in the field's unit)."""


class Choice(_Distribution):
    """One of some values, each as likely, ``{choice: [values]}``."""

    choice: Annotated[tuple[Float, ...], Field(min_length=1)]
    """The values, in the field's unit."""


Distribution = Uniform | Normal | LogNormal | Choice


def _kind(value: Any) -> str | None:
    """Say which member of `Number` a value is meant to be; None: none of them."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return "number"
    for name, model in _BY_NAME.items():
        if isinstance(value, model) or (isinstance(value, dict) and name in value):
            return f"{name} distribution"
    return None


_BY_NAME: dict[str, type[_Distribution]] = {
    "uniform": Uniform,
    "normal": Normal,
    "lognormal": LogNormal,
    "choice": Choice,
}


def is_distribution(value: Any) -> bool:
    """Say whether a plain value is a distribution, which is one value and no section."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _BY_NAME


_Drawn = (
    Annotated[Uniform, Tag("uniform distribution")]
    | Annotated[Normal, Tag("normal distribution")]
    | Annotated[LogNormal, Tag("lognormal distribution")]
    | Annotated[Choice, Tag("choice distribution")]
)

Number = Annotated[
    Annotated[Float, Tag("number")] | _Drawn,
    Discriminator(
        _kind,
        custom_error_type="number",
        custom_error_message="must be a number or one of uniform: [lo, hi], normal: [mean, std], "
        "lognormal: [mu, sigma], choice: [values]",
    ),
]


class Whole:
    """Marks a field whose distribution's draws are rounded."""


WholeNumber = Annotated[
    Annotated[Int, Tag("number")] | _Drawn,
    Discriminator(
        _kind,
        custom_error_type="number",
        custom_error_message="must be a whole number or one of uniform: [lo, hi], normal: [mean, std], "
        "lognormal: [mu, sigma], choice: [values], which are rounded",
    ),
    Whole(),
]


def plain(value: float | Distribution) -> float:
    """Give a number of a section that was drawn (:func:`isacsim.scenario.chance.drawn`).

    Raises
    ------
    TypeError
        If it is a distribution still: whoever draws has forgotten to.
    """
    if isinstance(value, _Distribution):
        raise TypeError(f"{value!r} is a distribution; draw its section first")
    return value


def plain_vector(values: tuple[float | Distribution, ...]) -> tuple[float, float, float]:
    """Give a vector [x, y, z] of a section that was drawn; see :func:`plain`."""
    x, y, z = map(plain, values)
    return x, y, z


def reach(value: float | Distribution) -> tuple[float, float]:
    """Give the smallest and the largest value that `draw` returns in practice; finite.

    Ten standard deviations of a normal, six (one draw of 10^9) of a log-normal distribution.
    """
    match value:
        case Normal(normal=(mean, std)):
            return mean - 10 * std, mean + 10 * std
        case LogNormal(lognormal=(mu, sigma)):
            return math.exp(mu - 6 * sigma), math.exp(mu + 6 * sigma)
    return support(value)


def support(value: float | Distribution) -> tuple[float, float]:
    """Give the smallest and the largest value that `draw` can return.

    Parameters
    ----------
    value : float or Distribution
        A scenario's number.

    Returns
    -------
    tuple of float
        Closed bounds, infinite where there are none.
    """
    match value:
        case Uniform(uniform=(lo, hi)):
            return lo, hi
        case Normal(normal=(mean, std)):
            return (mean, mean) if std == 0 else (-math.inf, math.inf)
        case LogNormal(lognormal=(mu, sigma)):
            return (math.exp(mu), math.exp(mu)) if sigma == 0 else (0.0, math.inf)
        case Choice(choice=values):
            return min(values), max(values)
    return float(value), float(value)


def bound_words(bounds: Any) -> str:
    """Say the bounds of anything with ``ge``, ``gt``, ``le`` or ``lt``; an empty text for none."""
    words = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
    limits = {word: getattr(bounds, name, None) for name, word in words.items()}
    return " and ".join(f"{word} {limit:g}" for word, limit in limits.items() if limit is not None)


@dataclass(frozen=True)
class Bounds:
    """Limits of a `Number`, whatever is drawn; used as ``Annotated[Number, Bounds(ge=0)]``."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    """Said after the bounds."""
    practical: bool = False
    """True if a distribution is limited by `reach`, and not infinite."""

    def check(self, value: float | Distribution) -> float | Distribution:
        """Return `value`, or refuse it with a sentence that names the bound."""
        lo, hi = (reach if self.practical else support)(value)
        # A log-normal is never 0, though its infimum is.
        open_below = isinstance(value, LogNormal) and lo == 0
        wrong = (
            (self.ge is not None and lo < self.ge)
            or (self.gt is not None and (lo < self.gt or (lo == self.gt and not open_below)))
            or (self.le is not None and hi > self.le)
            or (self.lt is not None and hi >= self.lt)
        )
        if wrong:
            far = "" if lo == hi else f"; this distribution reaches from {lo:g} to {hi:g}"
            raise PydanticCustomError(
                "bounds",
                "must be {limits}{reach}",
                {"limits": f"{bound_words(self)} {self.unit}".rstrip(), "reach": far},
            )
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after pydantic has parsed the number or distribution."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Show the bound on the plain number, where JSON schema can say it."""
        json = handler(schema)
        names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
        for option in (json, *json.get("oneOf", []), *json.get("anyOf", [])):
            if option.get("type") in ("number", "integer"):
                option.update({k: getattr(self, n) for n, k in names.items() if getattr(self, n) is not None})
        return json


# Beyond any radio, and far from where powers of ten overflow.
_DB = Bounds(ge=-200, le=200, unit="dB", practical=True)
Decibels = Annotated[Float, _DB]
DecibelNumber = Annotated[Number, _DB]
