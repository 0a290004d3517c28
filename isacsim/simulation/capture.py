"""One capture with its truth, from scenario and seed (method.md section 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isacsim import __version__
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.targets.kinematics import PathMotion

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["simulate"]


def simulate(scenario: Scenario, *, seed: int, n_targets: int | None = None, index: int = 0) -> xr.Dataset:
    """Simulate one capture with its truth.

    Parameters
    ----------
    scenario : Scenario
        From :func:`isacsim.load_scenario`.
    seed : int
        Seed, at least 0. The capture depends on (scenario, seed, index, n_targets) alone.
    n_targets : int, optional
        Number of targets; default: drawn as the scenario says.
    index : int
        Number of the sample within a data set of this seed.

    Returns
    -------
    xarray.Dataset
        ``csi`` and ``csi_noiseless`` complex64 (receiver, subcarrier, packet): what the receiver reports, and the paths
        and static part without noise and impairments at the same packets. Coordinates ``frequency`` Hz, ``time`` s
        about the window's centre, ``role``. Truth over (receiver, path) at the window's centre: ``path_length`` m,
        ``velocity`` m/s, ``acceleration`` m/s², ``jerk`` m/s³, ``amplitude``, ``phase`` rad, ``model_error`` in
        wavelengths; ``target`` (path), -1 for movers; ``scatterer`` (path), the point of a body, of which the first is
        the one that the target's truth is about; ``position`` (path, xyz) m. ``static`` (receiver,
        subcarrier). The impairments are recorded over packets and in the attributes.

    Raises
    ------
    InputError
        If seed, index or n_targets is out of range, or a drawn target passes through an antenna.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("default"), seed=1, n_targets=4)
    >>> capture.sizes["path"], capture.csi.dtype
    (4, dtype('complex64'))
    """
    import xarray as xr

    if not isinstance(scenario, Scenario):
        raise InputError(
            f"scenario must be a Scenario, got {scenario!r}; load it with isacsim.load_scenario first."
        )
    drawn = realise(scenario, seed=seed, index=index, n_targets=n_targets)
    received = receive(drawn)
    damage = received.impairments
    length, velocity, acceleration, jerk = drawn.kinematics
    over_paths = {
        "path_length": (length, "m", "path length"),
        "velocity": (velocity, "m/s", "rate of change of the path length"),
        "acceleration": (acceleration, "m/s2", "acceleration of the path length"),
        "jerk": (jerk, "m/s3", "jerk of the path length"),
        "amplitude": (drawn.received_amplitude, "1", "path amplitude at the receiver"),
        "phase": (np.broadcast_to(drawn.phase, length.shape), "rad", "path phase"),
        "model_error": (
            drawn.model_error(),
            "wavelengths",
            "largest departure of the exact path from the cubic",
        ),
    }
    position = [
        np.full(3, np.nan) if isinstance(m, PathMotion) else m.state(0.0).position[0] for m in drawn.motions
    ]
    kps = ("receiver", "subcarrier", "packet")
    variables = {
        "csi": (
            kps,
            received.csi,
            {"units": "1", "long_name": "channel state information", "phase_sign": -1},
        ),
        "csi_noiseless": (
            kps,
            received.clean,
            {"units": "1", "long_name": "CSI without noise and impairments", "phase_sign": -1},
        ),
        "static": (kps[:2], drawn.static, {"units": "1", "long_name": "static channel"}),
        "target": ("path", drawn.target, {"units": "1", "long_name": "target of the path, -1 for a mover"}),
        "scatterer": (
            "path",
            np.array(drawn.scatterer, dtype=np.str_),
            {
                "units": "1",
                "long_name": "point of the target's body, its reference point first; empty for a point",
            },
        ),
        "position": (
            ("path", "xyz"),
            np.array(position, np.float64).reshape(-1, 3),
            {"units": "m", "long_name": "position at the window's centre"},
        ),
        "common_phase": ("packet", damage.common_phase, {"units": "rad", "long_name": "phase error (CFO)"}),
        "timing_offset": (
            "packet",
            damage.timing_offset,
            {"units": "s", "long_name": "timing error (SFO, STO)"},
        ),
        "agc_gain_db": ("packet", damage.gain_db, {"units": "dB", "long_name": "reported AGC gain"}),
        **{
            name: (("receiver", "path"), values, {"units": units, "long_name": long_name})
            for name, (values, units, long_name) in over_paths.items()
        },
    }
    radio = scenario.radio
    return xr.Dataset(
        variables,
        coords={
            "receiver": (
                "receiver",
                [r.name for r in radio.receivers],
                {"units": "1", "long_name": "receiver"},
            ),
            "role": ("receiver", [r.role for r in radio.receivers], {"units": "1", "long_name": "role"}),
            "frequency": (
                "subcarrier",
                radio.frequency_hz,
                {"units": "Hz", "long_name": "subcarrier frequency"},
            ),
            "time": ("packet", received.time, {"units": "s", "long_name": "time from the window's centre"}),
        },
        attrs={
            "scenario": scenario.to_yaml(),
            "scenario_name": scenario.name,
            "fingerprint": scenario.fingerprint(),
            "seed": int(seed),
            "index": int(index),
            "n_targets": drawn.n_targets,
            "snr_db": damage.snr_db,
            "cfo_hz": damage.cfo_hz,
            "sfo_ppm": damage.sfo_ppm,
            "quantisation_bits": damage.bits,
            "shared_phase_error": int(damage.shared),
            "packet_rate": radio.packet_rate_hz,
            "packets": radio.packets,
            "carrier": radio.carrier_hz,
            "bandwidth": radio.bandwidth_hz,
            "phase_sign": -1,
            "isacsim": __version__,
            "numpy": np.__version__,
        },
    )
