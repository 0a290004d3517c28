"""Generate, purify and count: learning from acceleration-jerk spectra (DiRA).

Packages, each importing only those above it:

- ``config``: the base of all settings of models
- ``networks``, and ``training``: the loop, checkpoints
- ``data``: spectra out of stores
- ``models``: diffusion, purifier, denoiser, detector, GAN, VAE, counter, encoder
- ``metrics``: distances, fidelity
- ``experiment``: the paper's protocol, ``dira reproduce``
- ``pretraining``: the making of the shipped ``weights``
- ``commands``

Read first `dira.models.model`, then `dira.models.diffusion`, then `dira.models.purifier`. ``CONTRIBUTING.md`` says how
to add a model.

The public names load on first use, so that ``import dira`` stays light: torch and diffusers are imported by what needs
them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that editors and type checkers see what `__getattr__` loads
    from dira.metrics.distances import frechet_distance as frechet_distance
    from dira.metrics.distances import kernel_distance as kernel_distance
    from dira.metrics.fidelity import peak_fidelity as peak_fidelity
    from dira.models.counter import TargetCounter as TargetCounter
    from dira.models.denoiser import PairedDenoiser as PairedDenoiser
    from dira.models.detector import PathDetector as PathDetector
    from dira.models.diffusion import ConditionalDiffusion as ConditionalDiffusion
    from dira.models.encoder import Encoder as Encoder
    from dira.models.gan import ConditionalGAN as ConditionalGAN
    from dira.models.paired_diffusion import PairedDiffusion as PairedDiffusion
    from dira.models.path_posterior import PathPosterior as PathPosterior
    from dira.models.people_counter import PeopleCounter as PeopleCounter
    from dira.models.purifier import Purifier as Purifier
    from dira.models.vae import ConditionalVAE as ConditionalVAE
    from dira.models.window_classifier import WindowClassifier as WindowClassifier

_HOME = {
    "ConditionalDiffusion": "dira.models.diffusion",
    "ConditionalGAN": "dira.models.gan",
    "ConditionalVAE": "dira.models.vae",
    "Purifier": "dira.models.purifier",
    "PairedDenoiser": "dira.models.denoiser",
    "PairedDiffusion": "dira.models.paired_diffusion",
    "Encoder": "dira.models.encoder",
    "PathDetector": "dira.models.detector",
    "PathPosterior": "dira.models.path_posterior",
    "PeopleCounter": "dira.models.people_counter",
    "frechet_distance": "dira.metrics.distances",
    "kernel_distance": "dira.metrics.distances",
    "peak_fidelity": "dira.metrics.fidelity",
    "TargetCounter": "dira.models.counter",
    "WindowClassifier": "dira.models.window_classifier",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dira' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
