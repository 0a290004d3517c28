"""Generate, purify and count: learning from acceleration-jerk spectra (DiRA).

The public names load on first use, so that ``import dira`` stays light: torch and diffusers are imported by what needs
them.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ConditionalDiffusion": "dira.diffusion",
    "ConditionalGAN": "dira.gan",
    "ConditionalVAE": "dira.vae",
    "Purifier": "dira.purify",
    "PairedDenoiser": "dira.denoise",
    "frechet_distance": "dira.metrics",
    "kernel_distance": "dira.metrics",
    "peak_fidelity": "dira.fidelity",
    "TargetCounter": "dira.counter",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dira' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
