"""Captures to CSI that a spectrum can use: gains out, dead subcarriers out, common phase out, uniform in time.

Raw CSI carries a phase error ψ(t) and a timing error per packet (CFO, SFO, STO) that all receive channels share, and
an AGC gain. Five ways with them (method.md section 1):

- ``"product"``, the paper's: ``H_surv conj(H_ref)`` removes phase and timing. It also brings in the conjugate image of
  the reference's moving part (mirror peaks at (-a, -r)), second-order terms, and the gain squared. Divided here by the
  reference's rms, so that a unit path keeps about unit amplitude.
- ``"ratio"``: ``H_surv / H_ref`` removes the gain too. Where the reference fades the ratio explodes: it is
  regularised as ``H_surv conj(H_ref) / (|H_ref|² + ε²)``, ε a small share of the reference's rms on that
  subcarrier. Times that rms.
- ``"self"``: for a single receive channel, phase and slope over frequency of each packet are aligned to the capture's
  own mean channel. That eats part of what moves, and leaves a mirror image at (-v, -a, -r) about half as strong as
  the path, however strong the static part is (``tests/conditioning/test_alignment.py``).
- ``"projection"``: for a single receive channel too; phase, timing and gain of each packet by projecting it on the
  capture's static channel, and what of the motion looks like such an error is taken out with them
  (:func:`isacsim.conditioning.reference.project`). No mirror image to first order, at the price of amplitude: two
  fifths at 20 MHz, nine tenths where the static channel is nearly flat.
- ``"array"``: for arrays, all pairs of a device at once are aligned to their static channel
  (:mod:`isacsim.conditioning.array_reference`). The pairs' relative phases stay.
- ``"none"``: as it is.

Of files with several antennas, jumps of an antenna's phase by half and quarter-turns are undone before it
(:mod:`isacsim.conditioning.jumps`), and counted in the attribute ``conditioning``.

The order is gain, subcarriers, reference, resampling: a packet's phase error is as good as random, so nothing can be
interpolated before it is gone. An estimator that takes packets at their own times is better off without the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import refusal
from isacsim.conditioning.array_reference import align_devices, places_known
from isacsim.conditioning.coherence import most_coherent_pair, phase_coherence
from isacsim.conditioning.jumps import undo_jumps
from isacsim.conditioning.reference import (
    align_phase,
    project,
    reference_factor,
    reference_product,
)
from isacsim.conditioning.resampling import resample
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ALIGNED_ARRAY",
    "ALIGNED_TO_ITSELF",
    "PROJECTED",
    "align_phase",
    "compensate_gain",
    "condition",
    "gain_factor",
    "most_coherent_pair",
    "phase_coherence",
    "reference_factor",
    "reference_product",
    "remove_static",
    "resample",
    "usable_subcarriers",
    "without_jumps",
]

ALIGNED_ARRAY = "all pairs of a device aligned to their static channel"
ALIGNED_TO_ITSELF = "phase aligned to the mean channel"
"""Record that `condition` writes for ``reference="self"``."""
PROJECTED = "projected on the static channel"
"""Record that `condition` writes for ``reference="projection"``."""
Reference = Literal["auto", "product", "ratio", "self", "projection", "array", "none"]
Gain = Literal["auto", "agc", "rssi", "none"]


def condition(
    capture: xr.Dataset,
    *,
    reference: Reference = "auto",
    pair: tuple[int, int] | None = None,
    gain: Gain = "auto",
    csi: str = "csi",
    uniform: bool = True,
) -> xr.DataArray:
    """Make a capture's CSI ready for :func:`isacsim.aj_spectrum` or :func:`isacsim.estimate_paths`.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file.
    reference : {"auto", "product", "ratio", "self", "projection", "array", "none"}
        How the common phase is removed (module docstring). "auto" takes the product if there is a reference channel,
        and "none" if the capture has no phase error. Else it takes "array" for arrays whose elements' places are
        known, the pair of highest phase coherence for other channels, and "self" for a single one.
    pair : (int, int), optional
        Receivers (surveillance, reference) by position, instead of roles or coherence.
    gain : {"auto", "agc", "rssi", "none"}
        See :func:`compensate_gain`. "auto": by the reported AGC gain where a simulated capture has it.
    csi : str
        The variable to condition.
    uniform : bool
        Interpolate jittered or lossy packets onto a uniform grid (:func:`resample`), which spectra and most estimators
        need. False: packets stay at their own times.

    Returns
    -------
    xarray.DataArray, complex64, dims (receiver, subcarrier, packet)
        One receiver for each surveillance channel or the chosen pair. The attribute ``conditioning`` records what was
        done, and ``reference`` by which receiver (its position, -1 for none). ``timing`` is "unknown" where packets
        were aligned only to each other ("self", "projection", "array"). All path lengths then hold the same unknown
        offset.

    Raises
    ------
    InputError
        Naming the argument that does not fit the capture.
    """
    if reference not in get_args(Reference):
        raise refusal("reference", f"one of {', '.join(get_args(Reference))}", reference)
    array = usable_subcarriers(compensate_gain(capture, gain=gain, csi=csi))
    n_receiver = array.sizes["receiver"]
    roles = [str(r) for r in array.coords["role"].values]
    if pair is not None and (len(set(pair)) != 2 or not all(0 <= i < n_receiver for i in pair)):
        raise refusal("pair", f"two different receivers from 0 to {n_receiver - 1}", pair)
    broken = bool(capture.attrs.get("shared_phase_error", 1))
    done, reference_index = "none", -1
    known: dict[str, str] = {}
    jumps = 0
    if broken and reference != "none":
        array, jumps = without_jumps(array, capture)
    if reference in ("projection", "array") and not np.isfinite(array.values).all():
        first = int((~np.isfinite(array.values)).any(axis=(0, 1)).argmax())
        raise InputError(f"csi of packet {first} is not finite; leave such packets out.")
    if reference == "auto":
        if pair is not None or "reference" in roles:
            reference = "product"
        elif not broken:
            reference = "none"
        elif places_known(capture):
            reference = "array"
        else:
            reference = "product" if n_receiver > 1 else "self"
    if reference in ("product", "ratio"):
        surveillance, reference_index = _channels(array, roles, pair)
        done = f"{reference} with receiver {_names(array)[reference_index]}"
        array = reference_product(array, surveillance, reference_index, ratio=reference == "ratio")
    else:
        # A reference channel sees the targets by accident only: it is no receiver to analyse.
        seeing = [i for i, role in enumerate(roles) if role != "reference"]
        array = array.isel(receiver=seeing if pair is None else [pair[0]])
        if reference == "self":
            done = ALIGNED_TO_ITSELF
            array = align_phase(array)
        if reference == "projection":
            done = PROJECTED
            array = project(array)
        if reference in ("self", "projection", "array"):
            # The first packet's timing error stays in all of them.
            known["timing"] = "unknown"
        if reference == "array":
            done = ALIGNED_ARRAY
            array = align_devices(array)
    if uniform:
        array = resample(array, _nominal_packets(capture, array))
    elif (np.diff(array.coords["time"].values) <= 0).any():
        raise InputError("time must ascend strictly from packet to packet.")
    if jumps:
        done += f"; {jumps} jumps of an antenna's phase by half or quarter-turns undone"
    return array.assign_attrs(conditioning=done, reference=reference_index, **known)


def without_jumps(array: xr.DataArray, capture: xr.Dataset) -> tuple[xr.DataArray, int]:
    """Undo jumps of antennas' phases in a file's capture; how many. Simulated arrays have their own, and say so."""
    if array.sizes["receiver"] < 2 or "scenario" in capture.attrs:
        return array, 0
    array = array.transpose("receiver", "subcarrier", "packet")
    values, jumps = undo_jumps(array.values)
    return (array.copy(data=values) if jumps else array), jumps


def compensate_gain(capture: xr.Dataset, *, gain: Gain = "auto", csi: str = "csi") -> xr.DataArray:
    """Undo the automatic gain control.

    Parameters
    ----------
    capture : xarray.Dataset
        With the packet variable ``agc_gain_db`` or ``rssi`` for the methods of that name.
    gain : {"auto", "agc", "rssi", "none"}
        "agc" divides by the reported gain. "rssi" scales each packet's mean power over receivers and subcarriers to the
        reported signal strength; chips round it to 1 dB, so it adds a jitter of about 0.3 dB: for large gain steps.
        "auto" is "agc" where ``agc_gain_db`` is there, else "none".
    csi : str
        The variable.

    Returns
    -------
    xarray.DataArray
    """
    if csi not in capture:
        raise InputError(
            f"the capture has no variable {csi!r}; it has {', '.join(map(str, capture.data_vars))}."
        )
    array = capture[csi]
    if "role" not in array.coords:
        array = array.assign_coords(role=("receiver", ["unknown"] * array.sizes["receiver"]))

    def power() -> NDArray[np.float64]:
        return np.asarray((np.abs(array.values) ** 2).mean(axis=(0, 1), dtype=np.float64))

    factor = gain_factor(capture, gain=gain, power=power, csi=csi)
    return array if factor is None else array.copy(data=array.values * factor)


def gain_factor(
    capture: xr.Dataset, *, gain: Gain, power: Callable[[], NDArray[np.float64]], csi: str = "csi"
) -> NDArray[np.float32] | None:
    """Give the factor that undoes the gain control, ([receiver, 1,] packet); None where nothing is to be undone.

    Parameters
    ----------
    capture, gain, csi
        As for :func:`compensate_gain`.
    power : callable
        Gives the mean power of each packet over receivers and subcarriers; called for "rssi" alone.
    """
    if gain not in get_args(Gain):
        raise refusal("gain", f"one of {', '.join(get_args(Gain))}", gain)
    if gain == "auto":
        gain = "agc" if "agc_gain_db" in capture and csi == "csi" else "none"
    if gain == "none":
        return None
    name = "agc_gain_db" if gain == "agc" else "rssi"
    if name not in capture:
        raise InputError(
            f"gain={gain!r} needs the packet variable {name!r}, which this capture does not have."
        )
    if gain == "agc":
        factor = 10 ** (-capture[name].values / 20)
    else:
        received = power()
        level = 10 ** ((capture[name].values - capture[name].values.mean()) / 10)
        factor = np.sqrt(level * received.mean() / received)
    # Of several devices the gain is over receivers too.
    factor = factor if factor.ndim == 1 else factor[:, np.newaxis]
    return np.asarray(factor.astype(np.float32))


def usable_subcarriers(array: xr.DataArray) -> xr.DataArray:
    """Drop guard, DC and unoccupied subcarriers where the coordinate ``valid`` marks them."""
    if "valid" not in array.coords:
        return array
    return array.isel(subcarrier=np.flatnonzero(array.coords["valid"].values))


def remove_static(array: xr.DataArray) -> xr.DataArray:
    """Zero the zero-frequency bin over the window: subtract the mean over packets (method.md section 2, step 1)."""
    mean = array.mean("packet", dtype=np.complex128)
    return array.copy(data=(array - mean).transpose(*array.dims).values.astype(array.dtype))


def _nominal_packets(capture: xr.Dataset, array: xr.DataArray) -> int | None:
    """Packets that a capture of known packet rate would have over its span, had all come in time."""
    if "packet_rate" not in capture.attrs or array.sizes["packet"] < 2:
        return None
    time = array.coords["time"].values
    return round(float(time[-1] - time[0]) * float(capture.attrs["packet_rate"])) + 1


def _names(array: xr.DataArray) -> list[Any]:
    if "receiver" in array.coords:
        return list(array.coords["receiver"].values)
    return list(range(array.sizes["receiver"]))


def _channels(array: xr.DataArray, roles: list[str], pair: tuple[int, int] | None) -> tuple[list[int], int]:
    """Receivers to analyse and the reference: as asked, by role, or by coherence."""
    n = len(roles)
    if pair is not None:
        return [pair[0]], pair[1]
    if "reference" in roles:
        return [i for i, r in enumerate(roles) if r != "reference"], roles.index("reference")
    if n < 2:
        raise InputError(
            "product and ratio need two receive channels, this capture has one; use reference='self'."
        )
    surveillance, reference = most_coherent_pair(array)
    return [surveillance], reference
