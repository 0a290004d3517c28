"""What a spectrum says of how it was made, in its attributes, and whether two were made alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isacsim.spectrum_settings import SpectrumSettings

__all__ = ["SAME_WINDOW", "made_with", "settings_attrs", "unlike"]

# The lag is a whole number of packets, so its share of the window differs a little from rate to rate.
_SAME_LAG = 0.01
# Windows that differ by more resolve differently.
SAME_WINDOW = 0.05


def settings_attrs(settings: SpectrumSettings, window_s: float) -> dict[str, str | float]:
    """Attributes that say how a spectrum was made.

    Parameters
    ----------
    settings : SpectrumSettings
        What it was made with.
    window_s : float
        Length of the window, s.
    """
    return {
        "lags": settings.lags,
        "min_lag": float(settings.min_lag),
        "window": settings.window or "none",
        "combine": settings.combine,
        "lag_ratio": float(settings.lag_ratio),
        "window_s": round(window_s, 9),
    }


def made_with(attrs: Mapping[str, Any]) -> dict[str, str | float]:
    """How a spectrum was made, as far as its attributes say."""
    out = {
        name: attrs[name]
        for name in ("lags", "min_lag", "window", "combine", "lag_ratio", "window_s")
        if name in attrs
    }
    if "packets" in attrs and "lag_packets" in attrs and "packet_interval" in attrs:
        out.setdefault("lag_ratio", attrs["lag_packets"] / attrs["packets"])
        out.setdefault("window_s", attrs["packets"] * attrs["packet_interval"])
    return {name: value if isinstance(value, str) else float(value) for name, value in out.items()}


def unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Settings that both tell and that differ, sorted."""

    def same(name: str) -> bool:
        a, b = one[name], other[name]
        if name == "lag_ratio":
            return bool(abs(a - b) < _SAME_LAG)
        return bool(abs(a / b - 1) <= SAME_WINDOW) if name == "window_s" else bool(a == b)

    return sorted(name for name in one.keys() & other.keys() if not same(name))
