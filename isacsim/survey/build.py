"""The scenario that says what was measured of a capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.constants import speed_of_light

from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.spectrum.grid import WindowResolution
from isacsim.survey.measure import Measured, Recording
from isacsim.survey.static import N_TAPS

__all__ = ["SPEEDS", "Builder", "Fitted"]

SPEEDS = {"walker": (0.15, 2.2), "point": (0.02, 10.0)}
"""Slowest and fastest of each body, m/s."""
_MARGIN = 0.98
# Axes of a spectrum where the packet rate gives none.
_NO_AXES = 1e-3
# No capture says where antennas stand: half a wavelength apart, as on most boards.
_TRANSMITTER, _RECEIVER = (1.0, 0.2, 1.5), (5.0, 0.2, 1.5)


@dataclass(frozen=True)
class Fitted:
    """Values that are fitted by simulation."""

    power_db: float
    snr_db: float
    speed: float
    """m/s"""


@dataclass(frozen=True, eq=False)
class Builder:
    """Makes the scenario of what is measured and what is fitted."""

    taken: Recording
    measured: Measured
    roles: tuple[str, ...]
    """Roles of the receivers, as the capture says."""
    window_s: float
    rate: float
    """Packets per second."""
    bursts: bool
    """True if packets lie on no grid: then they come evenly, none is lost."""
    body: str
    moving: float
    """Share of windows in which something moves."""
    name: str
    source: str

    @property
    def packets(self) -> int:
        """Packets in a window."""
        return max(32, round(self.window_s * self.rate))

    @property
    def axes(self) -> tuple[float, float] | None:
        """Largest acceleration and jerk of a spectrum at this packet rate, at most the defaults; None: no spectrum."""
        highest = float(self.taken.frequency.max())
        try:
            axes = WindowResolution(self.packets, 1 / self.rate, highest).allowed(64)
        except InputError:
            return None
        acceleration, jerk = (_MARGIN * float(axis[-1]) for axis in axes)
        return min(8.0, _rounded(acceleration, 3)), min(40.0, _rounded(jerk, 3))

    def __call__(self, fitted: Fitted, *, everywhere: bool = False) -> Scenario:
        """Make it; ``everywhere``: somebody moves in each capture, else in the measured share of them."""
        static = self.measured.static
        acceleration, jerk = self.axes or (_NO_AXES, _NO_AXES)
        return Scenario.model_validate(
            {
                "name": self.name,
                "description": " ".join(f"like the capture {self.source}".split()),
                "snr_db": _rounded(fitted.snr_db),
                "motion_model": "exact",
                "radio": self._radio(),
                "environment": {
                    "kind": "rayleigh",
                    "power_db": _rounded(fitted.power_db),
                    "delay_spread_ns": _rounded(static.likely[0]),
                    "n_taps": N_TAPS,
                    "k_factor_db": _rounded(static.likely[1]),
                },
                "targets": self._targets(fitted.speed, 1.0 if everywhere else self.moving),
                "impairments": _impairments(self.measured, self.bursts),
                "spectrum": {"acceleration_max_m_s2": acceleration, "jerk_max_m_s3": jerk},
            }
        )

    def _radio(self) -> dict[str, Any]:
        f, carrier, bandwidth = self.taken.frequency, self.taken.carrier, self.taken.bandwidth
        spacing = float(np.diff(f).min()) if f.size > 1 else bandwidth
        index = np.rint((f - carrier) / spacing).astype(int)
        if np.abs(index * spacing - (f - carrier)).max() > 0.01 * spacing:
            # No grid about the carrier: one about the lowest subcarrier.
            carrier, index = float(f[0]), np.rint((f - f[0]) / spacing).astype(int)
        x, y, z = _RECEIVER
        receivers = []
        for i, (gain, role) in enumerate(zip(self.measured.gain_db.tolist(), self.roles, strict=True)):
            place = (x + i * speed_of_light / carrier / 2, y, z)
            one: dict[str, Any] = {"name": f"rx{i}", "role": role, "position_m": place}
            if gain < -0.5:
                one |= {"static_gain_db": _rounded(gain), "dynamic_gain_db": _rounded(gain)}
            receivers.append(one)
        return {
            "carrier_hz": carrier,
            "bandwidth_hz": max(bandwidth, float(np.ptp(f))),
            "subcarriers": tuple(index.tolist()),
            "subcarrier_spacing_hz": spacing,
            "packet_rate_hz": float(f"{self.rate:.6g}"),
            "packets": self.packets,
            "transmitter_m": _TRANSMITTER,
            "receivers": receivers,
        }

    def _targets(self, speed: float, moving: float) -> dict[str, Any]:
        if self.body == "none":
            return {"fixed": []}
        low, high = (float(np.clip(x * speed, *SPEEDS[self.body])) for x in (0.6, 1.4))
        body: dict[str, Any] = {"kind": "point"}
        if self.body == "walker":
            body = {"kind": "walker", "height_m": {"uniform": [1.55, 1.9]}, "sway": True}
        motion = {
            "kind": "trajectory",
            "position_m": [{"uniform": [0.5, 5.5]}, {"uniform": [2.0, 7.5]}, {"uniform": [1.05, 1.25]}],
            "speed_m_s": _uniform(low, high, 3),
            "heading_deg": {"uniform": [0.0, 360.0]},
        }
        template = {"amplitude": {"lognormal": [0.0, 0.3]}, "body": body, "motion": motion}
        count: dict[str, Any] = {"min": 1, "max": 1}
        if moving < 1:
            share = _rounded(moving, 2)
            count = {"min": 0, "max": 1, "weights": (_rounded(1 - share, 2), share)}
        return {"count": count, "template": template}


def _impairments(measured: Measured, bursts: bool) -> dict[str, Any]:
    timing, errors, gains = measured.timing, measured.errors, measured.gains
    made: dict[str, Any] = {
        "cfo": {
            "offset_hz": _rounded(errors.cfo_hz, 2),
            "phase_noise_rad_per_sqrt_s": _rounded(errors.phase_noise, 3),
        },
        "sto": {"offset_ns": 0.0, "jitter_ns": _rounded(errors.timing_jitter * 1e9, 3)},
    }
    if errors.sfo_ppm:
        made["sfo"] = {"ppm": _rounded(errors.sfo_ppm, 4)}
    if gains.position.size:
        made["agc"] = {"step_db": _rounded(gains.size_db, 2), "rate_hz": _rounded(gains.rate_hz, 3)}
    if not bursts:
        if timing.jitter > 1e-3 * timing.interval:
            made["jitter"] = {"std_us": _rounded(min(timing.jitter, 0.45 * timing.interval) * 1e6, 2)}
        if timing.lost > 0:
            burst = float(f"{max(timing.mean_burst, 1.0):.4g}")
            # Between two bursts a packet arrives, so more than this cannot be lost.
            fraction = min(timing.lost, _MARGIN * burst / (1 + burst))
            made["loss"] = {"fraction": float(f"{fraction:.4g}"), "mean_burst_packets": burst}
    if measured.quantised.bits:
        headroom = max(measured.quantised.headroom_db, 0.0)
        made["quantisation"] = {"bits": measured.quantised.bits, "headroom_db": _rounded(headroom)}
    return made


def _uniform(low: float, high: float, digits: int = 1) -> Any:
    low, high = _rounded(low, digits), _rounded(high, digits)
    return {"uniform": [low, high]} if high > low else low


def _rounded(value: float, digits: int = 1) -> float:
    # Plus zero: no -0.0.
    return round(float(value), digits) + 0.0
