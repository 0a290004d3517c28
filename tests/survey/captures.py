"""Simulated captures with known hardware, for tests of what is measured of a capture."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from isacsim import simulate
from isacsim.scenario.model import Scenario

PLACES = ([3.0, 0.0, 1.0], [3.028, 0.0, 1.0], [3.056, 0.0, 1.0])


def scenario(
    *,
    packet_rate_hz: float = 500.0,
    packets: int = 2000,
    subcarriers: Any = 32,
    bandwidth_hz: float = 40e6,
    receivers: int = 2,
    snr_db: float = 20.0,
    environment: dict[str, Any] | None = None,
    impairments: dict[str, Any] | None = None,
    speed: float | None = 1.0,
    **fields: Any,
) -> Scenario:
    """One mover (or none: speed None) in a static channel 20 dB above it."""
    fixed = []
    if speed is not None:
        motion = {"kind": "kinematics", "path_length_m": 7, "velocity_m_s": speed}
        motion |= {"acceleration_m_s2": 0, "jerk_m_s3": 0}
        fixed = [{"amplitude": 1, "motion": motion}]
    return Scenario.model_validate(
        {
            "name": "known",
            "description": "a capture with known hardware",
            "snr_db": snr_db,
            "radio": {
                "carrier_hz": 5.3e9,
                "bandwidth_hz": bandwidth_hz,
                "subcarriers": subcarriers,
                "packet_rate_hz": packet_rate_hz,
                "packets": packets,
                "transmitter_m": [0, 0, 1],
                "receivers": [{"name": "abc"[i], "position_m": PLACES[i]} for i in range(receivers)],
            },
            "targets": {"fixed": fixed},
            "environment": environment
            or {"kind": "rayleigh", "power_db": 20, "delay_spread_ns": 30, "n_taps": 30, "k_factor_db": 6},
            "impairments": impairments or {},
            "spectrum": {"acceleration_max_m_s2": 1e-3, "jerk_max_m_s3": 1e-3},
            **fields,
        }
    )


def capture(seed: int, **fields: Any) -> xr.Dataset:
    """A capture as if it had been received: without truth and scenario."""
    made = simulate(scenario(**fields), seed=seed)
    received = made[["csi"]]
    received.attrs = {
        "carrier": made.attrs["carrier"],
        "bandwidth": made.attrs["bandwidth"],
        "phase_sign": -1,
    }
    return received


def with_variable(captured: xr.Dataset, name: str, values: np.ndarray, units: str = "") -> xr.Dataset:
    """The capture with a number or word for each packet."""
    return captured.assign({name: ("packet", values, {"units": units})})
