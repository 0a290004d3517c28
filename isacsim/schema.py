"""Every variable of captures, data sets and spectra, once: its dimensions, unit and name.

``receiver`` has one entry a stream, that is a pair of antenna elements, one of a receiving and one of the transmitting
array. ``device``, ``rx_element`` and ``tx_element`` over it say which: 0 for single antennas. Truth of a path refers to
the centres of its two arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ACTIVITIES",
    "AXES",
    "CAPTURE",
    "COUNT",
    "DATASET",
    "HIDDEN",
    "LABELS",
    "STREAM",
    "TRACK",
    "TRUTH",
    "Variable",
    "attributes",
    "described",
    "typed_flags",
    "unknown_truth",
]


class Variable(NamedTuple):
    """Description of a variable."""

    dims: tuple[str, ...]
    units: str
    long_name: str
    flags: tuple[str, ...] = ()
    """Words that the values 0, 1, 2, ... stand for (flags of the CF conventions); -1: not known, or none."""


ACTIVITIES = ("stand", "start", "walk", "stop", "turn", "sit", "fall", "seated", "lying")
"""Activities of a person, by code. ``sit`` and ``fall`` are movements, ``seated`` and ``lying`` their results."""
HIDDEN = ("shown", "at_rest", "outside", "one_peak", "one_cell")
"""Reasons why a spectrum cannot show a target, by code (docs/datasets.md)."""


_CSI = ("receiver", "subcarrier", "packet")
_PATHS = ("receiver", "path")

STREAM = {
    "receiver": Variable(("receiver",), "1", "receive channel"),
    "role": Variable(("receiver",), "1", "surveillance, reference or unknown"),
    "device": Variable(("receiver",), "1", "receiving array"),
    "rx_element": Variable(("receiver",), "1", "element of the receiving array"),
    "tx_element": Variable(("receiver",), "1", "element of the transmitting array, or spatial stream"),
}
"""Coordinates that say which antennas a stream is of."""

CAPTURE = STREAM | {
    "frequency": Variable(("subcarrier",), "Hz", "radio frequency of the subcarrier"),
    "subcarrier_index": Variable(("subcarrier",), "1", "subcarrier number, 0 at the carrier"),
    "valid": Variable(("subcarrier",), "1", "subcarrier carries signal: not guard, DC or unoccupied"),
    "time": Variable(("packet",), "s", "time of the packet"),
    "csi": Variable(_CSI, "1", "channel state information"),
    "csi_noiseless": Variable(_CSI, "1", "CSI without noise and impairments"),
    "static": Variable(_CSI[:2], "1", "static channel"),
    "path_length": Variable(_PATHS, "m", "path length"),
    "velocity": Variable(_PATHS, "m/s", "rate of change of the path length"),
    "acceleration": Variable(_PATHS, "m/s2", "acceleration of the path length"),
    "jerk": Variable(_PATHS, "m/s3", "jerk of the path length"),
    "amplitude": Variable(_PATHS, "1", "path amplitude at the receiver"),
    "phase": Variable(_PATHS, "rad", "path phase"),
    "model_error": Variable(_PATHS, "wavelengths", "largest departure of the exact path from the cubic"),
    "target": Variable(("path",), "1", "target of the path, -1 for a mover"),
    "scatterer": Variable(
        ("path",), "1", "point of the target's body, its reference point first; empty for a point"
    ),
    "position": Variable(("path", "xyz"), "m", "position at the window's centre"),
    "velocity_xyz": Variable(("path", "xyz"), "m/s", "velocity in space at the window's centre"),
    "activity": Variable(("path",), "1", "activity of the target at the window's centre", ACTIVITIES),
    "rx_position": Variable(("receiver", "xyz"), "m", "position of the receiving antenna"),
    "tx_position": Variable(("receiver", "xyz"), "m", "position of the transmitting antenna"),
    "chain_phase": Variable(("receiver",), "rad", "constant phase error of the receive and transmit chain"),
    "chain_gain_db": Variable(("receiver",), "dB", "constant gain of the receive and transmit chain"),
    "chain_delay": Variable(("receiver",), "s", "constant delay of the receive and transmit chain"),
    "chain_turned": Variable(("receiver", "packet"), "1", "whether the receive chain is turned by pi"),
    "common_phase": Variable(("packet",), "rad", "phase error (CFO)"),
    "timing_offset": Variable(("packet",), "s", "timing error (SFO, STO)"),
    "agc_gain_db": Variable(("packet",), "dB", "reported AGC gain"),
}
"""Variables of a capture, simulated or read from a file; the truth is that of time 0, the window's centre.

Where several devices receive, the errors over ``packet`` are over ``receiver`` too.
"""

AXES = {
    "delay": Variable(("delay",), "s", "path delay"),
    "acceleration": Variable(("acceleration",), "m/s2", "path acceleration"),
    "jerk": Variable(("jerk",), "m/s3", "path jerk"),
}
"""Variables of an acceleration-jerk spectrum."""

DOPPLER = {
    "doppler": Variable(("doppler",), "Hz", "Doppler frequency"),
    "path_velocity": Variable(("doppler",), "m/s", "rate of change of the path length"),
    "time": Variable(("time",), "s", "middle of the window"),
}
"""Variables of a Doppler spectrogram."""

_SPECTRUM = ("sample", "receiver", "delay", "acceleration", "jerk")
_TARGETS = ("sample", "receiver", "target")

TRUTH = {
    "target_path_length": Variable(_TARGETS, "m", "path length of the target"),
    "target_velocity": Variable(_TARGETS, "m/s", "rate of change of the target's path length"),
    "target_acceleration": Variable(_TARGETS, "m/s2", "acceleration of the target's path length"),
    "target_jerk": Variable(_TARGETS, "m/s3", "jerk of the target's path length"),
    "target_amplitude": Variable(_TARGETS, "1", "amplitude of the target's path at the receiver"),
}
"""Truth of the targets: the rows of `isacsim.simulation.realisation.Realisation.kinematics`, then the amplitude."""

_IN_SPACE = ("sample", "target", "xyz")

LABELS = {
    "target_position": Variable(_IN_SPACE, "m", "position of the target at the window's centre"),
    "target_velocity_xyz": Variable(_IN_SPACE, "m/s", "velocity of the target in space"),
    "target_activity": Variable(
        ("sample", "target"), "1", "activity of the target at the window's centre", ACTIVITIES
    ),
    "target_hidden": Variable(_TARGETS, "1", "why a spectrum cannot show the target", HIDDEN),
}
"""Further truth of the targets: where they are, what they do, and what a spectrum can show of them."""

COUNT = {
    "time": Variable(("window",), "s", "centre of the window"),
    "n": Variable(("n",), "1", "number of targets"),
    "count": Variable(("window",), "1", "likeliest number of moving targets, -1 for cannot tell"),
    "probability": Variable(("window", "n"), "1", "probability of the number of targets"),
    "at_least": Variable(("window",), "1", "least number of moving targets"),
    "kind": Variable(("window",), "1", "what was counted: points or bodies"),
    "bodies": Variable(("window",), "1", "probability that bodies move, not points"),
    "reason": Variable(("window",), "1", "why the number cannot be told"),
}
"""Variables that `isacsim.count_targets` gives."""

_TRACKS = ("track", "window")

TRACK = {
    "time": Variable(("window",), "s", "middle of the window"),
    "path_velocity": Variable(("path_velocity",), "m/s", "rate of change of the path length"),
    "velocity": Variable(_TRACKS, "m/s", "rate of change of the path length"),
    "std_velocity": Variable(_TRACKS, "m/s", "standard error of velocity"),
    "acceleration": Variable(_TRACKS, "m/s2", "acceleration of the path length"),
    "std_acceleration": Variable(_TRACKS, "m/s2", "standard error of acceleration"),
    "mirror": Variable(_TRACKS, "1", "energy at the negative velocity over that at the velocity"),
    "motion_index": Variable(("window",), "1", "Doppler energy outside the static bin over all energy"),
    "motion_threshold": Variable(("window",), "1", "motion index that a window without motion seldom passes"),
    "motion": Variable(("window",), "1", "whether anything moves: 1 yes, 0 no, -1 it cannot be told"),
    "amplitude_variation": Variable(("window",), "1", "standard deviation of the amplitude over its rms"),
    "doppler_energy": Variable(("window", "path_velocity"), "1", "Doppler energy over the noise floor"),
}
"""Variables of tracks (`isacsim.track`)."""

_SAMPLES_CSI = ("sample", "all_receivers", "subcarrier", "packet")

DATASET = {
    **{
        f"aj_{kind}": Variable(_SPECTRUM, "1", f"{kind} acceleration-jerk spectrum, linear magnitude")
        for kind in ("noisy", "noiseless", "clean")
    },
    **{
        f"doppler_{kind}": Variable(
            ("sample", "receiver", "doppler", "time"), "1", f"{kind} Doppler spectrogram, power"
        )
        for kind in ("noisy", "noiseless", "clean")
    },
    **TRUTH,
    **LABELS,
    "n_targets": Variable(("sample",), "1", "number of targets"),
    "snr_db": Variable(("sample",), "dB", "signal-to-noise ratio of a unit path"),
    "csi_rms": Variable(("sample",), "1", "rms of the file's conditioned CSI, divided out"),
    "scenario": Variable(("sample",), "1", "name of the scenario"),
    "room": Variable(("sample",), "1", "name of the room"),
    "domain": Variable(("sample",), "1", "synthetic, real, generated or enhanced"),
    "split": Variable(("sample",), "1", "train, validation or test"),
    "source": Variable(("sample",), "1", "where the sample comes from"),
    "seed": Variable(("sample",), "1", "seed of the data set"),
    "index": Variable(("sample",), "1", "number of the sample within its seed, or of the window"),
    "origin": Variable(("sample",), "1", "store of origin"),
    "origin_sample": Variable(("sample",), "1", "position in the store of origin"),
    "scale": Variable(("sample",), "1", "factor that the spectra were multiplied by"),
    "csi": Variable(_SAMPLES_CSI, "1", "channel state information"),
    "csi_noiseless": Variable(_SAMPLES_CSI, "1", "CSI without noise and impairments"),
    "csi_time": Variable(("sample", "packet"), "s", "time from the window's centre"),
    "frequency": CAPTURE["frequency"],
    "all_receivers": Variable(("all_receivers",), "1", "receive channel"),
    **{
        f"csi_{name}": Variable(("all_receivers",), of.units, of.long_name)
        for name, of in STREAM.items()
        if name != "receiver"
    },
}
"""Variables of a data set; ``receiver`` and ``delay`` are there where there are several."""


def attributes(what: Variable, **more: Any) -> dict[str, Any]:
    """Attributes of a variable: its unit, its name, its flags, and what else belongs there."""
    flags: dict[str, Any] = {}
    if what.flags:
        # A list, which zarr's JSON takes; netCDF wants the variable's own type (`typed_flags`).
        flags = {
            "flag_values": list(range(-1, len(what.flags))),
            "flag_meanings": " ".join((_NONE, *what.flags)),
        }
    return {"units": what.units, "long_name": what.long_name, **flags, **more}


# The word of the CF flags for -1.
_NONE = "none"


def described(
    table: Mapping[str, Variable], name: str, values: ArrayLike, **more: Any
) -> tuple[tuple[str, ...], ArrayLike, dict[str, Any]]:
    """Make what `xarray.Dataset` takes for a variable.

    Parameters
    ----------
    table : mapping of str to Variable
        One of those of this module.
    name : str
        Which variable.
    values : array_like
        Over the variable's dimensions.
    **more
        Further attributes.
    """
    return table[name].dims, values, attributes(table[name], **more)


def unknown_truth(
    sizes: Mapping[Any, int],
) -> dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]:
    """Make the truth of samples that have none, as `xarray.Dataset` takes it: NaN, and -1 for codes.

    Parameters
    ----------
    sizes : mapping of str to int
        Of sample, of receiver where there are several, and of target (default 1).
    """
    lengths = {"target": 1, "xyz": 3, **sizes}
    out = {}
    for name, what in (TRUTH | LABELS).items():
        dims = tuple(dim for dim in what.dims if dim in lengths)
        shape = [lengths[dim] for dim in dims]
        values = np.full(shape, -1, np.int8) if what.flags else np.full(shape, np.nan)
        out[name] = (dims, values, attributes(what))
    return out


def typed_flags(dataset: xr.Dataset) -> xr.Dataset:
    """Give flags the type of their variable, as the CF conventions want it in netCDF."""
    flagged = [name for name, v in dataset.variables.items() if "flag_values" in v.attrs]
    typed = dataset.copy()
    for name in flagged:
        values = np.array(dataset[name].attrs["flag_values"], dataset[name].dtype)
        typed[name].attrs["flag_values"] = values
    return typed
