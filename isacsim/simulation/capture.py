"""One capture with its truth, from scenario and seed (method.md section 1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim import __version__
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.schema import CAPTURE, described
from isacsim.simulation.labels import activities, in_space
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive, streams_of
from isacsim.simulation.size import check_capture_size
from isacsim.targets.activity import NO_ACTIVITY

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["simulate"]


def simulate(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    n_targets: int | None = None,
    index: int = 0,
) -> xr.Dataset:
    """Simulate one capture with its ground truth.

    Parameters
    ----------
    scenario : Scenario, str or pathlib.Path
        A Scenario, the name of a shipped one, or the path of a .yaml file.
    seed : int, optional
        Seed, at least 0; default: the scenario's. The capture depends on (scenario, seed, index, n_targets) alone.
    n_targets : int, optional
        Number of targets; default: drawn as the scenario says.
    index : int
        Number of the sample within a data set of this seed.

    Returns
    -------
    xarray.Dataset
        ``csi`` and ``csi_noiseless`` complex64 (receiver, subcarrier, packet): the CSI that the receiver reports, and
        the paths and static part without noise and impairments at the same packets. For arrays every pair of elements
        is a receiver. Coordinates are ``frequency`` Hz, ``time`` s about the window's centre, and ``role``.
        ``device``, ``rx_element`` and ``tx_element`` identify the antennas of a receiver; ``rx_position`` and
        ``tx_position`` (receiver, xyz) m are their places. The ground truth over (receiver, path) holds at the
        window's centre, between the arrays' centres: ``path_length`` m, ``velocity`` m/s, ``acceleration`` m/s²,
        ``jerk`` m/s³, ``amplitude``, ``phase`` rad, ``model_error`` in wavelengths. ``target`` (path) is -1 for
        movers. ``scatterer`` (path) is the point of a body; the ground truth of the target is that of its first
        point. Further variables are ``position`` (path, xyz) m, ``velocity_xyz`` m/s, ``activity`` (path), a code with
        flags, -1 for none, and ``static`` (receiver, subcarrier). The impairments are recorded over packets and in the
        attributes.

    Raises
    ------
    InputError
        If there is no such scenario, seed, index or n_targets is out of range, a drawn target passes through an
        antenna, or there is not enough memory.

    Notes
    -----
    The channel is eq. (M2) of docs/method.md, the noise eq. (M3), the truth the coefficients of eq. (M1).

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate("default", seed=1, n_targets=4)
    >>> capture.sizes["path"], capture.csi.dtype
    (4, dtype('complex64'))
    """
    import xarray as xr

    scenario = load_scenario(scenario)
    check_capture_size(scenario)
    seed = scenario.seed if seed is None else seed
    drawn = realise(scenario, seed=seed, index=index, n_targets=n_targets)
    received = receive(drawn)
    damage = received.impairments
    n_tx = len(scenario.radio.transmitter_elements_m)
    position, velocity = in_space(drawn)
    radio, sign = scenario.radio, {"phase_sign": -1}
    of = [one.receiver for one in radio.streams]
    values: dict[str, Any] = {
        **dict(
            zip(("path_length", "velocity", "acceleration", "jerk"), drawn.kinematics[:, of], strict=True)
        ),
        "amplitude": drawn.received_amplitude[of],
        "phase": np.broadcast_to(drawn.phase, (len(of), drawn.phase.size)),
        "model_error": drawn.model_error()[of],
        "static": drawn.static,
        "target": drawn.target,
        "scatterer": np.array(drawn.scatterer, dtype=np.str_),
        "position": position,
        "velocity_xyz": velocity,
        # Movers, of target -1, get the last one.
        "activity": np.append(activities(drawn), np.int8(NO_ACTIVITY))[drawn.target],
    }
    if received.chains is not None:
        values |= {
            "chain_phase": received.chains.phase,
            "chain_gain_db": received.chains.gain_db,
            "chain_delay": received.chains.delay,
            "chain_turned": received.chains.turned,
        }
    return xr.Dataset(
        {
            "csi": described(CAPTURE, "csi", received.csi, **sign),
            "csi_noiseless": described(CAPTURE, "csi_noiseless", received.clean, **sign),
            **{name: described(CAPTURE, name, array) for name, array in values.items()},
            **received.over_packets("common_phase"),
            **received.over_packets("timing_offset"),
            **received.over_packets("agc_gain_db"),
        },
        coords={
            **streams_of(radio),
            **{
                name: described(CAPTURE, name, places)
                for name, places in (
                    (
                        "rx_position",
                        np.concatenate([np.repeat(e, n_tx, axis=0) for e in radio.receiver_elements_m]),
                    ),
                    ("tx_position", radio.transmitter_elements_m[[one.tx_element for one in radio.streams]]),
                )
            },
            "frequency": described(CAPTURE, "frequency", radio.frequency_hz),
            "time": described(CAPTURE, "time", received.time),
        },
        attrs={
            "scenario": scenario.to_yaml(),
            "scenario_name": scenario.name,
            "room": scenario.room or scenario.name,
            "fingerprint": scenario.fingerprint(),
            "seed": int(seed),
            "index": int(index),
            "n_targets": drawn.n_targets,
            "snr_db": damage.snr_db,
            "cfo_hz": damage.cfo_hz,
            "sfo_ppm": damage.sfo_ppm,
            "quantisation_bits": damage.bits,
            "shared_phase_error": int(received.shared),
            "packet_rate": radio.packet_rate_hz,
            "packets": radio.packets,
            "carrier": radio.carrier_hz,
            "bandwidth": radio.bandwidth_hz,
            "phase_sign": -1,
            "isacsim": __version__,
            "numpy": np.__version__,
        },
    )
