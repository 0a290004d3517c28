"""The sections of a scenario that say how spectra and data sets are made of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from isacsim.errors import InputError
from isacsim.scenario.limits import Samples, between
from isacsim.scenario.numbers import Float, Int
from isacsim.scenario.section import Section, refuse
from isacsim.spectrum.grid import symmetric_axis
from isacsim.spectrum.settings import Beams, Combine, SpectrumSettings

__all__ = ["Dataset", "Spectrum"]

_DOPPLER_S, _DOPPLER_M_S = 0.128, 6.0
_PAPER = {"combine": "single", "window": "none", "lag_window": "none"}


class Spectrum(Section):
    """Settings of the acceleration-jerk spectrum (method.md section 2)."""

    acceleration_max_m_s2: Annotated[Float, between(1e-9, 1e9, "m/s²")] = 8.0
    """The acceleration axis runs from minus to plus this, m/s²."""
    jerk_max_m_s3: Annotated[Float, between(1e-9, 1e12, "m/s³")] = 40.0
    """The jerk axis runs from minus to plus this, m/s³."""
    bins_acceleration: Annotated[Int, Field(ge=2, le=4096)] = 64
    """Bins of the acceleration axis."""
    bins_jerk: Annotated[Int, Field(ge=2, le=4096)] = 64
    """Bins of the jerk axis."""
    lag_ratio: Annotated[Float, Field(gt=0, lt=0.5)] = 0.089
    """Lag of the lag product (eq. 12), as a share of the packets of a window."""
    min_lag: Annotated[Float, Field(ge=0, lt=1)] = 0.12
    """Smallest lag of the autocorrelation (eq. 4), as a share of the lag product's length."""
    lags: Literal["positive", "symmetric"] = "positive"
    """Lags of the autocorrelation that enter: positive (the paper's) or symmetric."""
    combine: Combine = "coherent"
    """Combination of subcarriers and antennas."""
    like: Literal["paper"] | None = None
    """Take the settings of this name; what stands beside it counts more. paper: one subcarrier, no windows."""
    window: str | None = None
    """Window over time by its scipy name, or none; default: hann for combine: resolved, else none."""
    lag_window: str | None = None
    """Window over the lags, likewise."""
    equalise: Annotated[Float, Field(ge=0, le=1)] | None = None
    """For combine: resolved, a path of amplitude A peaks at A^(4(1 - this)); default: 0.875."""
    beams: Beams | None = None
    """For combine: resolved, fixed beams, blind separation, or auto (default)."""
    also: Annotated[tuple[Literal["doppler"], ...], Field(max_length=1)] | None = None
    """Spectra that data sets hold beside these: [doppler], Doppler spectrograms of the same cells."""
    doppler_window_s: Annotated[Float, between(1e-6, 1e3, "s")] | None = None
    """Length of their Hann window, s; default: 0.128, at most a quarter of the window. A column each eighth of it."""
    doppler_speed_max_m_s: Annotated[Float, between(1e-3, 1e4, "m/s")] | None = None
    """They run from minus to plus this path velocity, m/s; default: 6."""
    reference: Literal["product", "ratio"] = "product"
    """Use of a reference channel: conjugate product (the paper's) or ratio."""

    @model_validator(mode="before")
    @classmethod
    def _as_named(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("like") == "paper":
            return {**_PAPER, **data}
        return data

    @model_validator(mode="after")
    def _possible(self) -> Spectrum:
        for name in ("doppler_window_s", "doppler_speed_max_m_s"):
            if getattr(self, name) is not None and not self.also:
                raise refuse(f"{name} needs also: [doppler]", name)
        for name in ("window", "lag_window", "equalise", "beams"):
            try:
                SpectrumSettings(combine=self.combine, lags=self.lags, **self._given(name))
            except InputError as error:
                raise refuse(str(error).rstrip("."), name) from None
        return self

    def doppler(self, duration: float) -> dict[str, float]:
        """Arguments of :func:`isacsim.doppler_spectrogram` for windows of so many seconds."""
        length = self.doppler_window_s
        speed = self.doppler_speed_max_m_s
        return {
            "window_s": min(_DOPPLER_S, duration / 4) if length is None else length,
            "max_speed": _DOPPLER_M_S if speed is None else speed,
        }

    def _given(self, *names: str) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {name: None if value == "none" else value for name, value in given.items()}

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of :func:`isacsim.aj_spectrum`, but for what the radio's arrays are."""
        return {
            "acceleration": symmetric_axis(self.acceleration_max_m_s2, self.bins_acceleration),
            "jerk": symmetric_axis(self.jerk_max_m_s3, self.bins_jerk),
            "lag_ratio": self.lag_ratio,
            "lags": self.lags,
            "min_lag": self.min_lag,
            "combine": self.combine,
            **self._given("window", "lag_window", "equalise", "beams"),
        }


class Dataset(Section):
    """Number of samples and their classes."""

    per_class: dict[Int, Samples] | None = None
    """Samples for each number of targets; null: counts are drawn as targets.count says."""
    n_samples: Annotated[Samples, Field(ge=1)] = 1000
    """Samples in all; with per_class its sum."""

    @model_validator(mode="before")
    @classmethod
    def _default_to_sum(cls, data: Any) -> Any:
        if isinstance(data, dict) and "n_samples" not in data and isinstance(data.get("per_class"), dict):
            values = list(data["per_class"].values())
            if values and all(type(value) is int for value in values):
                return {**data, "n_samples": sum(values)}
        return data

    @model_validator(mode="after")
    def _sum(self) -> Dataset:
        if self.per_class is not None and sum(self.per_class.values()) != self.n_samples:
            raise refuse(
                f"n_samples is {self.n_samples}, but per_class adds up to {sum(self.per_class.values())}; "
                "leave n_samples out or make them equal",
                "n_samples",
            )
        return self
