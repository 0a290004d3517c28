"""Settings of an AJ spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.checks import check_choice, check_integer, check_number, refusal
from isacsim.errors import InputError
from isacsim.spectrum.grid import ACCELERATION_MAX, BINS, JERK_MAX, WindowResolution, symmetric_axis

__all__ = [
    "EQUALISE",
    "SAME_WINDOW",
    "Axis",
    "Beams",
    "Chains",
    "Combine",
    "Lags",
    "SpectrumSettings",
    "differing_settings",
    "made_with",
    "settings_attrs",
]

Combine = Literal["single", "noncoherent", "coherent", "delay", "resolved"]
Beams = Literal["auto", "fixed", "blind"]
Chains = Literal["estimated", "known"]
Lags = Literal["positive", "symmetric"]
Axis = ArrayLike | Literal["natural"] | None

# Cells are brought to |A|^(4(1 - this)) in the sum of combine="resolved"; chosen by the study `images`.
EQUALISE = 0.875


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings:
    """Settings of a spectrum; the fields are :func:`aj_spectrum`'s arguments.

    Raises
    ------
    InputError
        Naming the argument, what was passed and what is allowed.
    """

    acceleration: Axis = None
    jerk: Axis = None
    lag_ratio: float = 0.089
    lags: Lags = "positive"
    min_lag: float = 0.12
    window: str | None = "auto"
    combine: Combine = "coherent"
    remove_static: bool = True
    subcarrier: int | None = None
    delays: int = 8
    delay_window: str | None = "auto"
    decimation: int | None = None
    lag_window: str | None = "auto"
    antennas: tuple[int, int] | None = None
    beams: Beams = "auto"
    equalise: float = EQUALISE
    cube: bool = False
    device: str | None = None
    chains: Chains = "estimated"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("lags", get_args(Lags)),
            ("combine", get_args(Combine)),
            ("beams", get_args(Beams)),
            ("chains", get_args(Chains)),
        ):
            check_choice(name, getattr(self, name), allowed)
        self._choose_windows()
        check_number("lag_ratio", self.lag_ratio)
        check_number("min_lag", self.min_lag, least=0, below=0.9)
        check_integer("delays", self.delays, least=1)
        check_number("equalise", self.equalise, least=0, most=1)
        if not isinstance(self.device, str | None):
            raise refusal("device", "the name of a torch device, or None", self.device)
        if self.decimation is not None:
            check_integer("decimation", self.decimation, least=1)
        if self.antennas is not None:
            _check_antennas(self.antennas)
        if self.lag_window is not None and self.lags == "symmetric":
            raise InputError(
                "lag_window needs lags='positive': with symmetric lags, only the window over R exists."
            )
        if self.cube and (self.combine != "resolved" or self.beams == "blind"):
            raise InputError(
                "cube=True needs combine='resolved' and fixed beams: it has one spectrum a delay and beam."
            )
        for name in ("window", "delay_window", "lag_window"):
            _check_window(name, getattr(self, name))

    def _choose_windows(self) -> None:
        """Put what each combination takes by default for "auto"."""
        resolved = self.combine == "resolved"
        for name, default in (
            ("window", "hann" if resolved else None),
            ("lag_window", "hann" if resolved and self.lags == "positive" else None),
            ("delay_window", None if resolved else "hann"),
        ):
            if getattr(self, name) == "auto":
                object.__setattr__(self, name, default)

    def axes(self, grid: WindowResolution) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The acceleration and jerk axis on a window, checked against its unambiguous range."""
        pair = []
        for name, given, natural, largest in (
            ("acceleration", self.acceleration, 0, ACCELERATION_MAX),
            ("jerk", self.jerk, 1, JERK_MAX),
        ):
            if given is None:
                axis = symmetric_axis(largest, BINS)
            elif isinstance(given, str):
                if given != "natural":
                    raise refusal(name, "an array of values, 'natural' or None", given)
                axis = grid.natural(self.min_lag)[natural]
            else:
                axis = np.asarray(given, np.float64)
            if axis.ndim != 1 or axis.size == 0 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
                raise InputError(
                    f"{name} must be finite values that ascend, got an array of shape {axis.shape}."
                )
            pair.append(axis)
        grid.check(float(np.abs(pair[0]).max()), float(np.abs(pair[1]).max()))
        return pair[0], pair[1]


def _check_window(name: str, value: object) -> None:
    if value is None or (isinstance(value, str) and value == "hann"):
        return
    from scipy.signal import get_window  # half a second to import, which the usual windows do not need

    try:
        if not isinstance(value, str):
            raise ValueError
        get_window(value, 8)
    except ValueError as error:
        raise refusal(name, "a name that scipy.signal.get_window knows", value) from error


def _check_antennas(antennas: object) -> None:
    if not isinstance(antennas, tuple | list) or len(antennas) != 2:
        raise refusal("antennas", "(receiving, transmitting) numbers of elements", antennas)
    for which in antennas:
        check_integer("antennas", which, least=1)


_TOLD = (
    *("lags", "min_lag", "window", "combine", "lag_ratio", "window_s"),
    *("lag_window", "equalise", "beams", "delay_window", "antennas"),
)

# The lag is a whole number of packets, so its share of the window differs a little from rate to rate.
_SAME_LAG = 0.01


# Windows that differ by more resolve differently.
SAME_WINDOW = 0.05


def settings_attrs(settings: SpectrumSettings) -> dict[str, str | float]:
    """Attributes that say how a spectrum was made, apart from its window of packets."""
    out: dict[str, str | float] = {
        "lags": settings.lags,
        "min_lag": float(settings.min_lag),
        "window": settings.window or "none",
        "combine": settings.combine,
    }
    if settings.lag_window is not None:
        out["lag_window"] = settings.lag_window
    if settings.combine == "resolved":
        out["equalise"] = float(settings.equalise)
        out["beams"] = settings.beams
        out["delay_window"] = settings.delay_window or "none"
        out["antennas"] = " x ".join(map(str, settings.antennas or (1, 1)))
    return out


def made_with(attrs: Mapping[str, Any]) -> dict[str, str | float]:
    """Read the settings of a spectrum from its attributes, as far as they hold them."""
    out = {name: attrs[name] for name in _TOLD if name in attrs}
    if "packets" in attrs and "lag_packets" in attrs and "packet_interval" in attrs:
        out.setdefault("lag_ratio", attrs["lag_packets"] / attrs["packets"])
        out.setdefault("window_s", attrs["packets"] * attrs["packet_interval"])
    return {name: value if isinstance(value, str) else float(value) for name, value in out.items()}


def differing_settings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Settings that both tell and that differ, sorted."""

    def same(name: str) -> bool:
        a, b = one[name], other[name]
        if name == "lag_ratio":
            return bool(abs(a - b) < _SAME_LAG)
        return bool(abs(a / b - 1) <= SAME_WINDOW) if name == "window_s" else bool(a == b)

    return sorted(name for name in one.keys() & other.keys() if not same(name))
