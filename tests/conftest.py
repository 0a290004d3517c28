"""A small scenario that a test changes where it needs to."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from isacsim.scenario.model import Scenario

# On a busy machine examples take long to draw: no fault.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# Two receive channels of the lab's kind, small enough for a test: 16 subcarriers, 0.256 s; nothing but paths
# and static part (even noise is off), so that each test switches on what it is about.
SMALL = {
    "name": "small",
    "description": "for the tests",
    "snr_db": 20.0,
    "radio": {
        "carrier_hz": 5.8e9,
        "bandwidth_hz": 80e6,
        "subcarriers": 16,
        "packet_rate_hz": 1000.0,
        "packets": 256,
        "transmitter_m": [0.0, 0.0, 1.0],
        "receivers": [
            {"name": "rx", "role": "surveillance", "position_m": [4.0, 0.0, 1.0]},
            {
                "name": "ref",
                "role": "reference",
                "position_m": [3.5, 0.0, 1.0],
                "dynamic_gain_db": -20.0,
                "static_gain_db": 3.0,
            },
        ],
    },
    "environment": {"kind": "rayleigh", "power_db": 20.0, "delay_spread_ns": 30.0, "k_factor_db": 6.0},
    "targets": {
        "fixed": [
            {
                "amplitude": 1.0,
                "motion": {
                    "kind": "trajectory",
                    "position_m": [1.0, 3.0, 1.2],
                    "velocity_m_s": [0.5, 1.5, 0.0],
                    "acceleration_m_s2": [1.0, 2.0, 0.5],
                    "jerk_m_s3": [5.0, 10.0, 1.0],
                },
            },
            {
                "amplitude": 0.8,
                "motion": {
                    "kind": "trajectory",
                    "position_m": [3.0, 4.0, 1.0],
                    "velocity_m_s": [-1.0, -1.0, 0.2],
                    "acceleration_m_s2": [0.0, -3.0, 0.0],
                },
            },
        ]
    },
    "impairments": {"noise": False},
}

NO_TARGETS = {"fixed": []}
ONE_RECEIVER = [{"name": "rx", "position_m": [4.0, 0.0, 1.0]}]


def _merge(base, changes):
    out = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict) and key in ("radio", "impairments"):
            out[key] = out[key] | value
        else:
            out[key] = value
    return out


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """No test reads or leaves traced scenes in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISACSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def make_scenario():
    """Function: the small scenario with sections replaced (radio and impairments: field by field)."""

    def make(**changes):
        return Scenario.model_validate(_merge(SMALL, changes))

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    arguments = [
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP evil.example 127.0.0.1",
    ]
    with playwright.sync_playwright() as player:
        try:
            started = player.chromium.launch(executable_path=chromium, args=arguments)
        except playwright.Error as error:
            # Containers often forbid what a browser starts; ISACSIM_BROWSER=1 makes that a failure.
            if os.environ.get("ISACSIM_BROWSER"):
                raise
            pytest.skip(f"{chromium} does not start here: {str(error).splitlines()[0]}")
        yield started
        started.close()
