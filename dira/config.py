"""Base of every model: a frozen configuration checked in one sentence, and the spectra that it is made for."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from isacsim.errors import InputError
from isacsim.spectrum.settings import differing_settings

__all__ = [
    "Axes",
    "Config",
    "Scaling",
    "ScheduleConfig",
    "UNetConfig",
    "validated",
]

Settings = TypeVar("Settings", bound=BaseModel)


class Config(BaseModel):
    """Base of all configurations: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def validated(kind: type[Settings], fields: Any, *, what: str) -> Settings:
    """Make a configuration.

    Raises
    ------
    InputError
        In one sentence with the field, what was passed and what is allowed.
    """
    try:
        return kind.model_validate(fields)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "it"
        passed = "" if first["type"] == "missing" else f", got {first['input']!r:.80}"
        raise InputError(f"{what}: {field}: {first['msg']}{passed}.") from None


class Scaling(Config):
    """From linear magnitude to the models' range: y = 2 (P / Pmax)^power - 1, Pmax each spectrum's own maximum."""

    power: float = Field(default=0.25, gt=0, le=1)
    """Compression; 1/4 shows a path's amplitude, of which P is the fourth power."""

    def to_model(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scale (sample, channel, acceleration, jerk) linear magnitudes; an all-zero spectrum becomes all -1."""
        most = spectra.max(axis=(1, 2, 3), keepdims=True)
        share = np.divide(spectra, most, out=np.zeros_like(spectra), where=most > 0)
        return np.asarray(2 * share**self.power - 1, np.float32)

    def from_model(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Linear magnitudes relative to the strongest that the range knows; what lies outside -1..1 is cut."""
        return np.asarray(((np.clip(values, -1, 1) + 1) / 2) ** (1 / self.power), np.float32)

    def projected(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `from_model`, of what a network made: the nearest spectra whose highest bin is Pmax itself.

        Every spectrum's maximum is 1 by definition, which a network meets but roughly. Division by the new value of
        that one bin would scale all others. The nearest spectrum of maximum 1 (least squares, on the model's scale)
        has that bin set and keeps the others.
        """
        magnitudes = self.from_model(values)
        flat = magnitudes.reshape(len(magnitudes), -1)
        flat[np.arange(len(flat)), flat.argmax(axis=1)] = 1.0
        return magnitudes


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


class Axes(Config):
    """Axes of the spectra that a model is made for; a limit of None is not known (plain arrays)."""

    channels: int = Field(ge=1, le=1024)
    bins_acceleration: int = Field(ge=2, le=4096)
    bins_jerk: int = Field(ge=2, le=4096)
    acceleration_max: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """m/s²"""
    jerk_max: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """m/s³"""
    made_with: dict[str, str | float] = Field(default_factory=dict)
    """Settings of the spectra (`isacsim.spectrum.settings`), as far as they tell."""

    def differences(self, other: Axes, *, owner: str) -> list[str]:
        """Describe how other axes differ, as "NAME VALUE where OWNER has VALUE"; empty if they are compatible."""
        names = [name for name in type(self).model_fields if name != "made_with"]
        known = [(name, getattr(self, name), getattr(other, name)) for name in names]
        off = [(n, a, b) for n, a, b in known if None not in (a, b) and not np.isclose(a, b, rtol=1e-6)]
        differences = [f"{n} {b:g} where {owner} has {a:g}" for n, a, b in off]
        ours, theirs = self.made_with, other.made_with
        differences += [
            f"{n} {_short(theirs[n])} where {owner} has {_short(ours[n])}"
            for n in differing_settings(ours, theirs)
        ]
        return differences

    def check(self, other: Axes, *, model: str) -> None:
        """Refuse spectra on other axes.

        Raises
        ------
        InputError
            Naming both settings.
        """
        differences = self.differences(other, owner="the model")
        if differences:
            raise InputError(
                f"the spectra do not fit {model}: {', '.join(differences)}; make them on the model's axes, with its "
                "settings."
            )


class ScheduleConfig(Config):
    """Schedule by which noise is added over the steps (eq. 21-22); defaults of METHOD and Ho et al. 2020."""

    steps: int = Field(default=1000, ge=2, le=100_000)
    kind: Literal["linear", "cosine"] = "linear"
    beta_start: float = Field(default=1e-4, gt=0, lt=1)
    beta_end: float = Field(default=0.02, gt=0, lt=1)


class UNetConfig(Config):
    """Size of the network (Fig. 2)."""

    blocks: tuple[Annotated[int, Field(ge=8, le=4096, multiple_of=8)], ...] = Field(
        default=(32, 64, 128), min_length=1, max_length=8
    )
    """Channels at each resolution, multiples of 8."""
    layers: int = Field(default=1, ge=1, le=16)
    """Residual layers at each resolution."""
    attention: tuple[bool, ...] | None = None
    """At which resolutions; default: the lowest alone."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    patch: int = Field(default=1, ge=1, le=64)
    """Bins of acceleration and of jerk that become channels of one pixel; 2 makes the network about three times faster
    (Hoogeboom et al. 2023, "simple diffusion")."""

    @pydantic.model_validator(mode="after")
    def _fits(self) -> UNetConfig:
        if self.attention is not None and len(self.attention) != len(self.blocks):
            raise ValueError(f"attention must have one value for each of the {len(self.blocks)} blocks")
        return self
