"""Simulate Wi-Fi channel state information (CSI) of moving targets with exact truth, and estimate their motion.

The packages, in the order in which data flow through them. Each package's docstring describes its modules:

===================  ==================================================================================
``scenario``         the YAML file as pydantic models; numbers may be distributions
``targets``          trajectories, phases of motion, bodies, radar cross-sections, path lengths
``channel``          moving paths, static environments, impairments, noise
``simulation``       scenario and seed to one capture with its truth
``capture``          files of real receivers to the same capture
``conditioning``     removal of gain, common phase and static part; resampling; windows
``survey``           contents of a capture, and a scenario like it
``spectrum``         CSI to acceleration-jerk spectrum and Doppler spectrogram
``estimation``       CSI to paths, bounds on their errors, comparison with the truth
``counting``         number of moving targets in a capture
``tracking``         CSI to speeds over time, and a motion index
``dataset``          samples in a store: made, imported, mixed, checked, loaded
``figures``          pictures and pages
``explorer``         a local page of live pictures, data sets and captures
``commands``         the command line, one module per command, put together by ``cli``
``compute``          numba, threads, phasors, description of the machine
===================  ==================================================================================

Imports run one way only; ``tests/test_layout.py`` holds the order. It is the order above, with three exceptions: all
packages use ``compute``, a scenario is checked against the grid of ``spectrum``, and data cards show ``figures``. All
packages use these modules: ``errors``, ``checks``, ``files``, ``streams``, ``schema``, ``csi``, ``terminal``.
The repository also has ``scenarios/`` (the shipped YAML files) and ``validation/`` (studies against ground truth),
which are ``isacsim.scenarios`` and ``isacsim.validation``.

New things go here: a body into ``scenario.bodies`` and ``targets.body``, a reader into ``capture.formats``, a
combination of subcarriers into ``spectrum.settings`` and ``spectrum.plan``, a model into ``dira.models``, a study into
``validation``, a command into ``commands``. ``CONTRIBUTING.md`` names the registrations.

Read first `isacsim.simulation.capture`, then `isacsim.spectrum.aj`, then `isacsim.estimation.estimate`.

The public names load on first use, so that ``import isacsim`` stays light: numba, xarray and matplotlib are
imported by the function that needs them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that editors and type checkers see what `__getattr__` loads
    from isacsim.capture.reading import read_capture as read_capture
    from isacsim.channel.paths import simulate_paths as simulate_paths
    from isacsim.counting.counting import count_targets as count_targets
    from isacsim.dataset.loading.tf_data import to_tf_dataset as to_tf_dataset
    from isacsim.dataset.loading.torch_data import to_torch as to_torch
    from isacsim.dataset.mixed.mix import mix as mix
    from isacsim.dataset.store.store import open_dataset as open_dataset
    from isacsim.dataset.synthetic.endless import stream as stream
    from isacsim.dataset.synthetic.generate import generate as generate
    from isacsim.errors import CaptureError as CaptureError
    from isacsim.errors import InputError as InputError
    from isacsim.estimation.bounds import cramer_rao_bound as cramer_rao_bound
    from isacsim.estimation.estimate import estimate_paths as estimate_paths
    from isacsim.figures.plots import plot_csi as plot_csi
    from isacsim.figures.plots import plot_doppler as plot_doppler
    from isacsim.figures.plots import plot_spectrum as plot_spectrum
    from isacsim.figures.plots import plot_tracks as plot_tracks
    from isacsim.scenario.catalogue import load_scenario as load_scenario
    from isacsim.scenario.model import Scenario as Scenario
    from isacsim.simulation.capture import simulate as simulate
    from isacsim.spectrum.aj import aj_spectrum as aj_spectrum
    from isacsim.spectrum.doppler import doppler_spectrogram as doppler_spectrogram
    from isacsim.spectrum.point_response import point_response as point_response
    from isacsim.spectrum.render import render_spectrum as render_spectrum
    from isacsim.survey.describe import describe_capture as describe_capture
    from isacsim.survey.match import scenario_from_capture as scenario_from_capture
    from isacsim.tracking.track import track as track
    from isacsim.validation.benchmark import benchmark as benchmark

__version__ = "0.2.0"

_HOME = {
    "InputError": "isacsim.errors",
    "CaptureError": "isacsim.errors",
    "Scenario": "isacsim.scenario.model",
    "load_scenario": "isacsim.scenario.catalogue",
    "simulate": "isacsim.simulation.capture",
    "simulate_paths": "isacsim.channel.paths",
    "aj_spectrum": "isacsim.spectrum.aj",
    "point_response": "isacsim.spectrum.point_response",
    "render_spectrum": "isacsim.spectrum.render",
    "estimate_paths": "isacsim.estimation.estimate",
    "count_targets": "isacsim.counting.counting",
    "cramer_rao_bound": "isacsim.estimation.bounds",
    "doppler_spectrogram": "isacsim.spectrum.doppler",
    "track": "isacsim.tracking.track",
    "read_capture": "isacsim.capture.reading",
    "describe_capture": "isacsim.survey.describe",
    "scenario_from_capture": "isacsim.survey.match",
    "to_torch": "isacsim.dataset.loading.torch_data",
    "to_tf_dataset": "isacsim.dataset.loading.tf_data",
    "generate": "isacsim.dataset.synthetic.generate",
    "stream": "isacsim.dataset.synthetic.endless",
    "open_dataset": "isacsim.dataset.store.store",
    "mix": "isacsim.dataset.mixed.mix",
    "benchmark": "isacsim.validation.benchmark",
    "plot_spectrum": "isacsim.figures.plots",
    "plot_doppler": "isacsim.figures.plots",
    "plot_csi": "isacsim.figures.plots",
    "plot_tracks": "isacsim.figures.plots",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'isacsim' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _BesideThePackage:
    """Finds a checkout's scenarios/ and validation/, which in a wheel lie within the package."""

    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in ("isacsim.scenarios", "isacsim.validation"):
            return None
        folder = os.path.join(cls.root, name.rpartition(".")[2])
        face = os.path.join(folder, "__init__.py")
        if not os.path.isfile(face):  # a folder of files alone
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [folder]
            return spec
        return importlib.util.spec_from_file_location(name, face, submodule_search_locations=[folder])


# A checkout finds its own two folders, whatever is installed.
if os.path.isfile(os.path.join(_BesideThePackage.root, "pyproject.toml")):
    sys.meta_path.insert(0, _BesideThePackage)
