"""Sections that tests put into the small scenario: drawn targets, a fan, every impairment."""

from __future__ import annotations

TEMPLATE = {
    "count": {"min": 1, "max": 4},
    "template": {
        "motion": {
            "kind": "kinematics",
            "path_length_m": {"uniform": [5.0, 15.0]},
            "velocity_m_s": {"uniform": [-3.0, 3.0]},
            "acceleration_m_s2": {"uniform": [-6.0, 6.0]},
            "jerk_m_s3": {"uniform": [-30.0, 30.0]},
        }
    },
}
FAN = {
    "name": "fan",
    "amplitude": 0.7,
    "motion": {
        "kind": "oscillation",
        "position_m": [2.0, 2.0, 2.0],
        "axis": [0.0, 1.0, 0.0],
        "amplitude_m": 0.1,
        "frequency_hz": 6.0,
    },
}
ALL = {
    "noise": True,
    "cfo": {"offset_hz": {"uniform": [-300.0, 300.0]}, "phase_noise_rad_per_sqrt_s": 1.0},
    "sfo": {"ppm": 2.0},
    "sto": {"offset_ns": 20.0, "jitter_ns": 15.0},
    "agc": {"step_db": 0.5, "rate_hz": 20.0},
    "jitter": {"std_us": 100.0},
    "loss": {"fraction": 0.05},
    "quantisation": {"bits": 8},
}
