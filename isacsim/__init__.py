"""Simulate Wi-Fi channel state information of moving targets with exact truth, and estimate their motion.

The public names load on first use, so that ``import isacsim`` stays light: numba, xarray and matplotlib are
imported by the function that needs them.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

__version__ = "0.1.0"

# scenarios/ and validation/ are subpackages that stand beside isacsim/ in a checkout and inside it in a wheel; a
# checkout must find its own, whatever is installed.
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if os.path.isfile(os.path.join(_ROOT, "pyproject.toml")):
    __path__.append(_ROOT)

_HOME = {
    "InputError": "isacsim.errors",
    "CaptureError": "isacsim.errors",
    "Scenario": "isacsim.scenario",
    "load_scenario": "isacsim.scenario",
    "simulate": "isacsim.simulation",
    "simulate_paths": "isacsim.channel.paths",
    "aj_spectrum": "isacsim.spectrum",
    "point_response": "isacsim.path_response",
    "estimate_paths": "isacsim.estimation",
    "cramer_rao_bound": "isacsim.estimation.bounds",
    "doppler_spectrogram": "isacsim.doppler",
    "read_capture": "isacsim.capture",
    "to_torch": "isacsim.dataset.torch_data",
    "to_tf_dataset": "isacsim.dataset.tf_data",
    "generate": "isacsim.dataset.generate",
    "open_dataset": "isacsim.dataset.store",
    "mix": "isacsim.dataset.mixing",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'isacsim' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
